"""Partial volume of thick slices against many thin ones."""

from __future__ import annotations

import torch

from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body
from liverview.phantoms.fields import Grid, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesions import LesionKind, draw_plain_lesion
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.partial_volume import mix_slices
from liverview.phantoms.vessels import Tree

_THIN = 8  # slices that one thick one is averaged from


def test_a_slanted_border_is_a_ramp_that_an_average_over_the_slice_gives() -> None:
    x = torch.arange(60.0)[:, None, None] - 30
    z = 5.0 * torch.arange(5)[None, None, :] - 10
    thin = z[..., None] + 5 * (torch.arange(200) + 0.5) / 200 - 2.5
    for slope in (0.3, 1.0, -0.6):
        border = x + 0 * z + z / slope
        painted = torch.where(border < 0, 110.0, -820.0)
        expected = torch.where(x[..., None] + thin / slope < 0, 110.0, -820.0).mean(dim=-1)
        mixed = mix_slices(painted, border)
        assert float((mixed - expected)[:, :, 1:-1].abs().max()) < 10
        assert float((painted - expected)[:, :, 1:-1].abs().max()) > 300


def test_few_slices_stay_as_they_are() -> None:
    hu = torch.rand(4, 4, 2)
    assert mix_slices(hu, hu - 0.5) is hu


def test_the_dome_in_thick_slices_is_as_thin_ones_average_it(body: Body) -> None:
    liver, lung = body.organs[Organ.LIVER], body.organs[Organ.LUNG]
    dome = ((liver.abs() < 4) & (lung.abs() < 8)).nonzero()
    place = CANONICAL_GRID.point(dome[dome[:, 2].argmax()].tolist())
    patient = Patient(body, draw_appearance(RandomSource(2)), Tree.empty(), Tree.empty(), [])
    errors = _errors(patient, Grid.centered(place, (2.5, 2.5, 5.0), (40, 40, 7)), at_border=True)
    assert errors[1] < 0.75 * errors[0]


def test_a_lesion_between_slices_is_as_thin_ones_average_it(body: Body) -> None:
    deepest = int(body.organs[Organ.LIVER].argmin())
    index = torch.unravel_index(torch.tensor(deepest), body.organs[Organ.LIVER].shape)
    place = CANONICAL_GRID.point([int(n) for n in index])
    lesion = draw_plain_lesion(RandomSource(1), place, 9.0, (-60.0, 0.0))
    assert lesion.kind is LesionKind.TUMOR
    appearance = draw_appearance(RandomSource(2))
    patient = Patient(body, appearance, Tree.empty(), Tree.empty(), [lesion])
    errors = _errors(patient, Grid.centered(place, (1.5, 1.5, 5.0), (20, 20, 7)), at_border=False)
    assert errors[1] < 0.8 * errors[0]


def _errors(patient: Patient, grid: Grid, *, at_border: bool) -> tuple[float, float]:
    """Mean difference, HU, from the average of thin slices: by middles, and as thick ones.

    In voxels that hold liver and something else, or nothing but liver.
    """
    i, j, k = grid.shape
    x, y, z = grid.origin
    thin_mm = grid.spacing[2] / _THIN
    low = z - grid.spacing[2] / 2 + thin_mm / 2
    thin = Grid((x, y, low), (*grid.spacing[:2], thin_mm), (i, j, k * _THIN))
    fine = paint(patient, thin)
    expected = fine.hu.reshape(i, j, k, _THIN).mean(dim=-1)
    share = (fine.organs == Organ.LIVER).float().reshape(i, j, k, _THIN).mean(dim=-1)
    counted = (share > 0) & (share < 1) if at_border else share == 1
    counted[:, :, 0] = counted[:, :, -1] = False
    assert int(counted.sum()) > 150
    middles, thick = (paint(patient, grid, thick_slices=thick).hu for thick in (False, True))
    return (
        float((middles - expected)[counted].abs().mean()),
        float((thick - expected)[counted].abs().mean()),
    )
