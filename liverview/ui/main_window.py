"""The main window: wiring and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QEvent, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from liverview import DISCLAIMER
from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.actions.help import HelpMenu, TourTargets
from liverview.ui.actions.main_actions import Actions
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.flows.reporting import ReportFlow, open_in_browser
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.job import Outcome
from liverview.ui.live.slow_axis_copy import SlowAxisCopy
from liverview.ui.live.surfaces import Surfaces
from liverview.ui.panels.docks import PanelDocks
from liverview.ui.panels.status_bar import ProgressStatus, Readout
from liverview.ui.settings import load_settings, recent_files, remember_file, save_settings
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session
from liverview.ui.tools.markup_tool import MarkupTool
from liverview.ui.views.cine import Cine
from liverview.ui.views.lesion_lines import LesionLines
from liverview.ui.views.linked_views import LinkedViews
from liverview.ui.views.surface_pane import SurfacePane
from liverview.ui.widgets.formatting import format_ml
from liverview.ui.widgets.message_bar import MessageBar
from liverview.ui.widgets.start_page import StartPage, short_name

_MESSAGE_MS = 6000


class MainWindow(QMainWindow):
    """Views, panels and commands around one session."""

    def __init__(self, session: Session, settings: QSettings, device: str = "auto") -> None:
        super().__init__()
        self.session = session
        self.settings = settings
        self.controller = Controller(session, self)
        self._slow_axis_copy = SlowAxisCopy(session, self.controller.start_background, self)
        self.files = CaseFiles(self, self.controller)
        self.markups = ScanMarkups(session, settings, self)
        self.tool = MarkupTool(self.markups, self)
        self.views = LinkedViews(session, self._surface_pane)
        self.views.set_tool(self.tool, self.markups.changed)
        self.cine = Cine(session, self._plane, self)
        self.actions_ = Actions(self, session, self.views, self.cine, self.tool)
        self.messages = MessageBar()
        self.start_page = StartPage()
        self.readout = Readout(session)
        self.progress = ProgressStatus(session)
        self.panels = PanelDocks(self, self.controller, self.markups)
        self.reporting = ReportFlow(self.files, self.controller, self.markups, self.panels.findings)
        findings = self.panels.findings
        self.views.add_overlay_painter(LesionLines(findings), findings.changed)
        self._clock = QElapsedTimer()  # of the segmentation
        self._build()
        self._connect()
        self.actions_.choose_device(device)
        load_settings(self, self.controller, settings)
        self.panels.network.refresh()
        begin, labels = self.start_page.phantom_button, self.panels.docks["labels"]
        places = TourTargets(begin=begin, views=self.views, toolbar=self.toolbar, labels=labels)
        self.help = HelpMenu(
            self, self.actions_, settings, places, self.controller.start_background
        )
        self.actions_.apply_theme()
        self._show_recent()
        self._update_actions()
        self.setAcceptDrops(True)

    def _build(self) -> None:
        self._stack = QStackedWidget()
        self._stack.addWidget(self.start_page)
        self._stack.addWidget(self.views)
        center = QWidget()
        layout = QVBoxLayout(center)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.messages)
        layout.addWidget(self._stack, 1)
        self.setCentralWidget(center)
        self.toolbar = self.actions_.make_toolbar()
        self.addToolBar(self.toolbar)
        self.actions_.fill_menus([dock.toggleViewAction() for dock in self.panels.docks.values()])
        self.statusBar().addWidget(self.readout, 1)
        self.statusBar().addPermanentWidget(self.progress)
        note = QLabel("Research use only")
        note.setToolTip(DISCLAIMER)
        note.setEnabled(False)  # quiet, but in every screenshot
        self.statusBar().addPermanentWidget(note)
        # Else a right click on the toolbar could hide it for good.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def _connect(self) -> None:
        do, control, files = self.actions_, self.controller, self.files
        do.open.triggered.connect(files.choose_scan)
        do.phantom.triggered.connect(files.new_phantom)
        do.open_labels.triggered.connect(files.choose_labels)
        do.compare.triggered.connect(files.choose_reference)
        self.panels.compare.reference_requested.connect(do.compare.trigger)
        do.save.triggered.connect(files.save)
        do.save_all.triggered.connect(files.save_with_side_files)
        do.save_masks.triggered.connect(files.save_masks)
        do.report.triggered.connect(self.reporting.save)
        do.screenshot.triggered.connect(files.save_screenshot)
        do.quit.triggered.connect(self.close)
        do.segment.triggered.connect(self.segment)
        do.cancel.triggered.connect(control.cancel)
        do.scan_info.triggered.connect(self._on_scan_info)
        self.progress.cancel_requested.connect(control.cancel)
        self.start_page.open_requested.connect(files.choose_scan)
        self.start_page.phantom_requested.connect(files.new_phantom)
        self.start_page.recent_requested.connect(self.open)
        self.start_page.tour_requested.connect(do.tour.trigger)
        self.views.hovered.connect(self.readout.set_hovered)
        self.panels.network.segment_requested.connect(self.segment)
        files.failed.connect(self._on_failed)
        self.reporting.failed.connect(self._on_failed)
        self.reporting.progressed.connect(self.statusBar().showMessage)
        self.reporting.written.connect(self._on_report_written)
        control.message.connect(self._on_noticed)
        control.failed.connect(self._on_failed)
        control.opened.connect(self._on_opened)
        control.segmenting.segmented.connect(self._on_segmented)
        control.saving.saved.connect(self._on_saved)
        control.busy_changed.connect(self._update_actions)
        self.session.volume_changed.connect(self.messages.dismiss)
        # Not what streams: every start and end of work is in `busy_changed`.
        for signal in (self.session.volume_changed, self.session.store.modified_changed):
            signal.connect(self._update_actions)

    # ---- commands ------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Load a scan; once it is there, unsaved labels are asked about and it is shown."""
        self.controller.loading.open(path)

    def segment(self) -> None:
        """Segment on the device that is chosen, after asking about unsaved labels."""
        if not self.controller.busy:
            self.files.after_saving(self._segment)

    def _segment(self) -> None:
        if self.messages.buttons:  # a question about labels that are now replaced
            self.messages.dismiss()
        self._clock.start()
        self.controller.segment(self.actions_.device.currentData())

    def segment_when_idle(self) -> None:
        """Segment as soon as the work that opens the volume has ended."""
        self.controller.idle.connect(self.segment, Qt.ConnectionType.SingleShotConnection)

    # ---- answers -------------------------------------------------------------------------

    def _on_noticed(self, text: str) -> None:
        self.messages.show_message(text)

    def _on_failed(self, text: str, details: str = "") -> None:
        choices = [("Details", partial(self.messages.show_message, details))] if details else []
        self.messages.show_message(text, choices, error=True)

    def _on_opened(self, path: Path) -> None:
        remember_file(self.settings, path)
        self._show_recent()

    def _on_segmented(self, outcome: Outcome) -> None:
        if outcome is Outcome.DONE:
            seconds = self._clock.elapsed() / 1000
            liver = format_ml(self.session.store.volume_ml(Label.LIVER))
            self.statusBar().showMessage(f"Done in {seconds:.0f} s: liver {liver}", _MESSAGE_MS)
        elif outcome is Outcome.CANCELED and self.session.store.has_unfinished_labels:
            self.messages.show_message(
                "Canceled. What was found so far is shown.",
                [
                    ("Keep it", self._update_actions),
                    ("Drop it", self.session.store.drop_unfinished_labels),
                ],
            )

    def _on_saved(self, path: Path) -> None:
        self.statusBar().showMessage(f"Saved and verified: {path}", _MESSAGE_MS)

    def _on_report_written(self, path: Path) -> None:
        self.messages.show_message(
            f"Report written: {path}", [("Open it", partial(open_in_browser, path))]
        )

    def _on_scan_info(self) -> None:
        assert self.session.volume is not None
        self.files.ask(self.files.dialogs.scan_info, self.session.volume, self.session.path)

    # ---- closing, dropping -----------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_go_on(self.close):
            event.ignore()
            return
        save_settings(self, self.controller, self.settings)
        self.hide()  # at once; the jobs may need a moment
        self.shut_down()
        event.accept()

    def shut_down(self) -> None:
        """Stop everything but a save, and wait for all of it."""
        self._slow_axis_copy.stop()
        self.controller.shut_down()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.actions_.apply_theme()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if len(files) > 1:
            self._on_noticed(f"One scan at a time: {files[0].name} is opened.")
        if files:
            # Later, for the program that the file came from waits for this to return.
            QTimer.singleShot(0, partial(self.open, files[0]))

    def _surface_pane(self) -> QWidget:
        surfaces = Surfaces(self.session, self.controller.start_background, self)
        return SurfacePane(self.session, surfaces)

    def _plane(self) -> Plane:
        return self.views.focused_view().plane

    # ---- what can be done now ----------------------------------------------------------------

    def _update_actions(self) -> None:
        session = self.session
        has_volume = session.volume is not None
        name = session.volume.name if session.volume else ""
        self._stack.setCurrentWidget(self.views if has_volume else self.start_page)
        savable = self.controller.saving.can_save
        self.actions_.update_enabled(
            has_volume=has_volume, busy=self.controller.busy, savable=savable
        )
        place = f" ({session.path.parent.name})" if session.path else ""
        self.setWindowTitle(f"{name}[*]{place} – liverview" if name else "liverview")
        self.setWindowModified(session.store.modified and has_volume)

    def _show_recent(self) -> None:
        paths = recent_files(self.settings)
        self.start_page.set_recent(paths)
        self.actions_.recent.clear()
        for path in paths:
            action = self.actions_.recent.addAction(short_name(path), partial(self.open, path))
            action.setToolTip(str(path))
        self.actions_.recent.setEnabled(bool(paths))
