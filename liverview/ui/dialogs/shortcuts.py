"""The dialogs of the shortcuts: all on one page, and one that changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QKeySequenceEdit,
    QLabel,
    QScrollArea,
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


class ShortcutDialog(QDialog):
    """Every command with its key, to be changed; a key that is taken is refused at once."""

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change shortcuts")
        self.shortcuts = shortcuts
        self.edits: dict[QAction, QKeySequenceEdit] = {}
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
        edit = QKeySequenceEdit(first_key(action))
        edit.setMaximumSequenceLength(1)
        edit.setClearButtonEnabled(True)
        edit.setAccessibleName(f"Shortcut of {plain_text(action.text())}")
        name.setBuddy(edit)
        edit.keySequenceChanged.connect(partial(self._on_changed, action))
        row = grid.rowCount()
        grid.addWidget(name, row, 0)
        grid.addWidget(edit, row, 1)
        self.edits[action] = edit

    def _on_changed(self, action: QAction, key: QKeySequence) -> None:
        if key == first_key(action):
            return
        refused = self.shortcuts.assign(action, key)
        self.message.setText(
            refused or f"{plain_text(action.text())}: {key.toString() or 'no key'}"
        )
        if refused is not None:
            self.edits[action].setKeySequence(first_key(action))

    def _on_reset(self) -> None:
        self.shortcuts.reset()
        for action, edit in self.edits.items():
            edit.setKeySequence(first_key(action))
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
