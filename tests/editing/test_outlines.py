"""Areas inside outlines, against winding numbers computed from angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liverview.editing.outlines import fill_outline

SHAPE = (12, 9)


def paint(points: list[tuple[float, float]]) -> NDArray[np.bool_]:
    filled = fill_outline(points, SHAPE)
    mask = np.zeros(SHAPE, bool)
    if filled is not None:
        mask[filled[0]] = filled[1]
    return mask


def winding_by_angles(points: list[tuple[float, float]]) -> NDArray[np.float64]:
    """The sum of the angles under which each side is seen, in turns, at every center."""
    corners = np.array(points)
    a, b = np.indices(SHAPE)
    angles = [np.arctan2(y - b, x - a) for x, y in corners]
    steps = [
        (t - f + np.pi) % (2 * np.pi) - np.pi
        for f, t in zip(angles, angles[1:] + angles[:1], strict=True)
    ]
    return np.abs(sum(steps)) / (2 * np.pi)


# Corners on a lattice beside that of the centers: no line comes near to one by rounding.
beside = st.tuples(
    st.integers(-30, 150).map(lambda n: n / 10 + 0.0437),
    st.integers(-30, 120).map(lambda n: n / 10 + 0.0311),
)


@given(st.lists(beside, min_size=3, max_size=9))
def test_a_pixel_is_inside_where_the_outline_runs_around_its_center(
    points: list[tuple[float, float]],
) -> None:
    around = winding_by_angles(points)
    clear = np.abs(around - np.round(around)) < 1e-6  # elsewhere a side meets the center
    np.testing.assert_array_equal(paint(points)[clear], (np.round(around) > 0)[clear])


def test_a_line_that_crosses_itself_leaves_no_hole() -> None:
    # Around a square twice: by the even-odd rule nothing would be inside.
    square = [(1.5, 1.5), (1.5, 6.5), (8.5, 6.5), (8.5, 1.5)]
    expected = np.zeros(SHAPE, bool)
    expected[2:9, 2:7] = True
    np.testing.assert_array_equal(paint(square * 2), expected)


def test_areas_that_share_a_border_share_no_pixel_and_leave_none_out() -> None:
    left, right = [(0, 0), (0, 8), (5, 8), (5, 0)], [(5, 0), (5, 8), (11, 8), (11, 0)]
    both = paint(left).astype(int) + paint(right)
    np.testing.assert_array_equal(both[:11, :8], 1)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(3.0, 3.0)],
        [(1.0, 1.0), (8.0, 8.0)],
        [(2.2, 2.2), (2.4, 2.2), (2.3, 2.4)],  # between four centers
        [(-9.0, -9.0), (-9.0, -2.0), (-2.0, -2.0)],  # beside the slice
    ],
)
def test_an_outline_without_a_center_holds_nothing(points: list[tuple[float, float]]) -> None:
    assert fill_outline(points, SHAPE) is None
