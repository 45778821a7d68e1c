"""The rows of the table of lesions: what is in a row, and how rows are sorted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from liverview.measurement.results import Lesion
from liverview.ui.live.findings import HiddenLesion
from liverview.ui.panels.lesion_delegate import FADED_ROLE, LINES_ROLE

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
    "Sure": "How sure the network is that it is a lesion; what a person drew comes first",
    "Excluded": "Why it is no lesion, or no target",
}
_REASON = list(COLUMNS).index("Excluded")
SURE = list(COLUMNS).index("Sure")
_SD = list(COLUMNS).index("SD HU")
_DESCRIPTION = Qt.ItemDataRole.AccessibleDescriptionRole  # for those who hear the table
_Index = QModelIndex | QPersistentModelIndex
_Value = float | int | str | None


class Row(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    values : what it is sorted by, by column.
    lines : the lines below the figures.
    hidden : it is a candidate that is not in the labels.
    """

    values: tuple[_Value, ...]
    lines: tuple[str, ...]
    hidden: bool = False

    @property
    def number(self) -> int:
        """The number of its lesion."""
        assert isinstance(self.values[0], int)
        return self.values[0]


def lesion_cells(lesion: Lesion, reason: str) -> tuple[str, ...]:
    """The texts of a lesion's row, by column."""
    values = _sort_values(lesion, reason)
    return tuple(_cell_text(value, column) for column, value in enumerate(values))


class LesionModel(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Row] = []
        self._column, self._order = 0, Qt.SortOrder.AscendingOrder

    def set_rows(self, rows: Sequence[Row]) -> bool:
        """Show these; True where they are others than before."""
        if sorted(rows, key=_lesion_number) == sorted(self._rows, key=_lesion_number):
            return False
        self._set_rows(rows)
        return True

    def number(self, row: int) -> int:
        """The number of the lesion in a row."""
        return self._rows[row].number

    def row_of(self, number: int) -> int | None:
        """The row of a lesion."""
        rows = (n for n, one in enumerate(self._rows) if one.number == number)
        return next(rows, None)

    def _set_rows(self, rows: Sequence[Row]) -> None:
        self.beginResetModel()
        falling = self._order is Qt.SortOrder.DescendingOrder
        rows = sorted(rows, key=_lesion_number)
        column = self._column
        self._rows = sorted(
            rows, key=lambda row: _sort_key(row.values[column], column), reverse=falling
        )
        self._rows.sort(key=lambda row: row.hidden)
        self.endResetModel()

    # ---- what Qt asks ------------------------------------------------------------------------

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        values = row.values
        value = values[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return "–" if row.hidden and index.column() == 0 else _cell_text(value, index.column())
        if role == FADED_ROLE:
            return row.hidden
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
            title = "Not shown" if row.hidden else f"Lesion {row.number}"
            return [*row.lines] if role == LINES_ROLE else "\n".join([title, *row.lines])
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
        lesion.certainty,
        reason,
    )


def lesion_row(lesion: Lesion, reason: str, accepted: bool) -> Row:
    """A row whose lines have place and spread, what a person said, and why it is excluded."""
    line = _place_text(lesion)
    if lesion.sd_hu is not None:
        line += f" · SD {_cell_text(lesion.sd_hu)} HU"
    if accepted and not reason:
        line = f"accepted · {line}"
    lines = (line, f"Excluded: {reason}") if reason else (line,)
    return Row(_sort_values(lesion, reason), lines)


def hidden_row(hidden: HiddenLesion) -> Row:
    """A row of a candidate, whose diameters nobody has measured."""
    values: list[_Value] = [None] * len(COLUMNS)
    values[0], values[1], values[_REASON] = hidden.number, hidden.volume_ml, ""
    values[SURE] = hidden.part.certainty
    return Row(tuple(values), (f"not shown · slice {hidden.part.inside[2]}",), hidden=True)


def _place_text(lesion: Lesion) -> str:
    """Its axial slice as the views count it, and its middle as mm to the patient's sides."""
    sides = (
        f"{letters[mm < 0]} {abs(mm):.0f}"
        for mm, letters in zip(lesion.centroid_mm, ("RL", "AP", "SI"), strict=True)
    )
    return f"slice {lesion.axial_slice} · {' '.join(sides)} mm"


def _lesion_number(row: Row) -> int:
    return row.number


def _cell_text(value: _Value, column: int = 0) -> str:
    if column == SURE:
        return "hand" if value is None else f"{100 * float(value):.0f} %"
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"
    return str(value)


def _sort_key(value: _Value, column: int) -> tuple[float, str]:
    """Numbers as numbers, what is unknown first, words by the alphabet."""
    if isinstance(value, str):
        return 0.0, value
    if value is None and column == SURE:  # a person has drawn it
        return math.inf, ""
    return (-math.inf if value is None else float(value)), ""
