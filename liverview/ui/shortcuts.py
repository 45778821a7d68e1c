"""Shortcuts of the window's commands: which they are, and how a person changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import cast

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QKeySequenceEdit,
    QLabel,
    QMenu,
    QMenuBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

_GROUP = "shortcuts"
_OF_VIEWS = {
    "Left": "moves the crosshair",
    "Right": "moves the crosshair",
    "Up": "moves the crosshair",
    "Down": "moves the crosshair",
    "PgUp": "moves through the slices",
    "PgDown": "moves through the slices",
    "Home": "goes to the first slice",
    "End": "goes to the last slice",
    "Tab": "goes to the next control",
    "Shift+Tab": "goes to the control before",
    "Return": "presses a button",
}
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
"""What mouse and keys do in the views, which no menu lists."""


def plain(text: str) -> str:
    """A menu text as a sentence has it: no mnemonic, no dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip(" …")


def commands(bar: QMenuBar) -> Iterator[tuple[str, list[QAction]]]:
    """Every menu with its commands, those of its own menus included."""
    for entry in bar.actions():
        menu = cast("QMenu | None", entry.menu())
        if menu is not None:
            yield plain(entry.text()), list(_commands(menu))


def _commands(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        inner = cast("QMenu | None", action.menu())
        if inner is not None:
            yield from _commands(inner)
        elif action.objectName():  # not separators, nor files opened lately
            yield action


def tip_of(action: QAction) -> str:
    """A command's tooltip: what it does, and its keys."""
    keys = ", ".join(key.toString() for key in action.shortcuts())
    return f"{action.statusTip()} ({keys})" if keys else action.statusTip()


class Shortcuts:
    """The commands of a menu bar and their keys; each key belongs to one command at most."""

    def __init__(self, bar: QMenuBar, settings: QSettings) -> None:
        self.groups = list(commands(bar))
        self._settings = settings
        self._usual = {action: action.shortcuts() for action in self.all()}
        self._load()

    def all(self) -> list[QAction]:
        """Every command."""
        return [action for _, actions in self.groups for action in actions]

    def assign(self, action: QAction, key: QKeySequence) -> str | None:
        """Give a command one key, or none; returns why not where that cannot be."""
        refused = self.conflict(action, key)
        if refused is None:
            self._set(action, [] if key.isEmpty() else [key])
            self._save()
        return refused

    def conflict(self, action: QAction, key: QKeySequence) -> str | None:
        """Why a command cannot have a key; None where it can."""
        if key.isEmpty():
            return None
        name = key.toString()
        if name in _OF_VIEWS:
            return f"{name} {_OF_VIEWS[name]}: choose another key."
        for other in self.all():
            if other is not action and any(_clash(key, own) for own in other.shortcuts()):
                return f"{name} belongs to “{plain(other.text())}”: choose another key."
        return None

    def reset(self) -> None:
        """Every command has its usual keys again."""
        for action, keys in self._usual.items():
            self._set(action, keys)
        self._save()

    def _set(self, action: QAction, keys: list[QKeySequence]) -> None:
        action.setShortcuts(keys)
        action.setToolTip(tip_of(action))

    def _save(self) -> None:
        self._settings.remove(_GROUP)
        for action, keys in self._usual.items():
            if action.shortcuts() != keys:
                own = "; ".join(key.toString() for key in action.shortcuts())
                self._settings.setValue(f"{_GROUP}/{action.objectName()}", own)

    def _load(self) -> None:
        """The person's keys; where one clashes with a command that came later, theirs counts."""
        own = {}
        for action in self.all():
            kept = self._settings.value(f"{_GROUP}/{action.objectName()}")
            if kept is not None:
                own[action] = QKeySequence(str(kept))
        for action, key in own.items():
            for other in self.all():
                if other not in own and any(_clash(key, used) for used in other.shortcuts()):
                    self._set(other, [])
            self._set(action, [] if key.isEmpty() else [key])


def _clash(one: QKeySequence, other: QKeySequence) -> bool:
    """Whether two keys cannot be told apart: the same, or one begins the other."""
    match = QKeySequence.SequenceMatch.NoMatch
    return one.matches(other) is not match or other.matches(one) is not match


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
                self._add(grid, action)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.reset_button = buttons.addButton("As they were", QDialogButtonBox.ButtonRole.ResetRole)
        self.reset_button.clicked.connect(self._on_reset)
        buttons.rejected.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(_scrolling(grid), 1)
        layout.addWidget(self.message)
        layout.addWidget(buttons)
        self.resize(460, 600)

    def _add(self, grid: QGridLayout, action: QAction) -> None:
        name = QLabel(plain(action.text()))
        name.setToolTip(action.statusTip())
        edit = QKeySequenceEdit(_first(action))
        edit.setMaximumSequenceLength(1)
        edit.setClearButtonEnabled(True)
        edit.setAccessibleName(f"Shortcut of {plain(action.text())}")
        name.setBuddy(edit)
        edit.keySequenceChanged.connect(partial(self._on_changed, action))
        row = grid.rowCount()
        grid.addWidget(name, row, 0)
        grid.addWidget(edit, row, 1)
        self.edits[action] = edit

    def _on_changed(self, action: QAction, key: QKeySequence) -> None:
        if key == _first(action):
            return
        refused = self.shortcuts.assign(action, key)
        self.message.setText(refused or f"{plain(action.text())}: {key.toString() or 'no key'}")
        if refused is not None:
            self.edits[action].setKeySequence(_first(action))

    def _on_reset(self) -> None:
        self.shortcuts.reset()
        for action, edit in self.edits.items():
            edit.setKeySequence(_first(action))
        self.message.setText("Every command has its usual key again.")


class ShortcutSheet(QDialog):
    """What every key and the mouse do, on one page."""

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        columns = QGridLayout()
        columns.setHorizontalSpacing(36)
        groups = [(title, list(_keys(actions))) for title, actions in shortcuts.groups]
        groups.append(("In the views", [(keys, what) for keys, what in MOUSE]))
        half = sum(len(rows) + 2 for _, rows in groups) / 2
        above, texts = 0, ["", ""]
        for title, rows in groups:
            if rows:
                texts[above > half] += _table(title, rows)
                above += len(rows) + 2
        for column, text in enumerate(texts):
            columns.addWidget(QLabel(text), 0, column, Qt.AlignmentFlag.AlignTop)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addWidget(_scrolling(columns), 1)
        layout.addWidget(buttons)
        self.resize(840, 640)


def _keys(actions: Iterable[QAction]) -> Iterator[tuple[str, str]]:
    for action in actions:
        if action.shortcuts():
            keys = ", ".join(key.toString() for key in action.shortcuts())
            yield keys, plain(action.text())


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td style='padding-right: 14px'><b>{keys}</b></td><td>{what}</td></tr>"
        for keys, what in rows
    )
    return f"<h4>{title}</h4><table>{lines}</table>"


def _scrolling(layout: QGridLayout) -> QScrollArea:
    inner = QWidget()
    inner.setLayout(layout)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    return area


def _first(action: QAction) -> QKeySequence:
    return action.shortcuts()[0] if action.shortcuts() else QKeySequence()
