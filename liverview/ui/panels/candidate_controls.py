"""The slider over the table of lesions: sensitive to specific, and how many are shown."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from liverview.core.candidates import DEFAULT_CERTAINTY
from liverview.core.labels import Label
from liverview.ui.live.candidate_review import CandidateReview
from liverview.ui.widgets.certainty_slider import PERCENT, ROW_OF_DOTS, CertaintySlider
from liverview.ui.widgets.shortcuts import first_key

_TIP = (
    "The network is more or less sure of each lesion that it found: a dot each, in the color of "
    "tumors where it is shown. To the left: more lesions, more of them false; to the right: fewer "
    "and surer ones. What you drew, accepted or rejected stays. Double click: back to {default} %."
)


class CandidateControls(QWidget):
    """A slider for the certainty from which lesions are shown, and their number."""

    def __init__(self, review: CandidateReview, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self.count = QLabel()
        self.slider = CertaintySlider(DEFAULT_CERTAINTY)
        self.slider.setAccessibleName("Lesions: sensitive to specific")
        self.hint = QLabel()
        self.hint.setEnabled(False)  # quiet
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight)
        # It makes no panel wider.
        self.hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._keys: tuple[QAction, ...] = ()
        words = QHBoxLayout()
        words.addWidget(self.count)
        words.addWidget(self.hint, 1)
        row = QHBoxLayout()
        self._ends = QLabel("Sensitive"), QLabel("Specific")
        for end in self._ends:  # beside the groove
            end.setContentsMargins(0, 0, 0, ROW_OF_DOTS)
        row.addWidget(self._ends[0])
        row.addWidget(self.slider, 1)
        row.addWidget(self._ends[1])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(words)
        layout.addLayout(row)
        self.slider.valueChanged.connect(self._on_moved)
        self.slider.sliderPressed.connect(review.begin_drag)
        self.slider.sliderReleased.connect(review.end_drag)
        self.slider.reset_requested.connect(review.reset)
        review.changed.connect(self.refresh)
        self.refresh()

    def set_actions(self, accept: QAction, reject: QAction) -> None:
        """Name the keys that accept and reject a candidate."""
        self._keys = accept, reject
        for action in self._keys:
            action.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the setting, and how many lesions it has."""
        review, slider = self._review, self.slider
        why_not = review.why_not
        percent = round(PERCENT * review.least_certainty)
        if slider.value() != percent:
            slider.blockSignals(True)
            slider.setValue(percent)
            slider.blockSignals(False)
        for widget in (slider, *self._ends):
            widget.setEnabled(not why_not)
        self.setToolTip(why_not or _TIP.format(default=round(PERCENT * DEFAULT_CERTAINTY)))
        red, green, blue = review.session.styles[Label.TUMOR].color
        sure = [part.certainty for part in review.parts]
        slider.set_dots(list(zip(sure, review.are_tumors, strict=True)), QColor(red, green, blue))
        self.count.setText(self._words())
        for words in (self.count, self.hint):  # where there is nothing to say, the table has room
            words.setVisible(not why_not)
        self.hint.setText(self._key_words())

    def _words(self) -> str:
        review = self._review
        percent = round(PERCENT * review.least_certainty)
        return f"Lesions from {percent} % sure: {review.shown_count} of {len(review.parts)}"

    def _key_words(self) -> str:
        """The keys as they are now: ``Y accepts, U rejects``."""
        keys = [first_key(action).toString() for action in self._keys]
        pairs = zip(keys, ("accepts", "rejects"), strict=False)
        return ", ".join(f"{key} {does}" for key, does in pairs if key)

    def _on_moved(self, percent: int) -> None:
        self._review.set_least_certainty(percent / PERCENT)
