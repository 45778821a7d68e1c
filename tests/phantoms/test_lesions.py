"""Lesions of training variety, and livers that bulge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from liverview.phantoms.body import Body
from liverview.phantoms.fields import (
    Grid,
    RandomSource,
)
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesions import LesionKind, bulge_liver, draw_lesion, draw_lesions


def test_lesions_of_training_variety_are_of_all_kinds_and_stay_where_they_belong(
    body: Body,
) -> None:
    draw = RandomSource(11)
    lesions = draw_lesions(draw, body, 120, radius_mm=(3.0, 50.0), training_variety=True)
    assert len(lesions) == 120
    kinds = [lesion.kind for lesion in lesions]
    assert all(kinds.count(kind) > 5 for kind in LesionKind)
    assert any(lesion.calcium_hu for lesion in lesions)
    assert any(0 < lesion.rim_mm < 2 for lesion in lesions)
    grid = Grid.centered((0, 0, 0), (1, 1, 1), (90, 90, 90))
    for lesion in lesions[:12]:
        local = replace(grid, origin=tuple(c - 44.5 for c in lesion.center))
        distance = lesion.distance(local)
        hu = torch.full(grid.shape, 100.0)
        painted = lesion.paint_hu(hu, distance, local, 100.0, 10.0)
        assert torch.equal(painted[distance > lesion.edge_mm], hu[distance > lesion.edge_mm])
        assert float((painted - hu).abs().max()) > 2
        assert float(painted.min()) >= -10


def test_a_lesion_near_the_capsule_lifts_it_and_one_deep_inside_does_not(body: Body) -> None:
    liver = body.organs[Organ.LIVER]
    depth = {"deep": float(liver.min()) + 1, "shallow": -5.0}
    for name, wanted in depth.items():
        index = (liver - wanted).abs().argmin()
        place = CANONICAL_GRID.point(
            [int(n) for n in np.unravel_index(int(index), CANONICAL_GRID.shape)]
        )
        radius = 8.0 if name == "deep" else 14.0
        lesion = draw_lesion(RandomSource(3), place, radius, (-40.0, 5.0))
        grown = bulge_liver(body, [lesion]).organs[Organ.LIVER]
        assert bool((grown < liver).any()) == (name == "shallow")
        assert not (grown > liver).any()
        assert not ((grown < 0) & (liver >= 0) & (body.cavity > 0)).any()
