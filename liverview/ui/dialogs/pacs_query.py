"""The dialog that searches a PACS, and retrieves a series of what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QDate, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from liverview.core.stream import Progress
from liverview.core.text import shown
from liverview.pacs.nodes import Node
from liverview.pacs.query import Found, FoundSeries, FoundStudy, Query
from liverview.ui.widgets.controls import WrappedLabel

if TYPE_CHECKING:
    from liverview.files.dicom.series.series_volume import SeriesVolume

_DAYS = {"Any date": None, "Today": 0, "Last 7 days": 7, "Last 30 days": 30, "Between": -1}
_MODALITIES = ("CT", "MR", "PT", "SEG", "SR")
_COLUMNS = ("Patient, series", "ID", "Date", "Description", "Modality", "Images")
_ITEM = Qt.ItemDataRole.UserRole


class PacsQueryDialog(QDialog):
    """What to search for, what was found, and what to retrieve of it.

    Attributes
    ----------
    node_box, patient_name, patient_id, dates, first, last, modality : what is searched for.
    tree : studies with their series, and volumes of a series that has several.

    Signals
    -------
    search_wanted : in a node, for a query.
    retrieve_wanted : of a node, a series.
    volume_chosen : one of several volumes of the series that was retrieved.
    stop_wanted : what is under way is not wanted any more.
    """

    search_wanted = Signal(object, object)
    retrieve_wanted = Signal(object, object)
    volume_chosen = Signal(object)
    stop_wanted = Signal()

    def __init__(self, nodes: Sequence[Node], last: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Query PACS")
        self._studies: dict[str, QTreeWidgetItem] = {}
        self._busy = False
        self.node_box = QComboBox()
        self.set_nodes(nodes, last)
        self.patient_name = _line("Patient's name", "Family name, given name")
        self.patient_id = _line("Patient's ID", "")
        self._make_terms()
        self._make_tree()
        self.search_button = QPushButton("&Search")
        self.search_button.setDefault(True)
        self.retrieve_button = QPushButton("&Retrieve")
        self.stop_button = QPushButton("S&top")
        self.close_button = QPushButton("&Close")
        for button in (self.retrieve_button, self.stop_button, self.close_button):
            button.setAutoDefault(False)
        self.box = QDialogButtonBox()
        self.box.addButton(self.retrieve_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.box.addButton(self.close_button, QDialogButtonBox.ButtonRole.RejectRole)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        self.words = WrappedLabel()
        self._build()
        self._connect()
        self._update()

    # ---- widgets -------------------------------------------------------------------------------

    def _make_terms(self) -> None:
        self.dates = QComboBox()
        for words, days in _DAYS.items():
            self.dates.addItem(words, days)
        today = QDate.currentDate()
        self.first, self.last = QDateEdit(today.addDays(-30)), QDateEdit(today)
        for edit, name in ((self.first, "First date"), (self.last, "Last date")):
            edit.setCalendarPopup(True)
            edit.setDisplayFormat("yyyy-MM-dd")
            edit.setAccessibleName(name)
        self.modality = QComboBox()
        self.modality.setEditable(True)
        self.modality.addItem("Any")
        self.modality.addItems(_MODALITIES)
        self.modality.setCurrentText("CT")

    def _make_tree(self) -> None:
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Studies and series")
        self.tree.setColumnCount(len(_COLUMNS))
        self.tree.setHeaderLabels(_COLUMNS)
        self.tree.setAlternatingRowColors(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate((210, 100, 95, 0, 80, 60)):
            if width:
                header.resizeSection(column, width)

    def _build(self) -> None:
        left, right = QFormLayout(), QFormLayout()
        left.addRow("&Node", self.node_box)
        left.addRow("&Patient's name", self.patient_name)
        left.addRow("Patient's &ID", self.patient_id)
        right.addRow("Study &date", self.dates)
        between = QHBoxLayout()
        between.addWidget(self.first, 1)
        between.addWidget(QLabel("to"))
        between.addWidget(self.last, 1)
        right.addRow("", between)
        right.addRow("&Modality", self.modality)
        terms = QHBoxLayout()
        terms.addLayout(left, 3)
        terms.addSpacing(16)
        terms.addLayout(right, 2)
        buttons = QHBoxLayout()
        buttons.addWidget(self.search_button)
        buttons.addWidget(self.stop_button)
        buttons.addStretch(1)
        buttons.addWidget(self.box)
        layout = QVBoxLayout(self)
        layout.addLayout(terms)
        layout.addWidget(self.tree, 1)
        layout.addWidget(self.bar)
        layout.addWidget(self.words)
        layout.addLayout(buttons)
        self.resize(820, 560)

    def _connect(self) -> None:
        self.dates.currentIndexChanged.connect(self._update)
        self.tree.currentItemChanged.connect(self._update)
        self.tree.itemActivated.connect(self._on_activated)
        self.search_button.clicked.connect(self._on_search)
        self.retrieve_button.clicked.connect(self._on_retrieve)
        self.stop_button.clicked.connect(self.stop_wanted)
        self.close_button.clicked.connect(self.reject)
        self.rejected.connect(self.stop_wanted)

    # ---- what is shown -------------------------------------------------------------------------

    def set_nodes(self, nodes: Sequence[Node], last: str) -> None:
        """Offer these nodes, and the one that was used last first."""
        self.node_box.clear()
        for node in nodes:
            self.node_box.addItem(shown(node.name), node)
        self.node_box.setCurrentIndex(max(0, self.node_box.findText(shown(last))))

    def query(self) -> Query:
        """What the person searches for."""
        days = self.dates.currentData()
        first = last = None
        if days == -1:
            first, last = self.first.date().toPython(), self.last.date().toPython()
        elif days is not None:
            first = QDate.currentDate().addDays(-days).toPython()
        modality = self.modality.currentText().strip()
        return Query(
            self.patient_name.text(),
            self.patient_id.text(),
            first,  # type: ignore[arg-type]  # toPython says object
            last,  # type: ignore[arg-type]
            "" if modality == "Any" else modality,
        )

    def add_found(self, found: Found) -> None:
        """Add a study, or a series to its study."""
        if isinstance(found, FoundStudy):
            item = QTreeWidgetItem(_study_texts(found))
            font = item.font(0)
            font.setBold(True)
            item.setFont(0, font)
            item.setData(0, _ITEM, found)
            self.tree.addTopLevelItem(item)
            self._studies[found.uid] = item
        elif found.study_uid in self._studies:
            item = QTreeWidgetItem(_series_texts(found))
            item.setData(0, _ITEM, found)
            item.setTextAlignment(5, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._studies[found.study_uid].addChild(item)
            self._studies[found.study_uid].setExpanded(True)
        self._update()

    def add_volumes(self, volumes: Sequence[SeriesVolume]) -> None:
        """Show the volumes of the series that was retrieved, to choose from."""
        series = self.tree.currentItem()
        if series is None:
            return
        series.takeChildren()
        for volume in volumes:
            columns, rows, slices = volume.shape
            item = QTreeWidgetItem(
                [
                    shown(volume.study.part or volume.kind.value),
                    "",
                    "",
                    shown(volume.refusal or f"{columns} × {rows}"),
                    shown(volume.study.modality),
                    str(slices),
                ]
            )
            item.setData(0, _ITEM, volume)
            item.setDisabled(bool(volume.refusal))
            item.setToolTip(3, shown(" ".join(volume.remarks)))
            series.addChild(item)
        series.setExpanded(True)
        self.say("This series holds several volumes: choose one, and open it.")

    def begin(self, words: str) -> None:
        """Something is under way."""
        self._busy = True
        self.bar.setRange(0, 0)
        self.say(words)
        self._update()

    def show_progress(self, progress: Progress) -> None:
        """Show how far it is; where nothing is known of that, only that something goes on."""
        self.bar.setRange(0, 100 if progress.fraction > 0 else 0)
        self.bar.setValue(round(100 * progress.fraction))
        self.say(f"{progress.phase} …")

    def end(self, words: str) -> None:
        """Nothing is under way any more."""
        self._busy = False
        self.bar.setRange(0, 1)
        self.bar.reset()
        self.say(words)
        self._update()

    def say(self, words: str) -> None:
        """Show a sentence below the list."""
        self.words.setText(shown(words))

    # ---- what the person does ------------------------------------------------------------------

    def _on_search(self) -> None:
        if self.node_box.currentData() is None or self._busy:
            return
        self.tree.clear()
        self._studies.clear()
        self.search_wanted.emit(self.node_box.currentData(), self.query())

    def _on_activated(self, item: QTreeWidgetItem) -> None:
        if not isinstance(item.data(0, _ITEM), FoundStudy):
            self._on_retrieve()

    def _on_retrieve(self) -> None:
        chosen = self._chosen()
        if self._busy or chosen is None:
            return
        if isinstance(chosen, FoundSeries):
            self.retrieve_wanted.emit(self.node_box.currentData(), chosen)
        elif not isinstance(chosen, FoundStudy):
            self.volume_chosen.emit(chosen)

    def _chosen(self) -> object:
        item = self.tree.currentItem()
        return None if item is None else item.data(0, _ITEM)

    def _update(self) -> None:
        between = self.dates.currentData() == -1
        self.first.setEnabled(between)
        self.last.setEnabled(between)
        chosen = self._chosen()
        is_volume = not isinstance(chosen, FoundStudy | FoundSeries | None)
        self.retrieve_button.setText("&Open" if is_volume else "&Retrieve")
        ready = is_volume or isinstance(chosen, FoundSeries)
        self.retrieve_button.setEnabled(ready and not self._busy)
        self.search_button.setEnabled(not self._busy and self.node_box.count() > 0)
        self.stop_button.setEnabled(self._busy)
        self.bar.setVisible(self._busy)
        self.node_box.setEnabled(not self._busy)


def _study_texts(study: FoundStudy) -> list[str]:
    texts = (
        study.patient_name or "(no name)",
        study.patient_id,
        _readable_date(study.study_date),
        study.description,
        ", ".join(study.modalities),
        "",
    )
    return [shown(text) for text in texts]


def _series_texts(series: FoundSeries) -> list[str]:
    number = f"Series {series.number}" if series.number else "Series"
    images = "" if series.images is None else str(series.images)
    texts = (number, "", "", series.description or series.body_part, series.modality, images)
    return [shown(text) for text in texts]


def _readable_date(stored: str) -> str:
    """2026-01-02 of 20260102."""
    if len(stored) == 8 and stored.isdecimal():
        return f"{stored[:4]}-{stored[4:6]}-{stored[6:]}"
    return stored


def _line(name: str, placeholder: str) -> QLineEdit:
    line = QLineEdit()
    line.setMaxLength(64)
    line.setPlaceholderText(placeholder)
    line.setAccessibleName(name)
    line.setClearButtonEnabled(True)
    return line
