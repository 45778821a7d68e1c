"""Scans whose liver is known, on the grid that training samples are drawn from.

A folder holds a folder per scan with ct.nii.gz and liver.nii.gz on the same grid: 0 outside the
liver, 1 in the organ with its vessels and tumors, 2 in a vessel of it, 3 in a tumor, 4 in
tissue that is neither, 255 in voxels of unknown class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from liverview.core.grid import same_grid
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.formats import find_named
from liverview.networks.preprocessing import Preprocessing
from liverview.networks.resampling import apply_along_axis, downsampling_weights, linear_weights
from liverview.training.decathlon import DataError, read_alone

_VESSEL, _TUMOR, _NEITHER, _IGNORE_VALUE = 2, 3, 4, 255  # values of a file; 1 is some of these
_VALUES = (0, 1, _VESSEL, _TUMOR, _NEITHER, _IGNORE_VALUE)
_MAX_DISTANCE_MM = 60.0
_POINTS = 5000  # about so many are kept of the border, of the liver deeper inside, of tumors


@dataclass(frozen=True, eq=False)
class LabelledScan:
    """One scan on the grid that its samples are drawn from, which begins at the scan's corner.

    Attributes
    ----------
    fields : (7, I, J, K) float16: HU, liver 0..1, known 0..1, vessel 0..1, tumor 0..1, neither
        of them 0..1, mm to voxels of liver or unknown class, negative inside.
    spacing : mm.
    points : (N, 3), some voxels of the liver: near its border, inside, and in tumors, a third each
        where all are large.
    """

    name: str
    fields: Tensor
    spacing: tuple[float, float, float]
    points: Tensor


def read_scans(folder: Path, preprocessing: Preprocessing) -> tuple[LabelledScan, ...]:
    """Read all scans of a folder, in the order of their names.

    For a network in 3D they are kept at half its spacing, for one in 2D on its working grid with
    the slices that it sees.

    Raises
    ------
    DataError : where there is none, or one has no labels on its own grid.
    """
    paths = [find_named(inside, "ct") for inside in sorted(folder.glob("*/"))]
    paths = [path for path in paths if path.exists()]
    if not paths:
        raise DataError(f"{folder} holds no folder with ct.nii.gz and liver.nii.gz.")
    return tuple(_read_scan(path, preprocessing) for path in paths)


def _read_scan(path: Path, preprocessing: Preprocessing) -> LabelledScan:
    labels = find_named(path.parent, "liver")
    volume, values = _read_voxels(path, labels)
    hu = torch.from_numpy(volume.voxels.astype("float32")) + volume.intercept
    blocks = (
        hu.clamp_(-1024.0, 3000.0),
        ((values > 0) & (values != _IGNORE_VALUE)).float(),
        (values != _IGNORE_VALUE).float(),
        *((values == kind).float() for kind in (_VESSEL, _TUMOR, _NEITHER)),
    )
    downsample, spacing = _downsampling(volume, preprocessing)
    fields = [downsample(block) for block in blocks]
    # A first stage takes for liver most of what could not be decided on.
    away = _signed_distance(torch.maximum(fields[1], 1 - fields[2]), spacing)
    tumor = fields[4] > 0.5
    groups = [part.nonzero() for part in (away.abs() < 5, away <= -5, tumor)]
    points = torch.cat([group[:: max(1, len(group) // _POINTS)] for group in groups])
    if preprocessing.prior and len(points) == 0:
        raise DataError(
            f"{labels} shows no liver for {volume.shape[2]} slices of {volume.spacing[2]:g} mm: "
            "take the scan away, or label its liver."
        )
    return LabelledScan(path.parent.name, torch.stack([*fields, away]).half(), spacing, points)


def _read_voxels(path: Path, labels: Path) -> tuple[Volume, Tensor]:
    """The scan, and the values of its label file, (I, J, K) float32."""
    if not labels.exists():
        raise DataError(f"{labels} is missing: a scan to train on needs its liver.")
    volume, known = read_alone(path), images.read_label_values(labels)
    if not same_grid(volume, known):
        raise DataError(
            f"{labels} ({known.shape} voxels) and its scan ({volume.shape}) do not lie on the same "
            "voxels: save the labels on the grid of the scan."
        )
    stored = known.voxels.astype("float32")
    unknown = np.setdiff1d(stored, _VALUES)
    if len(unknown):
        raise DataError(
            f"{labels} holds the value {unknown[0]:g}: only {', '.join(map(str, _VALUES))} have a "
            "meaning."
        )
    return volume, torch.from_numpy(stored)


def _downsampling(
    volume: Volume, preprocessing: Preprocessing
) -> tuple[Callable[[Tensor], Tensor], tuple[float, float, float]]:
    """A function from the volume's voxels to the scan's grid, and the grid's spacing, mm."""
    keeps_slices = preprocessing.prior
    if keeps_slices:
        group = preprocessing.group(volume.spacing[2])
        spacing = (*preprocessing.spacing_mm[:2], volume.spacing[2] * group)
    else:
        group = 1
        i, j, k = preprocessing.spacing_mm
        spacing = (i / 2, j / 2, k / 2)
    weights = [
        downsampling_weights(volume.shape[axis], spacing[axis] / volume.spacing[axis])
        for axis in range(2 if keeps_slices else 3)
    ]

    def downsample(block: Tensor) -> Tensor:
        if keeps_slices:
            whole = block.shape[2] // group * group
            block = block[:, :, :whole].reshape(*block.shape[:2], -1, group).mean(dim=3)
        for axis, matrix in enumerate(weights):
            block = apply_along_axis(block, matrix, axis)
        return block

    return downsample, spacing


def _signed_distance(liver: Tensor, spacing: tuple[float, float, float]) -> Tensor:
    """The distance to the liver's border, mm, negative inside, from every second voxel in plane."""
    mask = liver[::2, ::2].numpy() > 0.5
    sampling = (2 * spacing[0], 2 * spacing[1], spacing[2])
    far = np.full(mask.shape, _MAX_DISTANCE_MM)
    outside = ndimage.distance_transform_edt(~mask, sampling) if mask.any() else far
    inside = ndimage.distance_transform_edt(mask, sampling) if not mask.all() else far
    away = torch.from_numpy(np.clip(outside - inside, -_MAX_DISTANCE_MM, _MAX_DISTANCE_MM)).float()
    for axis in (0, 1):
        positions = torch.arange(liver.shape[axis]) / 2
        away = apply_along_axis(away, linear_weights(away.shape[axis], positions), axis)
    return away
