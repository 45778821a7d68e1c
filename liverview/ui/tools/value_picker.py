"""Picks the intensity limits of drawing from a small region under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

from liverview.editing.adaptive import SAMPLE_MM, Sample, sample_region
from liverview.editing.brush import Brush
from liverview.ui.tools.brush_outline import paint_outline
from liverview.ui.tools.context import ToolContext
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class ValuePicker(MouseTool):
    """A click sets the limits to mean and two SD of a disc; then the tool before is back."""

    def __init__(self, context: ToolContext) -> None:
        self._redraw, self._go_back = context.redraw, context.go_back
        self._view: SliceCanvas | None = None
        self._position = QPointF()

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        self.hover(view, position)
        return True

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        self.hover(view, position)
        return True

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        sample = self._sample(view, position)
        if sample is not None:
            view.session.editing.set_limits(hu=sample.range)
            self._go_back()
        return True

    def hover(self, view: SliceCanvas, position: QPointF | None) -> None:
        self._view = view if position is not None else None
        self._position = position or QPointF()
        self._redraw()

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        return Qt.CursorShape.PointingHandCursor

    def deactivate(self) -> None:
        self._view = None
        self._redraw()

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        if view is not self._view:
            return
        sample = self._sample(view, self._position)
        if sample is not None:
            place = view.index_at(self._position)
            paint_outline(view, painter, Brush(SAMPLE_MM), view.plane, place, None)
            low, high = sample.range
            text = f"{sample.mean:.4g} ± {sample.sd:.3g}: {low:.4g} to {high:.4g}"
            view.label_placer.draw_label(painter, self._position + QPointF(14, 18), text)

    def _sample(self, view: SliceCanvas, position: QPointF) -> Sample | None:
        voxel, volume = view.voxel_at(position), view.session.volume
        if voxel is None or volume is None:
            return None
        return sample_region(volume, voxel, view.plane.axis)
