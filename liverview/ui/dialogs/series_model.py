"""The rows of the table of series: changed in place while a folder is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QColor, QPalette, QPixmap

from liverview.core.text import shown
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume
from liverview.ui.jobs.series_work import SeriesEntry, SeriesList

_Index = QModelIndex | QPersistentModelIndex
_ROLES = Qt.ItemDataRole
ENTRY_ROLE = _ROLES.UserRole
"""The role of a row's `SeriesEntry`."""
BADGE_ROLE = _ROLES.UserRole + 1
"""The role of the words for a row that is likely the one; empty for others."""
SHOWN_ROLE = _ROLES.UserRole + 2
"""The role of all that a cell shows, as a key: the same for the same looks."""
_LAST = float("inf")


class _Column(NamedTuple):
    """A column: its title, the words of an entry, and what it is sorted by."""

    title: str
    words: Callable[[SeriesEntry], str]
    order: Callable[[SeriesEntry], object] | None = None
    number: bool = False


def warnings_of(entry: SeriesEntry) -> str:
    """What a person should know of an entry before it is opened: why it cannot be, first."""
    volume = entry.volume
    said = [*volume.remarks]
    if entry.refusal:
        said.insert(0, _without_path(entry))
    elif volume.kind is SeriesKind.LABELS:
        said.insert(0, "It opens with the series that it is of, as its labels.")
    elif volume.kind is SeriesKind.OTHER_MODALITY and not any("reads CT" in one for one in said):
        modality = volume.study.modality or "no CT"
        said.insert(0, f"This is {modality}; liverview reads CT: for viewing only.")
    if volume.study.burned_in:
        said.append("Its pixels may show names.")
    return shown(" ".join(said))


def _without_path(entry: SeriesEntry) -> str:
    """Why an entry is refused, without the name of its file, which the row stands for."""
    names = (f"{one.source.name} " for one in entry.volume.slices)
    named = next((name for name in names if entry.refusal.startswith(name)), None)
    return entry.refusal if named is None else f"It {entry.refusal.removeprefix(named)}"


def _patient(entry: SeriesEntry) -> str:
    study = entry.volume.study
    return f"{study.patient_name.strip()}\n{study.patient_id.strip()}".strip("\n")


def _description(entry: SeriesEntry) -> str:
    study = entry.volume.study
    words = study.series_words or "no description"
    return f"{words}\n{study.study_description}".rstrip()


def _modality(entry: SeriesEntry) -> str:
    volume = entry.volume
    modality = volume.study.modality
    plain = volume.kind in (SeriesKind.CT, SeriesKind.OTHER_MODALITY)
    return modality if plain and modality else f"{modality}\n{volume.kind.value}".strip()


def _slices(entry: SeriesEntry) -> int:
    return entry.volume.shape[2]


def _spacing(entry: SeriesEntry) -> str:
    if not any(entry.volume.spacing):
        return ""
    return " × ".join(f"{mm:.3g}" if mm else "?" for mm in entry.volume.spacing)


def _thickness(entry: SeriesEntry) -> float | None:
    return next((one.thickness for one in entry.volume.slices), None)


def _thickness_words(entry: SeriesEntry) -> str:
    mm = _thickness(entry)
    return "" if mm is None else f"{mm:.3g}"


COLUMNS = (
    _Column("", lambda entry: "", lambda entry: 0),
    _Column("Patient", _patient),
    _Column(
        "Date",
        lambda entry: entry.volume.study.study_day,
        lambda e: (e.volume.study.study_date, e.volume.study.study_time),
    ),
    _Column("Description", _description),
    _Column("Modality", _modality),
    _Column("Slices", lambda entry: f"{_slices(entry):,}" if _slices(entry) else "", _slices, True),
    _Column("Spacing (mm)", _spacing, lambda e: e.volume.spacing[2] or _LAST, True),
    _Column("Thickness", _thickness_words, lambda e: _thickness(e) or _LAST, True),
    _Column("Kernel", lambda entry: entry.volume.study.kernel),
    _Column("Contrast", lambda entry: entry.volume.study.contrast),
    _Column("To know", warnings_of),
)
PICTURE, DESCRIPTION = 0, 3
_FROM_ROOT = QModelIndex()


class SeriesModel(QAbstractTableModel):
    """Entries as rows, the pictures in the first column.

    Attributes
    ----------
    entries : in the order in which they came.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: list[SeriesEntry] = []
        self._ranks: dict[str, int] = {}
        self._pictures: dict[str, QPixmap] = {}
        self._words: dict[SeriesVolume, tuple[str, ...]] = {}  # of the columns
        self.palette = QPalette()

    def take(self, listed: SeriesList) -> None:
        """Show what was listed so far: rows stay where they are, new ones come last."""
        new = {entry.key: entry for entry in listed.entries}
        before = sorted(self._ranks, key=self._ranks.__getitem__)
        self._ranks = {key: rank for rank, key in enumerate(new)}
        for row in reversed(range(len(self.entries))):
            if self.entries[row].key not in new:
                self.beginRemoveRows(_FROM_ROOT, row, row)
                del self.entries[row]
                self.endRemoveRows()
        old, there = self.entries, {entry.key for entry in self.entries}
        self.entries = [new[entry.key] for entry in old]
        for row, (was, entry) in enumerate(zip(old, self.entries, strict=True)):
            if entry.volume is not was.volume or entry.reason != was.reason:
                self._tell(row, row, len(COLUMNS) - 1)
        if [key for key in before if key in there] != [key for key in new if key in there]:
            self._tell(0, len(old) - 1, PICTURE)  # other ranks, by which rows are sorted
        added = [entry for key, entry in new.items() if key not in there]
        if added:
            first = len(self.entries)
            self.beginInsertRows(_FROM_ROOT, first, first + len(added) - 1)
            self.entries += added
            self.endInsertRows()
        there_now = {entry.volume for entry in self.entries}
        for volume in self._words.keys() - there_now:
            del self._words[volume]

    def _tell(self, first: int, last: int, column: int) -> None:
        """Rows have changed, up to a column."""
        self.dataChanged.emit(self.index(first, PICTURE), self.index(last, column))

    def set_picture(self, key: str, picture: QPixmap) -> None:
        """Show the picture of an entry, if it is there still."""
        self._pictures[key] = picture
        for row, entry in enumerate(self.entries):
            if entry.key == key:
                index = self.index(row, PICTURE)
                self.dataChanged.emit(index, index, [_ROLES.DecorationRole])

    def rowCount(self, parent: _Index = _FROM_ROOT) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: _Index = _FROM_ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _ROLES.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ROLES.DisplayRole:
            return COLUMNS[section].title
        if role == _ROLES.TextAlignmentRole and COLUMNS[section].number:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == _ROLES.ToolTipRole and section == PICTURE:
            return "Sort: the likeliest first"
        return None

    def data(self, index: _Index, role: int = _ROLES.DisplayRole) -> Any:
        entry, column = self.entries[index.row()], COLUMNS[index.column()]
        if role == _ROLES.DisplayRole:
            return self.words_of(entry)[index.column()]
        if role == ENTRY_ROLE:
            return entry
        if role == SHOWN_ROLE:
            return self._shown(entry, index.column())
        if role == BADGE_ROLE:
            return shown(entry.reason) if entry.likely else ""
        if role == _ROLES.ToolTipRole:
            return self._tip(entry, self.words_of(entry)[index.column()])
        if role == _ROLES.DecorationRole and index.column() == PICTURE:
            return self._pictures.get(entry.key)
        if role == _ROLES.TextAlignmentRole and column.number:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == _ROLES.ForegroundRole and entry.refusal:
            return QColor(self.palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text))
        return None

    def _shown(self, entry: SeriesEntry, column: int) -> tuple[object, ...]:
        words, refused = self.words_of(entry)[column], bool(entry.refusal)
        if column == PICTURE:
            picture = self._pictures.get(entry.key)
            return column, refused, picture.cacheKey() if picture is not None else 0
        badge = entry.reason if column == DESCRIPTION and entry.likely else ""
        return column, refused, words, badge

    def words_of(self, entry: SeriesEntry) -> tuple[str, ...]:
        """The words of an entry in all columns."""
        words = self._words.get(entry.volume)
        if words is None:
            words = tuple(shown(column.words(entry)) for column in COLUMNS)
            self._words[entry.volume] = words
        return words

    def order(self, row: int, column: int) -> Any:
        """What a row is sorted by in a column."""
        entry = self.entries[row]
        if column == PICTURE:
            return self._ranks.get(entry.key, len(self._ranks))
        order = COLUMNS[column].order
        return order(entry) if order is not None else COLUMNS[column].words(entry).casefold()

    def _tip(self, entry: SeriesEntry, words: str) -> str:
        parts = (words, shown(entry.reason), warnings_of(entry))
        return "\n".join(dict.fromkeys(part for part in parts if part))


class SeriesOrder(QSortFilterProxyModel):
    """The rows as they are sorted, those alone in which every word of a filter is."""

    def __init__(self, model: SeriesModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self._model = model
        self.setSourceModel(model)
        self.setDynamicSortFilter(True)
        self.sort(PICTURE)

    def set_filter(self, text: str) -> None:
        """Show the rows with these words, in any column, in any order."""
        self._words = text.casefold().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: _Index) -> bool:
        entry = self._model.entries[row]
        text = " ".join([*(column.words(entry) for column in COLUMNS), entry.reason]).casefold()
        return all(word in text for word in self._words)

    def lessThan(self, left: _Index, right: _Index) -> bool:
        first, second = (self._model.order(i.row(), i.column()) for i in (left, right))
        return bool(first < second)
