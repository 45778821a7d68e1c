"""The Findings panel: volumes, tumor burden, the table of lesions, RECIST 1.1."""

from __future__ import annotations

import math
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from liverview.labels import Label
from liverview.measurement import Lesion, Measurement
from liverview.ui.amounts import format_ml
from liverview.ui.findings import Findings

_COLUMNS = {
    "#": "Number, 1 the largest by volume",
    "mL": "Volume",
    "Axial mm": "The longest diameter in an axial slice",
    "Across mm": "The longest line at right angles to it in the same slice",
    "3D mm": "The longest distance between two points of the surface",
    "Mean HU": "Mean of its voxels",
    "SD HU": "Standard deviation of its voxels",
    "R mm": "Centroid, world coordinates: to the right of the patient",
    "A mm": "Centroid, world coordinates: to the front",
    "S mm": "Centroid, world coordinates: to the head",
    "Excluded": "Why it is no target lesion",
}
_REASONS = (
    "Benign: cyst or hemangioma",
    "Treated before",
    "Not a lesion",
    "Cannot be measured reproducibly",
)


class FindingsPanel(QWidget):
    """What was found; a click on a lesion goes there."""

    def __init__(self, findings: Findings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.findings = findings
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.figures = {name: QLabel() for name in _AMOUNTS}
        form = QFormLayout()
        form.setVerticalSpacing(2)
        for name, (text, tip) in _AMOUNTS.items():
            value = self.figures[name]
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setToolTip(tip)
            value.setAccessibleName(text)
            form.addRow(text, value)
        self.table = _make_table()
        self.recist = QLabel()
        self.recist.setWordWrap(True)
        self.recist.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.exclude_button = QPushButton("Exclude")
        self.exclude_button.setToolTip("Leave the chosen lesion out of the target lesions")
        self.exclude_button.setMenu(self._reasons())
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
        layout.addLayout(form)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.recist)
        self._filling = False
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.cellClicked.connect(self._on_clicked)
        self.include_button.clicked.connect(partial(self._exclude, ""))
        self.copy_button.clicked.connect(self.copy)
        findings.changed.connect(self.refresh)
        findings.session.volume_changed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        self.findings.set_wanted(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.findings.set_wanted(False)
        super().hideEvent(event)

    # ---- showing ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is known."""
        found = self.findings.measurement
        self.state.setText(self._state(found))
        self.state.setVisible(bool(self.state.text()))
        amounts = _amounts(found) if found is not None else {}
        for name, label in self.figures.items():
            label.setText(amounts.get(name, "–"))
        self._fill()
        proposal = self.findings.recist
        self.recist.setText("" if proposal is None else self._recist())
        notes = [] if found is None or proposal is None else [*found.statements, *proposal.caveats]
        self.table.setToolTip("\n".join(notes))
        self.recist.setToolTip("\n".join(notes))
        self.copy_button.setEnabled(found is not None)
        self._enable()

    def _state(self, found: Measurement | None) -> str:
        session = self.findings.session
        if not session.has_labels:
            return "Segment the scan (F5) to see what there is."
        if session.segmenting:
            return "So far, while the segmentation runs:"
        if session.has_partial:
            return "Partial: the segmentation was stopped."
        if not self.findings.current:
            return "Measuring …"
        return "" if found is not None else "The labels could not be measured."

    def _recist(self) -> str:
        proposal = self.findings.recist
        assert proposal is not None
        numbers = " and ".join(str(lesion.number) for lesion in proposal.targets)
        text = "RECIST 1.1: "
        if proposal.targets:
            word = "lesions" if len(proposal.targets) > 1 else "lesion"
            text += f"target {word} {numbers}, sum of diameters "
            text += f"{proposal.sum_of_diameters_mm:.1f} mm."
        return f"{text} {' '.join(proposal.caveats)}"

    def _fill(self) -> None:
        lesions, excluded = self.findings.lesions, self.findings.excluded
        self._filling = True
        self.table.setSortingEnabled(False)  # rows must hold still while they are filled
        self.table.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            reason = excluded.get(lesion.number, "")
            for column, value in enumerate(_cells(lesion, reason)):
                item = _Cell(value)
                item.setData(Qt.ItemDataRole.UserRole, lesion.number)
                if reason:
                    font = item.font()
                    font.setStrikeOut(column != len(_COLUMNS) - 1)
                    item.setFont(font)
                self.table.setItem(row, column, item)
        self.table.setSortingEnabled(True)
        self.table.setColumnHidden(len(_COLUMNS) - 1, not excluded)
        self.table.clearSelection()
        for row in range(self.table.rowCount()):
            if self._number(row) == self.findings.chosen:
                self.table.selectRow(row)
        self._filling = False

    def _enable(self) -> None:
        chosen, excluded = self.findings.chosen, self.findings.excluded
        self.exclude_button.setEnabled(chosen is not None and chosen not in excluded)
        self.include_button.setEnabled(chosen in excluded)

    def copy(self) -> None:
        """Put the figures and the table on the clipboard, columns apart by tabs."""
        found = self.findings.measurement
        if found is None:
            return
        lines = [f"{_AMOUNTS[name][0]}\t{text}" for name, text in _amounts(found).items()]
        lines += ["", "\t".join(_COLUMNS)]
        excluded = self.findings.excluded
        for lesion in found.lesions:
            cells = _cells(lesion, excluded.get(lesion.number, ""))
            lines.append("\t".join(_Cell(value).text() for value in cells))
        QApplication.clipboard().setText("\n".join(lines))

    # ---- what the person does --------------------------------------------------------------

    def _number(self, row: int) -> int | None:
        item = self.table.item(row, 0)
        return None if item is None else int(item.data(Qt.ItemDataRole.UserRole))

    def _on_selected(self) -> None:
        """By a click or with the arrow keys."""
        rows = self.table.selectionModel().selectedRows()
        if not self._filling and rows:
            number = self._number(rows[0].row())
            if number != self.findings.chosen:
                self.findings.choose(number)

    def _on_clicked(self, row: int, column: int) -> None:
        """Also on the lesion that is chosen already, to come back to it."""
        self.findings.choose(self._number(row))

    def _reasons(self) -> QMenu:
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


class _Cell(QTableWidgetItem):
    """A cell that sorts by its value, numbers as numbers."""

    def __init__(self, value: float | int | str | None) -> None:
        text = f"{value:.1f}" if isinstance(value, float) else str(value)
        if isinstance(value, float) and abs(value) < 1:
            text = f"{value:.2f}"
        super().__init__("–" if value is None else text)
        self.value = value
        self.setFlags(self.flags() & ~Qt.ItemFlag.ItemIsEditable)
        if not isinstance(value, str):
            self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        assert isinstance(other, _Cell)
        if isinstance(self.value, str) or isinstance(other.value, str):
            return str(self.value) < str(other.value)
        mine = -math.inf if self.value is None else self.value
        return mine < (-math.inf if other.value is None else other.value)


def _make_table() -> QTableWidget:
    table = QTableWidget(0, len(_COLUMNS))
    for column, (name, tip) in enumerate(_COLUMNS.items()):
        item = QTableWidgetItem(name)
        item.setToolTip(tip)
        table.setHorizontalHeaderItem(column, item)
    table.verticalHeader().hide()
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
    table.setAccessibleName("Lesions")
    return table


def _cells(lesion: Lesion, reason: str) -> tuple[float | int | str | None, ...]:
    return (
        lesion.number,
        lesion.volume_ml,
        lesion.axial.length_mm,
        lesion.perpendicular.length_mm,
        lesion.diameter_3d.length_mm,
        lesion.mean_hu,
        lesion.sd_hu,
        *lesion.centroid_mm,
        reason,
    )


_AMOUNTS = {
    "parenchyma": ("Parenchyma", "The liver without vessels and tumors"),
    "vessels": ("Liver with vessels", "Parenchyma and vessels, without tumors"),
    "organ": ("Liver with all", "Parenchyma, vessels and tumors: the whole organ"),
    "tumor": ("Tumor", "Everything labeled tumor, also what is too small for the table"),
    "burden": ("Tumor burden", "Tumor in percent of the whole organ"),
}


def _amounts(found: Measurement) -> dict[str, str]:
    burden, volume = found.tumor_burden_percent, found.volume_ml
    return {
        "parenchyma": format_ml(found.parenchyma_ml),
        "vessels": format_ml(found.with_vessels_ml),
        "organ": format_ml(volume[Label.LIVER]),
        "tumor": format_ml(volume[Label.TUMOR]),
        "burden": "–" if burden is None else f"{burden:.1f} %",
    }
