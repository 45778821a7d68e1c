"""The pointer: puts the crosshair, and drags markups by their handles."""

from __future__ import annotations

from liverview.ui.tools.markup_tool import MarkupTool


class CrosshairTool(MarkupTool):
    """Leaves the left button to the crosshair of the views, but where a markup is."""

    draws_new = False
