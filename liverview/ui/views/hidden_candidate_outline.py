"""The outline of the candidate that is looked at while it is not in the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter

from liverview.core.labels import Label
from liverview.ui.live.candidate_review import CandidateReview
from liverview.ui.views.box_paths import BoxPaths, draw_dashed

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas

_DASHES = (5.0, 3.0)


class HiddenCandidateOutline:
    """Draws over every view: a dashed line in the color of tumors, and how sure the network is."""

    def __init__(self, candidates: CandidateReview) -> None:
        self._candidates = candidates
        self._paths = BoxPaths()

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw the outline in the slice that the view shows, in widget pixels."""
        part = self._candidates.current_hidden
        path = None
        if part is not None:
            path = self._paths.path(view, part, part.box.start, part.mask)
        if part is None or path is None or path.isEmpty():
            return
        color = QColor(*view.session.styles[Label.TUMOR].color)
        draw_dashed(painter, path, color, 2.0, _DASHES)
        area = path.boundingRect()
        words = f"{100 * part.certainty:.0f} % sure, not shown"
        view.label_placer.draw_label(painter, QPointF(area.right() + 6, area.top()), words)
