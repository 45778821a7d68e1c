"""The main window: wiring and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from liverview.core.about import DISCLAIMER
from liverview.core.volume import Plane
from liverview.ui.actions.edit import EditActions
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.actions.file import FileActions
from liverview.ui.actions.help import HelpActions
from liverview.ui.actions.labels import LabelActions
from liverview.ui.actions.main_actions import Actions
from liverview.ui.actions.parts import PartActions
from liverview.ui.actions.segment import SegmentActions
from liverview.ui.actions.tools import ToolActions
from liverview.ui.actions.trees import TreeActions
from liverview.ui.actions.view import ViewActions
from liverview.ui.flows.announcements import Announcements
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.flows.exporting import ExportFlow
from liverview.ui.flows.help import HelpFlow, TourTargets
from liverview.ui.flows.leaving import Leaving
from liverview.ui.flows.pacs import PacsFlow
from liverview.ui.flows.part_menu import PartMenu
from liverview.ui.flows.pictures import Pictures
from liverview.ui.flows.reporting import ReportFlow
from liverview.ui.flows.segmenting_again import ask_before_segmenting
from liverview.ui.flows.series_choice import SeriesChoice
from liverview.ui.flows.session_files import SessionFiles
from liverview.ui.flows.slice_filling import SliceFilling
from liverview.ui.jobs.controller import Controller
from liverview.ui.live.click_correction import ClickCorrection
from liverview.ui.live.marked_labels import MarkedLabels
from liverview.ui.live.navigation import Navigation
from liverview.ui.live.part_editing import PartEditing
from liverview.ui.live.slow_axis_copy import SlowAxisCopy
from liverview.ui.live.surfaces import Surfaces
from liverview.ui.panels.docks import PanelDocks
from liverview.ui.panels.patient_line import PatientLine
from liverview.ui.panels.status_bar import JobProgress, ProgressStatus, Readout
from liverview.ui.settings import load_settings, recent_scans, remember_scan, save_settings
from liverview.ui.state.kept_review import KeptReview
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.own_windows import OwnWindows
from liverview.ui.state.session import Session
from liverview.ui.tools.click import ClickMarks
from liverview.ui.tools.markup_layer import MarkupLayer
from liverview.ui.tools.toolbox import SPLIT_LINE, Toolbox
from liverview.ui.views.cine import Cine
from liverview.ui.views.hand_edit_layer import HandEditLayer
from liverview.ui.views.hidden_candidate_outline import HiddenCandidateOutline
from liverview.ui.views.lesion_lines import LesionLines
from liverview.ui.views.linked_views import LinkedViews
from liverview.ui.views.missing_slices import MissingSlices
from liverview.ui.views.ruled_out_outlines import RuledOutOutlines
from liverview.ui.views.surface_pane import SurfacePane
from liverview.ui.widgets.file_names import path_from_url
from liverview.ui.widgets.message_bar import MessageBar
from liverview.ui.widgets.recent import recent_scan
from liverview.ui.widgets.start_page import StartPage

_LEFT = Qt.ToolBarArea.LeftToolBarArea


class MainWindow(QMainWindow):
    """Views, panels and commands around one session; `closed` comes once no job runs."""

    closed = Signal()

    def __init__(
        self, session: Session, settings: QSettings, device: str = "auto", *, place: bool = True
    ) -> None:
        super().__init__()
        self.session = session
        self.settings = settings
        # Jobs and files first, then panels and views that show them, then the commands, which
        # act on all of these; a step needs those above it and none below.
        self.controller = Controller(session, self)
        self._slow_axis_copy = SlowAxisCopy(session, self.controller.start_background, self)
        self.files = CaseFiles(self, self.controller)
        self.markups = ScanMarkups(session, settings, self)
        self._kept_review = KeptReview(session, settings, self)
        self._marked_labels = MarkedLabels(session, self.controller.start_background, self)
        self._center = QWidget()
        self.messages = MessageBar(self._center)
        self._announcements = Announcements(
            self.files, self.controller, self.messages, self.statusBar()
        )
        self.series = SeriesChoice(self, self.files, self.messages)
        self.start_page = StartPage()
        self.readout = Readout(session)
        self.progress, self.division_progress = ProgressStatus(session), JobProgress()
        self.panels = PanelDocks(self, self.controller, self.markups)
        self.reporting = ReportFlow(self.files, self.controller, self.markups)
        self.exporting = ExportFlow(self, self.files, self.controller, self.panels.division)
        self.pacs = PacsFlow(self, self.files, settings)
        self.navigation = Navigation(
            session, self.controller.segmenting, self.panels.findings, self
        )
        background = self.controller.start_background
        self.filling = SliceFilling(session, background, self._focused_plane, self)
        self._make_views()
        self.sessions = SessionFiles(self.files, self.markups, self.views, self.messages)
        self.patient_line = PatientLine(session)
        self.pictures = Pictures(self, self.files, self.views, self.patient_line)
        self.cine = Cine(session, self._focused_plane, self)
        self.actions_ = self._make_actions()
        self._build()
        self._connect()
        # Only now: toolbar and docks must be there to be placed, and the widgets be connected to
        # hear what the settings change in the session.
        if not load_settings(self, self.controller, settings, place=place):
            QTimer.singleShot(0, self, self.panels.fit_sizes)  # once the window has its size
        self.panels.network.refresh()  # no signal tells that maps are to be kept
        self.actions_.segment.choose_device(device)
        self.help = self._make_help()  # gives the commands of all menus the person's keys
        self.actions_.help.connect_flow(self.help)
        self.actions_.apply_theme()
        self._show_recent()
        self._update_actions()
        self.setAcceptDrops(True)
        cancel = self.actions_.segment.cancel
        Leaving(self, cancel, self.toolbox, self.views, self.cine, self.messages)
        tools, menu = self.actions_.tools, self.actions_.parts.menu
        split, remove = tools.by_entry(SPLIT_LINE), tools.remove
        panels = self.panels
        self.part_menu = PartMenu(
            self, self.parts, menu, split, remove, self.views, self.markups, panels.candidates
        )
        self.part_menu.follow_table(panels.findings_panel.table, panels.findings)
        self.part_menu.follow_division(panels.division)

    def _make_views(self) -> None:
        """The views, and what draws over them: the last one on top."""
        markup_layer, findings = MarkupLayer(self.markups), self.panels.findings
        self.clicks = ClickCorrection(self.session, self.controller.start_background, self)
        self.toolbox = Toolbox(markup_layer, self.clicks, self)
        self.session.volume_changed.connect(self.toolbox.drop_all)
        self.views = LinkedViews(self.session, self._make_surface_pane)
        self.views.add_overlay_painter(markup_layer, self.markups.changed)
        self.views.set_tool(self.toolbox, self.toolbox.redrawn)
        self.views.add_overlay_painter(ClickMarks(self.clicks), self.clicks.changed)
        self.views.add_overlay_painter(LesionLines(findings), findings.changed)
        edits, review = self.session.hand_edits, self.session.review
        self.views.add_overlay_painter(HandEditLayer(edits), edits.changed)
        self.views.add_overlay_painter(RuledOutOutlines(review), review.changed)
        candidates = self.panels.candidates
        self.views.add_overlay_painter(HiddenCandidateOutline(candidates), candidates.changed)
        candidates.gone_to.connect(self.views.bring_into_sight)
        self.views.add_overlay_painter(MissingSlices(self.session), self.session.volume_changed)

    def _make_actions(self) -> Actions:
        factory, session = ActionFactory(self), self.session
        self.parts = PartEditing(session, self.controller.start_background, self)
        toggles = [dock.toggleViewAction() for dock in self.panels.docks.values()]
        return Actions(
            factory,
            FileActions(
                factory,
                self.sessions,
                self.reporting,
                self.exporting,
                self.pacs,
                self.pictures,
                self.close,
            ),
            EditActions(factory, session.store.history, partial(self.panels.show, "history")),
            ViewActions(
                factory,
                session,
                self.views,
                self.cine,
                toggles,
                self.panels.reset,
                OwnWindows(self.settings, self),
            ),
            LabelActions(factory, session, self.navigation, self.filling, self.panels.candidates),
            PartActions(factory, self.parts, self.files),
            TreeActions(factory, self.panels.division),
            ToolActions(factory, self.toolbox, self.markups, session),
            SegmentActions(factory, self.segment, self.controller.cancel),
            HelpActions(factory),
        )

    def _make_help(self) -> HelpFlow:
        actions = self.actions_
        targets = TourTargets(
            start_button=self.start_page.phantom_button,
            views=self.views,
            toolbar=self.toolbar,
            label_panel=self.panels.docks["labels"],
            new_phantom=actions.file.phantom,
            segment=actions.segment.run,
            show_layers=list(actions.labels.layers.values()),
            list_keys=actions.help.sheet,
        )
        return HelpFlow(self, self.settings, targets, self.controller.start_background)

    def _build(self) -> None:
        self._stack = QStackedWidget()
        self._stack.addWidget(self.start_page)
        self._stack.addWidget(self.views)
        layout = QVBoxLayout(self._center)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.patient_line)
        layout.addWidget(self._stack)
        self.messages.keep_over(self._stack)
        self.setCentralWidget(self._center)
        self.toolbar = self.actions_.make_toolbar()
        self.addToolBar(self.toolbar)
        self.addToolBar(_LEFT, self.actions_.make_editing_toolbar())
        self.actions_.fill_menus(self.menuBar())
        self.statusBar().addWidget(self.readout, 1)
        self.statusBar().addPermanentWidget(self.division_progress)
        self.statusBar().addPermanentWidget(self.progress)
        note = QLabel("Research use only")
        note.setToolTip(DISCLAIMER)
        note.setEnabled(False)  # quiet, but in every screenshot
        self.statusBar().addPermanentWidget(note)
        self.start_page.setFocus()  # so that Tab goes to its buttons, not to the panels
        # Else a right click on the toolbar could hide it for good.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def _connect(self) -> None:
        control, files = self.controller, self.files
        self.actions_.name_keys(self.panels, self.progress)
        self.panels.compare.reference_requested.connect(self.actions_.file.compare.trigger)
        self.toolbox.edit_chosen.connect(partial(self.panels.show_if_open, "edit"))
        self.progress.cancel_requested.connect(control.cancel)
        self.division_progress.follow(self.panels.division)
        self.start_page.open_requested.connect(files.choose_scan)
        self.start_page.phantom_requested.connect(files.new_phantom)
        self.start_page.folder_requested.connect(files.choose_folder)
        self.start_page.recent_requested.connect(lambda scan: files.open(scan.path, scan.series))
        self.start_page.tour_requested.connect(self.actions_.help.tour.trigger)
        self.views.hovered.connect(self.readout.set_hovered)
        self.panels.network.segment_requested.connect(self.segment)
        control.opened.connect(self._on_opened)
        control.busy_changed.connect(self._update_actions)
        # Not what streams: every start and end of work is in `busy_changed`.
        for signal in (self.sessions.changed, self.session.store.modified_changed):
            signal.connect(self._update_actions)

        told = self._announcements
        told.say(self.toolbox.message)
        told.say_failures(self.pictures.failed, self.exporting.failed, self.pacs.failed)
        told.say(self.exporting.written, self.pacs.message, self.panels.division.message)
        passing = (self.filling, self.clicks, self.navigation, self.panels.candidates)
        told.show_in_passing([self.pictures.copied, self._marked_labels.applied])
        told.show_in_passing(part.message for part in passing)
        told.follow_reports(self.reporting)

    # ---- commands ------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Load a scan or session; once it is there, what is unsaved is asked about."""
        self.files.open(path)

    def segment(self) -> None:
        """Segment on the device that is chosen, after asking about edits and unsaved labels."""
        ask_before_segmenting(self.files, self.controller, self._start_segmentation)

    def _start_segmentation(self, keep_edits: bool) -> None:
        self._announcements.begin_segmentation()
        self.controller.segment(self.actions_.segment.device, keep_edits=keep_edits)

    def segment_when_idle(self) -> None:
        """Segment as soon as the work that opens the volume has ended."""
        self.controller.idle.connect(self.segment, Qt.ConnectionType.SingleShotConnection)

    def _on_opened(self, path: Path) -> None:
        remember_scan(self.settings, recent_scan(path, self.session.path, self.session.volume))
        self._show_recent()

    # ---- closing, dropping -----------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_leave(self.close):
            event.ignore()
            return
        save_settings(self, self.controller, self.settings)
        self.hide()  # at once; the jobs may need a moment
        self.shut_down()
        self.closed.emit()
        event.accept()

    def shut_down(self) -> None:
        """Stop everything but a save, and wait for all of it."""
        self._slow_axis_copy.stop()
        self.sessions.close()
        self.series.close()
        self.controller.shut_down()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.actions_.apply_theme()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = [path_from_url(url) for url in event.mimeData().urls() if url.isLocalFile()]
        # Later, for the program that the files came from waits for this to return.
        QTimer.singleShot(0, partial(self.files.open_files, files))

    def _make_surface_pane(self) -> SurfacePane:
        surfaces = Surfaces(self.session, self.controller.start_background, self)
        pane = SurfacePane(self.session, surfaces)
        pane.set_segment_action(self.actions_.segment.run)
        return pane

    def _focused_plane(self) -> Plane:
        return self.views.focused_view().plane

    # ---- what can be done now ----------------------------------------------------------------

    def _update_actions(self) -> None:
        session = self.session
        has_volume = session.volume is not None
        self._stack.setCurrentWidget(self.views if has_volume else self.start_page)
        savable = self.controller.saving.can_save
        self.actions_.update_enabled(
            has_volume=has_volume, busy=self.controller.busy, savable=savable
        )
        self.setWindowTitle(self.sessions.title)
        self.setWindowModified(bool(self.sessions.unsaved))

    def _show_recent(self) -> None:
        scans = recent_scans(self.settings)
        self.start_page.set_recent(scans)
        self.actions_.file.set_recent(scans)
