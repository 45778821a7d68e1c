"""Augmentation of labelled scans: deformation, contrast and noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from liverview.phantoms.fields import Field, Grid, RandomSource, gaussian, smooth_noise


def deform_points(
    draw: RandomSource, grid: Grid, lean: tuple[float, float], z_share: float
) -> Tensor:
    """Rotate, scale and warp the points of a grid, (I, J, K, 3) mm.

    ``lean`` shifts x and y per mm of z; ``z_share`` is the share of the changes along z, 0..1.
    """
    x, y, z = (axis.expand(grid.shape) for axis in grid.axes())
    angle = draw.normal(0, 0.1)
    x, y = math.cos(angle) * x - math.sin(angle) * y, math.sin(angle) * x + math.cos(angle) * y
    deformed = []
    for axis, amount in ((x + lean[0] * z, 1.0), (y + lean[1] * z, 1.0), (z, z_share)):
        wide = smooth_noise(draw, grid, 80) * draw.uniform(0, 5)
        small = smooth_noise(draw, grid, 36) * draw.uniform(0, 2)
        deformed.append(axis * draw.uniform(0.87, 1.15) ** amount + amount * (wide + small))
    return torch.stack(deformed, dim=-1)


def augment_intensity(draw: RandomSource, hu: Field, organ: Field, grid: Grid) -> Field:
    """Change contrast and densities to those of another patient and phase, HU."""
    soft = torch.exp(-(((hu - 60) / 120) ** 2))
    hu = hu + soft * (smooth_noise(draw, grid, 50) * draw.uniform(0, 12) + draw.normal(0, 8))
    if draw.chance(0.5):
        hu = hu + organ * draw.normal(0, 18)
    if draw.chance(0.6):  # more or less contrast with the liver
        liver_hu = float(hu[organ > 0.9].median()) if (organ > 0.9).any() else 60.0
        hu = torch.where(hu > -150, liver_hu + (hu - liver_hu) * draw.log_uniform(0.4, 1.6), hu)
    return hu


def draw_noise(draw: RandomSource, grid: Grid) -> Field:
    """Draw noise of 1 to 22 HU, white or correlated."""
    noise = draw.white_noise(grid.shape)
    if draw.chance(0.6):
        noise = gaussian(noise, [draw.uniform(0.3, 0.9)] * 3)
        noise = noise / noise.std()
    return noise * draw.log_uniform(1, 22)
