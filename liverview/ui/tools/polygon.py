"""The polygon: an outline from click to click, filled with a label or emptied of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF
from PySide6.QtGui import QPainter, QPolygonF

from liverview.ui.tools.context import ToolContext
from liverview.ui.tools.handles import Point
from liverview.ui.tools.outline_tool import OutlineTool
from liverview.ui.views.mouse_tool import LEFT, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_REACH = 8.0  # pixels around the first corner, a click in which closes the outline


class PolygonTool(OutlineTool):
    """Takes a corner from every click.

    Enter, a double click or a click on the first corner closes the outline; Esc takes the last
    corner back. A right click, or one with Shift, begins an outline that erases.
    """

    name = "polygon"

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._pointer: Point | None = None  # the line runs on to it

    @property
    def in_progress(self) -> bool:
        return bool(self.points)

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        place = view.index_at(position)
        if not self.points or not self._goes_on(view, place):
            self.begin(view, position, how)
        elif self._closes(view, position):
            self.close_outline()
        else:
            self.points.append(place)
            view.viewport().update()
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        return True  # a button that is held moves no crosshair

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        return True

    def double_click(self, view: SliceCanvas, position: QPointF) -> bool:
        if self.points:
            self.close_outline()
        return True

    def hover(self, view: SliceCanvas, position: QPointF | None) -> None:
        if view is self._view:
            self._pointer = None if position is None else view.index_at(position)
            view.viewport().update()

    def step_back(self) -> None:
        """Take the last corner back."""
        self.points.pop()
        if not self.points:
            self.deactivate()
        elif self._view is not None:
            self._view.viewport().update()

    def complete(self) -> None:
        self.close_outline()

    def deactivate(self) -> None:
        self._pointer = None
        super().deactivate()

    def line_points(self) -> list[Point]:
        on = self._pointer is not None and len(self.points) > 0
        return [*self.points, self._pointer] if on and self._pointer else self.points

    def paint_points(self, painter: QPainter, line: QPolygonF) -> None:
        for index in range(len(self.points)):
            painter.drawEllipse(line.at(index), *((5, 5) if index == 0 else (2.5, 2.5)))

    def _goes_on(self, view: SliceCanvas, place: Point) -> bool:
        """Whether a place is in the slice in which the outline was begun."""
        axis = view.plane.axis
        return view is self._view and round(place[axis]) == round(self.points[0][axis])

    def _closes(self, view: SliceCanvas, position: QPointF) -> bool:
        start = view.widget_position(self.points[0])
        return len(self.points) > 2 and QLineF(start, position).length() <= _REACH
