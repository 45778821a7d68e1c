"""Shortcuts of the window's commands: listed, named in texts, changed by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from PySide6.QtCore import QSettings
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from liverview.ui.stored import stored_text

_GROUP = "shortcuts"
_LONGEST_KEY = 60  # letters
_VIEW_KEYS = {
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


def plain_text(text: str) -> str:
    """A menu text as a sentence has it: no mnemonic, no dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip(" …")


def iter_menu_commands(bar: QMenuBar) -> Iterator[tuple[str, list[QAction]]]:
    """Every menu with its commands, those of its own menus included."""
    for entry in bar.actions():
        menu = cast("QMenu | None", entry.menu())
        if menu is not None:
            yield plain_text(entry.text()), list(_iter_commands(menu))


def _iter_commands(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        inner = cast("QMenu | None", action.menu())
        if inner is not None:
            yield from _iter_commands(inner)
        elif action.objectName():  # not separators, nor files opened lately
            yield action


def action_tooltip(action: QAction) -> str:
    """A command's tooltip: what it does, and its keys."""
    keys = ", ".join(key.toString() for key in action.shortcuts())
    return f"{action.statusTip()} ({keys})" if keys else action.statusTip()


def first_key(action: QAction) -> QKeySequence:
    """A command's first key; an empty one where it has none."""
    return action.shortcuts()[0] if action.shortcuts() else QKeySequence()


class KeyHint:
    """A part of a sentence that names the keys of commands as they are now.

    Parameters
    ----------
    template : the words, with {} for the keys.
    """

    def __init__(self, template: str = "{}", *actions: QAction) -> None:
        self._template, self._actions = template, actions

    @property
    def text(self) -> str:
        """The words with the first key of each command; empty where none has a key."""
        keys = [first_key(action).toString() for action in self._actions if action.shortcuts()]
        if not keys:
            return ""
        words = f"{', '.join(keys[:-1])} and {keys[-1]}" if len(keys) > 1 else keys[0]
        return self._template.format(words)

    def follow(self, show: Callable[[], object]) -> None:
        """Call a widget's method now, and whenever a key may have changed."""
        for action in self._actions:
            action.changed.connect(show)
        show()


class Shortcuts:
    """The commands of a menu bar and their keys; each key belongs to one command at most."""

    def __init__(self, bar: QMenuBar, settings: QSettings) -> None:
        self.groups = list(iter_menu_commands(bar))
        self._settings = settings
        self._usual = {action: action.shortcuts() for action in self.all_actions()}
        self._load()

    def all_actions(self) -> list[QAction]:
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
        """The reason why a command cannot have a key; None where it can."""
        if key.isEmpty():
            return None
        name = key.toString()
        if name in _VIEW_KEYS:
            return f"{name} {_VIEW_KEYS[name]}: choose another key."
        for other in self.all_actions():
            if other is not action and any(_keys_clash(key, own) for own in other.shortcuts()):
                return f"{name} belongs to “{plain_text(other.text())}”: choose another key."
        return None

    def reset(self) -> None:
        """Every command has its usual keys again."""
        for action, keys in self._usual.items():
            self._set(action, keys)
        self._save()

    def _set(self, action: QAction, keys: list[QKeySequence]) -> None:
        action.setShortcuts(keys)
        action.setToolTip(action_tooltip(action))

    def _save(self) -> None:
        self._settings.remove(_GROUP)
        for action, keys in self._usual.items():
            if action.shortcuts() != keys:
                own = "; ".join(key.toString() for key in action.shortcuts())
                self._settings.setValue(f"{_GROUP}/{action.objectName()}", own)

    def _load(self) -> None:
        """The person's keys; where one clashes with a command that came later, theirs counts."""
        own: dict[QAction, QKeySequence] = {}
        for action in self.all_actions():
            stored = stored_text(self._settings, f"{_GROUP}/{action.objectName()}", _LONGEST_KEY)
            key = None if stored is None else QKeySequence(stored)
            if key is not None and self._may_be(key, stored) and not _clashes(key, own.values()):
                own[action] = key
        for action, key in own.items():
            for other in self.all_actions():
                if other not in own and any(_keys_clash(key, used) for used in other.shortcuts()):
                    self._set(other, [])
            self._set(action, [] if key.isEmpty() else [key])

    @staticmethod
    def _may_be(key: QKeySequence, stored: str | None) -> bool:
        """False for what is no key, as a damaged file has it, and for those of the views."""
        if not stored:
            return True  # none, which a person may have wanted
        return (
            key.count() == 1 and bool(key.toString().strip()) and key.toString() not in _VIEW_KEYS
        )


def _clashes(key: QKeySequence, others: Iterable[QKeySequence]) -> bool:
    return not key.isEmpty() and any(_keys_clash(key, other) for other in others)


def _keys_clash(first: QKeySequence, second: QKeySequence) -> bool:
    """True where two keys cannot be told apart: the same, or one begins the other."""
    match = QKeySequence.SequenceMatch.NoMatch
    return first.matches(second) is not match or second.matches(first) is not match
