"""The menu Edit: undo, redo, and what changes labels without a drawing tool."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar

from liverview.core.text import shown
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.state.edit_history import EditHistory
from liverview.ui.widgets.shortcuts import action_tooltip

_LONGEST_NAME = 60  # letters of a step's name in a menu


class EditActions:
    """Undo and redo, by name, and sections of further commands."""

    def __init__(
        self, factory: ActionFactory, history: EditHistory, show_history: Callable[[], object]
    ) -> None:
        self._history = history
        make = factory.make_action
        self.undo = make("&Undo", "Ctrl+Z", "Take the last step back", history.undo)
        self.redo = make(
            "&Redo", "Ctrl+Y; Ctrl+Shift+Z", "Do again what was undone last", history.redo
        )
        self.show_history = make(
            "&History", "Ctrl+Shift+H", "List the steps, and go to any of them", show_history
        )
        self._sections: list[Sequence[QAction]] = []
        history.changed.connect(self._on_history_changed)
        self._on_history_changed()

    def add_section(self, actions: Sequence[QAction]) -> None:
        """Add commands, set apart by a line; before the menu is filled."""
        self._sections.append(actions)

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        menu = bar.addMenu("&Edit")
        menu.addActions([self.undo, self.redo, self.show_history])
        for section in self._sections:
            menu.addSeparator()
            menu.addActions(section)

    def _on_history_changed(self) -> None:
        history = self._history
        for action, word, name, can, tip in (
            (self.undo, "&Undo", history.undo_name, history.can_undo, "Take back"),
            (self.redo, "&Redo", history.redo_name, history.can_redo, "Do again"),
        ):
            name = _short(name)
            nothing = f"Nothing to {word[1:].lower()}."
            action.setText(f"{word} {name.replace('&', '&&')}".rstrip())
            action.setEnabled(can)
            action.setStatusTip((history.why_not or f"{tip}: {name}") if name else nothing)
            action.setToolTip(action_tooltip(action))


def _short(name: str) -> str:
    """A step's name as a menu can have it."""
    name = shown(name)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
