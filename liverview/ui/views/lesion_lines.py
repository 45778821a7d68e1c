"""Diameters of lesions, drawn as two lines in the axial slice in which they were taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen

from liverview.core.volume import Plane
from liverview.measurement.results import Lesion
from liverview.ui.live.findings import Findings

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

# Opaque: Qt takes ten times as long for a line that lets something through.
_LINE, _CHOSEN, _CASING = QColor(255, 255, 255), QColor(255, 196, 84), QColor(0, 0, 0)
_END_PX = 5.0  # half the length of the bar at each end


class LesionLines:
    """Draws over the axial view; the lesion that was chosen in another color, and thicker."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the diameters of the slice that the view shows, in widget pixels."""
        if view.plane is not Plane.AXIAL:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for lesion in self.findings.lesions:
            if lesion.axial_slice == view.session.crosshair[2]:
                _paint(view, painter, lesion, lesion.number == self.findings.chosen)


def _paint(view: SliceCanvas, painter: QPainter, lesion: Lesion, chosen: bool) -> None:
    ends = [
        tuple(view.widget_position(end) for end in diameter.ends_voxel)
        for diameter in (lesion.axial, lesion.perpendicular)
        if diameter.length_mm > 0
    ]
    for color, width in ((_CASING, 4.0), (_CHOSEN if chosen else _LINE, 2.0 if chosen else 1.3)):
        painter.setPen(QPen(color, width))
        for start, end in ends:
            painter.drawLine(start, end)
            along = end - start
            length = max((along.x() ** 2 + along.y() ** 2) ** 0.5, 1e-9)
            across = type(along)(-along.y(), along.x()) * (_END_PX / length)
            for point in (start, end):
                painter.drawLine(point - across, point + across)
    points = [point for pair in ends for point in pair]
    if points:
        right, top = max(p.x() for p in points), min(p.y() for p in points)
        words = (
            f"{lesion.number}: {lesion.axial.length_mm:.1f} x "
            f"{lesion.perpendicular.length_mm:.1f} mm"
        )
        view.label_placer.draw_label(painter, QPointF(right + 8, top - 14), words)
