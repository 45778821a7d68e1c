"""The Measurements panel: every ruler and ellipse of the scan, with its figures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from liverview.core.volume import Volume
from liverview.measurement.markup.listing import Entry
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session
from liverview.ui.widgets.shortcuts import KeyHint

_HEADER = ("Name", "Slice", "Length mm", "Mean HU", "SD HU", "Area mm²")


class MarkupPanel(QWidget):
    """A table; a click goes to the slice, a double click on a name changes it."""

    def __init__(
        self, session: Session, markups: ScanMarkups, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.markups = markups
        self.table = QTableWidget(0, len(_HEADER))
        self.table.setHorizontalHeaderLabels([name.replace(" ", "\n") for name in _HEADER])
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        resize = QHeaderView.ResizeMode.ResizeToContents
        self.table.horizontalHeader().setSectionResizeMode(resize)
        self.table.setAccessibleName("Measurements")
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy the table, for a spreadsheet")
        self.remove_button = QPushButton("Remove")
        row = QHBoxLayout()
        row.addWidget(self.copy_button)
        row.addWidget(self.remove_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        self._filling = False
        self._draw_key, self._remove_key = KeyHint(), KeyHint()
        self.table.cellClicked.connect(self._on_clicked)
        self.table.itemChanged.connect(self._on_edited)
        self.copy_button.clicked.connect(self.copy)
        self.remove_button.clicked.connect(markups.remove_chosen)
        markups.changed.connect(self.refresh)
        self._show_keys()
        self.refresh()

    def set_actions(self, tools: Sequence[QAction], remove: QAction) -> None:
        """Name the keys of the tools that draw, and of the command that removes."""
        self._draw_key, self._remove_key = KeyHint(" ({})", *tools), KeyHint(" ({})", remove)
        self._draw_key.follow(self._show_keys)
        self._remove_key.follow(self._show_keys)

    def _show_keys(self) -> None:
        tools = f"the ruler and the ellipse{self._draw_key.text}"
        self.table.setToolTip(f"Draw with {tools}; click goes there")
        self.remove_button.setToolTip(f"Remove the chosen measurement{self._remove_key.text}")

    def refresh(self) -> None:
        """Show what there is."""
        entries, volume = self.markups.entries(), self.session.volume
        self._filling = True
        self.table.setRowCount(len(entries) if volume is not None else 0)
        for row, entry in enumerate(entries if volume is not None else ()):
            assert volume is not None
            for column, text in enumerate(_row_texts(entry, volume)):
                item = QTableWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, entry.id)
                if column:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                self.table.setItem(row, column, item)
            if entry.id == self.markups.chosen:
                self.table.selectRow(row)
        if self.markups.chosen is None:
            self.table.clearSelection()
        self._filling = False
        self.copy_button.setEnabled(bool(entries))
        self.remove_button.setEnabled(self.markups.chosen is not None)

    def copy(self) -> None:
        """Put the table on the clipboard, its columns apart by tabs."""
        volume = self.session.volume
        if volume is not None:
            rows = [_HEADER, *(_row_texts(entry, volume) for entry in self.markups.entries())]
            text = "\n".join("\t".join(cells) for cells in rows)
            QApplication.clipboard().setText(text)

    def _on_clicked(self, row: int, column: int) -> None:
        item = self.table.item(row, 0)
        entry = self.markups.find(item.data(Qt.ItemDataRole.UserRole)) if item else None
        if entry is not None:
            self.markups.choose(entry.id)
            i, j, k = (round(value) for value in _center_of(entry))
            self.session.set_crosshair((i, j, k))

    def _on_edited(self, item: QTableWidgetItem) -> None:
        if not self._filling:
            self.markups.rename(item.data(Qt.ItemDataRole.UserRole), item.text().strip())
            self.refresh()


def _row_texts(entry: Entry, volume: Volume) -> tuple[str, ...]:
    markup = entry.markup
    slice_text = f"{markup.plane.name.lower()} {markup.index}"
    if isinstance(markup, Ruler):
        return entry.name, slice_text, f"{markup.length_mm(volume.affine):.1f}", "", "", ""
    stats = markup.stats(volume)
    area = f"{stats.area_mm2:.0f}"
    return entry.name, slice_text, "", f"{stats.mean:.1f}", f"{stats.sd:.1f}", area


def _center_of(entry: Entry) -> list[float]:
    points = list(entry.markup.points.values())
    return [sum(values) / len(points) for values in zip(*points, strict=True)]
