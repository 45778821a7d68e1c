"""Which value of a label map from elsewhere is which label: asked where its file does not say."""

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

from liverview.core.labels import FOREGROUND, Label, LabelStyle
from liverview.ui.widgets.controls import FocuslessComboBox

if TYPE_CHECKING:
    from liverview.files.named_labels import NamedLabels

_COLUMNS = ("Value", "Name in the file", "Voxels", "Open as")
_LEFT_OUT = "Left out"
_WIDTH, _MOST_HEIGHT = 520, 480


class MappingDialog(QDialog):
    """One row per value: its name, its voxels, and a box with our labels.

    Values whose label is not known come first and begin as left out; the others begin as
    their name suggests. At least one value has to be a label.

    Attributes
    ----------
    boxes : the box of each value.
    """

    def __init__(
        self,
        found: NamedLabels,
        styles: Mapping[Label, LabelStyle],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Labels of the file")
        self.boxes: dict[int, FocuslessComboBox] = {}
        values = sorted(found.counts, key=lambda value: (value not in found.unmapped, value))
        table = self._table(len(values))
        for row, value in enumerate(values):
            name = found.names.get(value, "")
            cells = (str(value), name or "not named", f"{found.counts[value]:,}")
            for column, text in enumerate(cells):
                table.setItem(row, column, _cell(text, right=column != 1))
            self.boxes[value] = box = self._box(found.suggested[value], styles)
            box.setAccessibleName(f"Label of value {value} {name}".strip())
            table.setCellWidget(row, 3, box)
        buttons = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(_sentence(found))
        layout.addWidget(table)
        layout.addWidget(self._buttons)
        table.resizeRowsToContents()
        self.resize(_WIDTH, min(layout.totalHeightForWidth(_WIDTH), _MOST_HEIGHT))
        self._allow()

    def mapping(self) -> dict[int, Label]:
        """Value -> label as chosen; BACKGROUND for what is left out."""
        return {value: box.currentData() for value, box in self.boxes.items()}

    def _table(self, rows: int) -> QTableWidget:
        table = QTableWidget(rows, len(_COLUMNS))
        table.setHorizontalHeaderLabels(_COLUMNS)
        named = table.horizontalHeaderItem(1)
        assert named is not None
        named.setTextAlignment(Qt.AlignmentFlag.AlignLeft)
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

    def _box(
        self, suggested: Label | None, styles: Mapping[Label, LabelStyle]
    ) -> FocuslessComboBox:
        box = FocuslessComboBox()
        box.addItem(_LEFT_OUT, Label.BACKGROUND)
        for label in FOREGROUND:
            box.addItem(styles[label].name, label)
        box.setCurrentIndex(box.findData(suggested or Label.BACKGROUND))
        box.currentIndexChanged.connect(self._allow)
        return box

    def _allow(self) -> None:
        """A label map without any label is none."""
        some = any(label for label in self.mapping().values())
        button = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        button.setEnabled(some)
        button.setToolTip("" if some else "Choose a label for at least one value")


def _sentence(found: NamedLabels) -> QLabel:
    of = "Names are from" if found.names else "There are no names, only"
    label = QLabel(
        f"Which labels are the values of {found.name}? {of} {found.source}; "
        f"{len(found.unmapped)} of {len(found.counts)} values are not known."
    )
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _cell(text: str, *, right: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return item
