"""Commands of a PACS, in the menu File."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.flows.pacs import PacsFlow


class PacsActions:
    """Searching, sending and the nodes.

    Attributes
    ----------
    menu : with all of them.
    """

    def __init__(self, factory: ActionFactory, flow: PacsFlow) -> None:
        make = factory.make_action
        self.query = make(
            "&Query PACS …", "", "Search a PACS and retrieve a series into the window", flow.query
        )
        self.send = make(
            "&Send to PACS …",
            "",
            "Send the labels (SEG) and measurements (SR) to a PACS",
            flow.send,
        )
        self.nodes = make(
            "PACS &nodes …", "", "Set up which PACS are talked with, and how", flow.edit_nodes
        )
        self.menu = QMenu("PACS (&DICOM network)", factory.window)
        self.menu.addActions([self.query, self.send])
        self.menu.addSeparator()
        self.menu.addAction(self.nodes)

    def update_enabled(self, *, savable: bool) -> None:
        """Enable what can be done now."""
        self.send.setEnabled(savable)
