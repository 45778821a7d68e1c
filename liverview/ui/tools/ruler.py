"""The ruler: a length in mm between two points of a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liverview.measurement.markup.shapes import Markup, Ruler
from liverview.ui.tools.handles import Point
from liverview.ui.tools.markup_tool import MarkupTool

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class RulerTool(MarkupTool):
    """Draws a ruler from the press to the release."""

    def create(self, view: SliceCanvas, start: Point, end: Point) -> Markup:
        """A ruler between two places in voxels."""
        return Ruler(view.plane, start, end)
