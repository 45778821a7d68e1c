"""Lesions of training variety: all kinds, phases and numbers that a liver may hold.

Contrasts reach from cysts and dead tissue to lesions that outshine the liver, in numbers from one
to dozens. Those of one patient mostly resemble each other. Cysts and hemangiomas are lesions, too:
an enclosed region that differs from the liver around it is one unless it is vessel, bile or fat.
What only looks like a lesion is a patch, and stays liver.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from liverview.phantoms.body import Body
from liverview.phantoms.fields import Point, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesions import (
    Lesion,
    LesionKind,
    add_rim_and_core,
    depth_in_liver,
    draw_plain_lesion,
    draw_warp,
    iter_centers,
)

_KINDS = (LesionKind.TUMOR, LesionKind.CYST, LesionKind.PATCH)
_KIND_WEIGHTS = (0.73, 0.11, 0.16)
_CLUSTER = (3, 8)
_DARKEST_HU, _FAINTEST_HU = -130.0, 8.0
_LEAST_PARTS_MM = 7.0
_ALIKE = 0.6  # share of the patients whose lesions resemble each other
_ALIKE_HU = 8.0
_SHALLOW_MM = 10.0


def draw_contrast(draw: RandomSource, typical_hu: tuple[float, float], bright: float) -> float:
    """Draw lesion minus liver, HU.

    ``typical_hu`` is mean and standard deviation of the phase's dark lesions, ``bright`` the share
    of lesions that are brighter than the liver.
    """
    if draw.chance(bright):
        return draw.uniform(10, 80)
    kind = draw.choice((0.5, 0.32, 0.18))
    if kind == 1:
        return draw.uniform(-110, -35)
    if kind == 2:
        return draw.uniform(-24, -_FAINTEST_HU)
    return min(max(draw.normal(*typical_hu), _DARKEST_HU), -_FAINTEST_HU)


def draw_varied_lesions(
    draw: RandomSource,
    body: Body,
    count: int,
    typical_hu: tuple[float, float],
    bright: float,
    radius_mm: tuple[float, float],
) -> list[Lesion]:
    """Draw ``count`` lesions inside the liver, some in clusters; none without a liver."""
    alike = draw_contrast(draw, typical_hu, bright) if draw.chance(_ALIKE) else None
    lesions: list[Lesion] = []
    for center in iter_centers(draw, body, count):
        if len(lesions) >= count:
            break
        own = draw_contrast(draw, typical_hu, bright)
        contrast = own if alike is None else alike + draw.normal(0, _ALIKE_HU)
        lesions.append(draw_varied_lesion(draw, center, draw.log_uniform(*radius_mm), contrast))
        if draw.chance(0.1):
            size = min(draw.integer(*_CLUSTER), count - len(lesions))
            cluster = _draw_cluster(draw, lesions[-1], size)
            lesions += [lesion for lesion in cluster if depth_in_liver(body, lesion.center) > 0]
    return lesions


def draw_patches(draw: RandomSource, body: Body) -> list[Lesion]:
    """Draw parenchyma of another density where it is common: under the capsule and at fissures.

    Focal fat beside the falciform ligament, the gallbladder and the hilum, spared fat in a fatty
    liver, uneven perfusion; wide soft edges, and vessels run through it. None without a liver.
    """
    liver = body.organs[Organ.LIVER]
    shallow = ((liver < -1) & (liver > -_SHALLOW_MM)).nonzero()
    patches = []
    for _ in range(draw.integer(1, 4) if len(shallow) else 0):
        voxel = shallow[draw.integer(0, len(shallow))].tolist()
        center = CANONICAL_GRID.point(voxel)
        plain = draw_plain_lesion(draw, center, draw.log_uniform(4, 22), (0.0, 0.0))
        patches.append(
            replace(
                plain,
                kind=LesionKind.PATCH,
                warp_mm=2.5 * plain.warp_mm,
                contrast_hu=draw.uniform(-32, -5) if draw.chance(0.65) else draw.uniform(5, 28),
                edge_mm=draw.uniform(5, 16),
            )
        )
    return patches


def _draw_cluster(draw: RandomSource, first: Lesion, count: int) -> list[Lesion]:
    """Draw smaller lesions like the first around it, some of which run together."""
    cluster = []
    for _ in range(count):
        apart = max(first.radii) * draw.uniform(0.6, 2.0) + 3
        direction = np.asarray([draw.normal(0, 1) for _ in range(3)])
        center = np.asarray(first.center) + direction / max(np.linalg.norm(direction), 1e-3) * apart
        radius = max(min(first.radii) * draw.uniform(0.25, 0.9), 2.5)
        warp_grid, warp, warp_mm = draw_warp(draw, center.tolist(), radius)
        radii = (radius * draw.uniform(0.75, 1.3), radius * draw.uniform(0.75, 1.3), radius)
        cluster.append(
            replace(
                first,
                center=(float(center[0]), float(center[1]), float(center[2])),
                radii=radii,
                warp=warp,
                warp_grid=warp_grid,
                warp_mm=warp_mm,
                core_mm=first.core_mm * radius / min(first.radii),
            )
        )
    return cluster


def draw_varied_lesion(
    draw: RandomSource, center: Point, radius: float, contrast_hu: float
) -> Lesion:
    """Draw one lesion, or what only looks like one, at ``center`` (world mm), ``radius`` in mm."""
    kind = _KINDS[draw.choice(_KIND_WEIGHTS)]
    plain = draw_plain_lesion(draw, center, radius, (contrast_hu, 0.0))
    # Borders of real lesions rise over 3 to 8 mm from a tenth to nine tenths.
    edge_mm = draw.uniform(1, min(7.0, 1.5 + 0.6 * radius))
    lesion = replace(plain, kind=kind, contrast_hu=contrast_hu, edge_mm=edge_mm)
    if draw.chance(0.3):  # grows into the liver around it
        lesion = replace(lesion, edge_mm=draw.uniform(4, 9))
    if kind is LesionKind.CYST:
        uneven = lesion.warp_mm if draw.chance(0.3) else 0.0
        return replace(lesion, warp_mm=uneven, edge_mm=1.0)
    if kind is LesionKind.PATCH:
        return replace(
            lesion,
            warp_mm=2 * lesion.warp_mm,
            contrast_hu=draw.uniform(-28, -5) if draw.chance(0.7) else draw.uniform(5, 25),
            edge_mm=draw.uniform(4, 16),
        )
    return _add_parts(draw, lesion) if radius > _LEAST_PARTS_MM else lesion


def _add_parts(draw: RandomSource, lesion: Lesion) -> Lesion:
    """Draw rim, core, mosaic and calcium of a tumor large enough to have them."""
    smallest = min(lesion.radii)
    lesion = add_rim_and_core(draw, lesion)
    if draw.chance(0.18):  # a wall as dense as the liver around what is dead
        lesion = replace(
            lesion,
            contrast_hu=draw.uniform(-18, 10),
            core_hu=draw.uniform(-110, -35),
            core_mm=draw.uniform(0.1, 0.45) * smallest,
        )
    if draw.chance(0.15):  # a capsule
        lesion = replace(lesion, rim_hu=draw.uniform(15, 60), rim_mm=draw.uniform(0.8, 1.6))
    elif draw.chance(0.1):  # a hemangioma
        lesion = replace(
            lesion,
            contrast_hu=draw.uniform(-55, -10),
            rim_hu=draw.uniform(40, 120),
            rim_mm=draw.uniform(0.12, 0.35) * smallest,
            nodular=True,
        )
    if draw.chance(0.2):  # a mosaic of dead, fatty and enhancing parts
        lesion = replace(lesion, texture_hu=draw.uniform(10, 32), texture_waves=draw.uniform(4, 9))
    if draw.chance(0.1):  # embolized, bled into, or calcified
        lesion = replace(lesion, calcium_hu=draw.uniform(80, 700))
    return lesion
