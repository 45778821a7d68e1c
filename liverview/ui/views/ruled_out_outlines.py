"""Outlines of what a person has ruled out, over the slices: gray, apart from every label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPainterPath

from liverview.core.review import LesionMark
from liverview.ui.state.lesion_review import LesionReview
from liverview.ui.views.box_paths import BoxPaths, draw_dashed

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_LINE = QColor(190, 190, 190)
_DASHES = (4.0, 3.0)


class RuledOutOutlines:
    """Draws over every view, with the reason beside the outline."""

    def __init__(self, review: LesionReview) -> None:
        self._review = review
        self._paths = BoxPaths()

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the outlines of the slice that the view shows, in widget pixels."""
        for mark in self._review.ruled_out if self._review.shown else ():
            path = self._paths.path(view, mark, mark.start, mark.voxels)
            if path is not None:
                _paint_mark(view, painter, mark, path)


def _paint_mark(view: SliceCanvas, painter: QPainter, mark: LesionMark, path: QPainterPath) -> None:
    draw_dashed(painter, path, _LINE, 1.5, _DASHES)
    area = path.boundingRect()
    if not area.isEmpty():
        beside = QPointF(area.right() + 6, area.bottom() - 6)
        view.label_placer.draw_label(painter, beside, f"ruled out: {mark.reason}")
