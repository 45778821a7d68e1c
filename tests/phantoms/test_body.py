"""Bodies and heads."""

from __future__ import annotations

import pytest
import torch

from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import draw_body, draw_head
from liverview.phantoms.fields import (
    FAR_MM,
    Field,
    Grid,
    RandomSource,
)
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesions import draw_lesions
from liverview.phantoms.morph import grid_points
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.vessels import grow_trees


def test_a_head_has_no_liver_no_vessels_and_no_lesions() -> None:
    draw = RandomSource(0)
    head = draw_head(draw)
    portal, hepatic = grow_trees(draw, head)
    assert len(portal.radius) == len(hepatic.radius) == 0
    assert draw_lesions(draw, head, 5) == []
    patient = Patient(head, draw_appearance(draw), portal, hepatic, [])
    painting = paint(patient, Grid.centered((0, 25, 5), (8,) * 3, (48, 42, 56)))
    assert not painting.labels.any()
    assert not (painting.organs == Organ.LIVER).any()
    assert (painting.organs == Organ.BONE).any()


@pytest.mark.parametrize("seed", range(6))
def test_bodies_are_anatomically_in_order(seed: int) -> None:
    """The liver on the right, the spleen on the left, lungs above both."""
    drawn = draw_body(RandomSource(seed), training_variety=seed % 2 == 1)
    x, _, z = grid_points(CANONICAL_GRID, torch.device("cpu"))

    def middle(organ: Organ, axis: Field) -> float:
        return float(axis[drawn.organs[organ] < 0].mean())

    assert middle(Organ.LIVER, x) > 15
    if (drawn.organs[Organ.SPLEEN] < 0).any():
        assert middle(Organ.SPLEEN, x) < -30
    assert middle(Organ.LUNG, z) > middle(Organ.LIVER, z)
    assert middle(Organ.HEART, z) > middle(Organ.LIVER, z)
    liver = drawn.organs[Organ.LIVER] < 0
    assert 400 < float(liver.sum()) * 0.064 < 4500
    assert float((drawn.skin[liver] < 0).float().mean()) > 0.98
    assert all(d.abs().max() <= FAR_MM for d in drawn.organs.values())
