"""Commands of the menu Labels that tell portal vein from hepatic veins."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.live.vessel_division import VesselDivision, begin_words
from liverview.vasculature.graph import VesselTree


class TreeActions:
    """Commands of vessel trees.

    Attributes
    ----------
    divide : shows vessels as two trees, or as vessels.
    menu : says where the trees start, to be added to any menu.
    """

    def __init__(self, factory: ActionFactory, division: VesselDivision) -> None:
        self._division = division
        self.divide = factory.make_toggle(
            "Portal and hepatic &veins",
            "Shift+V",
            "Show vessels as two trees: for research, crossings may be told apart wrongly",
            division.set_shown,
        )
        self.divide.setChecked(False)
        make = factory.make_action
        crosshair = "Divide the vessels again, from the vessel that the crosshair is in"
        self._begin = [
            make(begin_words(tree), "", crosshair, partial(self._begin_at_crosshair, tree))
            for tree in (VesselTree.PORTAL, VesselTree.HEPATIC)
        ]
        self._forget: QAction = make(
            "&Find where both start",
            "",
            "Divide the vessels again, from where the shape of the liver says",
            division.forget_begins,
        )
        self.menu = QMenu("Vessel trees sta&rt", factory.window)
        self.menu.addActions(self._begin)
        self.menu.addSeparator()
        self.menu.addAction(self._forget)
        division.shown_changed.connect(self.divide.setChecked)
        division.changed.connect(self._on_changed)
        self._on_changed()

    def _begin_at_crosshair(self, tree: VesselTree) -> None:
        self._division.begin_at(tree, self._division.session.crosshair)

    def _on_changed(self) -> None:
        self._forget.setEnabled(bool(self._division.begins))
