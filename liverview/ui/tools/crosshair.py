"""The pointer: puts the crosshair, drags markups by their handles, selects parts with Ctrl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from liverview.ui.tools.markup_tool import MarkupTool
from liverview.ui.views.mouse_tool import LEFT, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class CrosshairTool(MarkupTool):
    """Leaves the left button to the crosshair of the views, but where a markup is."""

    draws_new = False
    _selecting = False  # the button was pressed with Ctrl, and is held

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        """Begin to drag a markup; with Ctrl, select the part that is there, or no longer."""
        voxel = view.voxel_at(position) if how.ctrl else None
        self._selecting = voxel is not None
        if voxel is not None:
            view.session.selected.toggled.emit(voxel)
        return self._selecting or super().press(view, position, how)

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        """Go on dragging; a part is selected by the press alone."""
        return self._selecting or super().move(view, position)

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        """Keep what was dragged."""
        if self._selecting:
            self._selecting = False
            return True
        return super().release(view, position)
