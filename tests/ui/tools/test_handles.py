"""Handles of markups: points, distances, dragging, in a view of one pixel per voxel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PySide6.QtCore import QPointF

from liverview.core.volume import Plane
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.tools.handles import (
    WHOLE,
    distance_px,
    drag_markup,
    ellipse_rect,
    handle_points,
    limit_half_axes,
)

RULER = Ruler(Plane.AXIAL, (2.0, 3.0, 8.0), (10.0, 3.0, 8.0))
ELLIPSE = Ellipse(Plane.CORONAL, 4, (20.0, 30.0), (6.0, 2.0))


class Pixels:
    """Draws a voxel as a pixel, up upward."""

    def __init__(self, plane: Plane) -> None:
        self.axes = plane.horizontal_axis, plane.vertical_axis

    def widget_position(self, place: Sequence[float]) -> QPointF:
        return QPointF(place[self.axes[0]], 100 - place[self.axes[1]])


def test_handles_are_ends_and_quarters() -> None:
    ends = handle_points(Pixels(Plane.AXIAL), RULER)
    assert ends == {"start": QPointF(2, 97), "end": QPointF(10, 97)}
    quarters = handle_points(Pixels(Plane.CORONAL), ELLIPSE)
    assert quarters == {
        "left": QPointF(14, 70),
        "right": QPointF(26, 70),
        "bottom": QPointF(20, 72),
        "top": QPointF(20, 68),
    }
    assert ellipse_rect(quarters).getRect() == (14, 68, 12, 4)


@pytest.mark.parametrize(
    ("point", "distance"), [((5, 97), 0.0), ((5, 90), 7.0), ((13, 93), 5.0), ((2, 97), 0.0)]
)
def test_the_distance_to_a_ruler_ends_with_it(point: tuple[float, float], distance: float) -> None:
    assert distance_px(Pixels(Plane.AXIAL), RULER, QPointF(*point)) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("point", "distance"), [((26, 70), 0.0), ((30, 70), 4.0), ((20, 60), 8.0), ((20, 70), 6.0)]
)
def test_the_distance_to_an_ellipse_is_that_to_its_line(
    point: tuple[float, float], distance: float
) -> None:
    found = distance_px(Pixels(Plane.CORONAL), ELLIPSE, QPointF(*point))
    assert found == pytest.approx(distance, abs=1e-6)


@pytest.mark.parametrize(
    ("grip", "start", "end"),
    [
        ("start", (3.0, 5.0, 8.0), (10.0, 3.0, 8.0)),
        ("end", (2.0, 3.0, 8.0), (11.0, 5.0, 8.0)),
        (WHOLE, (3.0, 5.0, 8.0), (11.0, 5.0, 8.0)),
    ],
)
def test_a_ruler_is_dragged_by_an_end_or_whole(
    grip: str, start: tuple[float, ...], end: tuple[float, ...]
) -> None:
    dragged = drag_markup(RULER, grip, (6.0, 3.0, 8.0), (7.0, 5.0, 8.0))
    assert dragged == Ruler(Plane.AXIAL, start, end)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("grip", "center", "half_axes"),
    [
        (WHOLE, (22.0, 33.0), (6.0, 2.0)),
        ("right", (21.0, 30.0), (7.0, 2.0)),
        ("left", (27.0, 30.0), (1.0, 2.0)),
        ("top", (20.0, 30.5), (6.0, 2.5)),
        ("bottom", (20.0, 32.5), (6.0, 0.5)),
    ],
)
def test_an_ellipse_is_stretched_and_the_other_end_stays(
    grip: str, center: tuple[float, float], half_axes: tuple[float, float]
) -> None:
    dragged = drag_markup(ELLIPSE, grip, (26.0, 4.0, 30.0), (28.0, 4.0, 33.0))
    assert dragged == Ellipse(Plane.CORONAL, 4, center, half_axes)


def test_an_ellipse_keeps_some_width() -> None:
    assert limit_half_axes((0.0, 3.0)) == (0.25, 3.0)
