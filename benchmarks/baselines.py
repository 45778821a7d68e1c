"""Simpler ways to find vessels, as baselines: `python benchmarks/baselines.py CASES`.

CASES holds a folder per case with ct.nii.gz and reference.nii.gz. Every way is given the
reference's liver, and the one number it needs is chosen per scan with the reference in hand, so
that the figures are the best that it could reach; liverview is given nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import frangi

from liverview.core.labels import Label, label_mask
from liverview.evaluation.cases import CT, REFERENCE, find_cases
from liverview.evaluation.metrics import cl_dice, dice
from liverview.files import images
from liverview.inference.segmentation import collect_labels, iter_segment, load_models

SMOOTH_MM = 0.8
WORKING_MM = 1.0  # isotropic, for vesselness
RADII_MM = (1.0, 1.5, 2.0, 3.0, 4.0)
QUANTILES = np.linspace(0.80, 0.995, 40)

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]


def smoothed(hu: Image, spacing: tuple[float, float, float]) -> Image:
    return ndimage.gaussian_filter(hu, [SMOOTH_MM / s for s in spacing])


def vesselness(hu: Image, organ: Mask, spacing: tuple[float, float, float]) -> Image:
    """Frangi et al. 1998 at several scales; what lies outside the liver is made as dense as it."""
    filled = np.where(organ, hu, np.median(hu[organ])).astype(np.float32)
    working = ndimage.zoom(filled, [s / WORKING_MM for s in spacing], order=1)
    seen = frangi(working, [r / WORKING_MM for r in RADII_MM], black_ridges=False)
    back = [n / m for n, m in zip(hu.shape, seen.shape, strict=True)]
    found: Image = ndimage.zoom(seen.astype(np.float32), back, order=1)
    return found


def best(score: Image, organ: Mask, vessels: Mask) -> Mask:
    """The voxels of the liver above the threshold that agrees best with the reference."""
    levels = np.quantile(score[organ], QUANTILES)
    return max(((score > level) & organ for level in levels), key=lambda m: dice(m, vessels))


def ways(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Name, Dice and clDice of each way; nothing where the reference shows no vessels."""
    volume = images.read(folder / CT)
    reference = images.read_labels(folder / REFERENCE).voxels
    if not label_mask(reference, Label.VESSEL).any():
        return
    labels = collect_labels(iter_segment(volume, load_models()), volume.shape)
    ends = [(int(a.min()), int(a.max()) + 1) for a in np.nonzero(reference)]
    box = tuple(slice(max(0, a - 8), b + 8) for a, b in ends)
    organ, vessels = (label_mask(reference[box], label) for label in (Label.LIVER, Label.VESSEL))
    hu = volume.voxels[box].astype(np.float32) + np.float32(volume.intercept)
    smooth = smoothed(hu, volume.spacing)
    found = {
        "one threshold": best(smooth, organ, vessels),
        "vesselness": best(vesselness(hu, organ, volume.spacing), organ, vessels),
        "liverview": label_mask(labels[box], Label.VESSEL) & organ,
    }
    for name, mask in found.items():
        yield name, dice(mask, vessels), cl_dice(mask, vessels)


def main(folder: Path) -> None:
    print(f"{'scan':<26}{'way':<16}{'Dice':>6}{'clDice':>8}")
    for case in find_cases(folder):
        for name, overlap, lines in ways(case):
            assert not math.isnan(overlap)
            print(f"{case.name:<26}{name:<16}{overlap:6.3f}{lines:8.3f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
