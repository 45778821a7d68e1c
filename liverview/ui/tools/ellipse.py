"""The ellipse: mean and standard deviation of an area of a slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liverview.measurement.markup.shapes import Ellipse, Markup
from liverview.ui.tools.handles import Point, limit_half_axes
from liverview.ui.tools.markup_tool import MarkupTool

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class EllipseTool(MarkupTool):
    """Draws the ellipse that fills the rectangle from the press to the release."""

    def create(self, view: SliceCanvas, start: Point, end: Point) -> Markup:
        """An ellipse between two opposite corners in voxels, in the slice of the first."""
        plane = view.plane
        across, up = plane.horizontal_axis, plane.vertical_axis
        center = (start[across] + end[across]) / 2, (start[up] + end[up]) / 2
        half = abs(start[across] - end[across]) / 2, abs(start[up] - end[up]) / 2
        return Ellipse(plane, round(start[plane.axis]), center, limit_half_axes(half))
