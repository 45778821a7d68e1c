"""The click: what is under it, completed by a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from liverview.ui.live.click_correction import ClickCorrection
from liverview.ui.tools.context import ToolContext
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_DRAG_PX, _APART_PX = 4.0, 12.0  # a shorter drag is a click; a scribble marks a point so often
_MOST_POINTS = 24  # of one scribble
_ADDS, _TAKES, _SHADOW = QColor(120, 255, 140), QColor(255, 120, 90), QColor(0, 0, 0)


class ClickTool(MouseTool):
    """Marks what belongs to the chosen label; with Ctrl, Shift or the right button, what does not.

    A drag is a scribble: many clicks.
    """

    def __init__(self, context: ToolContext) -> None:
        self._clicks = context.clicks
        self._view: SliceCanvas | None = None
        self._drawn: list[QPointF] = []
        self._negative = False

    @property
    def takes_right_button(self) -> bool:
        return True

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        self._view, self._drawn = view, [position]
        self._negative = how.erases or how.ctrl
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        if view is self._view:
            self._drawn.append(position)
            view.viewport().update()
        return True

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        if view is not self._view:
            return False
        places = [view.index_at(point) for point in self._spread()]
        self.deactivate()
        self._clicks.click(places, negative=self._negative)
        return True

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        return Qt.CursorShape.PointingHandCursor

    def activate(self) -> None:
        self._clicks.prepare()

    def deactivate(self) -> None:
        """Drop a scribble that is being drawn."""
        view, self._view, self._drawn = self._view, None, []
        if view is not None:
            view.viewport().update()

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the scribble that is being drawn, in widget pixels."""
        if view is self._view and len(self._drawn) > 1:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for color, width in ((_SHADOW, 5.0), (_TAKES if self._negative else _ADDS, 3.0)):
                painter.setPen(QPen(color, width))
                painter.drawPolyline(self._drawn)

    def _spread(self) -> list[QPointF]:
        """The points of what was drawn, so far apart that each says something more."""
        kept = [self._drawn[0]]
        if max(QLineF(kept[0], point).length() for point in self._drawn) < _DRAG_PX:
            return kept
        for point in self._drawn:
            if QLineF(kept[-1], point).length() >= _APART_PX:
                kept.append(point)
        at = np.linspace(0, len(kept) - 1, min(len(kept), _MOST_POINTS)).round().astype(int)
        return [kept[index] for index in at]


class ClickMarks:
    """Draws the marks of the correction under way in the slices where they lie."""

    def __init__(self, clicks: ClickCorrection) -> None:
        self._clicks = clicks

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw a plus or a minus for each, in widget pixels."""
        marks, volume = self._clicks.marks, view.session.volume
        if marks is None or volume is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for points, color in ((marks.positive, _ADDS), (marks.negative, _TAKES)):
            for point in points:
                place = volume.grid.world_to_place(point).tolist()
                axis = view.plane.axis
                if round(place[axis]) == view.session.crosshair[axis]:
                    at = view.widget_position(place)
                    _paint_sign(painter, at, color, plus=points is marks.positive)


def _paint_sign(painter: QPainter, at: QPointF, color: QColor, *, plus: bool) -> None:
    for pen, width in ((_SHADOW, 4.0), (color, 2.0)):
        painter.setPen(QPen(pen, width))
        painter.drawLine(at - QPointF(5, 0), at + QPointF(5, 0))
        if plus:
            painter.drawLine(at - QPointF(0, 5), at + QPointF(0, 5))
