"""Labels with the faults of a segmentation, that a person is about to mend."""

from __future__ import annotations

import torch
from torch import Tensor

from liverview.phantoms.fields import Field, Grid, RandomSource, ellipsoid, gaussian, smooth_noise


def faulty_liver(draw: RandomSource, grid: Grid, organ: Field, away: Field) -> Field:
    """The liver as it may be labeled, 0 or 1: its border wanders, parts miss or are too much."""
    if draw.chance(0.3):
        return (organ > 0.5).float()
    shift = draw.normal(0, 1.0) + smooth_noise(draw, grid, 28) * draw.uniform(0.3, 2.5)
    given = (away + shift < 0).float()
    for _ in range(draw.choice((0.5, 0.35, 0.15))):
        add_ball(draw, given, grid, away.abs() < 20, smooth_noise(draw, grid, 20), (6, 40))
    return given


def faulty_vessels(draw: RandomSource, grid: Grid, vessel: Field, *, surely: bool = False) -> Field:
    """Vessels as they may be labeled, 0 or 1: branches are missing, spots are none.

    ``surely`` leaves none as it is.
    """
    given = (vessel > 0.5).float()
    if not surely and draw.chance(0.3):
        return torch.zeros_like(given)
    uneven = smooth_noise(draw, grid, 12)
    missing = draw.integer(1, 4) if surely else draw.choice((0.3, 0.4, 0.3))
    for _ in range(missing):
        add_ball(draw, given, grid, vessel > 0.5, uneven, (5, 22), value=0.0)
    if draw.chance(0.35):
        near = gaussian(vessel, [3.0 / grid.spacing[0]] * 3) > 0.02
        add_ball(draw, given, grid, near, uneven, (3, 10), value=1.0)
    return given


def faulty_lesion(draw: RandomSource, grid: Grid, lesion: Tensor, others: Tensor) -> Field:
    """Lesions as they may be labeled, 0 or 1; often the one that is looked for is not."""
    given = (others & bool(draw.chance(0.6))).float()
    step = grid.spacing[0]
    lot = draw.uniform(0, 1)
    if lot < 0.45 or not lesion.any():
        part = torch.zeros_like(given)
    elif lot < 0.9:  # a part of it, uneven, and what is beside it
        size = float(lesion.sum()) ** (1 / 3) * step
        soft = gaussian(lesion.float(), [max(0.12 * size / step, 0.5)] * 3)
        level = 0.5 + draw.normal(0, 0.15)
        uneven = smooth_noise(draw, grid, max(0.5 * size, 2 * step)) * draw.uniform(0.05, 0.5)
        part = (soft + uneven * (soft > 0.02) > level).float()
    else:
        part = lesion.float()
    given = torch.maximum(given, part)
    if draw.chance(0.15):
        anywhere = torch.ones_like(lesion)
        add_ball(draw, given, grid, anywhere, smooth_noise(draw, grid, 15), (3, 20), value=1.0)
    return given


def add_ball(
    draw: RandomSource,
    given: Field,
    grid: Grid,
    region: Tensor,
    uneven: Field,
    radius_mm: tuple[float, float],
    value: float | None = None,
) -> None:
    """Set an uneven ball around a voxel of ``region`` to a value, by chance 0 or 1, in place."""
    candidates = region.nonzero()
    if len(candidates) == 0:
        return
    center = grid.point(candidates[draw.integer(0, len(candidates))].tolist())
    radius = draw.log_uniform(*radius_mm)
    ball = ellipsoid(*grid.axes(), center, [radius * draw.uniform(0.7, 1.4) for _ in range(3)])
    inside = ball + uneven * (0.25 * radius) < 0
    given.masked_fill_(inside, float(draw.chance(0.5)) if value is None else value)
