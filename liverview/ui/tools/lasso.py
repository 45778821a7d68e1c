"""The lasso: an outline drawn in one go, filled with a label or emptied of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from liverview.ui.tools.outline_tool import OutlineTool
from liverview.ui.views.mouse_tool import LEFT, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class LassoTool(OutlineTool):
    """Draws from the press to the release, which closes the outline."""

    name = "lasso"

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        self.begin(view, position, how)
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        if view is self._view:
            self.points.append(view.index_at(position))
            view.viewport().update()
        return True

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        if view is not self._view:
            return False
        self.close_outline()
        return True
