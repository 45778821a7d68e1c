"""The base of crosshair, ruler and ellipse: dragging markups, and drawing new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QPainter

from liverview.measurement.markup.listing import Entry
from liverview.measurement.markup.shapes import Markup
from liverview.ui.tools.context import ToolContext
from liverview.ui.tools.handles import Point, drag_markup
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_LEAST_PX = 4.0  # a shorter drag draws nothing


class MarkupTool(MouseTool):
    """A mouse tool that drags markups where there are any, and draws new ones elsewhere.

    Attributes
    ----------
    draws_new : whether a press beside all markups begins a new one; one per use of the tool.
    """

    draws_new = True

    def __init__(self, context: ToolContext) -> None:
        self._layer = context.markup_layer
        self._markups = context.markup_layer.markups
        self._finish = context.finish
        self._view: SliceCanvas | None = None  # the one in which the button is held
        self._start = QPointF()
        self._grip = ""
        self._entry: Entry | None = None  # what is dragged; None while a new one is drawn
        self._draft: Markup | None = None  # as it would be if the button were released now

    def create(self, view: SliceCanvas, start: Point, end: Point) -> Markup:
        """A new markup, drawn from a place to another, in voxels."""
        raise NotImplementedError

    # ---- the mouse -------------------------------------------------------------------------

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        """Begin to draw or to drag; False where the press is not for a markup."""
        hit = self._layer.hit_test(view, position)
        if hit is None and not self.draws_new:
            self._markups.choose(None)
            return False
        self._view, self._start = view, position
        self._set_draft(None)
        if hit is not None:
            self._entry, self._grip = hit
            self._markups.choose(self._entry.id)
        else:
            self._entry, self._grip = None, ""
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        """Go on drawing or dragging."""
        if view is not self._view:
            return False
        far = QLineF(self._start, position).length()
        if self._draft is not None or far >= _LEAST_PX:
            start, end = view.index_at(self._start), view.index_at(position)
            self._set_draft(
                self.create(view, start, end)
                if self._entry is None
                else drag_markup(self._entry.markup, self._grip, start, end)
            )
            view.viewport().update()
        return True

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        """Keep what was drawn or dragged."""
        if view is not self._view:
            return False
        self.move(view, position)
        finished = self._draft
        self.deactivate()
        if finished is not None and self._entry is not None:
            self._markups.change(self._entry.id, finished)
        elif finished is not None:
            self._markups.add(finished)
            self._finish()
        return True

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        """Arrows over a markup, a cross where a new one can be drawn."""
        if self._layer.hit_test(view, position) is not None:
            return Qt.CursorShape.SizeAllCursor
        return Qt.CursorShape.CrossCursor if self.draws_new else Qt.CursorShape.ArrowCursor

    def deactivate(self) -> None:
        """Drop what is being drawn or dragged."""
        self._view = None
        self._set_draft(None)

    # ---- drawing ---------------------------------------------------------------------------

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the markup as it would be now, in widget pixels."""
        if self._draft is not None and view is self._view:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            self._layer.paint_markup(view, painter, self._draft, chosen=True)

    def _set_draft(self, draft: Markup | None) -> None:
        """A draft is drawn in place of the markup that is dragged."""
        self._draft = draft
        self._layer.dragged = None if draft is None or self._entry is None else self._entry.id
