"""What a person edited, over the slices: hatched one way where labels grew, the other where not.

Hatching, line and color tell the ways apart, so that none of the three is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QTransform

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.state.hand_edits import Edited, HandEditing
from liverview.ui.views.outline import Borders

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_DASHES = (3.0, 2.0)


class _Pattern(NamedTuple):
    color: QColor
    casing: QColor
    hatching: Qt.BrushStyle
    dashed: bool


_BLACK, _WHITE = QColor(0, 0, 0), QColor(255, 255, 255)
# White, violet and pink on a casing that is seen on any gray: no label has such a color, also to
# color-blind eyes.
LOOKS = {
    Edited.ADDED: _Pattern(_WHITE, _BLACK, Qt.BrushStyle.BDiagPattern, dashed=False),
    Edited.REMOVED: _Pattern(QColor(90, 0, 160), _WHITE, Qt.BrushStyle.FDiagPattern, dashed=True),
    Edited.OTHER: _Pattern(
        QColor(255, 200, 240), _BLACK, Qt.BrushStyle.DiagCrossPattern, dashed=False
    ),
}


class HandEditLayer:
    """Draws over every view where it is asked for; follows the labels."""

    def __init__(self, hand_edits: HandEditing) -> None:
        self._hand_edits = hand_edits

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw what was edited of the slice that the view shows, in widget pixels."""
        if not self._hand_edits.shown:
            return
        index = view.session.crosshair[view.plane.axis]
        found = self._hand_edits.slice_of(view.plane, index)
        if found is None:
            return
        ways, box = found
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        place = _to_widget(view, box)
        for way, look in LOOKS.items():
            mask = ways == way
            if mask.any():
                _paint_way(painter, mask, look, place)


def _paint_way(
    painter: QPainter, mask: NDArray[np.bool_], pattern: _Pattern, place: QTransform
) -> None:
    painter.fillPath(place.map(_runs(mask)), QBrush(pattern.color, pattern.hatching))
    borders = Borders(np.where(mask, Label.TUMOR, 0).astype(np.uint8))
    outline = place.map(borders.path(Label.TUMOR, (0.0, 0.0), (1.0, 1.0)))
    for color, width in ((pattern.casing, 3.0), (pattern.color, 1.5)):
        pen = QPen(color, width)
        if pattern.dashed and color is pattern.color:
            pen.setDashPattern(_DASHES)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawPath(outline)


def _runs(mask: NDArray[np.bool_]) -> QPainterPath:
    """The voxels as rectangles, one for each run of a row."""
    padded = np.pad(mask, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    rows, first = np.nonzero(steps == 1)
    _, last = np.nonzero(steps == -1)
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    for row, start, stop in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        path.addRect(QRectF(start, row, stop - start, 1))
    return path


def _to_widget(view: SliceCanvas, box: Box) -> QTransform:
    """From voxel corners of a box in the view's slice to pixels of the widget."""
    plane: Plane = view.plane
    corners: list[QPointF] = []
    for axis in (None, plane.horizontal_axis, plane.vertical_axis):
        corner = [first - 0.5 for first in box.start]
        if axis is not None:
            corner[axis] += 1
        corners.append(view.widget_position(corner))
    origin, right, top = corners[0], corners[1] - corners[0], corners[2] - corners[0]
    return QTransform(right.x(), right.y(), top.x(), top.y(), origin.x(), origin.y())
