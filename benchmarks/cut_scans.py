"""Livers cut by the field of view: `python benchmarks/cut_scans.py CASES [--weights DIR]`.

CASES holds a folder per case with ct.nii.gz and reference.nii.gz or liver.nii.gz. Every scan is
segmented whole, and cut: the middle 40 mm of the liver, all up to its lower third, its upper third
and all above, its lower and its upper third alone, and the half of the body that most of it is in.
Of the liver that is left, Dice of the first stage on its own grid is printed, and Dice, NSD and
HD95 of the result. `--first` stops after the first stage, which takes a second a scan.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.volume import Volume
from liverview.evaluation.cases import REFERENCE
from liverview.evaluation.metrics import dice, surface_agreement
from liverview.files import images
from liverview.inference.coarse import CoarseLiver, iter_find_liver
from liverview.inference.runner import ExecutionDevice
from liverview.inference.segmentation import Models, collect_labels, iter_segment, load_models
from liverview.networks.resampling import apply_along_axis, downsampling_weights

Mask = NDArray[np.bool_]
_UNKNOWN = 255
_BESIDE_MM = 20.0  # half a body reaches beyond its middle


def boxes(volume: Volume, liver: Mask) -> Iterator[tuple[str, Box]]:
    """The whole scan, and every cut of it."""
    i, _, k = volume.shape
    present = np.flatnonzero(liver.any(axis=(0, 1)))
    low, high = int(present[0]), int(present[-1]) + 1
    middle, half = (low + high) // 2, max(1, round(20 / volume.spacing[2]))
    third = max(1, (high - low) // 3)
    for name, first, stop in (
        ("whole", 0, k),
        ("middle 40 mm", max(0, middle - half), min(k, middle + half)),
        ("lower third and below", 0, low + third),
        ("upper third and above", high - third, k),
        ("lower third", low, low + third),
        ("upper third", high - third, high),
    ):
        yield name, Box.from_bounds((0, 0, first), (i, volume.shape[1], stop))
    beside = round(_BESIDE_MM / volume.spacing[0])
    mass = float(np.flatnonzero(liver.any(axis=(1, 2))).mean())
    columns = (i // 2 - beside, i) if mass > i / 2 else (0, i // 2 + beside)
    yield "half", Box.from_bounds((columns[0], 0, 0), (columns[1], volume.shape[1], k))


def cut(volume: Volume, box: Box) -> Volume:
    """The volume's voxels in a box, where they are in the patient."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array(box.start, float)
    return replace(volume, voxels=volume.voxels[box], affine=affine, source=None)


def find(volume: Volume, models: Models) -> CoarseLiver | None:
    """The first stage's liver."""
    stream = iter_find_liver(volume, models.coarse, ExecutionDevice(torch.device("cpu")))
    while True:
        try:
            next(stream)
        except StopIteration as end:
            found: CoarseLiver | None = end.value
            return found


def first_stage_dice(volume: Volume, liver: Mask, found: CoarseLiver | None) -> float:
    """Dice on the first stage's grid, where the true liver is more than half of a voxel."""
    if found is None:
        return 0.0
    share = torch.from_numpy(np.ascontiguousarray(liver, np.float32))
    for axis in range(3):
        scale = found.spacing[axis] / volume.spacing[axis]
        share = apply_along_axis(share, downsampling_weights(volume.shape[axis], scale), axis)
    return dice(found.mask, share.numpy() > 0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--first", action="store_true")
    options = parser.parse_args()
    models = load_models(options.weights)
    table: dict[str, list[list[float]]] = {}
    for path in sorted(options.cases.glob("*/ct.nii.gz")):
        reference = next(
            path.with_name(n) for n in (REFERENCE, "liver.nii.gz") if path.with_name(n).exists()
        )
        volume, values = images.read(path), images.read_label_values(reference).voxels
        liver = (values > 0) & (values != _UNKNOWN)
        for name, box in boxes(volume, liver):
            part, true = cut(volume, box), liver[box]
            figures = [first_stage_dice(part, true, find(part, models))]
            if not options.first:
                labels = collect_labels(iter_segment(part, models, "cpu"), part.shape)
                figures += [
                    dice(labels > 0, true),
                    *surface_agreement(labels > 0, true, part.spacing),
                ]
            table.setdefault(name, []).append(figures)
            print(f"{path.parent.name:<28}{name:<24}", *(f"{v:7.3f}" for v in figures), flush=True)
    for name, rows in table.items():
        finite = np.where(np.isfinite(rows), rows, math.nan)
        print(f"{'mean':<28}{name:<24}", *(f"{v:7.3f}" for v in np.nanmean(finite, axis=0)))


if __name__ == "__main__":
    main()
