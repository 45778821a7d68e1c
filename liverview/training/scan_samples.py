"""Training samples drawn from labelled scans."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from liverview.core.labels import Label
from liverview.networks.preprocessing import Preprocessing
from liverview.phantoms.fields import Field, Grid, Point, RandomSource, gaussian
from liverview.training.augmentation import augment_intensity, deform_points, draw_noise
from liverview.training.field_of_view import cut_field_of_view
from liverview.training.lesion_insertion import insert_lesions
from liverview.training.recipe import SampleConfig
from liverview.training.scans import LabelledScan
from liverview.training.simulated_prior import simulate_coarse_prior
from liverview.training.targets import (
    complementary_label,
    ignore_invisible_vessels,
    organ_targets,
)

_SAME_HU = 25.0  # tissue that differs by less may be one organ
_TUMORS_SHIFTED, _TUMOR_SHIFT_HU = 0.4, 25.0  # share of the samples; standard deviation
_SURELY_NEITHER = 0.8  # share of a voxel that is liver and no part of it
_WITH_LESIONS = 0.45  # share of the samples with lesions drawn into the liver


def draw_organ_sample(
    draw: RandomSource,
    scan: LabelledScan,
    config: SampleConfig,
    preprocessing: Preprocessing,
    liver: int,
) -> tuple[Tensor, Tensor]:
    """Draw a deformed block of a scan, (C, I, J, K), and targets (I, J, K).

    ``liver`` is the number of the class; every other voxel is known not to be of it.
    """
    grid = Grid.centered((0.0, 0.0, 0.0), preprocessing.spacing_mm, config.shape)
    points = deform_points(draw, grid, (draw.normal(0, 0.05), draw.normal(0, 0.05)), 1.0)
    points = points / torch.tensor(scan.spacing) + torch.tensor(_block_center(draw, scan, grid))
    hu, organ, known, *_ = sample_scan(scan, points)
    hu = augment_intensity(draw, hu, organ, grid)
    hu = gaussian(hu, [draw.uniform(0.0, 0.55)] * 3) + draw_noise(draw, grid)
    not_liver = complementary_label(liver)
    target = organ_targets(organ, known, liver, not_liver)
    cut_field_of_view(draw, hu, target, not_liver)
    return preprocessing.input_3d(hu), target


def draw_liver_sample(
    draw: RandomSource, scan: LabelledScan, config: SampleConfig, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Draw slices around a point of the liver, (K, C, I, J), and targets (K, I, J).

    The scan's slices stay what they are: nothing is mixed from two of them. In some of them
    lesions are drawn into the liver.
    """
    halo = preprocessing.halo
    shape = (config.shape[0], config.shape[1], config.shape[2] + 2 * halo)
    grid = Grid.centered((0.0, 0.0, 0.0), scan.spacing, shape)
    points = deform_points(draw, grid, (0.0, 0.0), 0.0) / torch.tensor(scan.spacing)
    center = scan.points[draw.integer(0, len(scan.points))].tolist()
    middle = [float(n) + draw.normal(0, 12) / scan.spacing[0] for n in center[:2]]
    deepest = scan.fields.shape[3] - config.shape[2] / 2
    k = min(max(center[2] + draw.integer(-2, 3), config.shape[2] / 2), deepest)
    # An even number of slices has its middle between two of them.
    points = points + torch.tensor([*middle, math.floor(k) - 0.5])
    hu, organ, known, vessel, tumor, neither, away = sample_scan(scan, points)
    hu = augment_intensity(draw, hu, organ, grid)
    if draw.chance(_TUMORS_SHIFTED):
        hu = hu + tumor * draw.normal(0, _TUMOR_SHIFT_HU)
    target = organ_targets(organ, known, complementary_label(0), 0)
    for share, label in ((neither, Label.LIVER), (vessel, Label.VESSEL), (tumor, Label.TUMOR)):
        # Beside a vessel nothing is neither: its wall is somewhere in the voxel.
        least = _SURELY_NEITHER if share is neither else 0.5
        target[(share > least) & (known > 0.9)] = int(label)
    noise = draw_noise(draw, grid)
    ignore_invisible_vessels(hu, target, float(noise.std()))
    if draw.chance(_WITH_LESIONS):
        own = float((hu - gaussian(hu, [1.0, 1.0, 0.0]))[organ > 0.5].std()) if organ.any() else 0.0
        hu = insert_lesions(draw, hu, target, grid, math.hypot(own, float(noise.std())))
    hu = gaussian(hu, [draw.uniform(0.0, 0.7)] * 2 + [0.0]) + noise
    prior = simulate_coarse_prior(draw, away, grid, partial(similar_density_field, hu, grid))
    sure = (prior > 0.9) & (organ > 0.5)
    liver_hu = float(hu[sure if sure.any() else organ > -1].median()) + draw.normal(0, 4)
    inner = slice(halo, shape[2] - halo)
    x = preprocessing.input_2d(hu, prior[:, :, inner], liver_hu)
    return x, target[:, :, inner].movedim(2, 0)


def _block_center(draw: RandomSource, scan: LabelledScan, grid: Grid) -> tuple[float, float, float]:
    """Draw the middle of a block of the whole body, in the scan's voxels: mostly at the liver."""
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


def sample_scan(scan: LabelledScan, points: Tensor) -> tuple[Tensor, ...]:
    """Sample the scan's fields at points given in its voxels; beyond it nothing is known."""
    size = torch.tensor(scan.fields.shape[1:])
    flat = points.flatten(end_dim=-2)
    low = flat.amin(dim=0).floor().clamp(min=0).minimum(size - 2).long()
    high = (flat.amax(dim=0).ceil() + 1).long().minimum(size).maximum(low + 2)
    box = scan.fields[:, low[0] : high[0], low[1] : high[1], low[2] : high[2]].float()
    unit = (points - low) / (high - low - 1) * 2 - 1  # as grid_sample takes it
    hu, organ, known, *others = torch.nn.functional.grid_sample(
        box[None], unit.flip(-1)[None], padding_mode="border", align_corners=True
    )[0]
    inside = ((points > -1) & (points < size)).all(dim=-1)
    return hu, organ, known * inside, *others


def similar_density_field(hu: Field, grid: Grid, center: Point) -> Field:
    """About the distance to tissue as dense as a point's, mm: the best guess of its organ."""
    smooth = gaussian(hu, [1.5, 1.5, 0.0])
    index = [
        min(max(round((c - o) / s), 0), n - 1)
        for c, o, s, n in zip(center, grid.origin, grid.spacing, grid.shape, strict=True)
    ]
    return ((smooth - smooth[tuple(index)]).abs() - _SAME_HU) / 5
