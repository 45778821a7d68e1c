"""The table of lesions: two lines each, sorted by any figure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from liverview.measurement.results import Lesion
from liverview.ui.live.findings import HiddenLesion
from liverview.ui.panels.lesion_delegate import LesionDelegate, lesion_lines
from liverview.ui.panels.lesion_model import COLUMNS, SURE, LesionModel, hidden_row, lesion_row

_SHOWN = ("#", "mL", "Axial mm", "Across mm", "3D mm", "Mean HU")  # the second line has the others
_DELETE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_ROWS_MEASURED = 20  # rows by which the numbers get their width
_LEAST_ROWS = 3


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
        self.lesions = LesionModel()
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
        self,
        lesions: Sequence[Lesion],
        excluded: Mapping[int, str],
        chosen: int | None,
        hidden: Sequence[HiddenLesion] = (),
        accepted: Collection[int] = (),
    ) -> None:
        """Show these, and below them what is hidden.

        Parameters
        ----------
        excluded : reasons by number.
        accepted : numbers of the lesions that a person has accepted.
        """
        follow = chosen != self._chosen or self._shows_chosen()
        self._chosen = chosen
        rows = [lesion_row(one, excluded.get(one.number, ""), one.number in accepted)
                for one in lesions]  # fmt: skip
        rows += [hidden_row(one) for one in hidden]
        self._rank(any(one.certainty is not None for one in lesions) or bool(hidden))
        if not self.lesions.set_rows(rows):
            self._select_chosen()
        if follow and (row := self._chosen_row()) is not None:  # also one that keys have chosen
            self.scrollTo(self.lesions.index(row, 0))

    def _chosen_row(self) -> int | None:
        return None if self._chosen is None else self.lesions.row_of(self._chosen)

    def _shows_chosen(self) -> bool:
        """True where the chosen lesion is in sight, wherever the table was scrolled to."""
        row = self._chosen_row()
        if row is None:
            return False
        return self.visualRect(self.lesions.index(row, 0)).intersects(self.viewport().rect())

    def _rank(self, known: bool) -> None:
        """The surest first where the network has said how sure it is, unless a person sorts."""
        if known == self.isColumnHidden(SURE):
            self.setColumnHidden(SURE, not known)
            header = self.horizontalHeader()
            if header.sortIndicatorSection() in (0, SURE):
                falling = Qt.SortOrder.DescendingOrder
                self.sortByColumn(*((SURE, falling) if known else (0, Qt.SortOrder.AscendingOrder)))

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
        header.moveSection(SURE, 1)
        header.setSectionResizeMode(SURE, QHeaderView.ResizeMode.ResizeToContents)
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
        if (row := self._chosen_row()) is not None:
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
