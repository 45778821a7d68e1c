"""Outlines of the selected parts over the slices: white on black, with name and volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen

from liverview.ui.state.session import Session
from liverview.ui.views.box_paths import BoxPaths
from liverview.ui.widgets.formatting import format_ml

if TYPE_CHECKING:
    from liverview.editing.parts import Part
    from liverview.ui.views.slice_canvas import SliceCanvas

# Opaque: Qt takes ten times as long for a line that lets something through.
_CASING, _LINE = QColor(0, 0, 0), QColor(255, 255, 255)


class SelectedOutlines:
    """Draws over every view."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths = BoxPaths()
        session.selected.changed.connect(self._forget)

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the outlines of the slice that the view shows, in widget pixels."""
        for part in self._session.selected.parts:
            path = self._paths.path(view, part, part.start, part.mask)
            if path is None or path.isEmpty():
                continue
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            for color, width in ((_CASING, 4.0), (_LINE, 2.0)):
                painter.setPen(QPen(color, width))
                painter.drawPath(path)
            area = path.boundingRect()
            words = part_words(self._session, part)
            view.label_placer.draw_label(painter, QPointF(area.right() + 6, area.top()), words)

    def _forget(self) -> None:
        """Drop what is kept of masks that are selected no more."""
        self._paths = BoxPaths()


def part_words(session: Session, part: Part) -> str:
    """A part in words: ``Tumor 3.2 mL``."""
    assert session.volume is not None
    ml = part.voxel_count * session.volume.voxel_ml
    amount = format_ml(ml) if ml >= 1 else f"{ml:.2g} mL"
    return f"{session.styles[part.label].name} {amount}"
