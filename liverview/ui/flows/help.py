"""Help over a window: the tour, the sheet of keys, shortcuts to change, what liverview is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QSettings
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMainWindow, QWidget

from liverview.ui.dialogs.about import AboutDialog
from liverview.ui.dialogs.shortcuts import ShortcutDialog, ShortcutSheet
from liverview.ui.dialogs.tour import Stop, Tour
from liverview.ui.live.live_result import StartJob
from liverview.ui.widgets.shortcuts import KeyHint, Shortcuts


@dataclass(frozen=True, eq=False)
class TourTargets:
    """The widgets that the tour points at, and the commands that it speaks of.

    Attributes
    ----------
    show_layers : show and hide a label each.
    list_keys : lists every key.
    """

    start_button: QWidget
    views: QWidget
    toolbar: QWidget
    label_panel: QWidget
    new_phantom: QAction
    segment: QAction
    show_layers: Sequence[QAction]
    list_keys: QAction


class HelpFlow(QObject):
    """Shows help over a window whose menu bar is complete."""

    def __init__(
        self,
        window: QMainWindow,
        settings: QSettings,
        targets: TourTargets,
        start_job: StartJob,
    ) -> None:
        super().__init__(window)
        self.shortcuts = Shortcuts(window.menuBar(), settings)
        self._window = window
        self._start_job = start_job
        self._stops = _tour_stops(targets)
        self._tour: Tour | None = None

    def show_tour(self) -> None:
        """Begin the tour, from its start where it is under way."""
        if self._tour is not None:
            self._tour.finish()
        self._tour = Tour(self._window, self._stops)
        self._tour.finished.connect(self._on_tour_finished)

    def _on_tour_finished(self) -> None:
        self._tour = None

    def show_sheet(self) -> None:
        """Show keys and mouse on one page."""
        self._show(ShortcutSheet(self.shortcuts, self._window))

    def change_shortcuts(self) -> None:
        """Show the dialog that changes keys."""
        self._show(ShortcutDialog(self.shortcuts, self._window))

    def show_about(self) -> None:
        """Show version, license, that this is no medical device, and the system."""
        self._show(AboutDialog(self._start_job, self._window))

    def _show(self, dialog: QDialog) -> None:
        dialog.exec()
        dialog.deleteLater()


def _tour_stops(targets: TourTargets) -> list[Stop]:
    return [
        Stop(
            "Begin with a CT scan of your own, or with a phantom: a synthetic CT whose truth is "
            "known. Files, and folders or archives of DICOM, can also be dropped into the window; "
            "the menu File queries a PACS.",
            targets.start_button,
            targets.new_phantom,
        ),
        Stop(
            "Three linked slices. Click to put the crosshair, turn the wheel for other slices, "
            "drag with the right button for window and level, double-click for one view alone.",
            targets.views,
        ),
        Stop(
            "Segment finds liver, vessels and tumors. Labels appear from the crosshair outward "
            "while it runs; Cancel takes its place.",
            targets.toolbar,
            targets.segment,
        ),
        Stop(
            "Each label has a check box, a color, an opacity and its volume.",
            targets.label_panel,
            keys=KeyHint(" The keys {} show and hide them.", *targets.show_layers),
        ),
        Stop(
            "Save writes the labels as NIfTI or a DICOM segmentation on the scan's own grid, reads "
            "them back and compares. Research use only.",
            targets.toolbar,
            keys=KeyHint(" {} lists every key.", targets.list_keys),
        ),
    ]
