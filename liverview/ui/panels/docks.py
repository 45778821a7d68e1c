"""The panels beside the views, and the docks that hold them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from liverview.ui.jobs.controller import Controller
from liverview.ui.live.comparison import Comparison, ErrorMapOverlay
from liverview.ui.live.findings import Findings
from liverview.ui.live.probability_layers import ProbabilityLayers
from liverview.ui.panels.compare_panel import ComparePanel
from liverview.ui.panels.findings_panel import FindingsPanel
from liverview.ui.panels.label_panel import LabelPanel
from liverview.ui.panels.markup_panel import MarkupPanel
from liverview.ui.panels.network_panel import NetworkPanel
from liverview.ui.state.markups import ScanMarkups


class PanelDocks:
    """Panels on the right: the labels, and under them the others as tabs.

    Attributes
    ----------
    docks : by the name under which the settings keep each one's place.
    findings : the figures that the Findings panel shows.
    """

    def __init__(self, window: QMainWindow, controller: Controller, markups: ScanMarkups) -> None:
        session = controller.session
        self.docks: dict[str, QDockWidget] = {}
        self._window = window
        self.labels = LabelPanel(session)
        self._add("labels", "Labels", self.labels)
        self.findings = Findings(session, controller.start_background, window)
        self.findings_panel = FindingsPanel(self.findings)
        self._add("findings", "Findings", self.findings_panel)
        self.measurements = MarkupPanel(session, markups)
        self._add("measurements", "Measurements", self.measurements, "findings")
        self.network = NetworkPanel(ProbabilityLayers(controller, window))
        self._add("network", "Network", self.network, "findings")
        start = controller.start_background
        self.compare = ComparePanel(
            Comparison(session, start, window), ErrorMapOverlay(session, start, window)
        )
        self._add("compare", "Compare", self.compare, "findings")
        controller.loading.reference_opened.connect(lambda: self.show("compare"))
        self.docks["findings"].raise_()

    def show(self, name: str) -> None:
        """Bring a panel to the front, also one that was closed."""
        self.docks[name].show()
        self.docks[name].raise_()

    def _add(self, name: str, title: str, panel: QWidget, behind: str = "") -> None:
        """A dock on the right, under the ones before it or as a tab behind one of them."""
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setWidget(panel)
        dock.setMinimumWidth(210)
        self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        if behind:
            self._window.tabifyDockWidget(self.docks[behind], dock)
        self.docks[name] = dock
