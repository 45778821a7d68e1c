"""Outlines of masks in boxes of the volume, as paths that every repaint asks for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from liverview.core.grid import Voxel
from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.views.outline import Borders

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_KEPT = 300
_CASING = QColor(0, 0, 0)


class BoxPaths:
    """Makes the outline of a mask in a slice, and keeps the latest ones."""

    def __init__(self) -> None:
        self._paths: dict[tuple[object, Plane, int], QPainterPath] = {}

    def path(
        self, view: SliceCanvas, owner: object, start: Voxel, mask: NDArray[Any]
    ) -> QPainterPath | None:
        """The outline in the slice that a view shows, in widget pixels; None where none is.

        Parameters
        ----------
        owner : the mask's, which stands for it among those that are kept.
        start, mask : the first voxel of the mask's box, and what is set of it, (i, j, k).
        """
        plane = view.plane
        index = view.session.crosshair[plane.axis] - start[plane.axis]
        if not 0 <= index < mask.shape[plane.axis]:
            return None
        key = owner, plane, index
        if key not in self._paths:
            if len(self._paths) >= _KEPT:
                self._paths.clear()
            cut = plane.slice_of(mask, index) != 0
            borders = Borders(np.where(cut, Label.TUMOR, 0).astype(np.uint8))
            self._paths[key] = borders.path(Label.TUMOR, (0.0, 0.0), (1.0, 1.0))
        return _to_widget(view, start).map(self._paths[key])


def _to_widget(view: SliceCanvas, start: Voxel) -> QTransform:
    """From voxel corners of a box in the view's slice to pixels of the widget."""
    first = [index - 0.5 for index in start]
    corners = []
    for axis in (None, view.plane.horizontal_axis, view.plane.vertical_axis):
        place = list(first)
        if axis is not None:
            place[axis] += 1
        corners.append(view.widget_position(place))
    origin, across, up = corners
    right, top = across - origin, up - origin
    return QTransform(right.x(), right.y(), top.x(), top.y(), origin.x(), origin.y())


def draw_dashed(
    painter: QPainter, path: QPainterPath, color: QColor, width: float, dashes: tuple[float, float]
) -> None:
    """Draw a dashed line over a black one twice as wide; ``width`` in pixels, dashes in widths."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    casing, line = QPen(_CASING, 2 * width), QPen(color, width)
    line.setDashPattern(dashes)
    for pen in (casing, line):
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawPath(path)
