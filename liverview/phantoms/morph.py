"""Warps: of one liver into another, of organs around a mass, of a body into a pose.

A warp is a displacement in mm on a grid, (3, i, j, k); a field is warped by sampling it at
the displaced points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from liverview.networks.resampling import apply_along_axis
from liverview.phantoms.fields import Field, Grid, RandomSource, resample, smooth_noise

_FACTOR = 2  # liver shapes are matched at 8 mm
_NEAR_MM = 30.0
# Blur of the displacement in mm, from stiff to soft, and iterations with each.
_SCHEDULE = ((40.0, 10), (24.0, 14), (14.0, 14))


def sample_fields(fields: Field, grid: Grid, points: Field) -> Field:
    """Sample fields (n, i, j, k) at world points (3, *shape), linearly; edges repeat."""
    unit = []
    for axis in (2, 1, 0):  # grid_sample wants the last axis first
        extent = grid.spacing[axis] * max(grid.shape[axis] - 1, 1)
        unit.append((points[axis] - grid.origin[axis]) * (2 / extent) - 1)
    normalized = torch.stack(unit, dim=-1)[None]
    return F.grid_sample(
        fields[None], normalized, mode="bilinear", padding_mode="border", align_corners=True
    )[0]


def grid_points(grid: Grid, device: torch.device) -> Field:
    """World mm of every point, (3, i, j, k)."""
    return torch.stack([torch.broadcast_to(a, grid.shape) for a in grid.axes(device)])


def register_demons(source: Field, target: Field, grid: Grid) -> Field:
    """Find a displacement u with source(x + u(x)) close to target(x), (3, i, j, k) mm.

    Both are signed distances on ``grid``. Points move along the gradient by the difference, and the
    displacement is blurred after each step, ever less (after Thirion's demons, 1998,
    doi:10.1016/S1361-8415(98)80022-4): what lies around the shape comes along.
    """
    coarse = grid.coarser(_FACTOR)
    start = resample(source.clamp(-_NEAR_MM, _NEAR_MM), grid, coarse)
    goal = resample(target.clamp(-_NEAR_MM, _NEAR_MM), grid, coarse)
    here = grid_points(coarse, source.device)
    # The border counts most; far inside and outside, distances say little of the shape.
    weight = torch.exp(-((goal / 20) ** 2))
    shift = torch.zeros_like(here)
    step_mm = coarse.spacing[0]
    for blur_mm, count in _SCHEDULE:
        sigma = blur_mm / step_mm
        for _ in range(count):
            moved = sample_fields(start[None], coarse, here + shift)[0]
            slope = torch.stack(torch.gradient(moved, spacing=step_mm))
            gap = (goal - moved).clamp(-12, 12) * weight
            force = gap * slope / (slope.square().sum(dim=0) + 0.2)
            shift = shift + 1.6 * blur_displacement(force, sigma / 2)
        shift = blur_displacement(shift, sigma / 4)
    return torch.stack([resample(s, coarse, grid) for s in shift])


def blur_displacement(shift: Field, sigma: float) -> Field:
    """Gaussian blur of (3, i, j, k) along its last three axes, as matrix products."""
    for axis in (1, 2, 3):
        steps = torch.arange(shift.shape[axis], dtype=torch.float32, device=shift.device)
        matrix = torch.exp(-0.5 * ((steps[:, None] - steps) / sigma) ** 2)
        # Denormal numbers, far from the diagonal, make the product ten times slower.
        matrix = torch.where(matrix < 1e-12, 0, matrix)
        shift = apply_along_axis(shift, matrix / matrix.sum(dim=1, keepdim=True), axis)
    return shift


def random_displacement(draw: RandomSource, grid: Grid, scale_mm: float, sd_mm: float) -> Field:
    """Draw a smooth displacement, (3, i, j, k) mm."""
    return torch.stack([smooth_noise(draw, grid, scale_mm) * sd_mm for _ in range(3)])


def insert_ball(points: Field, center: Sequence[float], radius: float) -> tuple[Field, Field]:
    """Make room for a ball; returns the points moved, (3, *shape) mm, and the distance to the ball.

    The tissue inside the ball lies around it afterwards, its volume kept.
    """
    middle = torch.tensor(center, device=points.device)[:, None, None, None]
    away = points - middle
    r = away.square().sum(dim=0).sqrt().clamp(min=1e-3)
    came_from = (r**3 - radius**3).clamp(min=0) ** (1 / 3)
    return middle + away * (came_from / r), r - radius


def rotation_matrix(angles: Sequence[float], device: torch.device) -> Field:
    """A rotation about x, y and z, rad, (3, 3)."""
    out = torch.eye(3, dtype=torch.float64)
    for (a, b), angle in zip(((1, 2), (0, 2), (0, 1)), angles, strict=True):
        one = torch.eye(3, dtype=torch.float64)
        one[a, a] = one[b, b] = math.cos(angle)
        one[a, b], one[b, a] = -math.sin(angle), math.sin(angle)
        out = out @ one
    return out.float().to(device)
