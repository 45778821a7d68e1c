"""The bank: livers, resections, bodies."""

from __future__ import annotations

import torch

from liverview.phantoms import bank
from liverview.phantoms.frame import CANONICAL_GRID, Organ


def test_livers_of_the_bank_are_livers() -> None:
    names = bank.liver_names()
    assert len(names) == 140
    for name in names[::35]:
        liver = bank.liver(name, torch.device("cpu"))
        assert 500_000 < liver.volume < 4_000_000
        inside = (liver.distance < 0).nonzero().float()
        away = torch.tensor(liver.grid.origin) + inside * torch.tensor(liver.grid.spacing)
        assert away.mean(dim=0).abs().max() < 1  # mm from the center of mass
        # The right lobe is on the right: the lower half lies there.
        assert away[away[:, 2] < 0][:, 0].mean() > away[away[:, 2] > 0][:, 0].mean()


def test_a_resection_takes_its_segments() -> None:
    name = bank.liver_names()[0]
    whole = bank.liver(name, torch.device("cpu"))
    for cut in bank.resections(name):
        rest = bank.liver(name, torch.device("cpu"), cut)
        assert 350_000 * 0.97 < rest.volume < 0.95 * whole.volume


def test_bodies_of_the_bank_have_every_organ() -> None:
    for name in bank.body_names():
        torso = bank.body(name, torch.device("cpu"))
        assert set(torso.organs) == {organ for organ in Organ if organ > Organ.FAT}
        assert all((field < 0).any() for field in torso.organs.values())
        assert torso.known_z_range[1] - torso.known_z_range[0] > 200
        liver = torso.organs[Organ.LIVER]
        for place in (torso.hilum, torso.confluence):
            index = [
                round((p - o) / s)
                for p, o, s in zip(
                    place, CANONICAL_GRID.origin, CANONICAL_GRID.spacing, strict=True
                )
            ]
            assert float(liver[tuple(index)]) < 12  # mm
