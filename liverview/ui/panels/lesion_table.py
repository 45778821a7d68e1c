"""The table of lesions: a row each, sorted by any column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from liverview.measurement.results import Lesion

COLUMNS = {
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
    "Excluded": "Why it is no lesion, or no target",
}
_REASON = len(COLUMNS) - 1
_ROWS_MEASURED = 20  # rows by which columns get their widths
_Index = QModelIndex | QPersistentModelIndex
_Value = float | int | str | None


def lesion_cells(lesion: Lesion, reason: str) -> tuple[str, ...]:
    """The texts of a lesion's row, by column."""
    return tuple(_cell_text(value) for value in _sort_values(lesion, reason))


class LesionTable(QTableView):
    """Lesions by any column; the rows of those that are excluded are struck out.

    Signals
    -------
    selected : the number of a lesion that was chosen with the mouse or the keys.
    """

    selected = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lesions = _Lesions()
        self._chosen: int | None = None
        self.setModel(self.lesions)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setResizeContentsPrecision(_ROWS_MEASURED)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.setColumnHidden(_REASON, True)
        self.setAccessibleName("Lesions")
        self.lesions.modelReset.connect(self._select_chosen)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.clicked.connect(self._on_clicked)

    def show_lesions(
        self, lesions: Sequence[Lesion], excluded: Mapping[int, str], chosen: int | None
    ) -> None:
        """Show these; ``excluded`` has reasons by number."""
        self._chosen = chosen
        self.setColumnHidden(_REASON, not excluded)
        if not self.lesions.set_lesions(lesions, excluded):
            self._select_chosen()

    def _select_chosen(self) -> None:
        """Select the row of the chosen lesion, wherever it is now."""
        selection = self.selectionModel()
        selection.blockSignals(True)
        selection.clear()
        if self._chosen is not None and (row := self.lesions.row_of(self._chosen)) is not None:
            self.selectRow(row)
        selection.blockSignals(False)
        self.viewport().update()

    def _on_selection_changed(self) -> None:
        rows = self.selectionModel().selectedRows()
        if rows and (number := self.lesions.number(rows[0].row())) != self._chosen:
            self.selected.emit(number)

    def _on_clicked(self, index: QModelIndex) -> None:
        """Also on the lesion that is chosen already, to come back to it."""
        self.selected.emit(self.lesions.number(index.row()))


class _Lesions(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[_Value, ...]] = []
        self._column, self._order = 0, Qt.SortOrder.AscendingOrder

    def set_lesions(self, lesions: Sequence[Lesion], excluded: Mapping[int, str]) -> bool:
        """Show these; True where they are others than before."""
        rows = [_sort_values(lesion, excluded.get(lesion.number, "")) for lesion in lesions]
        if sorted(rows, key=_lesion_number) == sorted(self._rows, key=_lesion_number):
            return False
        self._set_rows(rows)
        return True

    def number(self, row: int) -> int:
        """The number of the lesion in a row."""
        return _lesion_number(self._rows[row])

    def row_of(self, number: int) -> int | None:
        """The row of a lesion."""
        rows = (n for n, values in enumerate(self._rows) if _lesion_number(values) == number)
        return next(rows, None)

    def _set_rows(self, rows: list[tuple[_Value, ...]]) -> None:
        self.beginResetModel()
        falling = self._order is Qt.SortOrder.DescendingOrder
        rows = sorted(rows, key=_lesion_number)
        self._rows = sorted(rows, key=lambda row: _sort_key(row[self._column]), reverse=falling)
        self.endResetModel()

    # ---- what Qt asks ------------------------------------------------------------------------

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        values = self._rows[index.row()]
        value = values[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cell_text(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag
            return (side.AlignLeft if isinstance(value, str) else side.AlignRight) | (
                side.AlignVCenter
            )
        if role == Qt.ItemDataRole.FontRole and values[_REASON]:
            font = QFont()
            font.setStrikeOut(index.column() != _REASON)
            return font
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            name = list(COLUMNS)[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return name
            if role == Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[name]
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._order = max(column, 0), order
        self._set_rows(self._rows)


def _sort_values(lesion: Lesion, reason: str) -> tuple[_Value, ...]:
    return (
        lesion.number,
        lesion.volume_ml,
        lesion.axial.length_mm,
        lesion.perpendicular.length_mm,
        lesion.diameter_3d.length_mm,
        lesion.mean_hu,
        lesion.sd_hu,
        *(float(mm) for mm in lesion.centroid_mm),
        reason,
    )


def _lesion_number(values: tuple[_Value, ...]) -> int:
    assert isinstance(values[0], int)
    return values[0]


def _cell_text(value: _Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"
    return str(value)


def _sort_key(value: _Value) -> tuple[float, str]:
    """Numbers as numbers, what is unknown first, words by the alphabet."""
    if isinstance(value, str):
        return 0.0, value
    return (-math.inf if value is None else float(value)), ""
