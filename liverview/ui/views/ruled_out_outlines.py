"""Outlines of what a person has ruled out, over the slices: gray, apart from every label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from liverview.core.review import LesionMark
from liverview.ui.state.lesion_review import LesionReview
from liverview.ui.views.box_paths import BoxPaths

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_CASING, _LINE = QColor(0, 0, 0), QColor(190, 190, 190)
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
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for color, width in ((_CASING, 3.0), (_LINE, 1.5)):
        pen = QPen(color, width)
        if color is _LINE:
            pen.setDashPattern(_DASHES)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawPath(path)
    area = path.boundingRect()
    if not area.isEmpty():
        beside = QPointF(area.right() + 6, area.bottom() - 6)
        view.label_placer.draw_label(painter, beside, f"ruled out: {mark.reason}")
