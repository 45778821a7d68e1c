"""Lesions, plain and of training variety, and livers that bulge."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body
from liverview.phantoms.fields import Grid, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesion_variety import (
    draw_contrast,
    draw_varied_lesion,
    draw_varied_lesions,
)
from liverview.phantoms.lesions import Lesion, LesionKind, bulge_liver, draw_lesion, draw_lesions
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.vessels import Tree
from liverview.training.lesion_insertion import insert_lesions

_TYPICAL_HU = (-45.0, 20.0)


def draw_many(body: Body, seed: int, count: int) -> list[Lesion]:
    return draw_varied_lesions(RandomSource(seed), body, count, _TYPICAL_HU, 0.2, (3.0, 50.0))


def test_varied_lesions_are_of_all_kinds_and_change_nothing_beyond_their_edge(body: Body) -> None:
    lesions = draw_many(body, 11, 120)
    assert len(lesions) == 120
    kinds = [lesion.kind for lesion in lesions]
    assert all(kinds.count(kind) > 5 for kind in LesionKind)
    assert any(lesion.calcium_hu for lesion in lesions)
    assert any(lesion.nodular for lesion in lesions)
    assert any(0 < lesion.rim_mm < 2 for lesion in lesions)
    grid = Grid.centered((0, 0, 0), (1, 1, 1), (90, 90, 90))
    for lesion in lesions[:8]:
        local = replace(grid, origin=tuple(c - 44.5 for c in lesion.center))
        distance = lesion.distance(local)
        hu = torch.full(grid.shape, 100.0)
        painted = lesion.paint_hu(hu, distance, local, 100.0, 10.0)
        assert torch.equal(painted[distance > lesion.edge_mm], hu[distance > lesion.edge_mm])
        assert float((painted - hu).abs().max()) > 2
        assert float(painted.min()) >= -10


def test_contrasts_reach_from_dead_tissue_to_arterial_cancer_and_none_is_nothing() -> None:
    draw = RandomSource(4)
    contrasts = np.array([draw_contrast(draw, _TYPICAL_HU, 0.25) for _ in range(2000)])
    assert contrasts.min() < -90
    assert contrasts.max() > 70
    assert np.abs(contrasts).min() >= 8
    assert (contrasts > 0).mean() == pytest.approx(0.25, abs=0.04)
    for low in range(-100, -10, 10):  # no gap among the dark ones
        assert ((contrasts >= low) & (contrasts < low + 10)).any()


def test_lesions_of_one_patient_resemble_each_other_more_than_those_of_several(body: Body) -> None:
    groups = [
        [n.contrast_hu for n in draw_many(body, seed, 8) if n.kind is LesionKind.TUMOR]
        for seed in range(12)
    ]
    means = [np.mean(group) for group in groups]
    within = [np.std(group) for group in groups]
    assert np.std(means) > 15
    assert sum(spread < 20 for spread in within) > 2


def test_the_same_seed_gives_the_same_lesions_and_another_gives_others(body: Body) -> None:
    first, again, other = draw_many(body, 5, 40), draw_many(body, 5, 40), draw_many(body, 6, 40)
    assert len(first) == len(again) == 40
    for a, b in zip(first, again, strict=True):
        assert (a.kind, a.center, a.radii, a.contrast_hu) == (
            b.kind,
            b.center,
            b.radii,
            b.contrast_hu,
        )
        assert torch.equal(a.warp, b.warp)
    assert [n.center for n in first] != [n.center for n in other]


def test_every_lesion_but_a_patch_is_labeled_as_tumor(body: Body) -> None:
    appearance = draw_appearance(RandomSource(2))
    place = CANONICAL_GRID.point(
        [
            int(n)
            for n in np.unravel_index(
                int(body.organs[Organ.LIVER].argmin()), body.organs[Organ.LIVER].shape
            )
        ]
    )
    grid = Grid.centered(place, (2, 2, 2), (24, 24, 24))
    base = draw_lesion(RandomSource(3), place, 9.0, (-40.0, 5.0))
    for kind in LesionKind:
        lesion = replace(base, kind=kind)
        painting = paint(Patient(body, appearance, Tree.empty(), Tree.empty(), [lesion]), grid)
        labeled = (painting.labels == Label.TUMOR).sum() * 8
        whole = (lesion.distance(grid) < 0).sum() * 8
        assert int(labeled) == (0 if kind is LesionKind.PATCH else int(whole))
        assert int(whole) > 1000


def test_what_is_inserted_into_a_scan_is_labeled_where_the_density_changed() -> None:
    grid = Grid.centered((0, 0, 0), (2, 2, 3), (60, 60, 30))
    labeled = beyond = 0
    for seed in range(12):
        hu = torch.full(grid.shape, 100.0)
        target = torch.full(grid.shape, int(Label.LIVER))
        after = insert_lesions(RandomSource(seed), hu, target, grid, 5.0)
        tumor = target == Label.TUMOR
        changed = (after - hu).abs() > 30  # patches differ by less
        labeled += int((tumor & changed).sum())
        # Half of a soft edge, at most 9 mm wide, lies outside.
        around = torch.nn.functional.max_pool3d(tumor.float()[None], (5, 5, 3), 1, (2, 2, 1))[0] > 0
        beyond += int((changed & ~around).sum())
        assert set(target.unique().tolist()) <= {int(Label.LIVER), int(Label.TUMOR)}
    assert labeled > 5000
    assert beyond < 0.005 * labeled  # where patches lie over each other


def test_a_lesion_that_is_seen_is_seen_with_less_noise_thinner_slices_and_when_larger() -> None:
    draw = RandomSource(8)
    noises, slices = (1.0, 4.0, 10.0, 20.0, 40.0, 80.0), (0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
    seen = []
    for _ in range(60):
        contrast = draw_contrast(draw, _TYPICAL_HU, 0.2)
        lesion = draw_varied_lesion(draw, (0, 0, 0), draw.log_uniform(2, 12), contrast)
        table = np.array([[lesion.is_visible(n, s) for s in slices] for n in noises])
        seen.append(table)
        for rows in (table, table.T):
            assert all((later <= earlier).all() for earlier, later in pairwise(rows))
        larger = replace(lesion, radii=tuple(2 * r for r in lesion.radii))
        assert all(
            larger.is_visible(n, s) >= table[i, j]
            for i, n in enumerate(noises)
            for j, s in enumerate(slices)
        )
    share = np.mean(seen, axis=0)
    assert share[0, 0] > 0.9
    assert share[-1, -1] < 0.3


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


def test_plain_lesions_are_as_many_as_asked(body: Body) -> None:
    assert len(draw_lesions(RandomSource(1), body, 30)) == 30
