"""Liver lesions: warped ellipsoids with rim, necrotic core and uneven texture.

Sizes and contrasts follow the recipe of hand-made tumors that trained networks as good as
real ones (Hu et al., CVPR 2023, arXiv:2303.14869), widened to bright and to large lesions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from liverview.phantom.anatomy import Body
from liverview.phantom.fields import Draw, Field, Grid, resample, smooth_noise
from liverview.phantom.frame import CANON, Organ


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion.

    Attributes
    ----------
    center : world mm.
    radii : mm along x, y, z before warping.
    warp : noise of about unit variance around the center, on ``warp_grid``.
    warp_mm : how far the warp moves the surface.
    contrast_hu : lesion minus parenchyma.
    edge_mm : width of the transition.
    rim_hu, core_hu : added in a shell below the surface, and in the core.
    texture_hu : standard deviation inside.
    cyst : water instead of tumor; stays labeled liver.
    """

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    warp: Field
    warp_grid: Grid
    warp_mm: float
    contrast_hu: float
    edge_mm: float
    rim_hu: float
    core_hu: float
    texture_hu: float
    cyst: bool

    @property
    def reach_mm(self) -> float:
        return max(self.radii) * 1.2 + 3 * self.warp_mm + 4

    def distance(self, grid: Grid) -> Field:
        """Signed distance in mm, negative inside, on a grid near the lesion."""
        x, y, z = (a - c for a, c in zip(grid.axes(self.warp.device), self.center, strict=True))
        squared = sum(
            ((a / r) ** 2 for a, r in zip((x, y, z), self.radii, strict=True)), torch.zeros(())
        )
        ball = (squared.sqrt() - 1) * min(self.radii)
        return ball + resample(self.warp, self.warp_grid, grid) * self.warp_mm


def draw_lesions(
    draw: Draw,
    body: Body,
    count: int,
    contrast_hu: tuple[float, float] = (-45.0, 22.0),
    radius_mm: tuple[float, float] = (4.0, 40.0),
    cysts: float = 0.0,
    bright: float = 0.15,
) -> list[Lesion]:
    """Draw ``count`` lesions inside the liver, none where the body has no liver.

    ``contrast_hu`` is mean and standard deviation of dark lesions, ``radius_mm`` the range
    of radii (log-uniform), ``cysts`` and ``bright`` are probabilities.
    """
    index = (body.organs[Organ.LIVER] < -4).nonzero()
    if len(index) == 0:
        return []
    lesions = []
    for _ in range(count):
        place = index[draw.whole(0, len(index))].tolist()
        center = [
            o + (i + draw.u(-0.5, 0.5)) * s
            for o, i, s in zip(CANON.origin, place, CANON.spacing, strict=True)
        ]
        radius = draw.log_u(*radius_mm)
        lesions.append(_draw_one(draw, center, radius, contrast_hu, cysts, bright))
    return lesions


def _draw_one(
    draw: Draw,
    place: list[float],
    radius: float,
    contrast_hu: tuple[float, float],
    cysts: float,
    bright: float,
) -> Lesion:
    cyst = draw.chance(cysts)
    contrast = min(max(draw.n(*contrast_hu), -110), -12)
    if not cyst and draw.chance(bright):
        contrast = draw.u(15, 60)
    radii = [radius * draw.u(0.75, 1.3) for _ in range(3)]
    size = 2 * (max(radii) * 1.6 + 8)
    step = max(radius / 3, 2.0)
    knots = math.ceil(size / step) + 1
    warp_grid = Grid.centered(place, (step,) * 3, (knots,) * 3)
    solid = not cyst and radius > 8
    return Lesion(
        center=(place[0], place[1], place[2]),
        radii=(radii[0], radii[1], radii[2]),
        warp=smooth_noise(draw, warp_grid, max(radius * 0.7, 3.0)),
        warp_grid=warp_grid,
        warp_mm=0.0 if cyst else radius * draw.u(0.05, 0.22),
        contrast_hu=contrast,
        edge_mm=1.0 if cyst else draw.u(1, 4),
        rim_hu=draw.u(-10, 45) if solid and draw.chance(0.35) else 0.0,
        core_hu=draw.u(-50, 0) if solid and draw.chance(0.35) else 0.0,
        texture_hu=draw.u(0, 14) if solid else 0.0,
        cyst=cyst,
    )
