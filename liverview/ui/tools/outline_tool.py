"""The base of lasso, polygon and scissors: an outline in a slice, and what happens inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from liverview.core.box import Box
from liverview.core.volume import Plane
from liverview.editing.outlines import fill_outline
from liverview.ui.tools.context import ToolContext
from liverview.ui.tools.handles import Point
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_SHADOW = QColor(0, 0, 0)
_ERASES = QColor(255, 120, 90)


class OutlineTool(MouseTool):
    """Has the points of an outline in one slice of one view, draws them, and closes the outline.

    Attributes
    ----------
    points : places in voxels, all in one slice.
    """

    name = "outline"

    def __init__(self, context: ToolContext) -> None:
        self.points: list[Point] = []
        self._view: SliceCanvas | None = None
        self._how = LEFT

    @property
    def takes_right_button(self) -> bool:
        return True

    def begin(self, view: SliceCanvas, position: QPointF, how: Press) -> None:
        """Begin an outline at a point of the widget."""
        self._view, self._how, self.points = view, how, [view.index_at(position)]
        view.viewport().update()

    def close_outline(self) -> None:
        """Do what the tool does inside the outline, and be ready for the next one."""
        view, points, how = self._view, self.points, self._how
        self.deactivate()
        if view is not None:
            self.apply(view, points, how)

    def apply(self, view: SliceCanvas, points: Sequence[Point], how: Press) -> None:
        """Fill the outline with the label that is chosen, or erase this label in it."""
        filled = outlined_box(view.plane, points, view.geometry_.shape)
        if filled is not None:
            editing = view.session.editing
            editing.apply_mask(
                *filled, editing.edit_name(self.name, erase=how.erases), erase=how.erases
            )

    def deactivate(self) -> None:
        """Drop the outline."""
        view, self._view, self.points = self._view, None, []
        if view is not None:
            view.viewport().update()

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        return Qt.CursorShape.CrossCursor

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the outline as far as it goes, where its slice is shown."""
        axis = view.plane.axis
        if view is not self._view or view.session.crosshair[axis] != round(self.points[0][axis]):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        line = QPolygonF([view.widget_position(place) for place in self.line_points()])
        editing = view.session.editing
        chosen = QColor(*view.session.styles[editing.label].color)
        for color, width in ((_SHADOW, 3.5), (_ERASES if self.erases else chosen, 1.8)):
            painter.setPen(QPen(color, width))
            painter.drawPolyline(line)
        self.paint_points(painter, line)

    @property
    def erases(self) -> bool:
        """True where the outline that is being drawn will take a label away."""
        return self._how.erases

    def line_points(self) -> list[Point]:
        """The points of the line as it is drawn."""
        return self.points

    def paint_points(self, painter: QPainter, line: QPolygonF) -> None:
        """Mark corners of the line, in a tool that has such."""


def outlined_box(
    plane: Plane, points: Sequence[Point], shape: tuple[int, int, int]
) -> tuple[Box, NDArray[np.bool_]] | None:
    """The voxels of a slice inside an outline: their box and the mask in it; None for none."""
    first, second = (axis for axis in range(3) if axis != plane.axis)
    index = round(points[0][plane.axis])
    corners = [(place[first], place[second]) for place in points]
    filled = fill_outline(corners, (shape[first], shape[second]))
    if filled is None:
        return None
    sides = list(filled[0])
    sides.insert(plane.axis, slice(index, index + 1))
    return Box(*sides), np.expand_dims(filled[1], plane.axis)
