"""The scissors: what is inside an outline, cut out of all slices of a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from liverview.core.box import Box
from liverview.ui.tools.handles import Point
from liverview.ui.tools.lasso import LassoTool
from liverview.ui.tools.outline_tool import outlined_box
from liverview.ui.views.mouse_tool import Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class ScissorsTool(LassoTool):
    """Erases the chosen label inside an outline, seen from the view, through all slices.

    With Ctrl it fills them, which is for what is cut out of a scan as a block.
    """

    name = "scissors"

    @property
    def erases(self) -> bool:
        return not self._how.ctrl

    def apply(self, view: SliceCanvas, points: Sequence[Point], how: Press) -> None:
        """Erase or fill a block as deep as the scan, or, erasing, as deep as there are labels."""
        store, axis = view.session.store, view.plane.axis
        filled = outlined_box(view.plane, points, view.geometry_.shape)
        depth = slice(0, view.geometry_.shape[axis])
        if not how.ctrl and store.label_bbox is not None:
            depth = store.label_bbox[axis]
        if filled is None or depth.start >= depth.stop:
            return
        sides = list(filled[0])
        sides[axis] = depth
        box = Box(*sides)
        editing, erase = view.session.editing, not how.ctrl
        mask = np.broadcast_to(filled[1], box.shape)
        editing.apply_mask(box, mask, f"{self.name}, {editing.label.name.lower()}", erase=erase)
