"""Drawing and dragging rulers and ellipses in the views."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from liverview.measurement.markup.listing import Entry
from liverview.measurement.markup.shapes import Ellipse, Markup, Ruler
from liverview.ui.state.markups import ScanMarkups

if TYPE_CHECKING:
    from liverview.ui.views.slice_view import SliceView

_REACH = 8.0  # pixels around a handle or a line that belong to it
_LEAST_PX = 4.0  # a shorter drag draws nothing
# Opaque all three: Qt takes ten times as long for a line that lets something through.
_LINE, _CHOSEN, _SHADOW = QColor(255, 255, 255), QColor(255, 196, 84), QColor(0, 0, 0)


class Tool(Enum):
    """What the left button of the mouse does."""

    POINTER = "Pointer"
    RULER = "Ruler"
    ELLIPSE = "Ellipse"


class MarkupTool(QObject):
    """Takes the left button of the views where a tool or a handle wants it.

    Signals
    -------
    changed : another tool.
    """

    changed = Signal()

    def __init__(self, markups: ScanMarkups, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.markups = markups
        self.tool = Tool.POINTER
        self._view: SliceView | None = None  # where something is being drawn or dragged
        self._start = QPointF()
        self._grip = ""  # the part that is dragged
        self._entry: Entry | None = None  # what is dragged; None while it is drawn
        self._now: Markup | None = None  # as it would be if the button were released now

    def set_tool(self, tool: Tool) -> None:
        if tool is not self.tool:
            self.tool = tool
            self._view = self._now = None
            self.changed.emit()

    # ---- the mouse -------------------------------------------------------------------------

    def press(self, view: SliceView, position: QPointF) -> bool:
        """Begin to draw or to drag; False where the press is not for a markup."""
        hit = self._hit_test(view, position)
        if hit is None and self.tool is Tool.POINTER:
            self.markups.choose(None)
            return False
        self._view, self._start, self._now = view, position, None
        if hit is not None:
            self._entry, self._grip = hit
            self.markups.choose(self._entry.id)
        else:
            self._entry, self._grip = None, "new"
        return True

    def move(self, view: SliceView, position: QPointF) -> bool:
        """Go on drawing or dragging."""
        if view is not self._view:
            return False
        far = QLineF(self._start, position).length()
        if self._now is not None or far >= _LEAST_PX:
            self._now = (
                self._markup_drawn_to(position)
                if self._entry is None
                else self._markup_dragged_to(position)
            )
            view.viewport().update()
        return True

    def release(self, view: SliceView, position: QPointF) -> bool:
        """Keep what was drawn; back to the crosshair after a new one."""
        if view is not self._view:
            return False
        self.move(view, position)
        made, self._now, self._view = self._now, None, None
        if made is not None and self._entry is not None:
            self.markups.change(self._entry.id, made)
        elif made is not None:
            self.markups.add(made)
            self.set_tool(Tool.POINTER)
        return True

    def cursor(self, view: SliceView, position: QPointF) -> Qt.CursorShape:
        """What the pointer looks like there."""
        if self._hit_test(view, position) is not None:
            return Qt.CursorShape.SizeAllCursor
        return (
            Qt.CursorShape.ArrowCursor if self.tool is Tool.POINTER else Qt.CursorShape.CrossCursor
        )

    def _markup_drawn_to(self, position: QPointF) -> Markup:
        """The new markup from where the drag began to a point."""
        assert self._view is not None
        a, b = self._view.index_at(self._start), self._view.index_at(position)
        if self.tool is Tool.RULER:
            return Ruler(self._view.plane, a, b)
        across, up = self._view.plane.horizontal_axis, self._view.plane.vertical_axis
        center = (a[across] + b[across]) / 2, (a[up] + b[up]) / 2
        half = abs(a[across] - b[across]) / 2, abs(a[up] - b[up]) / 2
        return Ellipse(
            self._view.plane, round(a[self._view.plane.axis]), center, _min_half_axes(half)
        )

    def _markup_dragged_to(self, position: QPointF) -> Markup:
        """The markup with its grip at a point."""
        assert self._view is not None
        assert self._entry is not None
        old, plane = self._entry.markup, self._view.plane
        here, was = self._view.index_at(position), self._view.index_at(self._start)
        moved = [h - w for h, w in zip(here, was, strict=True)]
        if isinstance(old, Ruler):
            start = (
                _shift_point(old.start, moved) if self._grip in ("start", "whole") else old.start
            )
            end = _shift_point(old.end, moved) if self._grip in ("end", "whole") else old.end
            return Ruler(plane, start, end)
        (x, y), (a, b) = old.center, old.half_axes
        if self._grip == "whole":
            return replace(
                old, center=(x + moved[plane.horizontal_axis], y + moved[plane.vertical_axis])
            )
        # The opposite end stays.
        if self._grip in ("left", "right"):
            x, a = _center_and_half(
                x - a if self._grip == "right" else x + a, here[plane.horizontal_axis]
            )
        else:
            y, b = _center_and_half(
                y - b if self._grip == "top" else y + b, here[plane.vertical_axis]
            )
        return replace(old, center=(x, y), half_axes=_min_half_axes((a, b)))

    # ---- what is where ---------------------------------------------------------------------

    def _markups_of_slice(self, view: SliceView) -> Iterator[Entry]:
        """The markups of the slice that a view shows."""
        if self.markups.shown:
            index = view.session.crosshair[view.plane.axis]
            for entry in self.markups.entries():
                if entry.markup.plane is view.plane and entry.markup.index == index:
                    yield entry

    def _hit_test(self, view: SliceView, position: QPointF) -> tuple[Entry, str] | None:
        """The markup at a point and which part of it; the latest drawn wins."""
        for entry in reversed(list(self._markups_of_slice(view))):
            for name, point in _handles(view, entry.markup).items():
                if QLineF(point, position).length() <= _REACH:
                    return entry, name
            if _distance_px(view, entry.markup, position) <= _REACH / 2:
                return entry, "whole"
        return None

    # ---- drawing ---------------------------------------------------------------------------

    def paint(self, view: SliceView, painter: QPainter) -> None:
        """Draw the markups of a view's slice, in widget pixels."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        dragged = self._entry.id if self._entry is not None and self._now is not None else None
        for entry in self._markups_of_slice(view):
            if entry.id != dragged:
                self._paint(view, painter, entry.markup, entry.id == self.markups.chosen)
        if self._now is not None and view is self._view:
            self._paint(view, painter, self._now, True)

    def _paint(self, view: SliceView, painter: QPainter, markup: Markup, chosen: bool) -> None:
        handles = _handles(view, markup)
        for color, width in ((_SHADOW, 3.5), (_CHOSEN if chosen else _LINE, 1.5)):
            painter.setPen(QPen(color, width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if isinstance(markup, Ruler):
                painter.drawLine(handles["start"], handles["end"])
            else:
                painter.drawEllipse(_ellipse_rect(handles))
            for point in handles.values() if chosen or isinstance(markup, Ruler) else ():
                painter.drawEllipse(point, 3, 3)
        lowest = max(handles.values(), key=lambda point: point.y())
        view.label_placer.draw_label(painter, lowest + QPointF(8, 4), self.markups.words(markup))


def _center_and_half(one: float, other: float) -> tuple[float, float]:
    """The middle of two ends, and how far they are from it."""
    return (one + other) / 2, abs(one - other) / 2


def _min_half_axes(half: tuple[float, float]) -> tuple[float, float]:
    return max(half[0], 0.25), max(half[1], 0.25)  # voxels; an ellipse must have some width


def _shift_point(point: tuple[float, float, float], by: list[float]) -> tuple[float, float, float]:
    i, j, k = (p + d for p, d in zip(point, by, strict=True))
    return i, j, k


def _handles(view: SliceView, markup: Markup) -> dict[str, QPointF]:
    """The points that can be dragged, in widget pixels."""
    if isinstance(markup, Ruler):
        return {
            "start": view.widget_position(markup.start),
            "end": view.widget_position(markup.end),
        }
    (x, y), (a, b) = markup.center, markup.half_axes
    ends = {"left": (x - a, y), "right": (x + a, y), "bottom": (x, y - b), "top": (x, y + b)}
    return {name: view.widget_position(_voxel_point(markup, *end)) for name, end in ends.items()}


def _voxel_point(markup: Ellipse, across: float, up: float) -> tuple[float, float, float]:
    place = [float(markup.index)] * 3
    place[markup.plane.horizontal_axis], place[markup.plane.vertical_axis] = across, up
    return place[0], place[1], place[2]


def _ellipse_rect(points: dict[str, QPointF]) -> QRectF:
    """The rectangle that an ellipse with these handles fills."""
    xs = sorted((points["left"].x(), points["right"].x()))
    ys = sorted((points["top"].y(), points["bottom"].y()))
    return QRectF(xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0])


def _distance_px(view: SliceView, markup: Markup, position: QPointF) -> float:
    """Pixels from a point to a markup's line."""
    if isinstance(markup, Ruler):
        start, end = view.widget_position(markup.start), view.widget_position(markup.end)
        line, to = np.array([end.x() - start.x(), end.y() - start.y()]), position - start
        share = np.clip((line @ (to.x(), to.y())) / max(float(line @ line), 1e-9), 0, 1)
        return math.hypot(to.x() - share * line[0], to.y() - share * line[1])
    rect = _ellipse_rect(_handles(view, markup))
    middle, a, b = rect.center(), max(rect.width() / 2, 1), max(rect.height() / 2, 1)
    angle = math.atan2((position.y() - middle.y()) / b, (position.x() - middle.x()) / a)
    nearest = QPointF(middle.x() + a * math.cos(angle), middle.y() + b * math.sin(angle))
    return QLineF(nearest, position).length()
