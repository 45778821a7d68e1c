"""The Findings panel: volumes, tumor burden, the table of lesions, RECIST 1.1."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFormLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from liverview.core.labels import Label, label_entry
from liverview.measurement.results import FURTHER_LABELS, Measurement, parts_of_liver_text
from liverview.ui.live.findings import Findings
from liverview.ui.panels.lesion_table import COLUMNS, LesionTable, lesion_cells
from liverview.ui.widgets.formatting import format_ml
from liverview.ui.widgets.shortcuts import KeyHint

_REASONS = (
    "Benign: cyst or hemangioma",
    "Treated before",
    "Not a lesion",
    "Cannot be measured reproducibly",
)


class FindingsPanel(QWidget):
    """The figures and the lesions; a click on a lesion goes there."""

    def __init__(self, findings: Findings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.findings = findings
        self._segment_key = KeyHint()
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.figures = {name: QLabel() for name in _AMOUNTS}
        self.table = LesionTable()
        self.recist = QLabel()
        self.recist.setWordWrap(True)
        self.recist.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.exclude_button = QPushButton("Exclude")
        self.exclude_button.setToolTip("Leave the chosen lesion out of the target lesions")
        self.exclude_button.setMenu(self._reason_menu())
        self.include_button = QPushButton("Include")
        self.include_button.setToolTip("Take the chosen lesion in again")
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy figures and table, for a spreadsheet")
        row = QHBoxLayout()
        for button in (self.exclude_button, self.include_button, self.copy_button):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self.state)
        layout.addLayout(self._make_form())
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.recist)
        self.table.selected.connect(findings.choose)
        self.include_button.clicked.connect(partial(self._exclude, ""))
        self.copy_button.clicked.connect(self.copy)
        findings.changed.connect(self.refresh)
        findings.session.volume_changed.connect(self.refresh)
        self.refresh()

    def _make_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(2)
        for name, (text, tip) in _AMOUNTS.items():
            value = self.figures[name]
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setToolTip(tip)
            value.setAccessibleName(text)
            form.addRow(text, value)
        return form

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
        self._show_state()
        amounts = _amount_texts(measurement) if measurement is not None else {}
        for name, label in self.figures.items():
            label.setText(amounts.get(name, "–"))
        known = self.findings
        self.table.show_lesions(known.lesions, known.excluded, known.chosen)
        proposal = self.findings.recist
        self.recist.setText("" if proposal is None else self._recist_text())
        notes = []
        if measurement is not None and proposal is not None:
            notes = [*measurement.warnings, *proposal.caveats]
        self.table.setToolTip("\n".join(notes))
        self.recist.setToolTip("\n".join(notes))
        self.copy_button.setEnabled(measurement is not None)
        self._update_buttons()

    def _show_state(self) -> None:
        self.state.setText(self._state_text())
        self.state.setVisible(bool(self.state.text()))

    def _state_text(self) -> str:
        session = self.findings.session
        if not session.store.has_labels:
            return f"Segment the scan{self._segment_key.text} to see what there is."
        if session.store.segmenting:
            return "So far, while the segmentation runs:"
        if session.store.has_unfinished_labels:
            return "Partial: the segmentation was stopped."
        if not self.findings.is_current:
            return "Measuring …"
        known = self.findings.measurement is not None
        return "" if known else "The labels could not be measured."

    def _recist_text(self) -> str:
        proposal, measurement = self.findings.recist, self.findings.measurement
        assert proposal is not None
        if measurement is not None and not measurement.defines(Label.TUMOR):
            return "The labels' file names no tumor: there is nothing to say about lesions."
        numbers = " and ".join(str(lesion.number) for lesion in proposal.targets)
        text = "RECIST 1.1: "
        if proposal.targets:
            word = "lesions" if len(proposal.targets) > 1 else "lesion"
            text += f"target {word} {numbers}, sum of diameters "
            text += f"{proposal.sum_of_diameters_mm:.1f} mm."
        return f"{text} {' '.join(proposal.caveats)}"

    def _update_buttons(self) -> None:
        chosen, excluded = self.findings.chosen, self.findings.excluded
        self.exclude_button.setEnabled(chosen is not None and chosen not in excluded)
        self.include_button.setEnabled(chosen in excluded)

    def copy(self) -> None:
        """Put the figures and the table on the clipboard, columns apart by tabs."""
        measurement = self.findings.measurement
        if measurement is None:
            return
        lines = [
            f"{_AMOUNTS[name][0]}\t{text}" for name, text in _amount_texts(measurement).items()
        ]
        lines += ["", "\t".join(COLUMNS)]
        excluded = self.findings.excluded
        for lesion in measurement.lesions:
            lines.append("\t".join(lesion_cells(lesion, excluded.get(lesion.number, ""))))
        QApplication.clipboard().setText("\n".join(lines))

    # ---- what the person does --------------------------------------------------------------

    def _reason_menu(self) -> QMenu:
        menu = QMenu(self)
        for reason in _REASONS:
            menu.addAction(reason, partial(self._exclude, reason))
        menu.addSeparator()
        menu.addAction("Another reason …", self._ask_reason)
        return menu

    def _ask_reason(self) -> None:
        reason, given = QInputDialog.getText(self, "Exclude", "Why is it no target lesion?")
        if given and reason.strip():
            self._exclude(reason.strip())

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
