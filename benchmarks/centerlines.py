"""Centerlines beside scikit-image's, also mirrored: `python benchmarks/centerlines.py CASES`.

CASES holds a folder per case with reference.nii.gz and labels.nii.gz, made by `liverview segment`
or by another program. Of their vessels, clDice is printed by either thinning, for the masks as they
are and mirrored along each axis, and the seconds and the points or voxels of the reference's line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.evaluation.cases import REFERENCE, find_cases
from liverview.evaluation.metrics import cl_dice
from liverview.evaluation.scoring import compared_masks
from liverview.evaluation.thinning import iter_centerline_points
from liverview.files import images

Mask = NDArray[np.bool_]


def skeleton(mask: Mask) -> Mask:
    """scikit-image's thinning, which may leave nothing of what is an even number thick."""
    line: Mask = skeletonize(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    return line


def skeleton_cl_dice(predicted: Mask, reference: Mask) -> float:
    line, true_line = skeleton(predicted), skeleton(reference)
    precision = (line & reference).sum() / max(1, line.sum())
    recall = (true_line & predicted).sum() / max(1, true_line.sum())
    return float(2 * precision * recall / (precision + recall))


def mirrored(agreement: Callable[[Mask, Mask], float], found: Mask, true: Mask) -> list[float]:
    """clDice as it is, then with both masks mirrored along each axis."""
    return [
        agreement(found, true),
        *(agreement(np.flip(found, axis), np.flip(true, axis)) for axis in range(3)),
    ]


def main(folder: Path) -> None:
    for case in find_cases(folder):
        reference = images.read_labels(case / REFERENCE)
        predicted = images.read_labels(case / "labels.nii.gz")
        found, true = compared_masks(predicted, reference, Label.VESSEL)
        box = Box.around(found | true)
        if box is None or not true.any():
            continue
        found, true = found[box].copy(), true[box].copy()
        began = time.process_time()
        *_, points = iter_centerline_points(true)
        half = time.process_time()
        voxels = int(skeleton(true).sum())
        seconds = half - began, time.process_time() - half
        assert points is not None
        for name, agreement, size, taken in (
            ("half voxels", cl_dice, f"{len(points)} points", seconds[0]),
            ("scikit-image", skeleton_cl_dice, f"{voxels} voxels", seconds[1]),
        ):
            figures = " ".join(f"{value:.4f}" for value in mirrored(agreement, found, true))
            print(f"{case.name:<14}{name:<14}{figures}  {size:>14}  {taken:.2f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
