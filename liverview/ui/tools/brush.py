"""The brush and the eraser: strokes that are seen in every view while they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

from liverview.editing.adaptive import Tissue, learn_tissue
from liverview.ui.state.stroke import Stroke
from liverview.ui.tools.brush_outline import paint_outline
from liverview.ui.tools.context import ToolContext
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

Place = tuple[float, float, float]


class BrushTool(MouseTool):
    """Draws the label of the settings; erases with the right button or Shift.

    With Ctrl, the left button puts the crosshair.

    Attributes
    ----------
    name : of its edits, as a menu says them.
    only_erases : whichever button is pressed.
    """

    name = "brush"
    only_erases = False

    def __init__(self, context: ToolContext) -> None:
        self._redraw, self._tell = context.redraw, context.tell
        self._view: SliceCanvas | None = None  # the one that the pointer is over
        self._place: Place | None = None  # of the pointer, in voxels
        self._stroke: Stroke | None = None
        self._erases = self.only_erases
        self._tissue: Tissue | None = None  # that an adaptive stroke stays within

    # ---- the mouse -------------------------------------------------------------------------

    @property
    def takes_right_button(self) -> bool:
        return True

    @property
    def double_click_presses(self) -> bool:
        return True

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        if how.ctrl and not how.right:
            return False
        self._view, self._place = view, view.index_at(position)
        self._erases = self.only_erases or how.erases
        settings, store = view.session.editing, view.session.store
        self._stroke = Stroke(store, settings.edit_name(self.name, erase=self._erases))
        self._tissue = None
        if settings.adaptive and not self._erases:
            volume, voxel = view.session.volume, view.voxel_at(position)
            assert volume is not None
            self._tissue = learn_tissue(volume, voxel) if voxel is not None else None
        self._draw_to(view, self._place)
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        self._draw_to(view, view.index_at(position))
        return True

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        self._draw_to(view, view.index_at(position))
        if self._stroke is not None:
            self._stroke.end()
        self._end()
        return True

    def hover(self, view: SliceCanvas, position: QPointF | None) -> None:
        self._view = view
        self._place = view.index_at(position) if position is not None else None
        self._redraw()

    def wheel(self, notches: int) -> bool:
        if self._view is None:
            return False
        settings = self._view.session.editing
        settings.set_brush(radius_mm=settings.brush.next_radius(notches))
        self._redraw()
        return True

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        return Qt.CursorShape.CrossCursor

    def deactivate(self) -> None:
        if self._stroke is not None:
            self._stroke.cancel()
        self._end()
        self._place = None

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        if self._place is not None and self._view is not None:
            settings = view.session.editing
            erases = self.only_erases or self._erases
            color = None if erases else view.session.styles[settings.label].color
            paint_outline(view, painter, settings.brush, self._view.plane, self._place, color)

    # ---- drawing ---------------------------------------------------------------------------

    def _draw_to(self, view: SliceCanvas, end: Place) -> None:
        """Draw from where the pointer was to a place in voxels."""
        session, stroke = view.session, self._stroke
        start, self._place, self._view = self._place or end, end, view
        self._redraw()
        if stroke is None or not stroke.is_open or session.volume is None:
            return
        settings, axis = session.editing, view.plane.axis
        found = settings.brush.sweep(session.volume.grid, start, end, axis)
        if found is None:
            return
        box, mask = found
        if self._tissue is not None:
            mask = self._tissue.limit(session.volume, box, mask, stroke.covers(box), end)
        try:
            settings.add_to_stroke(stroke, box, mask, erase=self._erases)
        except RuntimeError as error:  # labels cannot be edited now
            self._stroke = None
            self._tell(f"{str(error)[:1].upper()}{str(error)[1:]}.")

    def _end(self) -> None:
        self._stroke, self._tissue = None, None
        self._erases = self.only_erases
        self._redraw()
