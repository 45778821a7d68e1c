"""Painting: structures beside vessels, metal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body
from liverview.phantoms.config import Phase
from liverview.phantoms.fields import (
    Grid,
    RandomSource,
)
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.vessels import Tree, grow_trees


@pytest.mark.parametrize(
    ("name", "value", "darker"),
    [("sleeve_mm", 3.0, True), ("ducts_mm", 5.0, True), ("wall_calcium_from", 0.5, False)],
)
def test_what_lies_along_the_portal_vein_is_liver(
    body: Body, name: str, value: float, darker: bool
) -> None:
    """Edema, wide ducts and calcium change what is seen and no label, and stay near the vein."""
    portal, hepatic = grow_trees(RandomSource(1), body, leaves=30)
    look = draw_appearance(RandomSource(2), Phase.PORTAL)
    odd = replace(look, numbers={**look.numbers, "sleeve_hu": -40.0, name: value})
    grid = Grid.centered(body.hilum, (1.5, 1.5, 2), (70, 70, 12))
    plain, seen = (paint(Patient(body, one, portal, hepatic, []), grid) for one in (look, odd))
    assert torch.equal(plain.labels, seen.labels)
    change = seen.hu - plain.hu
    assert float(change[seen.labels == Label.VESSEL].abs().max()) == 0
    changed = change.abs() > 5
    assert changed.sum() > 20
    assert bool((change[changed] < 0).all()) == darker
    near = torch.nn.functional.max_pool3d(
        (portal.distance(grid) < 0).float()[None], (11, 11, 7), 1, (5, 5, 3)
    )[0]
    assert near[changed].all()


def test_metal_is_bright_and_liver(body: Body) -> None:
    ends = (np.array([[c + shift for c in body.hilum]], np.float32) for shift in (-6, 0))
    clip = Tree(*ends, np.full((1, 2), 1.1, np.float32))
    patient = Patient(body, draw_appearance(RandomSource(2)), Tree.empty(), Tree.empty(), [])
    grid = Grid.centered([c - 3 for c in body.hilum], (1, 1, 1), (30, 30, 30))
    plain, seen = paint(patient, grid), paint(replace(patient, metal=clip), grid)
    assert torch.equal(plain.labels, seen.labels)
    assert 5 < int((seen.hu > 2000).sum()) < 100
