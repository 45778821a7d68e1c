"""The menu Help: the tour, the keys, what liverview is."""

from __future__ import annotations

from PySide6.QtWidgets import QMenuBar

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.flows.help import HelpFlow


class HelpActions:
    """Commands of help; `connect_flow` says what they do."""

    def __init__(self, factory: ActionFactory) -> None:
        make = factory.make_action
        self.tour = make("Quick &tour", "", "What is where, in a minute")
        self.sheet = make("&Keys and mouse", "F1; ?", "What every key does")
        self.shortcuts = make("Change &shortcuts …", "", "Give commands other keys")
        self.about = make("&About liverview", "", "Version, license, and what liverview runs on")

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        menu = bar.addMenu("&Help")
        menu.addActions([self.tour, self.sheet, self.shortcuts])
        menu.addSeparator()
        menu.addAction(self.about)

    def connect_flow(self, flow: HelpFlow) -> None:
        """Connect the commands; the flow needs the keys of the complete menu bar."""
        self.tour.triggered.connect(flow.show_tour)
        self.sheet.triggered.connect(flow.show_sheet)
        self.shortcuts.triggered.connect(flow.change_shortcuts)
        self.about.triggered.connect(flow.show_about)
