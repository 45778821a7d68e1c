"""The Findings panel: volumes, tumor burden, the table of lesions, RECIST 1.1."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from liverview.core.labels import Label, label_entry
from liverview.measurement.results import (
    FURTHER_LABELS,
    PARTIAL_WARNING,
    SMALLEST_LESION_ML,
    Measurement,
    parts_of_liver_text,
)
from liverview.ui.live.candidate_review import CandidateReview
from liverview.ui.live.findings import Findings
from liverview.ui.panels.candidate_controls import CandidateControls
from liverview.ui.panels.lesion_model import COLUMNS, lesion_cells
from liverview.ui.panels.lesion_table import LesionTable
from liverview.ui.panels.verdict_menu import fill_verdict_menu
from liverview.ui.widgets.controls import WrappedLabel
from liverview.ui.widgets.formatting import format_ml
from liverview.ui.widgets.shortcuts import KeyHint

_WIDEST = "8,888 mL"
_PATIENCE_MS = 300  # in which an edit is followed: shorter waits are not shown


class FindingsPanel(QScrollArea):
    """The figures and the lesions; a click on a lesion goes there. It scrolls where it is low.

    Volumes are those of the labels as they are. Lesions take longer: those from before the labels
    changed are faded.
    """

    def __init__(
        self, findings: Findings, candidates: CandidateReview, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.findings = findings
        self.candidates = CandidateControls(candidates)
        self._segment_key = KeyHint()
        self._was_older = False
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self.state = WrappedLabel()
        self.figures = {name: QLabel() for name in _AMOUNTS}
        self.table = LesionTable()
        self.recist = WrappedLabel()
        self.recist.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.exclude_button = QPushButton("Exclude")
        self.exclude_button.setToolTip("Rule the chosen lesion out, or say that it is no target")
        self.exclude_button.setMenu(self._reason_menu())
        self.include_button = QPushButton("Include")
        self.include_button.setToolTip("Take the chosen lesion in again")
        self.confirm_button = QPushButton("Confirm")
        self.confirm_button.setToolTip("Confirm the candidates as RECIST target lesions")
        self.confirm_button.setCheckable(True)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy figures and table, for a spreadsheet")
        row = QHBoxLayout()
        buttons = (self.exclude_button, self.include_button, self.confirm_button, self.copy_button)
        for button in buttons:
            row.addWidget(button)
        self._build_layout(row)
        self.table.selected.connect(findings.choose)
        self.table.rows_selected.connect(self._update_buttons)
        self.table.copy_requested.connect(self.copy)
        self.include_button.clicked.connect(partial(self._exclude, ""))
        self.confirm_button.clicked.connect(findings.confirm_targets)
        self.copy_button.clicked.connect(self.copy)
        findings.changed.connect(self.refresh)
        self._patience.timeout.connect(self._on_volumes_changed)
        findings.session.volume_changed.connect(self.refresh)
        findings.session.volumes.changed.connect(self._on_volumes_changed)
        self.refresh()

    def _build_layout(self, buttons: QHBoxLayout) -> None:
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self.state)
        layout.addLayout(self._make_grid())
        layout.addWidget(self.candidates)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        layout.addWidget(self.recist)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        self.setMinimumWidth(inside.minimumSizeHint().width() + self._bar_width)

    @property
    def _bar_width(self) -> int:
        return self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)

    def _make_grid(self) -> QGridLayout:
        """The amounts in two columns, for the table needs the height."""
        grid = QGridLayout()
        grid.setVerticalSpacing(1)
        grid.setColumnMinimumWidth(2, 12)
        rows = (len(_AMOUNTS) + 1) // 2
        for place, (name, (text, tip)) in enumerate(_AMOUNTS.items()):
            row, column = place % rows, 3 * (place // rows)
            value = self.figures[name]
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setToolTip(tip)
            value.setAccessibleName(text)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance(_WIDEST))
            grid.addWidget(QLabel(text.removeprefix("Liver ").capitalize()), row, column)
            grid.addWidget(value, row, column + 1)
            grid.setColumnStretch(column + 1, 1)
        return grid

    def showEvent(self, event: QShowEvent) -> None:
        self.findings.set_wanted(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.findings.set_wanted(False)
        super().hideEvent(event)

    def set_segment_action(self, action: QAction) -> None:
        """Name the key that segments."""
        self._segment_key = KeyHint(" ({})", action)
        self._segment_key.follow(self._show_state)

    # ---- showing ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is known."""
        measurement = self.findings.measurement
        if self._is_older and not self._was_older:
            self._patience.start()
        self._was_older = self._is_older
        self._show_state()
        self._show_amounts()
        known = self.findings
        accepted = measurement.accepted if measurement is not None else ()
        self.table.show_lesions(known.listed, known.excluded, known.chosen, known.hidden, accepted)
        proposal = self.findings.recist
        self.recist.setText(known.recist_text)
        notes = []
        if measurement is not None and proposal is not None:
            notes = [*measurement.warnings, *proposal.caveats]
        self.table.setToolTip("\n".join(notes))
        self.recist.setToolTip("\n".join(notes))
        self._show_age()
        self._update_buttons()

    def _on_volumes_changed(self) -> None:
        self._show_state()
        self._show_amounts()
        self._show_age()

    def _show_age(self) -> None:
        """Fade what was measured before the labels changed."""
        self.table.set_older(self._seems_older)
        self.recist.setEnabled(not self._seems_older)
        known = self.findings.measurement is not None
        self.copy_button.setEnabled(known and not self._is_older)

    @property
    def _is_older(self) -> bool:
        """True where the lesions are those of labels that have changed since."""
        return self.findings.measurement is not None and not self.findings.is_current

    @property
    def _seems_older(self) -> bool:
        """The same, once it has been so for longer than an edit is followed in."""
        return self._is_older and not self._patience.isActive()

    def _show_amounts(self) -> None:
        """Show the volumes of the labels as they are, as every panel does."""
        session = self.findings.session
        volumes, labels = session.volumes, session.labels
        amounts: dict[str, str] = {}
        if volumes.known and labels is not None:
            now = Measurement(
                volumes.voxel_count, labels.grid, (), SMALLEST_LESION_ML, 0, 0.0,
                defined=labels.defined,
            )  # fmt: skip
            amounts = _amount_texts(now)
        for name, label in self.figures.items():
            label.setText(amounts.get(name, "–"))

    def _show_state(self) -> None:
        self.state.setText(self._state_text())
        self.state.setVisible(bool(self.state.text()))

    def _state_text(self) -> str:
        session = self.findings.session
        if not session.store.has_labels:
            return f"Segment the scan{self._segment_key.text} to see what there is."
        if session.store.segmenting:
            older = "lesions are a moment older"
            return f"So far; {older}:" if self._is_older else "So far, while it segments:"
        if session.store.has_unfinished_labels:
            return "Partial: the segmentation was stopped."
        known = self.findings.measurement is not None
        if self._seems_older if known else not self.findings.is_current:
            return "Measuring …"
        return "" if known else "The labels could not be measured."

    def _update_buttons(self) -> None:
        chosen, excluded = self.findings.chosen, self.findings.excluded
        can_change, proposal = self.findings.can_change, self.findings.recist
        if len(self.table.chosen_numbers()) > 1:  # the menu over a view is for several
            chosen = None
        self.exclude_button.setEnabled(can_change and chosen is not None and chosen not in excluded)
        self.include_button.setEnabled(can_change and chosen is not None and chosen in excluded)
        has_candidates = proposal is not None and bool(proposal.candidates)
        self.confirm_button.setEnabled(can_change and has_candidates)
        confirmed = proposal is not None and proposal.confirmed
        self.confirm_button.setChecked(confirmed)
        self.confirm_button.setText("Confirmed" if confirmed else "Confirm")

    def copy(self) -> None:
        """Put the figures and the table on the clipboard, columns apart by tabs."""
        measurement = self.findings.measurement
        if measurement is None or self._is_older:
            return
        lines = [
            f"{_AMOUNTS[name][0]}\t{text}" for name, text in _amount_texts(measurement).items()
        ]
        lines += ["", "\t".join(COLUMNS)]
        excluded = self.findings.excluded
        for lesion in self.findings.listed:
            lines.append("\t".join(lesion_cells(lesion, excluded.get(lesion.number, ""))))
        if measurement.partial:
            lines += ["", PARTIAL_WARNING]
        QApplication.clipboard().setText("\n".join(lines))

    # ---- what the person does --------------------------------------------------------------

    def _reason_menu(self) -> QMenu:
        menu = QMenu(self)
        fill_verdict_menu(menu, self._exclude, self._set_no_target)
        return menu

    def _set_no_target(self, reason: str) -> None:
        if self.findings.chosen is not None:
            self.findings.set_no_target(self.findings.chosen, reason)

    def _exclude(self, reason: str) -> None:
        if self.findings.chosen is not None:
            self.findings.exclude(self.findings.chosen, reason)


_AMOUNTS = {
    "parenchyma": ("Parenchyma", f"The liver without {parts_of_liver_text()}"),
    "vessels": (
        "Liver with vessels",
        f"Parenchyma and vessels, without {parts_of_liver_text(Label.VESSEL)}",
    ),
    "organ": ("Liver with all", f"Parenchyma, {parts_of_liver_text()}: the whole organ"),
    "tumor": ("Tumor", "Everything labeled tumor, also what is too small for the table"),
    **{
        label.name.lower(): (label_entry(label).name, label_entry(label).description)
        for label in FURTHER_LABELS
    },
    "burden": ("Tumor burden", "Tumor in percent of the whole organ"),
}


def _amount_texts(measurement: Measurement) -> dict[str, str]:
    burden, volume = measurement.tumor_burden_percent, measurement.volume_ml
    return {
        "parenchyma": format_ml(measurement.parenchyma_ml),
        "vessels": format_ml(measurement.with_vessels_ml),
        "organ": format_ml(volume[Label.LIVER]),
        "tumor": format_ml(volume[Label.TUMOR]),
        **{label.name.lower(): format_ml(volume[label]) for label in FURTHER_LABELS},
        "burden": "–" if burden is None else f"{burden:.1f} %",
    }
