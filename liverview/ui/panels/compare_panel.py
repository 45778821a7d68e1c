"""The Compare panel: how the labels agree with a reference, and where."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from liverview.core.labels import FOREGROUND, Label
from liverview.core.text import shown
from liverview.ui.jobs.job import Outcome
from liverview.ui.live.comparison import Comparison, ErrorMapOverlay
from liverview.ui.widgets.controls import FocuslessComboBox
from liverview.ui.widgets.shortcuts import KeyHint

if TYPE_CHECKING:
    from liverview.evaluation.scores import LabelScore


class _Figure(NamedTuple):
    """A row: its title with the unit, how its number is written, what it means."""

    title: str
    form: str
    tip: str


_FIGURES = {  # by the attribute of LabelScore
    "dice": _Figure("Dice", ".3f", "Overlap: 1 is the same, 0 is nothing in common"),
    "nsd_2mm": _Figure(
        "NSD 2 mm", ".3f", "Share of both surfaces' voxels within 2 mm of the other one"
    ),
    "nsd_3mm": _Figure(
        "NSD 3 mm", ".3f", "Share of both surfaces' voxels within 3 mm of the other one"
    ),
    "hd95_mm": _Figure(
        "HD95 mm",
        ".1f",
        "95th percentile of the distances between surface voxels' centers, the worse direction",
    ),
    "predicted_ml": _Figure("Volume mL", ".1f", "Volume of the labels"),
    "reference_ml": _Figure("Reference mL", ".1f", "Volume of the reference"),
    "volume_error_ml": _Figure("Difference mL", "+z.1f", "Labels minus reference"),
    "volume_error_percent": _Figure(
        "Difference %", "+z.1f", "Labels minus reference, of the reference"
    ),
    "cl_dice": _Figure(
        "clDice", ".3f", "Agreement of the vessels' centerlines, thinned on half voxels"
    ),
    "lesion_recall": _Figure(
        "Lesion recall",
        ".2f",
        "Share of the reference's lesions, from the volume of a 10 mm sphere on, of which at "
        "least a fifth is labeled",
    ),
    "lesion_precision": _Figure(
        "Lesion precision",
        ".2f",
        "Share of the labeled lesions, from 0.05 mL on, that touch one of the reference",
    ),
    "false_lesions": _Figure(
        "False lesions", ".0f", "Labeled lesions that touch none; 26-connected"
    ),
}
_NO_FIGURE = "–"
_NOTE = (
    "The liver is the organ; vessels are compared inside the reference's liver, where it has one. "
    "`liverview evaluate --nsd area` counts surfaces by their area."
)


class ComparePanel(QWidget):
    """A table with a row per figure and a column per label.

    Signals
    -------
    reference_requested : the person wants to open a reference.
    """

    reference_requested = Signal()

    def __init__(
        self, comparison: Comparison, overlay: ErrorMapOverlay, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.comparison = comparison
        self.overlay = overlay
        self.session = comparison.session
        self._segment_key = KeyHint()
        self.reference = QLabel()
        self.reference.setTextFormat(Qt.TextFormat.PlainText)  # file names are no HTML
        # A long name is cut off, rather than making the panel wide.
        self.reference.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.table = self._make_table()
        self.shown = FocuslessComboBox()
        self.shown.setAccessibleName("Show agreement of")
        self.shown.setToolTip("Show in the views which voxels both have, and which only one")
        self.shown.addItem("None", None)
        for label in FOREGROUND:
            self.shown.addItem(self.session.styles[label].name, label)
        self.open_button = QPushButton("Reference …")
        self.open_button.setToolTip("Open another reference label map")
        self.stop_button = QPushButton("Stop")
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy the table, for a spreadsheet")
        self._build_layout()
        self.shown.currentIndexChanged.connect(self._on_chosen)
        self.open_button.clicked.connect(self.reference_requested)
        self.stop_button.clicked.connect(self._on_stop)
        self.copy_button.clicked.connect(self.copy)
        comparison.changed.connect(self.refresh)
        overlay.changed.connect(self.refresh)
        self.session.progress_changed.connect(self._show_state)
        self.refresh()

    def _build_layout(self) -> None:
        caption = QLabel("Sho&w where")
        caption.setBuddy(self.shown)
        shown_row, buttons = QHBoxLayout(), QHBoxLayout()
        shown_row.addWidget(caption)
        shown_row.addWidget(self.shown, 1)
        for button in (self.open_button, self.stop_button, self.copy_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self.reference)
        layout.addWidget(self.state)
        layout.addWidget(self.table, 1)
        layout.addLayout(shown_row)
        layout.addLayout(buttons)

    def showEvent(self, event: QShowEvent) -> None:
        self.comparison.set_wanted(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.comparison.set_wanted(False)
        super().hideEvent(event)

    def set_segment_action(self, action: QAction) -> None:
        """Name the key that segments."""
        self._segment_key = KeyHint(" ({})", action)
        self._segment_key.follow(self._show_state)

    # ---- showing ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is known."""
        reference = self.session.reference
        self.reference.setText(
            shown(f"Reference: {reference.name}") if reference is not None else ""
        )
        self.reference.setToolTip(self.reference.text())
        self.reference.setVisible(reference is not None)
        scores = self.comparison.scores
        for column, label in enumerate(FOREGROUND):
            for row, name in enumerate(_FIGURES):
                item = self.table.item(row, column)
                assert item is not None
                item.setText(self._figure_text(label, name))
                item.setToolTip(_reason_text(scores.get(label), name))
        self.shown.blockSignals(True)
        self.shown.setCurrentIndex(self.shown.findData(self.overlay.label))
        self.shown.blockSignals(False)
        self.shown.setEnabled(reference is not None)
        self.copy_button.setEnabled(bool(scores))
        self._show_state()

    def _show_state(self) -> None:
        text = self._state_text()
        self.state.setText(text)
        self.state.setVisible(bool(text))
        over = self.comparison.outcome in (Outcome.CANCELED, Outcome.FAILED)
        self.stop_button.setText("Again" if over else "Stop")
        self.stop_button.setToolTip("Compare again" if over else "Stop comparing")
        self.stop_button.setEnabled(over or self.comparison.is_running)

    def _state_text(self) -> str:
        session, comparison = self.session, self.comparison
        if session.reference is None:
            return "Open a reference label map to see how the labels agree with it."
        if session.store.segmenting:
            return "The comparison waits until the segmentation has ended."
        if not session.store.has_labels:
            return f"Segment the scan{self._segment_key.text}: its labels are compared then."
        if comparison.outcome is Outcome.FAILED:
            return "The comparison failed; figures that are missing are not known."
        if comparison.outcome is Outcome.CANCELED:
            return "The comparison was stopped; figures that are missing are not known."
        if not comparison.is_current:
            return f"{comparison.phase or 'Comparing'} …"
        notes = [score.reason for score in comparison.scores.values() if score.reason]
        if session.store.has_unfinished_labels:
            notes.insert(0, "Partial: the segmentation was stopped.")
        return "\n".join(notes)

    def copy(self) -> None:
        """Put the table on the clipboard, its columns apart by tabs."""
        reference = self.session.reference
        if reference is None:
            return
        head = [shown(f"Reference: {reference.name}")]
        lines = [[*head, *(self.session.styles[label].name for label in FOREGROUND)]]
        for name, figure in _FIGURES.items():
            lines.append([figure.title, *(self._figure_text(label, name) for label in FOREGROUND)])
        QApplication.clipboard().setText("\n".join("\t".join(cells) for cells in lines))

    def _figure_text(self, label: Label, name: str) -> str:
        """A figure as shown: nothing where it is not yet known, or none of this label."""
        score = self.comparison.scores.get(label)
        if score is None or not score.applies_to(name):
            return ""
        if not self.comparison.is_known(label, name):
            return ""
        value = getattr(score, name)
        return _NO_FIGURE if math.isnan(value) else format(value, _FIGURES[name].form)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(len(_FIGURES), len(FOREGROUND))
        table.setHorizontalHeaderLabels([self.session.styles[label].name for label in FOREGROUND])
        for row, figure in enumerate(_FIGURES.values()):
            title = QTableWidgetItem(figure.title)
            title.setToolTip(figure.tip)
            table.setVerticalHeaderItem(row, title)
            for column in range(len(FOREGROUND)):
                item = QTableWidgetItem()
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                table.setItem(row, column, item)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setAccessibleName("Agreement with the reference")
        table.setToolTip(_NOTE)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for header in (table.horizontalHeader(), table.verticalHeader()):
            header.setSectionsClickable(False)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        return table

    # ---- what the person does --------------------------------------------------------------

    def _on_chosen(self) -> None:
        self.overlay.choose(self.shown.currentData())

    def _on_stop(self) -> None:
        if self.comparison.is_running:
            self.comparison.stop()
        else:
            self.comparison.update_now()


def _reason_text(score: LabelScore | None, name: str) -> str:
    return "" if score is None else score.why_undefined(name)
