"""Liver lesions: warped ellipsoids with rim, capsule, necrotic core, calcium, uneven texture.

Sizes and contrasts follow the recipe of hand-made tumors that trained networks as good as
real ones (Hu et al., CVPR 2023, arXiv:2303.14869), widened to bright, large and clustered
lesions and to what only looks like one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from liverview.phantoms.body import Body
from liverview.phantoms.fields import Field, Grid, Point, RandomSource, resample, smooth_noise
from liverview.phantoms.frame import CANONICAL_GRID, Organ

_BULGE_MM = 8.0  # a lesion that comes nearer to the capsule than this may lift it
_COVER_MM = 1.0  # of liver over a lesion that does
_LEAST_CONTRAST_HU = 6.0
_ROSE_MM = 3.0  # noise that a contrast equals at the radius of so many mm
_LEAST_HU = -10.0  # what is dead is water, not fat
_LEAST_PARTS_MM = 8.0  # radius of a lesion that may have a rim and a core
_FATTY_HU = 30.0  # below a liver that is nearly as fat itself, a dark tumor stays as dark


class LesionKind(Enum):
    """The kind of a lesion; all but patches are labeled as tumors."""

    TUMOR = "tumor"
    CYST = "cyst"
    PATCH = "patch"
    """Parenchyma of another density, which stays liver: fat, uneven perfusion."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion.

    Attributes
    ----------
    kind : tumor, cyst or patch.
    center : world mm.
    radii : mm along x, y, z before warping.
    warp : noise of about unit variance around the center, on ``warp_grid``.
    warp_mm : how far the warp moves the surface.
    contrast_hu : lesion minus parenchyma.
    edge_mm : width of the transition.
    rim_hu, rim_mm : added in a shell so far below the surface; a thin one is a capsule.
    nodular : True for a rim of separate nodules, as hemangiomas have it.
    core_hu, core_mm : added in the core, which begins so far below the surface.
    texture_hu, texture_waves : how uneven it is inside, and how finely; above 3 it is a mosaic.
    calcium_hu : added in specks.
    """

    kind: LesionKind
    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    warp: Field
    warp_grid: Grid
    warp_mm: float
    contrast_hu: float
    edge_mm: float
    rim_hu: float = 0.0
    rim_mm: float = 3.0
    nodular: bool = False
    core_hu: float = 0.0
    core_mm: float = 4.0
    texture_hu: float = 0.0
    texture_waves: float = 3.0
    calcium_hu: float = 0.0

    @property
    def extent_mm(self) -> float:
        """The distance from the center beyond which the lesion changes nothing, mm."""
        return max(self.radii) * 1.2 + 3 * self.warp_mm + max(4.0, self.edge_mm)

    def is_visible(self, noise_hu: float, slice_mm: float) -> bool:
        """True where a reader can tell it from the liver under noise of ``noise_hu``.

        What can be told apart is fainter the larger it is (Rose 1948, doi:10.1364/JOSA.38.000196);
        thick slices take contrast from what is smaller than they are.
        """
        if self.kind is LesionKind.CYST:
            return 2 * min(self.radii) > slice_mm / 2
        hu = max(abs(self.contrast_hu), abs(self.contrast_hu + self.core_hu), abs(self.rim_hu))
        radius = float(np.prod(self.radii)) ** (1 / 3)
        hu *= min(1.0, 2 * radius / slice_mm)
        return hu > max(_LEAST_CONTRAST_HU, _ROSE_MM * noise_hu / radius)

    def box(self, grid: Grid) -> tuple[slice, slice, slice] | None:
        """The box of a grid that the lesion may touch; None where it lies outside."""
        box = []
        for axis in range(3):
            middle = (self.center[axis] - grid.origin[axis]) / grid.spacing[axis]
            reach = self.extent_mm / grid.spacing[axis]
            first = max(math.ceil(middle - reach), 0)
            last = min(math.floor(middle + reach) + 1, grid.shape[axis])
            if first >= last:
                return None
            box.append(slice(first, last))
        return box[0], box[1], box[2]

    def _slope_along_z(self, grid: Grid) -> Field:
        """By how many mm the distance to the unwarped lesion changes per mm along z, 0 or more."""
        x, y, z = (
            (a - c) / r
            for a, c, r in zip(grid.axes(self.warp.device), self.center, self.radii, strict=True)
        )
        norm = (x**2 + y**2 + z**2).sqrt().clamp(min=1e-3)
        return z.abs() / norm * (min(self.radii) / self.radii[2])

    def distance(self, grid: Grid) -> Field:
        """Signed distance in mm, negative inside, on a grid near the lesion."""
        x, y, z = (a - c for a, c in zip(grid.axes(self.warp.device), self.center, strict=True))
        squared = sum(
            ((a / r) ** 2 for a, r in zip((x, y, z), self.radii, strict=True)), torch.zeros(())
        )
        ball = (squared.sqrt() - 1) * min(self.radii)
        return ball + resample(self.warp, self.warp_grid, grid) * self.warp_mm

    def paint_hu(
        self,
        hu: Field,
        distance: Field,
        grid: Grid,
        liver_hu: float,
        fluid_hu: float,
        slice_mm: float = 0.0,
    ) -> Field:
        """Paint the lesion over HU on a grid near it; ``distance`` may be clipped to an organ.

        Where slices of ``slice_mm`` cut the surface aslant, they mix lesion and liver.
        """
        edge: Field | float = self.edge_mm
        if slice_mm:
            edge = (slice_mm * self._slope_along_z(grid)).clamp(min=self.edge_mm)
        weight = (0.5 - distance / edge).clamp(0, 1)
        if self.kind is LesionKind.PATCH:  # vessels run through it
            return hu + weight * self.contrast_hu
        base = fluid_hu if self.kind is LesionKind.CYST else liver_hu + self.contrast_hu
        target = torch.full_like(distance, base)
        texture = resample(self.warp, self.warp_grid, grid)
        rim = torch.exp(-(((distance + self.rim_mm) / self.rim_mm) ** 2))
        target += self.rim_hu * (rim * (torch.sin(4 * texture) > 0) if self.nodular else rim)
        if self.core_hu:
            soft = max(0.3 * min(self.radii), 2.0)
            depth = -distance - self.core_mm + 0.15 * min(self.radii) * texture
            target += self.core_hu * (depth / soft).clamp(0, 1)
        target += self.texture_hu * self._mosaic(grid, texture)
        target.clamp_(min=min(_LEAST_HU, liver_hu - _FATTY_HU))
        if self.calcium_hu:
            target += self.calcium_hu * (self._calcium(grid, texture) & (distance < -1))
        return torch.lerp(hu, target, weight)

    def _mosaic(self, grid: Grid, texture: Field) -> Field:
        """Waves of the texture, broken into patches where they are fine, about -1..1."""
        waves = torch.sin(self.texture_waves * texture)
        if self.texture_waves <= 3:
            return waves
        # Mirrored in its center the texture is another one: waves of both leave no rings.
        return waves * torch.sin(4 * resample(self.warp.flip(0, 1, 2), self.warp_grid, grid) + 1)

    def _calcium(self, grid: Grid, texture: Field) -> Tensor:
        """Specks in clumps: three waves aslant, bent by the texture, where it is high."""
        x, y, z = grid.axes(texture.device)
        waves = (
            torch.sin((x + 0.7 * y - 0.4 * z) / 1.1 + 4 * texture),
            torch.sin((y - 0.8 * z + 0.5 * x) / 1.6 - 6 * texture),
            torch.sin((z + 0.6 * x - 0.3 * y) / 2.3 + 5 * texture),
        )
        return (waves[0] * waves[1] * waves[2] > 0.55) & (texture > 0.1)


def draw_lesions(
    draw: RandomSource,
    body: Body,
    count: int,
    contrast_hu: tuple[float, float] = (-45.0, 22.0),
    radius_mm: tuple[float, float] = (4.0, 40.0),
) -> list[Lesion]:
    """Draw ``count`` lesions inside the liver, none where the body has no liver.

    ``contrast_hu`` is mean and standard deviation of dark lesions, ``radius_mm`` the range
    of radii (log-uniform).
    """
    lesions = []
    for center in iter_centers(draw, body, count):
        radius = draw.log_uniform(*radius_mm)
        lesions.append(draw_lesion(draw, center, radius, contrast_hu))
    return lesions


def iter_centers(draw: RandomSource, body: Body, count: int) -> Iterator[Point]:
    """Draw ``count`` points inside the liver, world mm; none where the body has no liver."""
    candidates = (body.organs[Organ.LIVER] < -4).nonzero()
    for _ in range(count if len(candidates) else 0):
        voxel = candidates[draw.integer(0, len(candidates))].tolist()
        yield tuple(
            o + (i + draw.uniform(-0.5, 0.5)) * s
            for o, i, s in zip(CANONICAL_GRID.origin, voxel, CANONICAL_GRID.spacing, strict=True)
        )


def depth_in_liver(body: Body, point: Point) -> float:
    """The depth of a point (world mm) inside the liver, mm; negative outside."""
    single = Grid.centered(point, CANONICAL_GRID.spacing, (1, 1, 1))
    return -float(resample(body.organs[Organ.LIVER], CANONICAL_GRID, single))


def draw_warp(draw: RandomSource, center: Point, radius: float) -> tuple[Grid, Field, float]:
    """Draw noise around a lesion, and the mm by which it moves the surface."""
    size = 2 * (radius * 1.3 * 1.6 + 8)
    step = max(radius / 3, 2.0)
    knots = math.ceil(size / step) + 1
    grid = Grid.centered(center, (step,) * 3, (knots,) * 3)
    return grid, smooth_noise(draw, grid, max(radius * 0.7, 3.0)), radius * draw.uniform(0.05, 0.22)


def draw_lesion(
    draw: RandomSource, center: Point, radius: float, contrast_hu: tuple[float, float]
) -> Lesion:
    """Draw one lesion at ``center`` (world mm), ``radius`` in mm."""
    lesion = draw_plain_lesion(draw, center, radius, contrast_hu)
    return add_rim_and_core(draw, lesion) if radius > _LEAST_PARTS_MM else lesion


def add_rim_and_core(draw: RandomSource, lesion: Lesion) -> Lesion:
    """Draw rim, core and texture of a tumor large enough to have them."""
    rim, core = draw.chance(0.35), draw.chance(0.35)
    return replace(
        lesion,
        rim_hu=draw.uniform(-10, 45) if rim else 0.0,
        core_hu=draw.uniform(-50, 0) if core else 0.0,
        core_mm=0.4 * min(lesion.radii),
        texture_hu=draw.uniform(0, 14),
    )


def draw_plain_lesion(
    draw: RandomSource, center: Point, radius: float, contrast_hu: tuple[float, float]
) -> Lesion:
    """Draw a lesion without rim, core and texture: one in seven is brighter than the liver."""
    warp_grid, warp, warp_mm = draw_warp(draw, center, radius)
    radii = (
        radius * draw.uniform(0.75, 1.3),
        radius * draw.uniform(0.75, 1.3),
        radius * draw.uniform(0.75, 1.3),
    )
    contrast = min(max(draw.normal(*contrast_hu), -110), -12)
    if draw.chance(0.15):
        contrast = draw.uniform(15, 60)
    place = (float(center[0]), float(center[1]), float(center[2]))
    return Lesion(
        LesionKind.TUMOR, place, radii, warp, warp_grid, warp_mm, contrast, draw.uniform(1, 4)
    )


def bulge_liver(body: Body, lesions: Sequence[Lesion]) -> Body:
    """Lift the liver's surface over the lesions that lie in it near its capsule."""
    liver = body.organs[Organ.LIVER]
    for lesion in lesions:
        box = lesion.box(CANONICAL_GRID)
        if box is None or depth_in_liver(body, lesion.center) <= 0:
            continue
        local = CANONICAL_GRID.crop([s.start for s in box], [s.stop for s in box])
        distance = torch.maximum(lesion.distance(local) - _COVER_MM, body.cavity[box])
        if bool((liver[box][distance < 0] > -_BULGE_MM).any()):
            liver = liver.clone()
            liver[box] = torch.minimum(liver[box], distance)
    return replace(body, organs={**body.organs, Organ.LIVER: liver})
