"""Training samples from scans whose liver is known, to be mixed with phantoms.

A folder holds a folder per scan with ct.nii.gz and liver.nii.gz on the same grid: 0 where there
is no liver, 1 in the organ with its vessels and tumors, 2 in a vessel of it, 3 in a tumor, 4 in
what is neither, 255 where nobody knows. Targets name what is known and no more: see
`complementary_label`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from liverview.core.grid import same_grid
from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.formats import find_named
from liverview.networks.preprocessing import Preprocessing
from liverview.networks.resampling import apply_along_axis, downsampling_weights, linear_weights
from liverview.phantom.fields import (
    FAR_MM,
    Field,
    Grid,
    Point,
    RandomSource,
    gaussian,
    smooth_noise,
)
from liverview.phantom.lesions import LesionKind, draw_lesion
from liverview.phantom.vessels import min_visible_contrast
from liverview.training.decathlon import DataError
from liverview.training.recipe import SampleConfig
from liverview.training.simulated_prior import simulate_coarse_prior

IGNORE_INDEX = -100
"""The target of a voxel of which nothing is known."""
_VESSEL, _TUMOR, _NEITHER, _IGNORE_VALUE = 2, 3, 4, 255  # values of a file; 1 is some of these
_VALUES = (0, 1, _VESSEL, _TUMOR, _NEITHER, _IGNORE_VALUE)
_FAR_MM = 60.0
_SAME_HU = 25.0  # what differs by less may be one organ
_POINTS = 5000  # about so many are kept of the border, and of what lies deeper
_TUMOR_HU = (-42.0, 22.0)  # mean and standard deviation
_TUMOR_MM = (2.5, 45.0)
_CYST_HU = 10.0
_WITH_LESIONS = 0.35


def complementary_label(n: int) -> int:
    """The target of a voxel of which only this is known: it is not of class ``n``."""
    return -1 - n


@dataclass(frozen=True, eq=False)
class LabelledScan:
    """One scan on the grid that its samples are drawn from, which begins in its corner.

    Attributes
    ----------
    fields : (7, I, J, K) float16: HU, liver 0..1, known 0..1, vessel 0..1, tumor 0..1, neither
        of them 0..1, mm to what is liver or unknown, negative inside.
    spacing : mm.
    points : (N, 3), some voxels of the liver, half of them near its border.
    """

    name: str
    fields: Tensor
    spacing: tuple[float, float, float]
    points: Tensor


def read_scans(folder: Path, how: Preprocessing) -> tuple[LabelledScan, ...]:
    """All scans of a folder, in the order of their names.

    For a network in 3D they are kept at half its spacing, for one in 2D on its working grid with
    the slices that it sees.

    Raises
    ------
    DataError : where there is none, or one has no labels on its own grid.
    """
    found = sorted(path for path in map(_scan_in, folder.glob("*/")) if path.exists())
    if not found:
        raise DataError(f"{folder} holds no folder with ct.nii.gz and liver.nii.gz.")
    return tuple(_read(path, how) for path in found)


def _scan_in(folder: Path) -> Path:
    return find_named(folder, "ct")


def _read(path: Path, how: Preprocessing) -> LabelledScan:
    labels = find_named(path.parent, "liver")
    if not labels.exists():
        raise DataError(f"{labels} is missing: a scan to train on needs its liver.")
    volume, known = images.read(path), images.read(labels)
    if not same_grid(volume, known):
        raise DataError(
            f"{labels} ({known.shape} voxels) and its scan ({volume.shape}) do not lie on the same "
            "voxels: save the labels on the grid of the scan."
        )
    stored = known.voxels.astype("float32") + np.float32(known.intercept)
    odd = np.setdiff1d(stored, _VALUES)
    if len(odd):
        raise DataError(
            f"{labels} holds the value {odd[0]:g}: only {', '.join(map(str, _VALUES))} have a "
            "meaning."
        )
    values = torch.from_numpy(stored)
    hu = torch.from_numpy(volume.voxels.astype("float32")) + volume.intercept
    parts = (
        hu.clamp_(-1024.0, 3000.0),
        ((values > 0) & (values != _IGNORE_VALUE)).float(),
        (values != _IGNORE_VALUE).float(),
        *((values == kind).float() for kind in (_VESSEL, _TUMOR, _NEITHER)),
    )
    shrink, spacing = _shrinking(volume, how)
    seen = [shrink(part) for part in parts]
    # A first stage takes for liver most of what nobody could decide on.
    away = _distance(torch.maximum(seen[1], 1 - seen[2]), spacing)
    groups = [where.nonzero() for where in (away.abs() < 5, away <= -5)]
    points = torch.cat([group[:: max(1, len(group) // _POINTS)] for group in groups])
    if how.prior and len(points) == 0:
        raise DataError(
            f"{labels} shows no liver for {volume.shape[2]} slices of {volume.spacing[2]:g} mm: "
            "take the scan away, or label its liver."
        )
    return LabelledScan(path.parent.name, torch.stack([*seen, away]).half(), spacing, points)


def _shrinking(
    volume: Volume, how: Preprocessing
) -> tuple[Callable[[Tensor], Tensor], tuple[float, float, float]]:
    """What takes a block of the volume's voxels to the scan's grid, and the grid's spacing."""
    flat = how.prior
    if flat:
        group = how.group(volume.spacing[2])
        spacing = (*how.spacing_mm[:2], volume.spacing[2] * group)
    else:
        group = 1
        spacing = (how.spacing_mm[0] / 2, how.spacing_mm[1] / 2, how.spacing_mm[2] / 2)
    weights = [
        downsampling_weights(volume.shape[axis], spacing[axis] / volume.spacing[axis])
        for axis in range(2 if flat else 3)
    ]

    def shrink(block: Tensor) -> Tensor:
        if flat:
            whole = block.shape[2] // group * group
            block = block[:, :, :whole].reshape(*block.shape[:2], -1, group).mean(dim=3)
        for axis, matrix in enumerate(weights):
            block = apply_along_axis(block, matrix, axis)
        return block

    return shrink, spacing


def _distance(liver: Tensor, spacing: tuple[float, float, float]) -> Tensor:
    """Distance to the liver's border in mm, negative inside, from every second voxel in-plane."""
    thin = liver[::2, ::2].numpy() > 0.5
    sampling = (2 * spacing[0], 2 * spacing[1], spacing[2])
    far = np.full(thin.shape, _FAR_MM)
    out = ndimage.distance_transform_edt(~thin, sampling) if thin.any() else far
    within = ndimage.distance_transform_edt(thin, sampling) if not thin.all() else far
    away = torch.from_numpy(np.clip(out - within, -_FAR_MM, _FAR_MM)).float()
    for axis in (0, 1):
        positions = torch.arange(liver.shape[axis]) / 2
        away = apply_along_axis(away, linear_weights(away.shape[axis], positions), axis)
    return away


def draw_organ_sample(
    draw: RandomSource, scan: LabelledScan, config: SampleConfig, how: Preprocessing, liver: int
) -> tuple[Tensor, Tensor]:
    """A bent, recolored block of a scan, (C, I, J, K), and targets (I, J, K) for `liver`."""
    grid = Grid.centered((0.0, 0.0, 0.0), how.spacing_mm, config.shape)
    places = _deformed(draw, grid, (draw.normal(0, 0.05), draw.normal(0, 0.05)), 1.0)
    places = places / torch.tensor(scan.spacing) + torch.tensor(_block_center(draw, scan, grid))
    hu, organ, known, *_ = _sample_scan(scan, places)
    hu = _augment_intensity(draw, hu, organ, grid)
    hu = gaussian(hu, [draw.uniform(0.0, 0.55)] * 3) + _noise(draw, grid)
    return how.input_3d(hu), _targets(organ, known, liver, complementary_label(liver))


def draw_liver_sample(
    draw: RandomSource, scan: LabelledScan, config: SampleConfig, how: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Slices around a point of the liver, (K, C, I, J), and targets (K, I, J).

    The scan's slices stay what they are: nothing is mixed from two of them. In some of them
    lesions are drawn into the liver.
    """
    shape = (config.shape[0], config.shape[1], config.shape[2] + 2 * how.halo)
    grid = Grid.centered((0.0, 0.0, 0.0), scan.spacing, shape)
    places = _deformed(draw, grid, (0.0, 0.0), 0.0) / torch.tensor(scan.spacing)
    point = scan.points[draw.integer(0, len(scan.points))].tolist()
    middle = [float(n) + draw.normal(0, 12) / scan.spacing[0] for n in point[:2]]
    deepest = scan.fields.shape[3] - config.shape[2] / 2
    k = min(max(point[2] + draw.integer(-2, 3), config.shape[2] / 2), deepest)
    # An even number of slices has its middle between two of them.
    places = places + torch.tensor([*middle, math.floor(k) - 0.5])
    hu, organ, known, vessel, tumor, neither, away = _sample_scan(scan, places)
    hu = _augment_intensity(draw, hu, organ, grid)
    target = _targets(organ, known, complementary_label(0), 0)
    for kind, label in ((neither, Label.LIVER), (vessel, Label.VESSEL), (tumor, Label.TUMOR)):
        target[(kind > 0.5) & (known > 0.9)] = int(label)
    noise = _noise(draw, grid)
    _ignore_invisible_vessels(hu, target, float(noise.std()))
    if draw.chance(_WITH_LESIONS):
        hu = _insert_lesions(draw, hu, target, grid)
    hu = gaussian(hu, [draw.uniform(0.0, 0.7)] * 2 + [0.0]) + noise
    prior = simulate_coarse_prior(draw, away, grid, partial(_similar_density, hu, grid))
    sure = (prior > 0.9) & (organ > 0.5)
    liver_hu = float(hu[sure if sure.any() else organ > -1].median()) + draw.normal(0, 4)
    inner = slice(how.halo, shape[2] - how.halo)
    return how.input_2d(hu, prior[:, :, inner], liver_hu), target[:, :, inner].movedim(2, 0)


def _ignore_invisible_vessels(hu: Field, target: Tensor, noise_hu: float) -> None:
    """Vessels that nobody could see any more become some part of the organ, whichever."""
    vessel = target == Label.VESSEL
    around = target == Label.LIVER
    if not (vessel.any() and around.any()):
        return
    contrast = abs(float(hu[vessel].median() - hu[around].median()))
    if contrast < min_visible_contrast(noise_hu):
        target.masked_fill_(vessel, complementary_label(0))


def _insert_lesions(draw: RandomSource, hu: Field, target: Tensor, grid: Grid) -> Field:
    """HU with lesions in the liver; writes the tumors into ``target``.

    They take the place of what is smooth, so that the scan's own noise stays. Where nobody knows,
    they go on in what is as dense as the liver.
    """
    organ = (target > 0) | (target == complementary_label(0))
    places = organ.nonzero()
    if len(places) == 0:
        return hu
    liver_hu = float(hu[organ].median())
    smooth = gaussian(hu, [1.6 / s for s in grid.spacing])
    noise = hu - smooth
    alike = (smooth - liver_hu).abs() < 2 * _SAME_HU
    inside = organ | ((target == IGNORE_INDEX) & alike)
    for _ in range(draw.integer(1, 6)):
        center = grid.point(places[draw.integer(0, len(places))].tolist())
        lesion = draw_lesion(draw, center, draw.log_uniform(*_TUMOR_MM), _TUMOR_HU, wild=True)
        box = lesion.box(grid)
        if box is None:
            continue
        local = grid.crop([s.start for s in box], [s.stop for s in box])
        distance = torch.where(inside[box], lesion.distance(local), FAR_MM)
        smooth[box] = lesion.paint(smooth[box], distance, local, liver_hu, _CYST_HU)
        within = (distance < 0) & organ[box]
        if lesion.kind is not LesionKind.PATCH:
            label = Label.TUMOR if lesion.kind is LesionKind.TUMOR else Label.LIVER
            target[box].masked_fill_(within, int(label))
    return smooth + noise


def _block_center(draw: RandomSource, scan: LabelledScan, grid: Grid) -> tuple[float, float, float]:
    """Where a block of the whole body has its middle, in the scan's voxels: mostly at the liver."""
    size = scan.fields.shape[1:]
    span = (grid.shape[2] - 1) / 2 * grid.spacing[2] / scan.spacing[2]
    if len(scan.points) and draw.chance(0.8):
        k = float(scan.points[draw.integer(0, len(scan.points)), 2]) + draw.uniform(-span, span)
    else:
        k = draw.uniform(0, size[2] - 1)
    low, high = span, size[2] - 1 - span
    k = min(max(k, low), high) if low < high else (size[2] - 1) / 2
    spread = 16 / scan.spacing[0]
    return size[0] / 2 + draw.normal(0, spread), size[1] / 2 + draw.normal(0, spread), k


def _deformed(draw: RandomSource, grid: Grid, lean: tuple[float, float], depth: float) -> Tensor:
    """Every place of a grid, mm, turned, scaled and bent, (I, J, K, 3); along z by ``depth``."""
    x, y, z = (axis.expand(grid.shape) for axis in grid.axes())
    turn = draw.normal(0, 0.1)
    x, y = math.cos(turn) * x - math.sin(turn) * y, math.sin(turn) * x + math.cos(turn) * y
    parts = []
    for axis, amount in ((x + lean[0] * z, 1.0), (y + lean[1] * z, 1.0), (z, depth)):
        wide = smooth_noise(draw, grid, 80) * draw.uniform(0, 5)
        small = smooth_noise(draw, grid, 36) * draw.uniform(0, 2)
        parts.append(axis * draw.uniform(0.87, 1.15) ** amount + amount * (wide + small))
    return torch.stack(parts, dim=-1)


def _sample_scan(scan: LabelledScan, places: Tensor) -> tuple[Tensor, ...]:
    """The scan's fields at places given in its voxels; what is beyond it is not known."""
    size = torch.tensor(scan.fields.shape[1:])
    flat = places.flatten(end_dim=-2)
    low = flat.amin(dim=0).floor().clamp(min=0).minimum(size - 2).long()
    high = (flat.amax(dim=0).ceil() + 1).long().minimum(size).maximum(low + 2)
    part = scan.fields[:, low[0] : high[0], low[1] : high[1], low[2] : high[2]].float()
    unit = (places - low) / (high - low - 1) * 2 - 1  # the form that grid_sample takes
    hu, organ, known, *others = torch.nn.functional.grid_sample(
        part[None], unit.flip(-1)[None], padding_mode="border", align_corners=True
    )[0]
    inside = ((places > -1) & (places < size)).all(dim=-1)
    return hu, organ, known * inside, *others


def _targets(organ: Tensor, known: Tensor, inside: int, outside: int) -> Tensor:
    target = torch.full(organ.shape, outside)
    target[organ > 0.5] = inside
    target[known < 0.9] = IGNORE_INDEX
    return target


def _similar_density(hu: Field, grid: Grid, center: Point) -> Field:
    """About the distance to what is as dense as a place is, mm: the best guess of its organ."""
    smooth = gaussian(hu, [1.5, 1.5, 0.0])
    index = [
        min(max(round((c - o) / s), 0), n - 1)
        for c, o, s, n in zip(center, grid.origin, grid.spacing, grid.shape, strict=True)
    ]
    return ((smooth - smooth[tuple(index)]).abs() - _SAME_HU) / 5


def _augment_intensity(draw: RandomSource, hu: Field, organ: Field, grid: Grid) -> Field:
    """Another patient and phase: contrast and densities."""
    soft = torch.exp(-(((hu - 60) / 120) ** 2))
    hu = hu + soft * (smooth_noise(draw, grid, 50) * draw.uniform(0, 12) + draw.normal(0, 8))
    if draw.chance(0.5):
        hu = hu + organ * draw.normal(0, 18)
    if draw.chance(0.6):  # all that is denser or less dense than the liver, more or less so
        middle = float(hu[organ > 0.9].median()) if (organ > 0.9).any() else 60.0
        hu = torch.where(hu > -150, middle + (hu - middle) * draw.log_uniform(0.4, 1.6), hu)
    return hu


def _noise(draw: RandomSource, grid: Grid) -> Field:
    noise = draw.white(grid.shape)
    if draw.chance(0.6):
        noise = gaussian(noise, [draw.uniform(0.3, 0.9)] * 3)
        noise = noise / noise.std()
    return noise * draw.log_uniform(1, 22)
