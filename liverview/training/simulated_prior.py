"""How a first stage errs: the liver's probability that the second stage is shown in training."""

from __future__ import annotations

from collections.abc import Callable

import torch

from liverview.phantom.fields import Field, Grid, Point, RandomSource, ellipsoid, smooth_noise

Around = Callable[[Point], Field]
"""Distance to the organ that holds a place, mm, on the sample's grid."""


def simulate_coarse_prior(draw: RandomSource, liver: Field, grid: Grid, around: Around) -> Field:
    """The liver as a first stage with errors would see it: probability, 0..1.

    Its border wanders, parts of what lies beside the liver are taken for it, and parts of the
    liver are missed. A second stage that never met such errors follows the first one into them.

    Parameters
    ----------
    liver : distance to the true one, mm, below 0 inside.
    """
    shift = draw.normal(0, 1.5) + smooth_noise(draw, grid, 28) * draw.uniform(0.5, 3.5)
    seen = torch.sigmoid(-(liver + shift) / draw.uniform(1.0, 3.0))
    for _ in range(draw.choice((0.4, 0.4, 0.2))):
        seen = torch.maximum(seen, _random_mistake(draw, grid, (liver > 2) & (liver < 30), around))
    for _ in range(draw.choice((0.6, 0.3, 0.1))):
        seen = seen * (1 - _random_mistake(draw, grid, (liver < 0) & (liver > -30), around))
    return seen


def _random_mistake(draw: RandomSource, grid: Grid, where: Field, around: Around) -> Field:
    """How wrong a first stage is around a random voxel of ``where``, 0..1; 0 if there is none.

    An uneven ball, which in half of the cases ends where the organ in its middle does.
    """
    index = where.nonzero()
    if len(index) == 0:
        return torch.zeros(grid.shape)
    center = grid.point(index[draw.integer(0, len(index))].tolist())
    radius = draw.log_uniform(8, 70)
    ball = ellipsoid(*grid.axes(), center, [radius * draw.uniform(0.7, 1.4) for _ in range(3)])
    distance = ball + smooth_noise(draw, grid, 20) * radius * 0.25
    if draw.chance(0.5):
        distance = torch.maximum(distance, around(center))
    return torch.sigmoid(-distance / draw.uniform(1.5, 4.0)) * draw.uniform(0.4, 1.0)
