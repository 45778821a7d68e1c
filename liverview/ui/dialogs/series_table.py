"""The table of series: what a folder, disc or archive holds, to choose a volume from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from liverview.core.stream import Progress
from liverview.core.text import shown
from liverview.files.dicom.series.series_volume import SeriesKind
from liverview.ui.dialogs.series_delegate import PICTURE_PX, ROW_PX
from liverview.ui.dialogs.series_model import (
    COLUMNS,
    DESCRIPTION,
    ENTRY_ROLE,
    PICTURE,
    SeriesModel,
    SeriesOrder,
    warnings_of,
)
from liverview.ui.dialogs.series_view import SeriesView
from liverview.ui.jobs.series_work import SeriesEntry, SeriesList, Thumbnail, unreadable_words
from liverview.ui.widgets.controls import WrappedLabel, add_access_keys

_SIZE, _SHARE = (1240, 640), 0.95  # of the window's width, and of the screen
_WIDEST_PX, _NARROWEST_PX = 110, 60
WIDE_PX = {"Patient": 200, "Description": 300, "Spacing (mm)": 180}
_DETAILS_PX = 110
_MOST_SENTENCES = 1000
_Index = QModelIndex | QPersistentModelIndex


class SeriesTable(QDialog):
    """Grows while a place is read, and keeps what is selected; the window goes on meanwhile.

    Signals
    -------
    chosen : the person opens a `SeriesEntry`; while the place is being read it is told once all
        of its slices are known.
    canceled : the person closes it without.

    Attributes
    ----------
    waiting_for : key of the entry that is opened once everything is listed; empty for none.
    """

    chosen = Signal(object)
    canceled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Which series?")
        wanted, room = QSize(*_SIZE), self.screen().availableSize() * _SHARE
        if parent is not None:
            wanted = wanted.expandedTo(QSize(round(_SHARE * parent.width()), 0))
        self.resize(wanted.boundedTo(room))
        self.listed: SeriesList | None = None
        self.waiting_for = ""
        self._picked = False  # by the person, not as the likeliest
        self._sized = 0  # rows that the columns' widths were taken from
        self.model = SeriesModel(self)
        self.order = SeriesOrder(self.model, self)
        self._make_controls()
        self._make_table()
        self._build()
        self._update_buttons()

    def _make_controls(self) -> None:
        self.filter = QLineEdit(placeholderText="Filter by patient, date, description, kernel …")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter")
        self.filter.textChanged.connect(self._on_filter_changed)
        self.about = WrappedLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 2)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setFixedWidth(160)
        self.count = QLabel()
        self.count.setTextFormat(Qt.TextFormat.PlainText)
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setMaximumHeight(_DETAILS_PX)
        self.details.hide()
        self.details_button = QToolButton(autoRaise=True)
        self.details_button.setText("Details")
        self.details_button.setCheckable(True)
        self.details_button.toggled.connect(self.details.setVisible)
        self.details_button.hide()

    def _make_table(self) -> None:
        self.table = table = SeriesView()
        table.setModel(self.order)
        table.setSortingEnabled(True)
        table.sortByColumn(PICTURE, Qt.SortOrder.AscendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setAccessibleName("Series")
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setColumnWidth(PICTURE, PICTURE_PX + 10)
        table.doubleClicked.connect(self._on_double_clicked)
        table.selectionModel().selectionChanged.connect(self._on_selected)

    def _build(self) -> None:
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.open_button = QPushButton("Open")
        self.buttons.addButton(self.open_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.open_button.setDefault(True)
        for button in self.buttons.buttons():
            button.setAutoDefault(button is self.open_button)  # type: ignore[attr-defined]
        self.open_button.clicked.connect(self.open_selected)
        self.buttons.rejected.connect(self.reject)
        add_access_keys(self.buttons.buttons())
        below = QHBoxLayout()
        for widget in (self.bar, self.count, self.details_button):
            below.addWidget(widget)
        below.addStretch(1)
        below.addWidget(self.buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.about)
        layout.addWidget(self.details)
        layout.addLayout(below)
        self.table.setFocus()

    # ---- what comes ------------------------------------------------------------------------

    def take(self, listed: SeriesList) -> None:
        """Show what was listed so far."""
        selected, picked = self.selected(), self._picked
        self.listed = listed
        self.setWindowTitle(shown(f"Which series of {listed.place.name or listed.place}?"))
        self.model.take(listed)
        if selected is not None and picked and self.selected() is None:  # it fell into several
            self._select_of(selected.volume.study.series_uid)
        if self.selected() is None or not picked:
            self._select_first()
        self._picked = picked
        self._fit_columns()
        self._show_count()
        self._update_buttons()
        if listed.complete:
            self._open_waiting()

    def show_progress(self, progress: Progress | None) -> None:
        """Show how far the listing is; None for the end."""
        self.bar.setVisible(progress is not None)
        if progress is not None:
            self.bar.setValue(round(100 * progress.fraction))

    def set_thumbnail(self, thumbnail: Thumbnail) -> None:
        """Show the picture of a volume."""
        if thumbnail.gray is not None:
            self.model.set_picture(thumbnail.key, _picture(thumbnail.gray, thumbnail.aspect))

    # ---- choosing --------------------------------------------------------------------------

    def selected(self) -> SeriesEntry | None:
        """The entry of the selected row."""
        rows = self.table.selectionModel().selectedRows()
        return rows[0].data(ENTRY_ROLE) if rows else None

    def select(self, key: str) -> None:
        """Select a row."""
        for row in range(self.order.rowCount()):
            if self.order.index(row, 0).data(ENTRY_ROLE).key == key:
                self._select_row(row)

    def open_selected(self) -> None:
        """Open the selected row, once everything is listed."""
        entry = self.selected()
        if entry is None or entry.refusal or self.listed is None:
            return
        self.waiting_for = entry.key
        if self.listed.complete:
            self._open_waiting()
        else:
            self._update_buttons()

    def reject(self) -> None:
        self.canceled.emit()
        super().reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_selected()
        else:
            super().keyPressEvent(event)

    def _on_filter_changed(self, text: str) -> None:
        self.order.set_filter(text)
        if self.selected() is None:
            self._select_first()
        self._update_buttons()

    def _on_selected(self) -> None:
        self._picked = True
        self._update_buttons()

    def _open_waiting(self) -> None:
        found = next((e for e in self.model.entries if e.key == self.waiting_for), None)
        waited, self.waiting_for = self.waiting_for, ""
        if found is not None and not found.refusal:
            self.chosen.emit(found)
        elif waited:
            self._update_buttons()

    def _on_double_clicked(self, index: _Index) -> None:
        self._select_row(index.row())
        self.open_selected()

    def _select_of(self, series_uid: str) -> None:
        for row in range(self.order.rowCount()):
            entry = self.order.index(row, 0).data(ENTRY_ROLE)
            if entry.volume.study.series_uid == series_uid:
                self._select_row(row)
                return

    def _select_first(self) -> None:
        for row in range(self.order.rowCount()):
            if not self.order.index(row, 0).data(ENTRY_ROLE).refusal:
                self._select_row(row)
                return

    def _select_row(self, row: int) -> None:
        flags = QItemSelectionModel.SelectionFlag
        index = self.order.index(row, DESCRIPTION)
        self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)

    # ---- what it says ----------------------------------------------------------------------

    def _update_buttons(self) -> None:
        entry = self.selected()
        usable = entry is not None and not entry.refusal
        self.open_button.setEnabled(usable and not self.waiting_for)
        if self.waiting_for:
            self.about.setText("It opens as soon as all files are listed.")
        elif entry is None:
            self.about.setText("")
        else:
            likely = "Likely: " if entry.likely else ""
            known = entry.reason and entry.volume.kind is SeriesKind.CT
            reason = f"{likely}{entry.reason}." if known else ""
            self.about.setText(shown(f"{reason} {warnings_of(entry)}").strip())

    def _show_count(self) -> None:
        listed = self.listed
        assert listed is not None
        number = len(listed.entries)
        parts = ["1 volume" if number == 1 else f"{number:,} volumes", unreadable_words(listed)]
        self.count.setText(", ".join(part for part in parts if part))
        self.details_button.setVisible(bool(listed.unreadable))
        text = shown("\n".join(listed.unreadable[:_MOST_SENTENCES]))
        if text != self.details.toPlainText():
            self.details.setPlainText(text)

    def _fit_columns(self) -> None:
        """Widths by what there is, at the beginning and whenever there is twice as much."""
        count = len(self.model.entries)
        if count < 2 * self._sized or not count:
            return
        self._sized = count
        header = self.table.horizontalHeader()
        for column in range(1, len(COLUMNS) - 1):
            wanted = max(self.table.sizeHintForColumn(column), header.sectionSizeHint(column))
            widest = WIDE_PX.get(COLUMNS[column].title, _WIDEST_PX)
            self.table.setColumnWidth(column, min(max(wanted, _NARROWEST_PX), widest))


def _picture(gray: NDArray[np.uint8], aspect: float) -> QPixmap:
    """A picture of (rows, columns) uint8 whose pixels are ``aspect`` times as high as wide."""
    rows, columns = gray.shape
    image = QImage(
        np.ascontiguousarray(gray).data, columns, rows, columns, QImage.Format.Format_Grayscale8
    )
    height = max(1, round(rows * min(max(aspect, 0.1), 10.0)))
    mode = Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(
        image.scaled(columns, height, mode=mode) if height != rows else image.copy()
    )
