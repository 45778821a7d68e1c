"""Voxels of a slice and their place in a view, without a view."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF

from liverview.core.volume import Plane
from liverview.ui.views.slice_geometry import SliceGeometry, nearest_voxel

SHAPE, SPACING = (11, 13, 17), (2.0, 3.0, 4.0)
AXES = {Plane.AXIAL: (0, 1), Plane.CORONAL: (0, 2), Plane.SAGITTAL: (1, 2)}


@pytest.mark.parametrize("plane", Plane)
@given(place=st.tuples(*[st.floats(-50, 50)] * 3))
def test_places_and_points_are_inverse(plane: Plane, place: tuple[float, float, float]) -> None:
    geometry = SliceGeometry(plane, SHAPE, SPACING)
    across, up = AXES[plane]
    point = geometry.view_point(place)
    assert (point.x(), point.y()) == pytest.approx(
        (place[across] * SPACING[across], place[up] * SPACING[up])
    )
    crosshair = (5, 6, 8)
    expected = [float(index) for index in crosshair]
    expected[across], expected[up] = place[across], place[up]
    assert geometry.voxel_place(point, crosshair) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("plane", Plane)
def test_the_extent_holds_whole_voxels(plane: Plane) -> None:
    geometry = SliceGeometry(plane, SHAPE, SPACING)
    across, up = AXES[plane]
    da, db = SPACING[across], SPACING[up]
    expected = QRectF(-da / 2, -db / 2, SHAPE[across] * da, SHAPE[up] * db)
    assert geometry.extent == expected
    assert geometry.block_rect((1, 2), (4, 3)) == QRectF(2.5 * da, 3.5 * db, 2 * da, db)


@given(st.tuples(*[st.floats(-30, 30)] * 3))
def test_the_nearest_voxel_is_no_farther_than_half_a_voxel(
    place: tuple[float, float, float],
) -> None:
    voxel = nearest_voxel(place)
    assert all(abs(v - p) <= 0.5 for v, p in zip(voxel, place, strict=True))


def test_a_voxel_begins_half_a_voxel_before_its_center() -> None:
    assert nearest_voxel((1.5, -0.5, 2.49)) == (2, 0, 2)
    assert nearest_voxel((1.49, -0.51, -3.5)) == (1, -1, -3)


@pytest.mark.parametrize("shown_mm", [10.0, 60.0, 5000.0])
def test_zoom_ends_at_a_few_voxels_and_at_some_widths(shown_mm: float) -> None:
    """The scale multiplies what is seen: 4 voxels of 3 mm at least, 10 times 39 mm at most."""
    geometry = SliceGeometry(Plane.AXIAL, SHAPE, SPACING)
    closest, farthest = 4 * 3.0, 10 * 39.0
    assert geometry.limit_scale(1e-6, shown_mm) * shown_mm == pytest.approx(min(shown_mm, closest))
    assert geometry.limit_scale(1e6, shown_mm) * shown_mm == pytest.approx(max(shown_mm, farthest))
    assert geometry.limit_scale(1.0, shown_mm) == 1.0
    assert geometry.voxel_place(QPointF(2, 3), (0, 0, 9)) == (1, 1, 9)
