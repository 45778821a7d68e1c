"""Boxes, against plain numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from liverview.core.box import Box

MASKS = arrays(bool, st.tuples(*[st.integers(1, 6)] * 3))


@given(MASKS)
def test_a_box_is_the_smallest_that_holds_a_mask(mask: np.ndarray) -> None:
    box = Box.around(mask)
    if not mask.any():
        assert box is None
        return
    assert box is not None
    places = np.argwhere(mask)
    assert box.start == tuple(places.min(axis=0))
    assert box.stop == tuple(places.max(axis=0) + 1)
    assert mask[box].sum() == mask.sum()
    assert mask[box].shape == box.shape
    assert all(box.contains(place) for place in places)


@given(MASKS, MASKS)
def test_a_union_holds_both(first: np.ndarray, second: np.ndarray) -> None:
    both = np.zeros((6, 6, 6), bool)
    both[Box.of_shape(first.shape)] |= first
    both[Box.of_shape(second.shape)] |= second
    one, other = Box.around(first), Box.around(second)
    union = other if one is None else one.union(other)
    assert union == Box.around(both)


def test_boxes_are_moved_and_stay_in_the_array_when_they_grow() -> None:
    box = Box.from_bounds((1, 2, 3), (2, 4, 6))
    assert box.shifted((1, -2, 0)) == Box.from_bounds((2, 0, 3), (3, 2, 6))
    assert box.expanded(2, (3, 9, 7)) == Box.from_bounds((0, 0, 1), (3, 6, 7))
    assert not box.contains((1, 4, 3))
    assert Box.from_profiles(*[np.array([False, True])] * 2, np.array([False])) is None
