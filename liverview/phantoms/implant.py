"""A liver of the bank in a torso's place for one, stretched and made uneven."""

from __future__ import annotations

import torch

from liverview.phantoms import bank
from liverview.phantoms.bank import LiverShape, Torso
from liverview.phantoms.fields import Field, Grid, RandomSource, smooth_noise
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.morph import grid_points, sample_fields

_USUAL_CUBIC_MM = 1.55e6  # the volume of an average adult's liver
_CORNER_SHARE = 0.6  # a liver is placed by the corner where it meets the wall, and by its middle


def draw_implant(draw: RandomSource, torso: Torso, training_variety: bool) -> Field:
    """Draw a liver of the bank in the place of the torso's own.

    Returns its signed distance in mm on `CANONICAL_GRID`. ``training_variety`` adds
    resections, and sizes that follow the torso's own liver.
    """
    names = bank.liver_names()
    name = names[draw.integer(0, len(names))]
    removed: tuple[int, ...] = ()
    if training_variety and draw.chance(0.06):
        choices = bank.resections(name)
        removed = choices[draw.integer(0, len(choices))] if choices else ()
    implant = bank.liver(name, draw.device, removed)
    own = torso.organs[Organ.LIVER]
    spread = draw.log_uniform(0.75, 1.35)
    own_cubic_mm = float((own < 0).sum()) * 64.0
    wanted = (own_cubic_mm if training_variety else _USUAL_CUBIC_MM) * spread
    scale = min(max((wanted / implant.volume) ** (1 / 3), 0.8), 1.25)
    jitter = [draw.normal(0, 4) for _ in range(3)]
    own_middle, own_corner = _middle_and_corner(own, CANONICAL_GRID)
    middle, corner = _middle_and_corner(implant.distance, implant.grid)
    center = [
        (1 - _CORNER_SHARE) * (own_middle[axis] - scale * middle[axis])
        + _CORNER_SHARE * (own_corner[axis] - scale * corner[axis])
        + jitter[axis]
        for axis in range(3)
    ]
    points = grid_points(CANONICAL_GRID, draw.device)
    points = points - torch.tensor(center, device=draw.device)[:, None, None, None]
    points = _stretch_points(draw, points / scale, training_variety)
    distance = scale * _distance_beyond_box(implant, points)
    if training_variety and draw.chance(0.1):  # cirrhosis: nodules
        nodules = smooth_noise(draw, CANONICAL_GRID, draw.uniform(10, 20))
        distance = distance + nodules * draw.uniform(1.0, 2.8)
    return distance


def _middle_and_corner(liver: Field, grid: Grid) -> tuple[list[float], list[float]]:
    """A liver's middle, and the corner where it meets the wall: right, back and top, mm."""
    inside = (liver < 0).nonzero().float()
    step = torch.tensor(grid.spacing, device=liver.device)
    points = torch.tensor(grid.origin, device=liver.device) + inside * step
    some = points[:: max(1, len(points) // 5000)]
    corner = [float(some[:, axis].quantile(q)) for axis, q in enumerate((0.98, 0.02, 0.98))]
    return points.mean(dim=0).tolist(), corner


def _stretch_points(draw: RandomSource, points: Field, training_variety: bool) -> Field:
    """Stretch the liver that is sampled at these points of its own frame, lobe by lobe."""
    x, y, z = (p / draw.uniform(0.93, 1.08) for p in points)
    if training_variety:
        x, y, z = (p / draw.uniform(0.9, 1.12) for p in (x, y, z))
        if draw.chance(0.3):  # a left lobe that reaches over the spleen, and around the stomach
            x = torch.where(x < 0, x / draw.uniform(1.15, 1.8), x)
            beyond = (-x - 20).clamp(min=0)
            y = y + beyond * draw.uniform(-0.1, 0.6)
            z = z + beyond * draw.uniform(-0.2, 0.3)
        if draw.chance(0.08):  # Riedel's lobe
            z = torch.where((z < 0) & (x > 0), z / draw.uniform(1.2, 1.6), z)
    return torch.stack([x, y, z])


def _distance_beyond_box(liver: LiverShape, points: Field) -> Field:
    """The liver's distance at points, which goes on to grow beyond the shape's own box."""
    outside = 0.0
    for axis, p in enumerate(points):
        low = liver.grid.origin[axis]
        high = low + liver.grid.spacing[axis] * (liver.grid.shape[axis] - 1)
        outside = outside + (low - p).clamp(min=0) ** 2 + (p - high).clamp(min=0) ** 2
    distance = sample_fields(liver.distance[None], liver.grid, points)[0]
    return distance + torch.as_tensor(outside).sqrt()
