"""Slices between drawn ones, against bodies whose every section is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liverview.editing.between_slices import fill_between_slices

SPACING = (0.8, 0.7, 2.5)
SHAPE = (80, 90, 41)


def disk(center: tuple[float, float], radius_mm: float) -> NDArray[np.bool_]:
    i, j = np.ogrid[: SHAPE[0], : SHAPE[1]]
    far = np.hypot((i - center[0]) * SPACING[0], (j - center[1]) * SPACING[1])
    return np.asarray(far <= radius_mm)


def cone(slices: range) -> NDArray[np.bool_]:
    """An oblique body: it runs across and grows from slice to slice."""
    mask = np.zeros(SHAPE, bool)
    for k in slices:
        mask[..., k] = disk((25 + 0.7 * k, 60 - 0.6 * k), 6 + 0.25 * k)
    return mask


def fill(mask: NDArray[np.bool_], axis: int = 2) -> NDArray[np.bool_]:
    spacing = tuple(np.array(SPACING)[[*np.argsort(_order(axis))]])
    filled = np.zeros(mask.shape, bool)
    for box, inside in fill_between_slices(mask, axis, (spacing[0], spacing[1], spacing[2])):
        assert inside.shape == box.shape
        assert box.shape[axis] == 1
        filled[box] |= inside
    return filled


def _order(axis: int) -> tuple[int, ...]:
    """Where the axes (I, J, K) of the bodies go when the slices are to lie along ``axis``."""
    return {2: (0, 1, 2), 0: (2, 0, 1), 1: (0, 2, 1)}[axis]


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_oblique_body_comes_back_from_every_eighth_slice(axis: int) -> None:
    drawn, whole = np.zeros(SHAPE, bool), cone(range(4, 37))
    drawn[..., 4:37:8] = whole[..., 4:37:8]
    order = _order(axis)
    filled = fill(np.transpose(drawn, order), axis)
    between = np.transpose(whole & ~drawn, order)
    assert not (filled & np.transpose(drawn, order)).any()
    assert dice(filled, between) > 0.97
    # Without laying contours over each other, an oblique body thins out.
    assert filled.sum() == pytest.approx(between.sum(), rel=0.03)


def test_equal_contours_are_copied() -> None:
    drawn = np.zeros(SHAPE, bool)
    drawn[..., 10] = drawn[..., 15] = disk((30, 40), 9)
    filled = fill(drawn)
    for k in range(11, 15):
        np.testing.assert_array_equal(filled[..., k], drawn[..., 10])
    assert filled.any(axis=(0, 1)).sum() == 4


def test_one_contour_goes_over_into_two() -> None:
    drawn = np.zeros(SHAPE, bool)
    drawn[..., 10] = disk((40, 45), 16)
    drawn[..., 20] = disk((40, 30), 6) | disk((40, 60), 6)
    filled = fill(drawn)
    sizes = filled.sum(axis=(0, 1))[11:20]
    assert (sizes > 0).all()
    assert (np.diff(sizes.astype(int)) <= 0).all()
    assert not filled[40, 45, 19]  # by then there are two


def test_a_body_is_extended_to_a_slice_drawn_beyond_it() -> None:
    body = cone(range(4, 20))
    drawn = body.copy()
    drawn[..., 26] = cone(range(26, 27))[..., 26]
    filled = fill(drawn)
    assert set(np.flatnonzero(filled.any(axis=(0, 1)))) == set(range(20, 26))
    assert dice(filled, cone(range(20, 26))) > 0.97


def test_bodies_that_nobody_drew_are_not_joined() -> None:
    lesions = cone(range(4, 12)) | cone(range(24, 37))
    assert not fill(lesions).any()


def test_each_contour_goes_with_its_own_and_none_skips_a_drawn_slice() -> None:
    drawn = np.zeros(SHAPE, bool)
    for k, center in ((5, (20, 20)), (11, (20, 20)), (17, (20, 20)), (5, (60, 70)), (17, (60, 70))):
        drawn[..., k] |= disk((float(center[0]), float(center[1])), 8)
    filled = fill(drawn)
    one, other = disk((20, 20), 8), disk((60, 70), 8)
    for k in range(6, 17):
        expected = other if k == 11 else one | other
        np.testing.assert_array_equal(filled[..., k], expected)


@pytest.mark.parametrize("slices", [[], [7], [7, 8]])
def test_nothing_lies_between_neighbors(slices: list[int]) -> None:
    drawn = np.zeros(SHAPE, bool)
    drawn[..., slices] = disk((30, 40), 9)[..., None]
    assert not fill(drawn).any()


def test_contours_at_the_border_of_a_slice_stay_in_it() -> None:
    drawn = np.zeros(SHAPE, bool)
    drawn[..., 10], drawn[..., 16] = disk((2, 40), 9), disk((9, 40), 9)
    filled = fill(drawn)
    assert filled.any(axis=(0, 1)).sum() == 5
    assert filled[0, :, 11:14].any()
