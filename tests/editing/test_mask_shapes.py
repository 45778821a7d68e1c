"""Shapes of masks against distances and holes by scipy and by all pairs of voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from liverview.editing.mask_shapes import grown, shrunk, smoothed, with_holes_filled

SEEDS = st.integers(0, 2**32 - 1)
TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
SHEAR = np.array([[1, 0, 0], [0, 1, 0.4], [0, 0, 1]])  # a tilted gantry


def affine_of(linear: np.ndarray) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = (-50, 20, 3)
    return affine


AFFINES = [
    affine_of(np.diag([1.0, 1.0, 1.0])),
    affine_of(np.diag([0.7, 0.9, 3.0])),
    affine_of(TURN @ np.diag([0.7, 1.4, 2.5])),
    affine_of(SHEAR @ np.diag([0.8, 0.8, 5.0])),
    affine_of(SHEAR @ TURN @ np.diag([1.1, 0.6, 2.0])),
]


def random_mask(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 12, 3)
    values = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.3, 1.5))
    mask = values > np.quantile(values, rng.uniform(0.3, 0.9))
    return np.asfortranarray(mask)


def distances(of: np.ndarray, to: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Millimeters of every voxel to the nearest of a mask, by all pairs."""
    away = np.full(of.shape, np.inf)
    if of.any() and to.any():
        a, b = (np.argwhere(mask) @ affine[:3, :3].T for mask in (of, to))
        away[of] = cdist(a, b).min(axis=1)
    return away


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.sampled_from(range(len(AFFINES))), st.floats(0.3, 6.0))
def test_growth_and_shrinkage_are_in_true_mm(seed: int, number: int, mm: float) -> None:
    mask, affine = random_mask(seed), AFFINES[number]
    outward, inward = distances(~mask, mask, affine), distances(mask, ~mask, affine)
    certain = [np.abs(np.where(np.isfinite(a), a, 0) - mm) > 1e-4 for a in (outward, inward)]
    assert np.array_equal(grown(mask, affine, mm)[certain[0]], (mask | (outward <= mm))[certain[0]])
    assert np.array_equal(shrunk(mask, affine, mm)[certain[1]], (mask & (inward > mm))[certain[1]])


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.floats(0.3, 6.0))
def test_growth_is_that_of_a_distance_transform(seed: int, mm: float) -> None:
    mask, affine = random_mask(seed), AFFINES[1]
    away = ndimage.distance_transform_edt(~mask, sampling=(0.7, 0.9, 3.0))
    if mask.any() and np.abs(away - mm).min() > 1e-4:
        assert np.array_equal(grown(mask, affine, mm), away <= mm)


def test_whole_steps_reach_the_voxel_at_their_end() -> None:
    """Three steps of .7 mm are 2.1 mm, whatever the rounding."""
    mask = np.zeros((15, 15, 15), bool)
    mask[7, 7, 7] = True
    out = grown(mask, affine_of(np.diag([0.7, 0.7, 2.1])), 2.1)
    assert np.flatnonzero(out[:, 7, 7]).tolist() == list(range(4, 11))
    assert np.flatnonzero(out[7, 7, :]).tolist() == [6, 7, 8]


def test_what_reaches_the_end_of_the_scan_is_not_shrunk_from_there() -> None:
    mask = np.ones((10, 6, 6), bool)
    mask[7:] = False
    expected = mask.copy()
    expected[5:] = False
    assert np.array_equal(shrunk(mask, np.eye(4), 2.0), expected)
    assert shrunk(np.ones((3, 3, 3), bool), np.eye(4), 9.0).all()


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_holes_are_those_of_scipy(seed: int) -> None:
    mask = random_mask(seed)
    assert np.array_equal(with_holes_filled(mask), ndimage.binary_fill_holes(mask))
    slices = np.stack([ndimage.binary_fill_holes(s) for s in np.moveaxis(mask, 2, 0)], axis=2)
    assert np.array_equal(with_holes_filled(mask, in_axial_slices=True), slices)


def ellipsoid(shape: tuple[int, ...], half: tuple[float, ...], spacing: tuple[float, ...]):  # type: ignore[no-untyped-def]
    places = [np.arange(n) - n // 2 for n in shape]
    grids = np.meshgrid(*(p * s / h for p, s, h in zip(places, spacing, half, strict=True)))
    return (sum(g**2 for g in grids) <= 1).transpose(1, 0, 2)


@pytest.mark.parametrize("mm", [1.0, 2.0, 4.0])
def test_smoothing_keeps_the_volume_and_takes_steps_away(mm: float) -> None:
    spacing, rng = (0.8, 1.0, 2.5), np.random.default_rng(3)
    true = ellipsoid((61, 51, 25), (18, 16, 20), spacing)
    edge = ndimage.binary_dilation(true) & ~ndimage.binary_erosion(true)
    rough = true ^ (edge & (rng.random(true.shape) < 0.3))
    affine = affine_of(np.diag(spacing))
    out = smoothed(rough, np.ones_like(rough), affine, mm)
    assert out.sum() == pytest.approx(rough.sum(), rel=0.005)
    before, after = (np.count_nonzero(one ^ true) for one in (rough, out))
    assert after < 0.75 * before
    # Surfaces by neighbors of unlike value: the jagged one has far more.
    faces = [sum(np.count_nonzero(np.diff(m, axis=a)) for a in range(3)) for m in (rough, out)]
    assert faces[1] < 0.85 * faces[0]


def test_a_flat_surface_stays_where_it_is_and_the_end_of_the_scan_rounds_nothing() -> None:
    mask = np.zeros((20, 12, 12), bool)
    mask[:9] = True
    assert np.array_equal(smoothed(mask, np.ones_like(mask), np.eye(4), 2.0), mask)


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.floats(0.3, 4.0))
def test_smoothing_stays_where_it_may(seed: int, mm: float) -> None:
    mask = random_mask(seed)
    may = (
        mask
        | random_mask(seed).astype(bool)
        | (np.random.default_rng(seed).random(mask.shape) < 0.5)
    )
    out = smoothed(mask, may, AFFINES[1], mm)
    assert not (out & ~may).any()
    assert bool(out.any()) == bool(mask.any())
