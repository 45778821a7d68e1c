"""Makes commands: words, keys, icon, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow

from liverview.ui.widgets.icons import load_icon
from liverview.ui.widgets.shortcuts import action_tooltip, plain_text


class ActionFactory:
    """Makes the commands of a window."""

    def __init__(self, window: QMainWindow) -> None:
        self.window = window
        self._icons: dict[QAction, str] = {}

    def make_action(
        self,
        text: str,
        keys: str,
        tip: str,
        command: Callable[[], object] | None = None,
        icon_name: str = "",
    ) -> QAction:
        """A command; ``keys`` are separated by semicolons, ``&`` marks the mnemonic."""
        action = QAction(text, self.window)
        action.setObjectName(plain_text(text).lower().replace(" ", "_"))  # in the settings
        if keys:
            action.setShortcuts(QKeySequence.listFromString(keys))
        action.setStatusTip(tip)
        action.setToolTip(action_tooltip(action))
        if icon_name:
            self._icons[action] = icon_name
        if command is not None:
            # A lambda, for `triggered` would pass on whether the action is checked.
            action.triggered.connect(lambda: command())
        return action

    def make_toggle(
        self, text: str, keys: str, tip: str, set_on: Callable[[bool], object]
    ) -> QAction:
        """A command that is on or off, on at first."""
        action = self.make_action(text, keys, tip)
        action.setCheckable(True)
        action.setChecked(True)
        action.toggled.connect(set_on)
        return action

    def make_exclusive(self, actions: Iterable[tuple[QAction, Any]]) -> ExclusiveActions:
        """Commands of which at most one is on, each with the value that it stands for."""
        return ExclusiveActions(self.window, dict(actions))

    def set_icon(self, action: QAction, name: str) -> None:
        """Give an icon to an action that was not made here: that of a menu."""
        self._icons[action] = name

    def update_icons(self) -> None:
        """Draw the icons in the colors of the window's palette."""
        for action, name in self._icons.items():
            action.setIcon(load_icon(name, self.window.palette()))


class ExclusiveActions:
    """Commands of which at most one is on."""

    def __init__(self, window: QMainWindow, values: dict[QAction, Any]) -> None:
        self.values = values
        self._marked: object = None
        group = QActionGroup(window)
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        for action in values:
            action.setCheckable(True)
            group.addAction(action)
        # Chosen again, it stays on; Qt would turn it off.
        group.triggered.connect(self._mark_again)

    @property
    def actions(self) -> list[QAction]:
        return list(self.values)

    def mark_checked(self, value: object) -> None:
        """Mark the one that stands for a value, or none."""
        self._marked = value
        for action, own in self.values.items():
            action.setChecked(own == value)

    def _mark_again(self) -> None:
        self.mark_checked(self._marked)
