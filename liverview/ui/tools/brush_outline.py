"""The outline of the brush over a view, in mm as large as what it covers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from liverview.core.volume import Plane
from liverview.editing.brush import Brush, BrushShape, metric

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_CORNERS = 64  # of the polygon that stands for a circle
_CASING, _ERASER = QColor(0, 0, 0), QColor(255, 255, 255)
_DASHES = (3.0, 3.0)


def paint_outline(
    view: SliceCanvas,
    painter: QPainter,
    brush: Brush,
    drawn_in: Plane,
    place: tuple[float, float, float],
    color: tuple[int, int, int] | None,
) -> None:
    """Draw the brush's outline at a place in voxels, in widget pixels.

    Where the slice of the view cuts the brush, that section; else the brush as it would be seen
    through the slice, dashed.

    Parameters
    ----------
    drawn_in : the plane of the view that the pointer is over.
    color : of the label that is drawn; None for the eraser.
    """
    middle = list(place)
    if not brush.ball:  # it is in the middle of its slice
        middle[drawn_in.axis] = float(np.floor(middle[drawn_in.axis] + 0.5))
    offsets, cut = outline_offsets(view, brush, drawn_in, middle)
    points = []
    for across, up in offsets:
        corner = list(middle)
        corner[view.plane.horizontal_axis] += across
        corner[view.plane.vertical_axis] += up
        points.append(view.widget_position(corner))
    polygon = QPolygonF(points)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line, width in ((_CASING, 2.5), (QColor(*color) if color else _ERASER, 1.2)):
        pen = QPen(line, width)
        if not cut:
            pen.setDashPattern([dash * 2.5 / width for dash in _DASHES])
        painter.setPen(pen)
        painter.drawPolygon(polygon)
    if view.plane is drawn_in:
        painter.drawPoint(QPointF(view.widget_position(middle)))


def outline_offsets(
    view: SliceCanvas, brush: Brush, drawn_in: Plane, middle: list[float]
) -> tuple[NDArray[np.float64], bool]:
    """Corners of the outline in a view, (n, 2) voxels across and up from the brush's middle.

    The second is False where the view's slice does not cut the brush.
    """
    plane, volume = view.plane, view.session.volume
    assert volume is not None
    own = plane is drawn_in
    axis, axes = plane.axis, [plane.horizontal_axis, plane.vertical_axis]
    away = 0.0 if own else view.session.crosshair[axis] - middle[axis]
    if not own and not brush.ball:  # seen from the side it is one slice thick
        half = brush.half_sides(volume.grid)
        half[drawn_in.axis] = 0.5
        return _rectangle(half[axes[0]], half[axes[1]]), abs(away) <= half[axis]
    if brush.shape is BrushShape.SQUARE:
        half = brush.half_sides(volume.grid)
        return _rectangle(half[axes[0]], half[axes[1]]), abs(away) <= half[axis]
    return _ellipse(metric(volume.grid), axes, axis, brush.radius_mm, away, flat=not brush.ball)


def _rectangle(across: float, up: float) -> NDArray[np.float64]:
    return np.array([(-across, -up), (across, -up), (across, up), (-across, up)])


def _ellipse(
    g: NDArray[np.float64], axes: list[int], axis: int, radius: float, away: float, *, flat: bool
) -> tuple[NDArray[np.float64], bool]:
    """The section of a ball at so many slices from its middle, or else the ball's shadow.

    With v = (u, t), the ball is u P u + 2 t q u + s t^2 <= r^2, so that its section at t is an
    ellipse of the form P around -t P^-1 q.
    """
    p, q, s = g[np.ix_(axes, axes)], g[axes, axis], g[axis, axis]
    shift = np.linalg.solve(p, q)
    rest = radius**2 - away**2 * (s - float(q @ shift))
    cut = rest >= 0
    if cut:
        form, size, center = p, np.sqrt(rest), -away * shift
    else:
        form = p if flat else p - np.outer(q, q) / s
        size, center = radius, np.zeros(2)
    angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    values, vectors = np.linalg.eigh(form)
    corners: NDArray[np.float64] = (
        (vectors / np.sqrt(values)) @ vectors.T @ circle * size
    ).T + center
    return corners, bool(cut)
