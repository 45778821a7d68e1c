"""What a brush covers, against distances in world mm of every voxel of the grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from liverview.core.grid import Grid
from liverview.editing.brush import Brush, BrushShape, limit_radius

TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ np.array(
    [[1, 0, 0], [0, 0.96, -0.28], [0, 0.28, 0.96]]
)


def affine_of(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = (-31, 12.5, 7)
    return affine


AFFINES = {
    "even": affine_of(np.eye(3)),
    "thick slices": affine_of(np.diag([0.7, 0.7, 5.0])),
    "oblique": affine_of(TURN @ np.diag([0.9, 1.3, 2.0])),
    "gantry tilt": affine_of(np.array([[0.8, 0, 0], [0, 0.8, 1.1], [0, 0, 2.5]])),
}
SHAPE = (26, 22, 15)
place = st.tuples(*(st.floats(-6, n + 5) for n in SHAPE))


def whole(grid: Grid, found: object) -> NDArray[np.bool_]:
    """What a sweep covers, as a mask of the whole grid."""
    mask = np.zeros(grid.shape, bool)
    if found is not None:
        box, inside = found  # type: ignore[misc]
        assert inside.shape == box.shape
        mask[box] = inside
    return mask


def world_of(grid: Grid, places: NDArray[np.float64]) -> NDArray[np.float64]:
    return places @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def distance_mm(grid: Grid, start: object, end: object) -> NDArray[np.float64]:
    """From the center of every voxel to a line, in world mm."""
    points = world_of(grid, np.indices(grid.shape).reshape(3, -1).T.astype(float))
    a, b = world_of(grid, np.array([start, end], float))
    way = b - a
    share = np.clip((points - a) @ way / max(float(way @ way), 1e-30), 0, 1)
    distance = np.linalg.norm(points - a - share[:, None] * way, axis=1)
    return distance.reshape(grid.shape)


@pytest.mark.parametrize("name", AFFINES)
@given(start=place, end=place, radius=st.floats(0.5, 14), ball=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_round_brush_covers_what_lies_within_its_radius_of_the_way(
    name: str,
    start: tuple[float, ...],
    end: tuple[float, ...],
    radius: float,
    ball: bool,
) -> None:
    grid = Grid(SHAPE, AFFINES[name])
    found = whole(grid, Brush(radius, ball=ball).sweep(grid, start, end, axis=2))
    under = np.floor(np.array(end) + 0.5).astype(int)
    if ball:
        distance = distance_mm(grid, start, end)
    else:  # in the slice of the end
        distance = distance_mm(grid, (*start[:2], under[2]), (*end[:2], under[2]))
        distance[:, :, np.arange(SHAPE[2]) != under[2]] = np.inf
    sure, unsure = distance <= radius - 1e-5, abs(distance - radius) < 1e-5
    if grid.contains(under.tolist()):
        sure[tuple(under)] = True
    assert np.array_equal(found[~unsure], sure[~unsure])


@pytest.mark.parametrize("name", AFFINES)
@given(start=place, end=place, radius=st.floats(0.5, 14), ball=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_square_brush_covers_what_its_sides_hold_at_some_time(
    name: str,
    start: tuple[float, ...],
    end: tuple[float, ...],
    radius: float,
    ball: bool,
) -> None:
    grid = Grid(SHAPE, AFFINES[name])
    brush = Brush(radius, BrushShape.SQUARE, ball)
    found = whole(grid, brush.sweep(grid, start, end, axis=1))
    under = np.floor(np.array(end) + 0.5).astype(int)
    a, b = np.array(start), np.array(end)
    voxels = np.indices(SHAPE).reshape(3, -1)
    if not ball:
        a[1] = b[1] = under[1]
    nearest = np.full(voxels.shape[1], np.inf)  # of all times, in mm beyond the side
    for share in np.linspace(0, 1, 161):
        apart = np.abs(voxels - (a + share * (b - a))[:, None]) * np.array(grid.spacing)[:, None]
        nearest = np.minimum(nearest, apart.max(axis=0) - radius)
    beyond = nearest.reshape(SHAPE)
    if not ball:
        beyond[:, np.arange(SHAPE[1]) != under[1]] = np.inf
    step = float(np.max(np.abs(b - a) * grid.spacing)) / 160  # between two of these times
    if grid.contains(under.tolist()):
        beyond[tuple(under)] = -1
    assert found[beyond <= -1e-5].all()
    assert not found[beyond > step + 1e-5].any()


def test_a_brush_on_whole_numbers_covers_its_rim() -> None:
    grid = Grid((11, 11, 11), np.eye(4))
    found = whole(grid, Brush(3.0, ball=True).sweep(grid, (5, 5, 5), (5, 5, 5), 2))
    i, j, k = np.indices(grid.shape) - 5
    assert np.array_equal(found, i * i + j * j + k * k <= 9)


@pytest.mark.parametrize("shape", BrushShape)
@pytest.mark.parametrize("ball", [False, True])
def test_a_brush_smaller_than_a_voxel_paints_the_voxel_under_it(
    shape: BrushShape, ball: bool
) -> None:
    grid = Grid((9, 9, 9), np.diag([4.0, 5.0, 6.0, 1.0]))
    found = whole(grid, Brush(0.5, shape, ball).sweep(grid, (3.4, 4.4, 2.6), (3.4, 4.4, 2.6), 2))
    assert np.argwhere(found).tolist() == [[3, 4, 3]]


@pytest.mark.parametrize("shape", BrushShape)
def test_a_brush_larger_than_the_scan_covers_it_whole(shape: BrushShape) -> None:
    grid = Grid((20, 20, 4), np.diag([1.0, 1.0, 2.0, 1.0]))
    assert whole(grid, Brush(150, shape, ball=True).sweep(grid, (0, 0, 0), (9, 9, 2), 2)).all()
    flat = whole(grid, Brush(150, shape).sweep(grid, (0, 0, 1), (9, 9, 1), 2))
    assert np.flatnonzero(flat.any(axis=(0, 1))).tolist() == [1]
    assert flat[:, :, 1].all()


def test_a_way_outside_the_scan_covers_nothing() -> None:
    grid = Grid((20, 20, 4), np.eye(4))
    brush = Brush(3.0, ball=True)
    assert brush.sweep(grid, (-9, 5, 1), (-7, 5, 1), 2) is None
    assert Brush(3.0).sweep(grid, (5, 5, 6), (5, 5, 6), 2) is None


def test_radii_grow_and_shrink_by_steps_that_come_back_and_end() -> None:
    brush = Brush(8.0)
    assert brush.next_radius(1) == pytest.approx(9.6)
    assert Brush(brush.next_radius(1)).next_radius(-1) == pytest.approx(8.0)
    assert Brush(0.5).next_radius(1) > 0.5
    assert Brush(0.5).next_radius(-1) == 0.5
    assert Brush(150).next_radius(3) == limit_radius(1e9) == 150
