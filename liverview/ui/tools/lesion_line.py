"""The ruler to lesion: the line across a lesion, completed to the lesion by a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from liverview.measurement.markup.shapes import Ruler
from liverview.ui.tools.context import ToolContext
from liverview.ui.tools.ruler import RulerTool

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class LesionLineTool(RulerTool):
    """Draws a ruler, which stays, and has it completed; the tool stays, too, for the next lesion.

    A ruler that is there is completed by a click on it, and again when it is dragged.
    """

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._clicks = context.clicks

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        """Keep the ruler that was drawn or dragged, and complete it."""
        if view is not self._view:
            return False
        self.move(view, position)
        finished, entry = self._draft, self._entry
        self.deactivate()
        if entry is None and finished is not None:
            self._markups.add(finished)
        elif entry is not None and finished is not None:
            self._markups.change(entry.id, finished)
        line = finished or (entry.markup if entry is not None else None)
        if isinstance(line, Ruler):
            before = entry.markup if entry is not None else None
            self._clicks.complete_ruler(line, before if isinstance(before, Ruler) else None)
        return True

    def activate(self) -> None:
        self._clicks.prepare()
