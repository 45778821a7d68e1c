"""The line above the views: whose scan is open, and which study and series it is of."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from liverview.core.study import StudyFacts
from liverview.core.text import shown
from liverview.ui.state.session import Session

_GROUND, _TEXT, _QUIET = QColor(0, 0, 0), QColor(226, 226, 216), QColor(160, 162, 158)
_MARGIN, _GAP = 8, 14  # pixels


class PatientLine(QWidget):
    """On black as the images are; there while a scan says something of its patient or study.

    Attributes
    ----------
    blank : draws nothing of it, as for a picture of the window.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.blank = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Patient and study")
        session.volume_changed.connect(self.refresh)
        session.view_changed.connect(self.refresh)
        self.refresh()

    @property
    def words(self) -> tuple[str, str]:
        """The patient, and the study and series, as they are drawn; empty while they are hidden."""
        volume = self._session.volume
        study = volume.study if volume is not None and self._session.show_patient else None
        return ("", "") if study is None else (shown(study.patient), shown(_study_words(study)))

    def refresh(self) -> None:
        """Show what the open scan says, or hide."""
        patient, study = self.words
        self.setVisible(bool(patient or study))
        self.setToolTip("\n".join(part for part in (patient, study) if part))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        left, metrics = _MARGIN, self.fontMetrics()
        for words, color in zip(self.words, (_TEXT, _QUIET), strict=True):
            room = self.width() - left - _MARGIN
            if self.blank or not words or room <= 0:
                continue
            cut = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
            painter.setPen(color)
            line = QRect(left, 0, room, self.height())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, cut)
            left += metrics.horizontalAdvance(cut) + _GAP
        painter.end()


def _study_words(study: StudyFacts) -> str:
    parts = (study.study_day, study.study_description, study.modality, study.series_words)
    return " · ".join(part.strip() for part in parts if part.strip())
