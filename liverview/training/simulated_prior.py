"""Simulation of a first stage with errors, for the prior that a second stage trains with."""

from __future__ import annotations

from collections.abc import Callable

import torch

from liverview.phantoms.fields import Field, Grid, Point, RandomSource, ellipsoid, smooth_noise

OrganField = Callable[[Point], Field]
"""The distance to the organ that holds a point, mm, on the sample's grid."""


def simulate_coarse_prior(
    draw: RandomSource, liver: Field, grid: Grid, organ_at: OrganField
) -> Field:
    """Simulate the liver's probability of a first stage with errors, 0..1.

    Its border wanders, parts of neighbors are taken for liver, and parts of the liver are
    missed. A second stage that never met such errors follows the first one into them.

    Parameters
    ----------
    liver : distance to the true one, mm, below 0 inside.
    organ_at : see `OrganField`; some mistakes end where an organ does.
    """
    shift = draw.normal(0, 1.5) + smooth_noise(draw, grid, 28) * draw.uniform(0.5, 3.5)
    probability = torch.sigmoid(-(liver + shift) / draw.uniform(1.0, 3.0))
    for _ in range(draw.choice((0.4, 0.4, 0.2))):
        beside = (liver > 2) & (liver < 30)
        mistake = _draw_mistake(draw, grid, beside, organ_at)
        probability = torch.maximum(probability, mistake)
    for _ in range(draw.choice((0.6, 0.3, 0.1))):
        inside = (liver < 0) & (liver > -30)
        probability = probability * (1 - _draw_mistake(draw, grid, inside, organ_at))
    return probability


def _draw_mistake(draw: RandomSource, grid: Grid, region: Field, organ_at: OrganField) -> Field:
    """Draw a mistake around a random voxel of ``region``, 0..1; 0 where that is empty.

    An uneven ball, which in half of the cases ends where the organ in its middle does.
    """
    candidates = region.nonzero()
    if len(candidates) == 0:
        return torch.zeros(grid.shape)
    center = grid.point(candidates[draw.integer(0, len(candidates))].tolist())
    radius = draw.log_uniform(8, 70)
    ball = ellipsoid(*grid.axes(), center, [radius * draw.uniform(0.7, 1.4) for _ in range(3)])
    distance = ball + smooth_noise(draw, grid, 20) * radius * 0.25
    if draw.chance(0.5):
        distance = torch.maximum(distance, organ_at(center))
    return torch.sigmoid(-distance / draw.uniform(1.5, 4.0)) * draw.uniform(0.4, 1.0)
