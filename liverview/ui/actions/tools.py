"""The menu Tools: what the left button does, and the measurements it has drawn."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar

from liverview.ui.actions.drawing import DrawingActions
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session
from liverview.ui.tools.toolbox import TOOLS, Toolbox, ToolEntry


class ToolActions:
    """Commands of the mouse tools, of drawing, and of measurements.

    Attributes
    ----------
    drawing : what tools draw, and with which brush.
    """

    def __init__(
        self, factory: ActionFactory, toolbox: Toolbox, markups: ScanMarkups, session: Session
    ) -> None:
        self._toolbox = toolbox
        make = factory.make_action
        self._by_entry = {entry: self._tool_action(factory, entry) for entry in TOOLS}
        self.tools = factory.make_exclusive((a, entry) for entry, a in self._by_entry.items())
        self.drawing = DrawingActions(factory, session)
        self.markups_shown = factory.make_toggle(
            "&Show measurements", "D", "Show rulers and ellipses", markups.set_shown
        )
        self.remove = make(
            "Re&move measurement", "Del; Backspace", "Remove the chosen one", markups.remove_chosen
        )
        self.remove_all = make("Remove &all measurements", "", "Remove all of them", markups.clear)
        toolbox.changed.connect(self._on_tool_changed)
        self._on_tool_changed()

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        menu = bar.addMenu("&Tools")
        menu.addActions(self.actions(edits=False))
        menu.addSeparator()
        menu.addActions(self.actions(edits=True))
        self.drawing.fill_menu(menu)
        menu.addSeparator()
        menu.addActions([self.markups_shown, self.remove, self.remove_all])

    def actions(self, *, edits: bool) -> list[QAction]:
        """The commands that activate tools which change labels, or the others."""
        return [action for entry, action in self._by_entry.items() if entry.edits is edits]

    def by_entry(self, entry: ToolEntry) -> QAction:
        """The command that activates a tool."""
        return self._by_entry[entry]

    def _tool_action(self, factory: ActionFactory, entry: ToolEntry) -> QAction:
        activate = partial(self._toolbox.set_active, entry)
        return factory.make_action(entry.name, entry.key, entry.tip, activate, entry.icon_name)

    def _on_tool_changed(self) -> None:
        self.tools.mark_checked(self._toolbox.active)
