"""The History panel: every step by name, to go to by a click."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QAction, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QLabel, QListView, QVBoxLayout, QWidget

from liverview.core.text import shown
from liverview.ui.state.edit_history import EditHistory, StepEntry
from liverview.ui.widgets.shortcuts import KeyHint

_Index = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()


class HistoryList(QAbstractListModel):
    """The steps, one a row, after a row for what was there before all of them.

    Attributes
    ----------
    current_row : the row of the labels as they are.
    """

    def __init__(self, history: EditHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._steps: list[StepEntry] = []
        self.current_row = 0
        self.refresh()

    def refresh(self) -> None:
        """Take the steps as they are now."""
        self.beginResetModel()
        self._steps, self.current_row = self._history.steps(), self._history.position
        self.endResetModel()

    def rowCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._steps) + 1

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if self._history.why_not:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = index.row()
        is_current = row == self.current_row
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = "now" if is_current else "undone" if row > self.current_row else "done"
            return f"{self._text(row)}, {state}"
        if role == Qt.ItemDataRole.FontRole and is_current:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and row > self.current_row:
            palette = QGuiApplication.palette()
            return palette.brush(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        return None

    def _text(self, row: int) -> str:
        if row:
            return shown(self._steps[row - 1].name)
        return "Older steps are forgotten" if self._history.core.forgotten else "Before all steps"


class HistoryPanel(QWidget):
    """A list of steps; a click, or Return, goes to the labels as they were after a step."""

    def __init__(self, history: EditHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self.model = HistoryList(history, self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setUniformItemSizes(True)
        self.list.setAccessibleName("Steps")
        self.note = QLabel()
        self.note.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.note)
        self._key = KeyHint()
        self._stale = False
        self.list.clicked.connect(self._on_chosen)
        self.list.activated.connect(self._on_chosen)
        history.changed.connect(self.refresh)
        self._show_key()
        self.refresh()

    def set_actions(self, undo: QAction, redo: QAction) -> None:
        """Name the keys of the commands that go step by step."""
        self._key = KeyHint(" ({})", undo, redo)
        self._key.follow(self._show_key)

    def refresh(self) -> None:
        """Show the steps as they are now; a panel that is hidden does so when it is seen."""
        self._stale = not self.isVisible()
        if self._stale:
            return
        self.model.refresh()
        row = self.model.index(self.model.current_row)
        self.list.setCurrentIndex(row)
        self.list.scrollTo(row)
        self.note.setText(self._history.why_not)
        self.note.setVisible(bool(self._history.why_not))

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _show_key(self) -> None:
        self.list.setToolTip(f"Click goes to the labels after a step{self._key.text}")

    def _on_chosen(self, index: QModelIndex) -> None:
        self._history.jump(index.row())
