"""Rulers and ellipses as they lie over the views: drawn, and found under the pointer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from liverview.measurement.markup.listing import Entry
from liverview.measurement.markup.shapes import Markup, Ruler
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.tools.handles import WHOLE, distance_px, ellipse_rect, handle_points

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_REACH = 8.0  # pixels around a handle or a line that belong to it
# Opaque all three: Qt takes ten times as long for a line that lets something through.
_LINE, _CHOSEN, _SHADOW = QColor(255, 255, 255), QColor(255, 196, 84), QColor(0, 0, 0)


class MarkupLayer:
    """Draws the markups of the slice that a view shows, whichever tool is active.

    Attributes
    ----------
    dragged : the id of one that a tool draws itself, as it would be; None for none.
    """

    def __init__(self, markups: ScanMarkups) -> None:
        self.markups = markups
        self.dragged: int | None = None

    def hit_test(self, view: SliceCanvas, position: QPointF) -> tuple[Entry, str] | None:
        """The markup at a point of the widget and its grip there; the latest drawn wins."""
        for entry in reversed(list(self._iter_slice(view))):
            for name, point in handle_points(view, entry.markup).items():
                if QLineF(point, position).length() <= _REACH:
                    return entry, name
            if distance_px(view, entry.markup, position) <= _REACH / 2:
                return entry, WHOLE
        return None

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the markups of a view's slice, in widget pixels."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for entry in self._iter_slice(view):
            if entry.id != self.dragged:
                chosen = entry.id == self.markups.chosen
                self.paint_markup(view, painter, entry.markup, chosen=chosen)

    def paint_markup(
        self, view: SliceCanvas, painter: QPainter, markup: Markup, *, chosen: bool
    ) -> None:
        """Draw one with its handles and what it measures."""
        handles = handle_points(view, markup)
        for color, width in ((_SHADOW, 3.5), (_CHOSEN if chosen else _LINE, 1.5)):
            painter.setPen(QPen(color, width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if isinstance(markup, Ruler):
                painter.drawLine(handles["start"], handles["end"])
            else:
                painter.drawEllipse(ellipse_rect(handles))
            for point in handles.values() if chosen or isinstance(markup, Ruler) else ():
                painter.drawEllipse(point, 3, 3)
        lowest = max(handles.values(), key=lambda point: point.y())
        view.label_placer.draw_label(painter, lowest + QPointF(8, 4), self.markups.words(markup))

    def _iter_slice(self, view: SliceCanvas) -> Iterator[Entry]:
        """The markups of the slice that a view shows; none while they are hidden."""
        if self.markups.shown:
            index = view.session.crosshair[view.plane.axis]
            for entry in self.markups.entries():
                if entry.markup.plane is view.plane and entry.markup.index == index:
                    yield entry
