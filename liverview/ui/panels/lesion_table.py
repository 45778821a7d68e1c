"""The table of lesions: two lines each, sorted by any figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from liverview.measurement.results import Lesion
from liverview.ui.panels.lesion_delegate import LINES_ROLE, LesionDelegate, lesion_lines

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
_SD = list(COLUMNS).index("SD HU")
_SHOWN = ("#", "mL", "Axial mm", "Across mm", "3D mm", "Mean HU")  # the second line has the others
_DELETE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_ROWS_MEASURED = 20  # rows by which the numbers get their width
_LEAST_ROWS = 3
_DESCRIPTION = Qt.ItemDataRole.AccessibleDescriptionRole  # for those who hear the table
_Index = QModelIndex | QPersistentModelIndex
_Value = float | int | str | None


def lesion_cells(lesion: Lesion, reason: str) -> tuple[str, ...]:
    """The texts of a lesion's row, by column."""
    return tuple(_cell_text(value) for value in _sort_values(lesion, reason))


class LesionTable(QTableView):
    """Lesions by any figure; those that are excluded are struck out and have a line more.

    Signals
    -------
    selected : the number of a lesion that was chosen alone, with the mouse or the keys.
    rows_selected : the numbers of all lesions that are chosen now, one or several.
    delete_requested : Delete was pressed; the numbers of the chosen lesions.
    copy_requested : the keys that copy were pressed.
    """

    selected = Signal(int)
    rows_selected = Signal(list)
    delete_requested = Signal(list)
    copy_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lesions = _Lesions()
        self._chosen: int | None = None
        self.setModel(self.lesions)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.delegate = LesionDelegate(self)
        self.setItemDelegate(self.delegate)
        self._lay_out_columns()
        self.setSortingEnabled(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_sort_menu)
        self.setAccessibleName("Lesions")
        self.lesions.modelReset.connect(self._fit_rows)
        self.lesions.modelReset.connect(self._select_chosen)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.clicked.connect(self._on_clicked)

    def show_lesions(
        self, lesions: Sequence[Lesion], excluded: Mapping[int, str], chosen: int | None
    ) -> None:
        """Show these; ``excluded`` has reasons by number."""
        self._chosen = chosen
        if not self.lesions.set_lesions(lesions, excluded):
            self._select_chosen()

    def set_older(self, older: bool) -> None:
        """Fade what was measured before the labels changed."""
        if older != self.delegate.faded:
            self.delegate.faded = older
            self.viewport().update()

    def sort_menu(self) -> QMenu:
        """A menu with every figure to sort by, also those that have no column."""
        menu = QMenu("Sort by", self)
        menu.setToolTipsVisible(True)
        for column, (name, meaning) in enumerate(COLUMNS.items()):
            action = menu.addAction(name, partial(self._sort_by, column))
            action.setToolTip(meaning)
            action.setCheckable(True)
            action.setChecked(column == self.horizontalHeader().sortIndicatorSection())
        return menu

    def sizeHint(self) -> QSize:
        """As small as it may be: it takes the height that the panel has left."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def event(self, event: QEvent) -> bool:
        """Take Delete from the window's commands while a lesion is chosen."""
        override = event.type() == QEvent.Type.ShortcutOverride
        if override and isinstance(event, QKeyEvent) and self._deletes(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_requested.emit()
        elif self._deletes(event):
            self.delete_requested.emit(self.chosen_numbers())
        else:
            super().keyPressEvent(event)

    def _deletes(self, event: QKeyEvent) -> bool:
        """Whether a key deletes lesions that are chosen."""
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, _KEYPAD)
        return plain and event.key() in _DELETE and bool(self.chosen_numbers())

    def _lay_out_columns(self) -> None:
        """Figures share the width; a panel as narrow as its tabs shows them all."""
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(20)
        header.setResizeContentsPrecision(_ROWS_MEASURED)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._show_sort_menu)
        for column, name in enumerate(COLUMNS):
            self.setColumnHidden(column, name not in _SHOWN)
        rows = self.verticalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.delegate.row_height(2))
        self.setMinimumHeight(header.sizeHint().height() + _LEAST_ROWS * rows.defaultSectionSize())

    def _show_sort_menu(self, at: QPoint) -> None:
        sender = self.sender()
        inside = sender.viewport() if isinstance(sender, QAbstractItemView) else self.viewport()
        menu = self.sort_menu()
        menu.exec(inside.mapToGlobal(at))
        menu.deleteLater()

    def _sort_by(self, column: int) -> None:
        """Sort by a figure; again, the other way round."""
        header = self.horizontalHeader()
        again = header.sortIndicatorSection() == column
        falling = again and header.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
        order = Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder
        self.sortByColumn(column, order)

    def _fit_rows(self) -> None:
        """Give a row as many lines as it has."""
        for row in range(self.lesions.rowCount()):
            height = self.delegate.row_height(1 + len(lesion_lines(self.lesions.index(row, 0))))
            if self.rowHeight(row) != height:
                self.setRowHeight(row, height)

    def _select_chosen(self) -> None:
        """Select the row of the chosen lesion, wherever it is now; several stay selected."""
        numbers = self.chosen_numbers()
        if len(numbers) > 1 and self._chosen in numbers:
            return
        selection = self.selectionModel()
        selection.blockSignals(True)
        selection.clear()
        if self._chosen is not None and (row := self.lesions.row_of(self._chosen)) is not None:
            self.selectRow(row)
        selection.blockSignals(False)
        self.viewport().update()

    def chosen_numbers(self) -> list[int]:
        """The numbers of the lesions whose rows are selected."""
        rows = self.selectionModel().selectedRows()
        return [self.lesions.number(index.row()) for index in rows]

    def _on_selection_changed(self) -> None:
        numbers = self.chosen_numbers()
        if len(numbers) == 1 and numbers[0] != self._chosen:
            self.selected.emit(numbers[0])
        self.rows_selected.emit(numbers)

    def _on_clicked(self, index: QModelIndex) -> None:
        """Also on the lesion that is chosen already, to come back to it."""
        numbers = self.chosen_numbers()
        if numbers == [self.lesions.number(index.row())]:
            self.selected.emit(numbers[0])
        self.rows_selected.emit(numbers)


class _Lesions(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[_Value, ...]] = []
        self._places: dict[int, str] = {}  # by number
        self._column, self._order = 0, Qt.SortOrder.AscendingOrder

    def set_lesions(self, lesions: Sequence[Lesion], excluded: Mapping[int, str]) -> bool:
        """Show these; True where they are others than before."""
        self._places = {lesion.number: _place_text(lesion) for lesion in lesions}
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
        if role in (LINES_ROLE, Qt.ItemDataRole.ToolTipRole, _DESCRIPTION):
            lines = self._further_lines(values)
            return lines if role == LINES_ROLE else "\n".join([f"Lesion {values[0]}", *lines])
        return None

    def _further_lines(self, values: tuple[_Value, ...]) -> list[str]:
        """The lines below the figures: place and spread, and why it is excluded."""
        spread = values[_SD]
        place = self._places[_lesion_number(values)]
        line = place if spread is None else f"{place} · SD {_cell_text(spread)} HU"
        return [line, f"Excluded: {values[_REASON]}"] if values[_REASON] else [line]

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            name = list(COLUMNS)[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return name.replace(" ", "\n")
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


def _place_text(lesion: Lesion) -> str:
    """Its axial slice as the views count it, and its middle as mm to the patient's sides."""
    sides = (
        f"{letters[mm < 0]} {abs(mm):.0f}"
        for mm, letters in zip(lesion.centroid_mm, ("RL", "AP", "SI"), strict=True)
    )
    return f"slice {lesion.axial_slice} · {' '.join(sides)} mm"


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
