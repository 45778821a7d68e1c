"""Liver lesions: warped ellipsoids with rim, necrotic core and uneven texture.

Sizes and contrasts follow the recipe of hand-made tumors that trained networks as good as
real ones (Hu et al., CVPR 2023, arXiv:2303.14869), widened to bright and to large lesions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liverview.phantom.anatomy import Body, Organ
from liverview.phantom.fields import Field, Grid, resample, smooth_noise


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
        x, y, z = (a - c for a, c in zip(grid.axes(), self.center, strict=True))
        norm = np.sqrt(
            (x / self.radii[0]) ** 2 + (y / self.radii[1]) ** 2 + (z / self.radii[2]) ** 2
        )
        ball = (norm - 1) * np.float32(min(self.radii))
        warp = resample(self.warp, self.warp_grid, grid) * np.float32(self.warp_mm)
        return (ball + warp).astype(np.float32)


def draw_lesions(
    rng: np.random.Generator,
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
    index = np.argwhere(body.organs[Organ.LIVER] < -4)
    if len(index) == 0:
        return []
    spacing, origin = np.asarray(body.grid.spacing), np.asarray(body.grid.origin)
    lesions = []
    for _ in range(count):
        place = origin + (index[rng.integers(len(index))] + rng.uniform(-0.5, 0.5, 3)) * spacing
        radius = float(np.exp(rng.uniform(*np.log(radius_mm))))
        lesions.append(_draw_one(rng, place, radius, contrast_hu, cysts, bright))
    return lesions


def _draw_one(
    rng: np.random.Generator,
    place: np.ndarray,
    radius: float,
    contrast_hu: tuple[float, float],
    cysts: float,
    bright: float,
) -> Lesion:
    cyst = bool(rng.random() < cysts)
    contrast = float(np.clip(rng.normal(*contrast_hu), -110, -12))
    if not cyst and rng.random() < bright:
        contrast = float(rng.uniform(15, 60))
    center = (float(place[0]), float(place[1]), float(place[2]))
    radii = tuple(radius * float(f) for f in rng.uniform(0.75, 1.3, 3))
    size = 2 * (max(radii) * 1.6 + 8)
    step = max(radius / 3, 2.0)
    knots = int(np.ceil(size / step)) + 1
    warp_grid = Grid.centered(center, (step,) * 3, (knots,) * 3)
    warp_mm = 0.0 if cyst else radius * float(rng.uniform(0.05, 0.22))
    solid = not cyst and radius > 8
    return Lesion(
        center=center,
        radii=(radii[0], radii[1], radii[2]),
        warp=smooth_noise(rng, warp_grid, max(radius * 0.7, 3.0)),
        warp_grid=warp_grid,
        warp_mm=warp_mm,
        contrast_hu=contrast,
        edge_mm=1.0 if cyst else float(rng.uniform(1, 4)),
        rim_hu=float(rng.uniform(-10, 45)) if solid and rng.random() < 0.35 else 0.0,
        core_hu=float(rng.uniform(-50, 0)) if solid and rng.random() < 0.35 else 0.0,
        texture_hu=float(rng.uniform(0, 14)) if solid else 0.0,
        cyst=cyst,
    )
