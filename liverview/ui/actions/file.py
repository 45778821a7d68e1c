"""The menu File: opening, saving, reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import QMenu, QMenuBar

from liverview.core.text import shown
from liverview.files.format import TableOrder
from liverview.ui.actions.export import ExportActions
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.actions.pacs import PacsActions
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.flows.exporting import ExportFlow
from liverview.ui.flows.pacs import PacsFlow
from liverview.ui.flows.pictures import Pictures
from liverview.ui.flows.reporting import ReportFlow
from liverview.ui.flows.session_files import SessionFiles
from liverview.ui.widgets.recent import RecentScan
from liverview.ui.widgets.start_page import short_name

_TABLES = {
    TableOrder.TOTALSEGMENTATOR: "TotalSegmentator",
    TableOrder.WORKBENCH: "Connectome Workbench",
}


class FileActions:
    """Commands of files.

    Attributes
    ----------
    recent : the menu of files opened lately.

    Parameters
    ----------
    close : closes the window.
    """

    def __init__(
        self,
        factory: ActionFactory,
        sessions: SessionFiles,
        reporting: ReportFlow,
        exporting: ExportFlow,
        pacs: PacsFlow,
        pictures: Pictures,
        close: Callable[[], object],
    ) -> None:
        self._files = files = sessions.files
        self._make_opening(factory, files)
        self._make_saving(factory, files, reporting)
        self.export = ExportActions(factory, exporting)
        self.pacs = PacsActions(factory, pacs)
        self._make_sessions(factory, sessions)
        self._make_pictures(factory, pictures)
        self.quit = factory.make_action("&Quit", "Ctrl+Q", "Close liverview", close)
        self.recent = QMenu("Open &recent", factory.window)
        self.recent.setToolTipsVisible(True)

    def _make_opening(self, factory: ActionFactory, files: CaseFiles) -> None:
        make = factory.make_action
        self.open = make(
            "&Open …", "Ctrl+O", "Open a CT scan or a session", files.choose_scan, "open"
        )
        self.open_folder = make(
            "Open &folder …",
            "Ctrl+Shift+F",
            "Open a folder with DICOM: a series, a study, a disc",
            files.choose_folder,
        )
        self.phantom = make(
            "&New phantom …", "Ctrl+N", "Make a synthetic CT", files.new_phantom, "phantom"
        )
        self.open_labels = make(
            "Open &label map …",
            "Ctrl+L",
            "Show the labels of a file in place of the current ones",
            files.choose_labels,
        )
        self.compare = make(
            "Com&pare with reference …",
            "Ctrl+Shift+O",
            "Compare the labels with those of a file",
            files.choose_reference,
            "compare",
        )
        self.scan_info = make(
            "Scan &information …", "Ctrl+I", "Size, spacing and remarks", files.show_scan_info
        )

    def _make_saving(self, factory: ActionFactory, files: CaseFiles, reporting: ReportFlow) -> None:
        make = factory.make_action
        self.save = make("&Save label map …", "Ctrl+S", "Save all labels", files.save, "save")
        self.save_all = make(
            "Save label map with si&de files …",
            "Ctrl+Alt+S",
            "Save all labels, and names and colors for ITK-SNAP, Slicer, Workbench and as JSON",
            files.save_with_side_files,
        )
        self.save_masks = make(
            "Save &masks …", "Ctrl+Shift+S", "Save one file per label", files.save_masks
        )
        self.label_tables = factory.make_exclusive(
            (
                make(name, "", f"Saved label maps name their values so that {name} reads it",
                     partial(files.set_label_table, order)),
                order,
            )
            for order, name in _TABLES.items()
        )  # fmt: skip
        self.report = make("Save re&port …", "Ctrl+R", "Save a report", reporting.save, "report")

    def _make_sessions(self, factory: ActionFactory, sessions: SessionFiles) -> None:
        self.save_session = factory.make_action(
            "Sa&ve session",
            "Ctrl+Alt+W",
            "Save labels, rulers, marks and how all is looked at, to go on with later",
            sessions.save,
        )
        self.save_session_as = factory.make_action(
            "Save session &as …", "", "Save the session under another name", sessions.save_as
        )

    def _make_pictures(self, factory: ActionFactory, pictures: Pictures) -> None:
        make, view = factory.make_action, "the view with the frame"
        self.screenshot = make(
            "Save s&creenshot …", "Ctrl+P", "Save a picture of the window", pictures.save_window
        )
        self.pictures = [
            self.screenshot,
            make(
                "Save picture of &view …",
                "Ctrl+Shift+P",
                f"Save a picture of {view}",
                pictures.save_view,
            ),
            make(
                "Save picture of &all views …",
                "",
                "Save a picture of all views",
                pictures.save_views,
            ),
            make(
                "C&opy picture of view",
                "Ctrl+Shift+C",
                f"Put a picture of {view} on the clipboard",
                pictures.copy_view,
            ),
            make(
                "Copy picture of all vie&ws",
                "Ctrl+Alt+C",
                "Put a picture of all views on the clipboard",
                pictures.copy_views,
            ),
        ]

        self.patient = factory.make_toggle(
            "Patient and study in pictures of the w&indow",
            "",
            "Leave the patient's name in pictures of the window",
            pictures.set_with_patient,
        )
        self.patient.setChecked(False)

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        menu = bar.addMenu("&File")
        menu.addActions([self.open, self.open_folder, self.phantom])
        menu.addMenu(self.recent)
        menu.addActions([self.open_labels, self.compare, self.scan_info])
        menu.addSeparator()
        menu.addActions([self.save_session, self.save_session_as])
        menu.addSeparator()
        menu.addActions([self.save, self.save_all, self.save_masks, self.export.save_scan])
        tables = menu.addMenu("&Names inside label maps are for")
        tables.addActions(self.label_tables.actions)
        tables.aboutToShow.connect(lambda: self.label_tables.mark_checked(self._files.label_table))
        menu.addAction(self.report)
        menu.addMenu(self.export.menu)
        menu.addMenu(self.pacs.menu)
        menu.addMenu("Pict&ures").addActions([*self.pictures, self.patient])
        menu.addSeparator()
        menu.addAction(self.quit)

    def set_recent(self, scans: Sequence[RecentScan]) -> None:
        """Offer what was opened lately."""
        self.recent.clear()
        for scan in scans:
            again = partial(self._files.open, scan.path, scan.series)
            action = self.recent.addAction(short_name(scan), again)
            action.setToolTip(shown(str(scan.path)))
        self.recent.setEnabled(bool(scans))

    def update_enabled(self, *, has_volume: bool, busy: bool, savable: bool) -> None:
        """Enable what can be done now."""
        for action in (self.save, self.save_all, self.save_masks, self.report):
            action.setEnabled(savable)
        self.export.update_enabled(has_volume=has_volume, savable=savable)
        self.pacs.update_enabled(savable=savable)
        for action in (self.save_session, self.save_session_as):
            action.setEnabled(has_volume and not busy)
        for action in (self.compare, self.scan_info, *self.pictures):
            action.setEnabled(has_volume)
        self.open_labels.setEnabled(has_volume and not busy)
