"""The question about labels of a foreign label map, where its file does not name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from liverview.core.coding import IGNORE, Meaning
from liverview.core.labels import FOREGROUND, Label, LabelStyle
from liverview.core.text import shown
from liverview.ui.widgets.controls import FocuslessComboBox, add_access_keys

if TYPE_CHECKING:
    from liverview.files.named_labels import NamedLabels

_COLUMNS = ("Value", "Name in the file", "Voxels", "Open as")
_LEFT_OUT, _IGNORED = "Left out", "Not judged"
_MEANINGS: tuple[Meaning, ...] = (Label.BACKGROUND, *FOREGROUND, IGNORE)
_WIDTH, _MOST_HEIGHT = 520, 480
_TIP = Qt.ItemDataRole.ToolTipRole


class MappingDialog(QDialog):
    """One row per value or volume: its name, its voxels, and a box with our labels.

    Those whose label is not known come first and begin as guessed, or as left out; the others
    begin as their name suggests. At least one has to be a label. What nobody judged is in no
    score.

    Attributes
    ----------
    boxes : the box of each value or volume.
    """

    def __init__(
        self,
        named: NamedLabels,
        styles: Mapping[Label, LabelStyle],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Labels of the file")
        self.boxes: dict[int, FocuslessComboBox] = {}
        values = sorted(named.counts, key=lambda value: (value not in named.unmapped, value))
        table = self._make_table(len(values))
        table.setHorizontalHeaderItem(0, QTableWidgetItem(named.unit.capitalize()))
        for row, value in enumerate(values):
            name = named.names.get(value, "")
            cells = (str(value), name or "not named", f"{named.counts[value]:,}")
            for column, text in enumerate(cells):
                table.setItem(row, column, _make_cell(text, right=column != 1))
            self.boxes[value] = box = self._make_box(named.suggested[value], styles)
            box.setAccessibleName(f"Label of {named.unit} {value} {name}".strip())
            table.setCellWidget(row, 3, box)
        buttons = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        add_access_keys(self._buttons.buttons())
        layout = QVBoxLayout(self)
        layout.addWidget(_question_label(named))
        layout.addWidget(table)
        layout.addWidget(self._buttons)
        table.resizeRowsToContents()
        self.resize(_WIDTH, min(layout.totalHeightForWidth(_WIDTH), _MOST_HEIGHT))
        self._update_ok()

    def mapping(self) -> dict[int, Meaning]:
        """Value or volume -> label as chosen; BACKGROUND for what is left out."""
        return {value: _MEANINGS[box.currentIndex()] for value, box in self.boxes.items()}

    def _make_table(self, rows: int) -> QTableWidget:
        table = QTableWidget(rows, len(_COLUMNS))
        table.setHorizontalHeaderLabels(_COLUMNS)
        name_header = table.horizontalHeaderItem(1)
        assert name_header is not None
        name_header.setTextAlignment(Qt.AlignmentFlag.AlignLeft)
        table.verticalHeader().hide()
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes from box to box
        table.setShowGrid(False)
        table.setSizeAdjustPolicy(QAbstractItemView.SizeAdjustPolicy.AdjustToContents)
        header = table.horizontalHeader()
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        return table

    def _make_box(
        self, suggested: Meaning | None, styles: Mapping[Label, LabelStyle]
    ) -> FocuslessComboBox:
        box = FocuslessComboBox()
        box.addItems([_LEFT_OUT, *(styles[label].name for label in FOREGROUND), _IGNORED])
        box.setItemData(box.count() - 1, "No score counts these voxels", _TIP)
        box.setCurrentIndex(_MEANINGS.index(suggested or Label.BACKGROUND))
        box.currentIndexChanged.connect(self._update_ok)
        return box

    def _update_ok(self) -> None:
        """Allow OK once there is any label."""
        has_label = any(isinstance(one, Label) and one for one in self.mapping().values())
        button = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        button.setEnabled(has_label)
        button.setToolTip("" if has_label else "Choose a label for at least one value")


def _question_label(named: NamedLabels) -> QLabel:
    if named.sure and named.names:
        text = (
            f"Which labels are the {named.unit}s of {shown(named.name)}? Names are from "
            f"{named.source}; {len(named.unmapped)} of {len(named.counts)} {named.unit}s are not "
            "known."
        )
    else:
        guessed = any(named.suggested[value] for value in named.unmapped)
        text = (
            f"Which labels are the {named.unit}s of {shown(named.name)}? Nothing names them. "
            f"{f'What is chosen is a guess from {named.source}.' if guessed else ''}"
        )
    label = QLabel(text.strip())
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _make_cell(text: str, *, right: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return item
