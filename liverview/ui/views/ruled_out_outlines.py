"""Outlines of what a person has ruled out, over the slices: gray, apart from every label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from liverview.core.labels import Label
from liverview.core.review import LesionMark
from liverview.core.volume import Plane
from liverview.ui.state.lesion_review import LesionReview
from liverview.ui.views.outline import Borders

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_CASING, _LINE = QColor(0, 0, 0), QColor(190, 190, 190)
_DASHES = (4.0, 3.0)
_PATHS_KEPT = 300


class RuledOutOutlines:
    """Draws over every view, with the reason beside the outline."""

    def __init__(self, review: LesionReview) -> None:
        self._review = review
        self._paths: dict[tuple[LesionMark, Plane, int], QPainterPath] = {}

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the outlines of the slice that the view shows, in widget pixels."""
        if not self._review.shown:
            return
        index = view.session.crosshair[view.plane.axis]
        for mark in self._review.ruled_out:
            side = mark.box[view.plane.axis]
            if side.start <= index < side.stop:
                self._paint_mark(view, painter, mark, index)

    def _paint_mark(
        self, view: SliceCanvas, painter: QPainter, mark: LesionMark, index: int
    ) -> None:
        path = _to_widget(view, mark).map(self._path(mark, view.plane, index))
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

    def _path(self, mark: LesionMark, plane: Plane, index: int) -> QPainterPath:
        """The outline in voxel corners of the mark's box; kept, for every repaint asks."""
        key = mark, plane, index
        if key not in self._paths:
            if len(self._paths) >= _PATHS_KEPT:
                self._paths.clear()
            cut = plane.slice_of(mark.voxels, index - mark.start[plane.axis]) != 0
            borders = Borders(np.where(cut, Label.TUMOR, 0).astype(np.uint8))
            self._paths[key] = borders.path(Label.TUMOR, (0.0, 0.0), (1.0, 1.0))
        return self._paths[key]


def _to_widget(view: SliceCanvas, mark: LesionMark) -> QTransform:
    """From voxel corners of a mark's box in the view's slice to pixels of the widget."""
    first = [start - 0.5 for start in mark.start]
    corners = []
    for axis in (None, view.plane.horizontal_axis, view.plane.vertical_axis):
        place = list(first)
        if axis is not None:
            place[axis] += 1
        corners.append(view.widget_position(place))
    origin, across, up = corners
    right, top = across - origin, up - origin
    return QTransform(right.x(), right.y(), top.x(), top.y(), origin.x(), origin.y())
