"""Irregularities of bodies for training: masses, swollen and missing organs, notches."""

from __future__ import annotations

import torch

from liverview.phantoms.bank import Torso
from liverview.phantoms.fields import FAR_MM, Field, RandomSource, smooth_noise
from liverview.phantoms.frame import CANONICAL_GRID, WALL_ORGANS, Organ
from liverview.phantoms.morph import grid_points, insert_ball

# How much surfaces of organs vary: offset, waves of 50 mm, waves of 22 mm; SD in mm.
_SURFACE_SD = {
    Organ.BONE: (1.0, 0.5, 0.5),
    Organ.LUNG: (2.0, 2.0, 1.0),
    Organ.LIVER: (0.7, 0.7, 0.5),
    Organ.SPLEEN: (4.0, 3.0, 1.5),
    Organ.KIDNEY: (2.0, 1.5, 1.0),
    Organ.STOMACH: (6.0, 5.0, 2.0),
    Organ.BOWEL: (4.0, 4.0, 4.0),
    Organ.GALLBLADDER: (3.0, 2.0, 1.0),
    Organ.HEART: (3.0, 3.0, 1.5),
    Organ.ARTERY: (1.0, 1.0, 0.5),
    Organ.VEIN: (1.0, 1.0, 0.5),
    Organ.OTHER: (2.0, 2.0, 2.0),
}
_SWOLLEN = (  # with which chance, and from how many to how many mm
    (Organ.STOMACH, 0.2, (4, 20)),
    (Organ.SPLEEN, 0.12, (4, 14)),
    (Organ.HEART, 0.12, (3, 11)),
    (Organ.GALLBLADDER, 0.2, (2, 9)),
    (Organ.BOWEL, 0.12, (2, 8)),
)
_MISSING = ((Organ.GALLBLADDER, 0.12), (Organ.SPLEEN, 0.03), (Organ.KIDNEY, 0.02))


def draw_mass(draw: RandomSource, torso: Torso, points: Field) -> tuple[Field, Field | None]:
    """Draw a tumor, cyst or hematoma beside the liver that pushes organs away.

    Returns the torso's coordinates of every point with room for it, (3, i, j, k) mm, and the
    distance to it, None where the torso has no place for one.
    """
    radius = draw.log_uniform(16, 66)
    liver = torso.organs[Organ.LIVER]
    free = (liver > 0.3 * radius) & (liver < 0.3 * radius + 40) & (torso.cavity < -4)
    free &= torso.organs[Organ.LUNG] > 8
    candidates = free.nonzero()
    if len(candidates) == 0:
        return points, None
    center = CANONICAL_GRID.point(candidates[draw.integer(0, len(candidates))].tolist())
    uneven = points + smooth_noise(draw, CANONICAL_GRID, draw.uniform(30, 50)) * 0.08 * radius
    return insert_ball(uneven, center, radius)


def carve_mass(organs: dict[Organ, Field], mass: Field) -> None:
    """Take a mass out of every organ but the wall's and add it to `Organ.OTHER`, in place."""
    for organ in organs.keys() - {Organ.BONE, Organ.MUSCLE}:
        organs[organ] = torch.maximum(organs[organ], -mass)
    organs[Organ.OTHER] = torch.minimum(organs[Organ.OTHER], mass)


def vary_organs(draw: RandomSource, organs: dict[Organ, Field]) -> None:
    """Swell or shrink organs, make their surfaces uneven, take some away, in place."""
    waves, ripples = smooth_noise(draw, CANONICAL_GRID, 50), smooth_noise(draw, CANONICAL_GRID, 22)
    crowded = draw.uniform(1, 6) if draw.chance(0.3) else 0.0  # hardly any fat between the organs
    for organ, (offset, wave, ripple) in _SURFACE_SD.items():
        change = draw.normal(0, offset)
        if organ not in WALL_ORGANS and organ is not Organ.LUNG:
            change -= crowded if organ is not Organ.LIVER else 0.3 * crowded
        organs[organ] = (
            organs[organ]
            + change
            + waves * (wave * draw.uniform(0.2, 1.4))
            + ripples * (ripple * draw.uniform(0.2, 1.4))
        )
    for organ, chance, swelling in _SWOLLEN:
        if draw.chance(chance):
            organs[organ] = organs[organ] - draw.uniform(*swelling)
    for organ, chance in _MISSING:
        if draw.chance(chance):
            organs[organ] = torch.full_like(organs[organ], FAR_MM)


def cut_notches(draw: RandomSource, organs: dict[Organ, Field]) -> None:
    """Draw structures that mimic tumors at the liver's edge into the organs, in place.

    They are a thick diaphragm, folds of it, and clefts of fat. A fold is a wedge that cuts
    into the liver from its surface, of muscle or of fat.
    """
    if draw.chance(0.3):
        _thicken_diaphragm(draw, organs)
    liver = organs[Organ.LIVER]
    surface = (liver.abs() < 3).nonzero()
    if len(surface) == 0 or not draw.chance(0.4):
        return
    uneven = smooth_noise(draw, CANONICAL_GRID, 28)
    points = grid_points(CANONICAL_GRID, draw.device)
    for _ in range(draw.integer(1, 4)):
        center = CANONICAL_GRID.point(surface[draw.integer(0, len(surface))].tolist())
        normal = torch.tensor([draw.normal(0, 1) for _ in range(3)], device=draw.device)
        away = points - torch.tensor(center, device=draw.device)[:, None, None, None]
        across = torch.tensordot(normal / normal.norm().clamp(min=1e-3), away, dims=1)
        depth, thickness, reach = draw.uniform(8, 35), draw.uniform(2, 7), draw.uniform(15, 55)
        width = thickness * (1 + liver / depth)  # widest at the surface, none where it ends
        fold = torch.maximum((across + 4 * uneven).abs() - width, away.norm(dim=0) - reach)
        fold = torch.maximum(fold, liver - 5)
        organs[Organ.LIVER] = torch.maximum(organs[Organ.LIVER], -fold)
        if draw.chance(0.5):
            organs[Organ.MUSCLE] = torch.minimum(organs[Organ.MUSCLE], fold + draw.uniform(0, 2))


def _thicken_diaphragm(draw: RandomSource, organs: dict[Organ, Field]) -> None:
    """Put a sheet of muscle between lung and liver."""
    liver = organs[Organ.LIVER]
    sheet = draw.uniform(2, 7) + 2 * smooth_noise(draw, CANONICAL_GRID, 40)
    between = torch.maximum(liver - sheet, organs[Organ.LUNG] - 1)
    organs[Organ.LUNG] = torch.maximum(organs[Organ.LUNG], sheet - liver)
    organs[Organ.MUSCLE] = torch.minimum(organs[Organ.MUSCLE], between)
