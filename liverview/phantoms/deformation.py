"""The deformation that poses a torso: scale, rotation, shift, a warp at two scales."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from liverview.phantoms.bank import Torso
from liverview.phantoms.fields import Field, RandomSource, resample
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.morph import (
    grid_points,
    random_displacement,
    rotation_matrix,
    sample_fields,
)

_LOOSE = {  # organs with a pose of their own: about which point, mm
    Organ.SPLEEN: (-100.0, -20.0, 30.0),
    Organ.STOMACH: (-50.0, 45.0, 10.0),
    Organ.HEART: (-28.0, 65.0, 100.0),
}


def draw_deformation(draw: RandomSource, training_variety: bool) -> Field:
    """Draw the torso's coordinates of every point of `CANONICAL_GRID`, (3, i, j, k) mm."""
    angles = [draw.normal(0, 0.05), draw.normal(0, 0.05), draw.normal(0, 0.08)]
    if training_variety and draw.chance(0.04):
        angles[2] += draw.uniform(-0.6, 0.6)  # lying on the side
    size = 1 / (draw.uniform(0.82, 1.14) if training_variety else draw.uniform(0.9, 1.08))
    scale = [size * draw.uniform(0.92, 1.08) for _ in range(3)]
    matrix = rotation_matrix(angles, draw.device) * torch.tensor(scale, device=draw.device)[:, None]
    shift = [draw.normal(0, 8) if training_variety else 0.0 for _ in range(3)]
    points = torch.tensordot(matrix, grid_points(CANONICAL_GRID, draw.device), dims=1)
    points = points + torch.tensor(shift, device=draw.device)[:, None, None, None]
    large_mm, small_mm = 3.0, 1.0
    if training_variety:
        large_mm, small_mm = draw.uniform(2, 7), draw.uniform(0.5, 2.5)
    points = points + random_displacement(draw, CANONICAL_GRID, draw.uniform(70, 110), large_mm)
    return points + random_displacement(draw, CANONICAL_GRID, draw.uniform(28, 45), small_mm)


def deform_torso(
    draw: RandomSource,
    torso: Torso,
    organ_points: Field,
    wall_points: Field,
    training_variety: bool,
) -> Torso:
    """Sample a torso at deformed points, (3, i, j, k) mm; the wall has points of its own.

    With ``training_variety``, loose organs get a small pose of their own.
    """
    loose = _LOOSE if training_variety else {}
    walls = (Organ.BONE, Organ.MUSCLE)
    wall_fields = [*(torso.organs[organ] for organ in walls), torso.trunk, torso.cavity]
    *wall_organs, trunk, cavity = sample_fields(
        torch.stack(wall_fields), CANONICAL_GRID, wall_points
    )
    soft = [organ for organ in torso.organs if organ not in loose and organ not in walls]
    soft_fields = torch.stack([torso.organs[organ] for organ in soft])
    sampled = dict(zip(walls, wall_organs, strict=True))
    sampled |= dict(
        zip(soft, sample_fields(soft_fields, CANONICAL_GRID, organ_points), strict=True)
    )
    for organ, center in loose.items():
        sampled[organ] = _sample_loose_organ(draw, torso.organs[organ], center, organ_points)
    return replace(
        torso,
        organs={organ: sampled[organ] for organ in torso.organs},
        trunk=trunk,
        cavity=cavity,
        hilum=_locate_point(organ_points, torso.hilum),
        confluence=_locate_point(organ_points, torso.confluence),
        known_z_range=_known_z_range(organ_points, torso.known_z_range),
    )


def _sample_loose_organ(
    draw: RandomSource, organ: Field, center: tuple[float, float, float], points: Field
) -> Field:
    """Sample an organ, stretched about its center and shifted, at every second point."""
    middle = torch.tensor(center, device=draw.device)[:, None, None, None]
    stretch = torch.tensor([math.exp(draw.normal(0, 0.09)) for _ in range(3)], device=draw.device)
    shift = torch.tensor([draw.normal(0, 6) for _ in range(3)], device=draw.device)
    own = (points - middle) * stretch[:, None, None, None] + middle
    own = own[:, ::2, ::2, ::2] + shift[:, None, None, None]
    coarse = sample_fields(organ[None], CANONICAL_GRID, own)[0]
    wide = torch.nn.functional.pad(coarse[None, None], (0, 1, 0, 1, 0, 1), mode="replicate")
    return resample(wide[0, 0], CANONICAL_GRID.coarser(2), CANONICAL_GRID)


def _known_z_range(points: Field, torso_range: tuple[float, float]) -> tuple[float, float]:
    """World z between which nearly every voxel of a slice is known."""
    inside = (points[2] >= torso_range[0]) & (points[2] <= torso_range[1])
    known = inside.float().mean(dim=(0, 1)) > 0.97
    z = CANONICAL_GRID.axis(2)[known.cpu()]
    return (float(z[0]), float(z[-1])) if len(z) else (0.0, 0.0)


def _locate_point(points: Field, point: tuple[float, float, float]) -> tuple[float, float, float]:
    """World mm of the grid point that shows ``point`` of the torso."""
    target = torch.tensor(point, device=points.device)[:, None, None, None]
    index = int((points - target).square().sum(dim=0).argmin())
    j, k = CANONICAL_GRID.shape[1:]
    return CANONICAL_GRID.point((index // (j * k), index // k % j, index % k))
