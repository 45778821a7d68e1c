"""Warps: registration of shapes, room for a mass."""

from __future__ import annotations

import pytest
import torch

from liverview.phantoms.fields import (
    Field,
)
from liverview.phantoms.frame import CANONICAL_GRID
from liverview.phantoms.morph import grid_points, insert_ball, register_demons, sample_fields


def _ball(center: tuple[float, float, float], radius: float) -> Field:
    at = grid_points(CANONICAL_GRID, torch.device("cpu"))
    return (at - torch.tensor(center)[:, None, None, None]).square().sum(dim=0).sqrt() - radius


def _overlap(one: Field, other: Field) -> float:
    a, b = one < 0, other < 0
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def test_one_shape_bends_into_another() -> None:
    source = _ball((40, 30, 20), 60)
    target = torch.minimum(_ball((50, 30, 10), 65), _ball((-10, 50, 30), 35))
    assert _overlap(source, target) < 0.8
    bend = register_demons(source, target, CANONICAL_GRID)
    there = grid_points(CANONICAL_GRID, bend.device) + bend
    assert _overlap(sample_fields(source[None], CANONICAL_GRID, there)[0], target) > 0.95
    far = _ball((50, 30, 10), 160) > 0
    assert float(bend.square().sum(dim=0).sqrt()[far].max()) < 8  # the rest of the body stays


def test_a_mass_pushes_and_takes_nothing_away() -> None:
    organ = _ball((60, 30, 0), 40)
    at, distance = insert_ball(
        grid_points(CANONICAL_GRID, torch.device("cpu")), (10.0, 30.0, 0.0), 30.0
    )
    moved = torch.maximum(sample_fields(organ[None], CANONICAL_GRID, at)[0], -distance)
    assert float((distance < 0).sum()) * 0.064 == pytest.approx(113, rel=0.03)
    assert float((moved < 0).sum()) == pytest.approx(float((organ < 0).sum()), rel=0.04)
    middle = grid_points(CANONICAL_GRID, organ.device)[0][moved < 0].mean()
    assert float(middle) > 62  # it went away from the mass, from 60
