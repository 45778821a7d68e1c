"""The Help menu: the tour, the sheet of keys, shortcuts to change, what liverview is."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QDialog, QMainWindow, QWidget

from liverview.ui.actions.main_actions import Actions
from liverview.ui.dialogs.about import AboutDialog
from liverview.ui.dialogs.shortcuts import ShortcutDialog, ShortcutSheet
from liverview.ui.dialogs.tour import Stop, Tour
from liverview.ui.live.live_result import StartJob
from liverview.ui.widgets.shortcuts import Shortcuts


@dataclass(frozen=True, eq=False)
class TourTargets:
    """The widgets that the tour points at."""

    begin: QWidget
    views: QWidget
    toolbar: QWidget
    labels: QWidget


class HelpMenu(QObject):
    """Shows help over a window."""

    def __init__(
        self,
        window: QMainWindow,
        actions: Actions,
        settings: QSettings,
        places: TourTargets,
        start: StartJob,
    ) -> None:
        super().__init__(window)
        self.shortcuts = Shortcuts(window.menuBar(), settings)
        self._window = window
        self._start = start
        self._stops = _tour_stops(actions, places)
        self._tour: Tour | None = None
        actions.tour.triggered.connect(self.show_tour)
        actions.sheet.triggered.connect(self.show_sheet)
        actions.shortcuts.triggered.connect(self.change_shortcuts)
        actions.about.triggered.connect(self.show_about)

    def show_tour(self) -> None:
        """Begin the tour, from its start where it is under way."""
        if self._tour is not None:
            self._tour.finish()
        self._tour = Tour(self._window, self._stops)
        self._tour.finished.connect(self._on_tour_finished)

    def _on_tour_finished(self) -> None:
        self._tour = None

    def show_sheet(self) -> None:
        """Keys and mouse on one page."""
        self._show(ShortcutSheet(self.shortcuts, self._window))

    def change_shortcuts(self) -> None:
        """The dialog that changes keys."""
        self._show(ShortcutDialog(self.shortcuts, self._window))

    def _show(self, dialog: QDialog) -> None:
        dialog.exec()
        dialog.deleteLater()

    def show_about(self) -> None:
        """Version, license, that this is no medical device, and the system."""
        self._show(AboutDialog(self._start, self._window))


def _tour_stops(actions: Actions, places: TourTargets) -> list[Stop]:
    return [
        Stop(
            "Begin with a CT scan of your own, or with a phantom: a synthetic CT whose truth is "
            "known. A file can also be dropped into the window.",
            places.begin,
            actions.phantom,
        ),
        Stop(
            "Three linked slices. Click to put the crosshair, turn the wheel for other slices, "
            "drag with the right button for window and level, double-click for one view alone.",
            places.views,
        ),
        Stop(
            "Segment finds liver, vessels and tumors. Labels appear from the crosshair outward "
            "while it runs; Cancel takes its place.",
            places.toolbar,
            actions.segment,
        ),
        Stop(
            "Each label has a check box, a color, an opacity and its volume. The keys L, V and T "
            "show and hide them.",
            places.labels,
        ),
        Stop(
            "Save writes the labels as a NIfTI file on the scan's own grid, reads it back and "
            "compares. F1 lists every key. Research use only.",
            places.toolbar,
        ),
    ]
