"""The simulated scanner, one effect at a time."""

from __future__ import annotations

import pytest
import torch

from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body
from liverview.phantoms.fields import (
    Field,
    Grid,
    RandomSource,
)
from liverview.phantoms.frame import Organ
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.scanner import Scanner, ScanSimulation
from liverview.phantoms.vessels import grow_trees


def test_a_scan_differs_from_the_plain_one_by_what_was_asked_for(body: Body) -> None:
    draw = RandomSource(3)
    grid = Grid.centered((0, 25, 5), (4, 4, 4), (96, 80, 64))
    patient = Patient(body, draw_appearance(draw), *grow_trees(draw, body), [])
    painting = paint(patient, grid)

    def image(**changes: object) -> Field:
        scanner = Scanner(noise_hu=0.0, uneven=0.0, seed=4, **changes)  # type: ignore[arg-type]
        return ScanSimulation(scanner, body, RandomSource(9)).image(painting, grid)

    plain = image(table=False)
    assert torch.equal(image(table=False), plain)
    assert float((image(table=False, offset_hu=7.0) - plain).mean()) == pytest.approx(7, abs=0.01)
    below = image(table=True) - plain
    assert (below.abs() > 30).any()
    assert not (below[painting.organs > Organ.FAT].abs() > 30).any()
    shaded = image(table=False, shading_hu=6.0) - plain
    assert 1 < float(shaded.std()) < 12
    assert float((image(table=False, arms=True) - plain).max()) > 500
    assert float((image(table=False, metal=True) - plain).max()) > 500
