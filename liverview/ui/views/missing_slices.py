"""Slices that a series lacks: said where one is looked at, ticks where they lie in other planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from liverview.core.study import FilledSlices
from liverview.ui.state.session import Session
from liverview.ui.views.annotation import draw_text

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

MISSING_SLICE = "interpolated: this slice is missing in the series"
MISSING_COLOR = QColor(255, 196, 84)
_POINTS, _TICK, _LEAST = 9, 10, 1.0  # of the words; pixels of a tick
_ABOVE_WORDS = 58  # pixels that letter, sizes and badges need at the lower edge


class MissingSlices:
    """Draws over every view; no switch hides what was never measured."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the sentence, or the ticks at two edges, in widget pixels."""
        volume = self._session.volume
        missing = None if volume is None else volume.missing
        if missing is None or not missing.indices:
            return
        area = QRectF(view.viewport().rect())
        if view.plane.axis != missing.axis:
            _draw_ticks(view, painter, area, missing)
        elif self._session.crosshair[missing.axis] in missing.indices:
            above = area.adjusted(0, 0, 0, -_ABOVE_WORDS)
            draw_text(painter, above, (0.5, 1.0), MISSING_SLICE, _POINTS, color=MISSING_COLOR)


def _draw_ticks(view: SliceCanvas, painter: QPainter, area: QRectF, missing: FilledSlices) -> None:
    """Ticks at the ends of the missing slices, as thick as they are."""
    across = view.plane.horizontal_axis == missing.axis  # the slices stand upright
    for index in missing.indices:
        place = [0.0, 0.0, 0.0]
        place[missing.axis] = index - 0.5
        first = view.widget_position(place)
        place[missing.axis] = index + 0.5
        last = view.widget_position(place)
        low, high = sorted((first.x(), last.x()) if across else (first.y(), last.y()))
        thick = max(high - low, _LEAST)
        if across:
            for top in (area.top(), area.bottom() - _TICK):
                painter.fillRect(QRectF(low, top, thick, _TICK), MISSING_COLOR)
        else:
            for left in (area.left(), area.right() - _TICK):
                painter.fillRect(QRectF(left, low, _TICK, thick), MISSING_COLOR)
