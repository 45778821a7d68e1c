"""Lesions drawn into a cube of a scan, one of which is the one that somebody marks."""

from __future__ import annotations

from dataclasses import replace

import torch
from scipy import ndimage
from torch import Tensor

from liverview.phantoms.fields import FAR_MM, Field, Grid, Point, RandomSource, gaussian
from liverview.phantoms.lesion_variety import draw_contrast, draw_varied_lesion
from liverview.phantoms.lesions import Lesion, LesionKind, draw_lesion

_HU = (-42.0, 24.0)  # mean and standard deviation of the contrast
_BRIGHT = 0.2  # share of the lesions brighter than the liver
_FLUID_HU = 10.0
_SCAN_BLUR_MM = 1.6
_LEAST_MM = 1.0


def draw_marked_lesion(
    draw: RandomSource,
    hu: Field,
    grid: Grid,
    organ: Field,
    away: Field,
    center: Point,
    radius: float,
) -> tuple[Field, Tensor, Tensor]:
    """Draw a lesion at ``center`` (mm), and by chance others around it.

    Parameters
    ----------
    organ, away : the liver, 0..1, and the distance to it in mm, negative inside.

    Returns
    -------
    hu : with the lesions; they replace the smoothed scan, so that its own noise stays.
    lesion : bool, the one at ``center`` with all that hangs together with it; empty where there
        is no liver.
    others : bool, the others.
    """
    liver = hu[organ > 0.5]
    liver_hu = float(liver.median()) if len(liver) else 60.0
    smooth = gaussian(hu, [min(_SCAN_BLUR_MM / s, 4.0) for s in grid.spacing])
    noise = hu - smooth
    reach = draw.uniform(0, 8) if draw.chance(0.3) else 0.0  # beyond the capsule
    inside = away < reach
    lesions = [_draw_others(draw, grid, radius) for _ in range(draw.choice((0.5, 0.25, 0.25)))]
    main = _draw_lobes(draw, center, radius)
    masks = []
    for group in (*lesions, main):
        mask = torch.zeros_like(inside)
        for lesion in group:
            distance = torch.where(inside, lesion.distance(grid), FAR_MM)
            smooth = lesion.paint_hu(smooth, distance, grid, liver_hu, _FLUID_HU)
            mask |= distance < 0
        masks.append(mask)
    return smooth + noise, *_split_marked(masks)


def _split_marked(masks: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The parts that hang together with the last mask, and all others."""
    every, main = torch.stack(masks).any(dim=0), masks[-1]
    if not main.any():
        return main, every
    numbers, _ = ndimage.label(every.numpy(), torch.ones(3, 3, 3).numpy())
    parts = torch.from_numpy(numbers)
    counts = torch.bincount(parts[main])
    marked = parts == int(counts.argmax())
    return marked, every & ~marked


def _draw_others(draw: RandomSource, grid: Grid, radius: float) -> list[Lesion]:
    """Draw a lesion anywhere in the cube."""
    place = grid.point([draw.uniform(0, n - 1) for n in grid.shape])
    size = min(radius * draw.log_uniform(0.3, 1.5), 0.25 * grid.spacing[0] * grid.shape[0])
    return [draw_lesion(draw, place, max(size, _LEAST_MM), _HU)]


def _draw_lobes(draw: RandomSource, center: Point, radius: float) -> list[Lesion]:
    """Draw the lesion: a tumor, a cyst, or a tumor of some lobes."""
    lesion = draw_varied_lesion(draw, center, radius, draw_contrast(draw, _HU, _BRIGHT))
    if lesion.kind is LesionKind.PATCH:
        lesion = replace(lesion, kind=LesionKind.TUMOR, edge_mm=draw.uniform(2, 6))
        if abs(lesion.contrast_hu) < 10:
            lesion = replace(lesion, contrast_hu=-draw.uniform(10, 25))
    lesion = replace(lesion, edge_mm=min(lesion.edge_mm, max(0.6 * radius, 0.5)))
    lobes = [lesion]
    for _ in range(draw.choice((0.6, 0.25, 0.15))):
        shift = [draw.normal(0, 0.6) * radius for _ in range(3)]
        place = [c + s for c, s in zip(center, shift, strict=True)]
        shape = draw_lesion(draw, place, radius * draw.uniform(0.45, 0.9), _HU)
        lobes.append(
            replace(
                lesion,
                center=shape.center,
                radii=shape.radii,
                warp=shape.warp,
                warp_grid=shape.warp_grid,
                warp_mm=shape.warp_mm,
                core_mm=lesion.core_mm * min(shape.radii) / min(lesion.radii),
            )
        )
    return lobes
