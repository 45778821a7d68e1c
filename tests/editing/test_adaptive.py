"""The adaptive brush at edges with noise, and values picked from a small region."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.editing.adaptive import learn_tissue, sample_region
from liverview.editing.brush import Brush
from liverview.phantoms.config import Phantom

MIDDLE_MM, RADIUS_MM = 30.0, 18.0


def ball_scan(
    spacing: tuple[float, float, float], contrast: float, noise: float, seed: int
) -> tuple[Volume, NDArray[np.float64]]:
    """A ball in another tissue, with partial volume and noise; mm beyond its surface."""
    shape = [round(2 * MIDDLE_MM / mm) for mm in spacing]
    steps = np.indices(shape).reshape(3, -1).T * spacing
    beyond = (np.linalg.norm(steps - MIDDLE_MM, axis=1) - RADIUS_MM).reshape(shape)
    share = np.clip(0.5 - beyond / min(spacing), 0, 1)
    hu = 50 + contrast * share + np.random.default_rng(seed).normal(0, noise, shape)
    return Volume(np.round(hu + 1024).astype(np.int16), np.diag([*spacing, 1]), -1024), beyond


def nearest_voxel(place: NDArray[np.float64]) -> tuple[int, int, int]:
    i, j, k = np.rint(place).astype(int).tolist()
    return i, j, k


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 5.0), (1.5, 1.5, 3.0)])
@pytest.mark.parametrize(
    ("contrast", "noise"), [(60, 5), (60, 12), (-60, 12), (200, 12), (-1000, 12)]
)
def test_a_stroke_along_a_noisy_edge_of_60_hu_does_not_leak(
    spacing: tuple[float, float, float], contrast: float, noise: float
) -> None:
    drawn_voxels = inner_voxels = missed = 0
    for seed in range(3):
        volume, beyond = ball_scan(spacing, contrast, noise, seed)
        out = np.random.default_rng(seed).normal(size=3)
        out /= np.linalg.norm(out)
        ways = [(MIDDLE_MM + out * mm) / spacing for mm in (8, 8, 13, 17, 24)]  # the last, outside
        tissue = learn_tissue(volume, nearest_voxel(ways[0]))
        drawn, covered = np.zeros(volume.shape, bool), np.zeros(volume.shape, bool)
        for start, end in pairwise(ways):
            found = Brush(9.0, ball=True).sweep(volume.grid, start, end, 2)
            assert found is not None
            box, mask = found
            covered[box] |= mask
            drawn[box] |= tissue.limit(volume, box, mask, drawn[box], end)
        assert not (drawn & (beyond > 0.5 * min(spacing))).any()
        inner = covered & (beyond < -1.5 * min(spacing))
        drawn_voxels += int(drawn.sum())
        inner_voxels += int(inner.sum())
        missed += int((inner & ~drawn).sum())
        assert (covered & (beyond > 0)).sum() > 0.1 * covered.sum()  # it was not for want of reach
    assert missed <= 0.03 * inner_voxels


def test_a_faint_edge_holds_where_there_is_little_noise() -> None:
    volume, beyond = ball_scan((1.0, 1.0, 1.0), 20, 4, 0)
    start = np.array([MIDDLE_MM, MIDDLE_MM, MIDDLE_MM + 12])
    tissue = learn_tissue(volume, (30, 30, 42))
    found = Brush(12.0, ball=True).sweep(volume.grid, start, start, 2)
    assert found is not None
    box, mask = found
    drawn = tissue.limit(volume, box, mask, np.zeros_like(mask), start)
    assert not (drawn & (beyond[box] > 0.5)).any()
    inner = mask & (beyond[box] < -1)
    assert (drawn & inner).sum() > 0.98 * inner.sum()


def test_what_is_alike_but_apart_is_not_drawn() -> None:
    """Two slabs of one tissue with a wall of 3 mm between them."""
    hu = np.full((40, 30, 10), 100, np.int16)
    hu[20:23] = 20
    volume = Volume(hu, np.eye(4))
    found = Brush(9.0).sweep(volume.grid, (15, 15, 5), (15, 15, 5), 2)
    assert found is not None
    box, mask = found
    drawn = learn_tissue(volume, (15, 15, 5)).limit(
        volume, box, mask, np.zeros_like(mask), (15, 15, 5)
    )
    i = np.arange(40)[box.i]
    assert (mask & (i > 22)[:, None, None]).any()
    assert np.array_equal(drawn, mask & (i < 20)[:, None, None])


def test_a_stroke_always_begins_with_the_voxel_under_it() -> None:
    hu = np.random.default_rng(0).integers(-1000, 1000, (12, 12, 12)).astype(np.int16)
    volume = Volume(hu, np.eye(4))
    found = Brush(0.5, ball=True).sweep(volume.grid, (6, 6, 6), (6, 6, 6), 2)
    assert found is not None
    box, mask = found
    drawn = learn_tissue(volume, (6, 6, 6)).limit(volume, box, mask, np.zeros_like(mask), (6, 6, 6))
    assert np.array_equal(drawn, mask)
    assert mask.sum() == 1


def test_at_a_phantoms_liver_it_stays_inside(case: Phantom) -> None:
    volume, liver = case.volume, case.labels.voxels > 0
    rng = np.random.default_rng(0)
    i, j, k = np.nonzero(liver)
    inner = [
        (int(a), int(b), int(c))
        for a, b, c in zip(i, j, k, strict=True)
        if liver[a - 1 : a + 2, b - 1 : b + 2, c - 1 : c + 2].all()
    ]
    hu = case.volume.to_numpy()
    other = ~liver & (np.abs(hu - np.median(hu[case.labels.voxels == Label.LIVER])) > 60)
    drawn = outside = covered_outside = 0
    for n in rng.choice(len(inner), 60, replace=False):
        found = Brush(24.0, ball=True).sweep(volume.grid, inner[n], inner[n], 2)
        assert found is not None
        box, mask = found
        none = np.zeros_like(mask)
        part = learn_tissue(volume, inner[n]).limit(volume, box, mask, none, inner[n])
        drawn += int(part.sum())
        outside += int((part & other[box]).sum())
        covered_outside += int((mask & other[box]).sum())
    assert covered_outside > 1000
    assert outside <= 0.001 * covered_outside  # single voxels that noise has brought near
    assert drawn > 60 * 30


@pytest.mark.parametrize("intercept", [0, -1024])
def test_limits_are_picked_from_a_disc_in_the_slice(intercept: int) -> None:
    rng = np.random.default_rng(0)
    stored = rng.normal(60, 12, (40, 30, 8)).astype(np.int16) - intercept
    volume = Volume(stored, np.diag([0.8, 1.0, 5.0, 1.0]), intercept)
    i, j = np.indices((40, 30))
    inside = np.hypot((i - 20) * 0.8, (j - 15) * 1.0) <= 3
    values = stored[:, :, 3][inside] + intercept
    found = sample_region(volume, (20, 15, 3), axis=2)
    assert (found.mean, found.sd) == pytest.approx((values.mean(), values.std()))
    low, high = found.range
    assert low == np.floor(values.mean() - 2 * values.std())
    assert high == np.ceil(values.mean() + 2 * values.std())


def test_coarse_voxels_are_sampled_with_those_beside_them() -> None:
    volume = Volume(np.arange(125, dtype=np.int16).reshape(5, 5, 5), np.diag([9.0, 9, 9, 1]))
    assert sample_region(volume, (2, 2, 2), 2).mean == 62
    corner = sample_region(volume, (0, 0, 0), 0)
    assert corner.mean == volume.voxels[0, :2, :2].mean()


def test_values_that_are_no_hu_keep_their_digits() -> None:
    values = np.random.default_rng(0).random((9, 9, 3)).astype(np.float32)
    volume = Volume(values, np.eye(4), in_hu=False)
    low, high = sample_region(volume, (4, 4, 1), 2).range
    assert -0.5 < low < high < 1.5
    assert low != round(low)
