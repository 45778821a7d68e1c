"""The panels beside the views, and the docks that hold them."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QWidget

from liverview.core.labels import Label
from liverview.ui.jobs.controller import Controller
from liverview.ui.live.candidate_review import CandidateReview
from liverview.ui.live.comparison import Comparison, ErrorMapOverlay
from liverview.ui.live.findings import Findings
from liverview.ui.live.probability_layers import ProbabilityLayers
from liverview.ui.live.vessel_division import VesselDivision
from liverview.ui.panels.compare_panel import ComparePanel
from liverview.ui.panels.edit_panel import EditPanel
from liverview.ui.panels.findings_panel import FindingsPanel
from liverview.ui.panels.history_panel import HistoryPanel
from liverview.ui.panels.label_panel import LabelPanel
from liverview.ui.panels.markup_panel import MarkupPanel
from liverview.ui.panels.network_panel import NetworkPanel
from liverview.ui.panels.tree_legend import TreeLegend
from liverview.ui.state.markups import ScanMarkups

_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_CLOSED = ("history",)  # until they are asked for
_LABELS_PART = 3  # of the window, at most a third, for the labels


class PanelDocks:
    """Panels on the right: the labels, and under them the others as tabs.

    Attributes
    ----------
    docks : by the name under which the settings keep each one's place.
    division : the vessels as two trees, while that is asked for.
    findings : the figures that the Findings panel shows.
    candidates : how sure the network has to be of lesions, and what a person says of them.
    """

    def __init__(self, window: QMainWindow, controller: Controller, markups: ScanMarkups) -> None:
        session = controller.session
        self.docks: dict[str, QDockWidget] = {}
        self._window = window
        self.labels = LabelPanel(session)
        self._add("labels", "Labels", self.labels)
        self.division = VesselDivision(session, controller.start_background, window)
        self.labels.put_under(Label.VESSEL, TreeLegend(self.division))
        self.findings = Findings(session, controller.start_background, window)
        self.candidates = CandidateReview(session, self.findings, window)
        self.findings_panel = FindingsPanel(self.findings, self.candidates)
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
        self.edit = EditPanel(session)
        self._add("edit", "Edit", self.edit, "findings")
        self.history = HistoryPanel(session.store.history)
        self._add("history", "History", self.history, "findings")
        controller.loading.reference_opened.connect(lambda: self.show("compare"))
        for dock in self.docks.values():
            dock.setMinimumWidth(self._tabs_width())
            dock.toggleViewAction().triggered.connect(partial(self._on_toggled, dock))
        self.docks["findings"].raise_()
        for name in _CLOSED:
            self.docks[name].hide()

    def reset(self) -> None:
        """Put every panel back where it was at first, also one that was closed or floats.

        Those that are closed at first are closed again.
        """
        others = [dock for name, dock in self.docks.items() if name != "labels"]
        for name, dock in self.docks.items():
            dock.setFloating(False)
            self._window.addDockWidget(_RIGHT, dock)
            dock.setVisible(name not in _CLOSED)
        for dock in others[1:]:
            self._window.tabifyDockWidget(others[0], dock)
        others[0].raise_()
        self.fit_sizes()

    def fit_sizes(self) -> None:
        """Share the height by what is in the panels: labels get what they need, others the rest."""
        labels = self.docks["labels"]
        docked = [d for d in self.docks.values() if d.isVisible() and not d.isFloating()]
        under = [dock for dock in docked if dock is not labels]
        if labels in docked and under:
            # As low as their least height where the others take what they can get.
            wanted = min(labels.sizeHint().height(), self._window.height() // _LABELS_PART)
            labels.setMinimumHeight(wanted)
            sizes = [wanted, *[self._window.height()] * len(under)]
            self._window.resizeDocks([labels, *under], sizes, Qt.Orientation.Vertical)
            QTimer.singleShot(0, self._window, partial(labels.setMinimumHeight, 0))
        if docked:
            width = max(dock.minimumWidth() for dock in docked)
            widths = [width] * len(docked)
            self._window.resizeDocks(docked, widths, Qt.Orientation.Horizontal)

    def show(self, name: str) -> None:
        """Bring a panel to the front, also one that was closed."""
        self.docks[name].show()
        self.docks[name].raise_()

    def show_if_open(self, name: str) -> None:
        """Bring a panel to the front, but none that was closed."""
        if not self.docks[name].isHidden():
            self.docks[name].raise_()

    def _on_toggled(self, dock: QDockWidget) -> None:
        """A panel that comes back comes to the front, and as large as it has to be."""
        if dock.toggleViewAction().isChecked():
            dock.raise_()
            self.fit_sizes()

    def _tabs_width(self) -> int:
        """The width at which no tab of the panels that are there at first is cut off."""
        bar = QTabBar()
        for name, dock in self.docks.items():
            if name not in ("labels", *_CLOSED):
                bar.addTab(dock.windowTitle())
        return bar.sizeHint().width()

    def _add(self, name: str, title: str, panel: QWidget, behind: str = "") -> None:
        """A dock on the right, under the ones before it or as a tab behind one of them."""
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setWidget(panel)
        self._window.addDockWidget(_RIGHT, dock)
        if behind:
            self._window.tabifyDockWidget(self.docks[behind], dock)
        self.docks[name] = dock
