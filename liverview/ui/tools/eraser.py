"""The eraser: a brush that takes labels away."""

from __future__ import annotations

from liverview.ui.tools.brush import BrushTool


class EraserTool(BrushTool):
    """Takes the label of the settings away, or every label; a part becomes its parent."""

    only_erases = True
