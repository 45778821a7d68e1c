"""Vessels, grown and from the bank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liverview.phantoms import bank
from liverview.phantoms.body import Body, draw_head
from liverview.phantoms.fields import (
    Grid,
    RandomSource,
    ellipsoid,
    resample,
)
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.vessels import THINNEST_MM, RealVessels, borrow_vessels, grow_trees


def test_vessels_start_at_the_hilum_and_stay_in_the_liver(body: Body) -> None:
    portal, hepatic = grow_trees(RandomSource(1), body)
    liver = body.organs[Organ.LIVER].numpy()
    for tree, root in ((portal, body.hilum), (hepatic, body.confluence)):
        assert len(tree.radius) > 50
        assert tree.radius[:, 1].min() >= THINNEST_MM
        index = np.rint((tree.end - CANONICAL_GRID.origin) / CANONICAL_GRID.spacing).astype(int)
        inside = liver[tuple(index.T)]
        assert np.mean(inside < 4) > 0.98
        thickest = tree.start[np.argmax(tree.radius[:, 1])]
        assert np.linalg.norm(thickest - root) < 60


def test_murray_law_at_every_fork(body: Body) -> None:
    tree, _ = grow_trees(RandomSource(4), body, leaves=60)
    starts = {tuple(s.round(3)): n for n, s in enumerate(tree.end)}
    for parent_end, parent in starts.items():
        children = [n for n, s in enumerate(tree.start) if tuple(s.round(3)) == parent_end]
        for child in children:
            assert tree.radius[child, 1] <= tree.radius[parent, 1] + 1e-4


def test_tree_distance_is_that_of_its_pieces(body: Body) -> None:
    tree, _ = grow_trees(RandomSource(2), body, leaves=20)
    piece = int(np.argmax(tree.radius[:, 1]))
    middle = (tree.start[piece] + tree.end[piece]) / 2
    grid = Grid.centered([float(m) for m in middle], (1, 1, 1), (3, 3, 3))
    assert tree.distance(grid)[1, 1, 1] <= -tree.radius[piece].min() + 1e-3


def test_vessels_of_the_bank_are_where_their_liver_is() -> None:
    """In the box of the liver that they were taken from, and not mirrored in it."""
    for name in bank.vessel_names()[::3]:
        shape = bank.liver(name, torch.device("cpu"))
        inside = (shape.distance < 0).nonzero()
        low, high = inside.amin(dim=0).tolist(), inside.amax(dim=0).tolist()
        mask = bank.vessels(name)
        step = shape.grid.spacing[0]
        corner = [o + (n - 0.5) * step for o, n in zip(shape.grid.origin, low, strict=True)]
        stretch = [(b - a + 1) * step / n for a, b, n in zip(low, high, mask.shape, strict=True)]
        still = torch.zeros(3, *CANONICAL_GRID.coarser(3).shape)
        borrowed = RealVessels(name, corner, stretch, still)
        grid = Grid(tuple(c + 0.5 for c in corner), (1.0,) * 3, tuple(mask.shape))
        organ = resample(shape.distance, shape.grid, grid) < 1
        seen = borrowed.distance(grid) < 0
        share = float((seen & organ).sum()) / float(seen.sum())
        assert share > 0.94
        for axis in range(3):
            assert float((seen.flip(axis) & organ).sum()) / float(seen.sum()) < share
        # Without a stretch, every voxel is what is stored.
        own = replace(borrowed, corner=(0.0,) * 3, stretch=(1.0,) * 3)
        assert torch.equal(own.distance(Grid((0.5,) * 3, (1.0,) * 3, tuple(mask.shape))) < 0, mask)


def test_borrowed_vessels_lie_in_the_liver_and_are_drawn_once(body: Body) -> None:
    vessels = borrow_vessels(RandomSource(5), body)
    assert vessels is not None
    grid = Grid.centered(
        CANONICAL_GRID.point([n / 2 for n in CANONICAL_GRID.shape]), (2, 2, 2), (190, 160, 150)
    )
    inside = vessels.distance(grid) < 0
    liver = resample(body.organs[Organ.LIVER], CANONICAL_GRID, grid) < 0
    assert 10 < float((inside & liver).sum()) * 0.008 < 120  # mL
    assert float((inside & liver).sum()) > 0.5 * float(inside.sum())
    # A part of the grid gives the same part of the vessels.
    part = grid.crop((60, 50, 40), (120, 110, 90))
    assert torch.equal(vessels.distance(part) < 0, inside[60:120, 50:110, 40:90])
    assert borrow_vessels(RandomSource(5), draw_head(RandomSource(0))) is None


@pytest.mark.parametrize("real", [False, True])
def test_vessels_run_around_what_grew_between_them(body: Body, real: bool) -> None:
    vessels = (
        borrow_vessels(RandomSource(5), body) if real else grow_trees(RandomSource(1), body)[0]
    )
    assert vessels is not None
    center = CANONICAL_GRID.point(
        (body.organs[Organ.LIVER] < -20).nonzero().float().mean(dim=0).tolist()
    )
    obstacle = center, (25.0, 20.0, 22.0)
    grid = Grid.centered(center, (2, 2, 2), (60, 60, 60))
    ball = ellipsoid(*grid.axes(), *obstacle)
    before, after = (v.distance(grid) < 0 for v in (vessels, vessels.around([obstacle])))
    assert (before & (ball < -4)).any()
    assert not (after & (ball < -4)).any()
    shell = (ball > 0) & (ball < 15)
    assert float((after & shell).sum()) > float((before & shell).sum())
