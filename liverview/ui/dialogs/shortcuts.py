"""The dialogs of the shortcuts: all on one page, and one that changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QKeySequenceEdit,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from liverview.ui.widgets.shortcuts import Shortcuts, first_key, plain_text

MOUSE = (
    ("Click or drag", "Put the crosshair there"),
    ("Wheel", "Next or previous slice"),
    ("Ctrl + wheel", "Zoom around the pointer"),
    ("Middle drag", "Pan"),
    ("Right drag", "Window width (across) and level (down is brighter)"),
    ("Double click", "This view alone, or all of them"),
    ("Arrows, with Shift by 5", "Move the crosshair"),
    ("PgUp, PgDown, Home, End", "Through the slices of the view"),
)
"""Mouse and keys of the views, which no menu lists."""


class KeyEdit(QKeySequenceEdit):
    """Records a key; as long as none is pressed whole, the one that there is stays.

    The field is emptied when a key goes down, which says nothing about what a person wants.
    """

    def __init__(self, action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(first_key(action), parent)
        self._action = action
        self.setMaximumSequenceLength(1)
        self.editingFinished.connect(self.show_key)

    def show_key(self) -> None:
        """Show the key that the command has."""
        self.setKeySequence(first_key(self._action))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()  # closes the dialog
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.show_key()


class ShortcutDialog(QDialog):
    """Every command with its key, to be changed; a key that is taken is refused at once."""

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change shortcuts")
        self.shortcuts = shortcuts
        self.edits: dict[QAction, KeyEdit] = {}
        self.removers: dict[QAction, QToolButton] = {}
        self.message = QLabel("Click a field and press the new key.")
        self.message.setWordWrap(True)
        grid = QGridLayout()
        for title, actions in shortcuts.groups:
            grid.addWidget(QLabel(f"<b>{title}</b>"), grid.rowCount(), 0)
            for action in actions:
                self._add_row(grid, action)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.reset_button = buttons.addButton("As they were", QDialogButtonBox.ButtonRole.ResetRole)
        self.reset_button.clicked.connect(self._on_reset)
        buttons.rejected.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(_make_scroll_area(grid), 1)
        layout.addWidget(self.message)
        layout.addWidget(buttons)
        self.resize(460, 600)

    def _add_row(self, grid: QGridLayout, action: QAction) -> None:
        name = QLabel(plain_text(action.text()))
        name.setToolTip(action.statusTip())
        edit = KeyEdit(action)
        edit.setAccessibleName(f"Shortcut of {plain_text(action.text())}")
        remove = QToolButton(autoRaise=True)
        remove.setText("✕")
        remove.setToolTip("No key")
        remove.setAccessibleName(f"No key for {plain_text(action.text())}")
        remove.clicked.connect(partial(self._assign, action, QKeySequence()))
        name.setBuddy(edit)
        edit.keySequenceChanged.connect(partial(self._on_changed, action))
        row = grid.rowCount()
        grid.addWidget(name, row, 0)
        grid.addWidget(edit, row, 1)
        grid.addWidget(remove, row, 2)
        self.edits[action], self.removers[action] = edit, remove

    def _on_changed(self, action: QAction, key: QKeySequence) -> None:
        if not key.isEmpty() and key != first_key(action):
            self._assign(action, key)

    def _assign(self, action: QAction, key: QKeySequence) -> None:
        refused = self.shortcuts.assign(action, key)
        self.message.setText(
            refused or f"{plain_text(action.text())}: {key.toString() or 'no key'}"
        )
        self.edits[action].show_key()

    def _on_reset(self) -> None:
        self.shortcuts.reset()
        for edit in self.edits.values():
            edit.show_key()
        self.message.setText("Every command has its usual key again.")


class ShortcutSheet(QDialog):
    """Every key and the mouse, on one page."""

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        columns = QGridLayout()
        columns.setHorizontalSpacing(36)
        groups = [(title, list(_iter_key_rows(actions))) for title, actions in shortcuts.groups]
        groups.append(("In the views", list(MOUSE)))
        half = sum(len(rows) + 2 for _, rows in groups) / 2
        above, texts = 0, ["", ""]
        for title, rows in groups:
            if rows:
                texts[above > half] += _table_html(title, rows)
                above += len(rows) + 2
        for column, text in enumerate(texts):
            columns.addWidget(QLabel(text), 0, column, Qt.AlignmentFlag.AlignTop)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(_make_scroll_area(columns), 1)
        layout.addWidget(buttons)
        self.resize(840, 640)


def _iter_key_rows(actions: Iterable[QAction]) -> Iterator[tuple[str, str]]:
    for action in actions:
        if action.shortcuts():
            keys = ", ".join(key.toString() for key in action.shortcuts())
            yield keys, plain_text(action.text())


def _table_html(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td style='padding-right: 14px'><b>{keys}</b></td><td>{effect}</td></tr>"
        for keys, effect in rows
    )
    return f"<h4>{title}</h4><table>{lines}</table>"


def _make_scroll_area(layout: QGridLayout) -> QScrollArea:
    inner = QWidget()
    inner.setLayout(layout)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    return area
