"""The split line: drawn across a part, it cuts the part in two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from liverview.editing.part_split import CutLine, Point2D
from liverview.ui.tools.context import ToolContext
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_CASING, _LINE = QColor(0, 0, 0), QColor(255, 255, 255)
_DASHES = (5.0, 3.0)
_LEAST_PX = 4.0  # a shorter drag is a point


class SplitLineTool(MouseTool):
    """Draws a line from the press to the release; the session hears of it."""

    def __init__(self, context: ToolContext) -> None:
        self._view: SliceCanvas | None = None  # the one in which the button is held
        self._index = 0  # of its slice
        self._start = self._end = (0.0, 0.0)  # in voxels, so that zooming moves neither
        self._pressed = QPointF()

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        """Begin the line."""
        self._view, self._pressed = view, position
        self._index = view.session.crosshair[view.plane.axis]
        self._start = self._end = _in_slice(view, position)
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        """Draw the line to the pointer."""
        if view is not self._view:
            return False
        self._end = _in_slice(view, position)
        view.viewport().update()
        return True

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        """Split what the line crosses."""
        if view is not self._view:
            return False
        far = QLineF(self._pressed, position).length() >= _LEAST_PX
        end = _in_slice(view, position) if far else self._start
        line = CutLine(view.plane, self._index, self._start, end)
        self.deactivate()
        view.session.selected.line_drawn.emit(line)
        return True

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        """A cross."""
        return Qt.CursorShape.CrossCursor

    def deactivate(self) -> None:
        """Drop the line."""
        view, self._view = self._view, None
        if view is not None:
            view.viewport().update()

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the line, in widget pixels."""
        if view is not self._view:
            return
        start, end = (_in_widget(view, self._index, point) for point in (self._start, self._end))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for color, width in ((_CASING, 4.0), (_LINE, 1.8)):
            pen = QPen(color, width)
            if color is _LINE:
                pen.setDashPattern(_DASHES)
            painter.setPen(pen)
            painter.drawLine(start, end)


def _in_slice(view: SliceCanvas, position: QPointF) -> Point2D:
    place, plane = view.index_at(position), view.plane
    return place[plane.horizontal_axis], place[plane.vertical_axis]


def _in_widget(view: SliceCanvas, index: int, point: Point2D) -> QPointF:
    place, plane = [float(index)] * 3, view.plane
    place[plane.horizontal_axis], place[plane.vertical_axis] = point
    return view.widget_position(place)
