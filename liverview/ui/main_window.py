"""The main window: wiring and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from PySide6.QtCore import QElapsedTimer, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QLabel,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from liverview import DISCLAIMER, __version__
from liverview.labels import Label
from liverview.ui.actions import Actions
from liverview.ui.controller import Controller, Then
from liverview.ui.dialogs import Dialogs, Unsaved
from liverview.ui.job import Outcome
from liverview.ui.label_panel import LabelPanel, format_ml
from liverview.ui.message_bar import MessageBar
from liverview.ui.session import Session
from liverview.ui.settings import load_settings, recent_files, remember_file, save_settings
from liverview.ui.start_page import StartPage, short_name
from liverview.ui.status import ProgressStatus, Readout
from liverview.ui.views import Views
from liverview.volume import Volume

_MESSAGE_MS = 6000
P = ParamSpec("P")
T = TypeVar("T")


class MainWindow(QMainWindow):
    """Views, panels and commands around one session."""

    def __init__(self, session: Session, settings: QSettings, device: str = "auto") -> None:
        super().__init__()
        self.session = session
        self.settings = settings
        self.dialogs = Dialogs(self)
        self.controller = Controller(session, self)
        self.actions_ = Actions(self, session)
        self.views = Views(session)
        self.messages = MessageBar()
        self.start_page = StartPage()
        self.readout = Readout(session)
        self._clock = QElapsedTimer()  # of the segmentation
        self._asking = 0  # modal questions that are open
        self._offer: Then | None = None  # shows what was loaded
        self.progress = ProgressStatus(session)
        self._build()
        self._connect()
        index = self.actions_.device.findData(device)
        if index < 0:
            self.actions_.device.addItem(device, device)
            index = self.actions_.device.count() - 1
        self.actions_.device.setCurrentIndex(index)
        load_settings(self, session, settings)
        self._show_recent()
        self._refresh()
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
        dock = QDockWidget("Labels")
        dock.setObjectName("labels")
        dock.setWidget(LabelPanel(self.session))
        dock.setMinimumWidth(210)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self.addToolBar(self.actions_.make_toolbar())
        self.actions_.fill_menus(dock.toggleViewAction())
        self.statusBar().addWidget(self.readout, 1)
        self.statusBar().addPermanentWidget(self.progress)
        note = QLabel("Research use only")
        note.setToolTip(DISCLAIMER)
        note.setEnabled(False)  # quiet, but in every screenshot
        self.statusBar().addPermanentWidget(note)
        # Else a right click on the toolbar could hide it for good.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def _connect(self) -> None:
        do, control = self.actions_, self.controller
        do.open.triggered.connect(self._on_open)
        do.phantom.triggered.connect(self._on_phantom)
        do.save.triggered.connect(self._on_save)
        do.save_masks.triggered.connect(self._on_save_masks)
        do.screenshot.triggered.connect(self._on_screenshot)
        do.quit.triggered.connect(self.close)
        do.segment.triggered.connect(self.segment)
        do.cancel.triggered.connect(control.cancel)
        do.reset.triggered.connect(self.views.reset)
        do.scan_info.triggered.connect(self._on_scan_info)
        do.about.triggered.connect(self._on_about)
        self.progress.cancel_requested.connect(control.cancel)
        self.start_page.open_requested.connect(self._on_open)
        self.start_page.phantom_requested.connect(self._on_phantom)
        self.start_page.recent_requested.connect(self.open)
        self.views.hovered.connect(self.readout.set_hovered)
        control.noticed.connect(self._on_noticed)
        control.failed.connect(self._on_failed)
        control.loaded.connect(self._on_loaded)
        control.opened.connect(self._on_opened)
        control.volume_choice_needed.connect(self._on_volume_choice_needed)
        control.segmented.connect(self._on_segmented)
        control.saved.connect(self._on_saved)
        control.busy_changed.connect(self._refresh)
        self.session.volume_changed.connect(self.messages.dismiss)
        # Not what streams: every start and end of work is in `busy_changed`.
        for signal in (self.session.volume_changed, self.session.modified_changed):
            signal.connect(self._refresh)

    # ---- commands ------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Load a scan; once it is there, unsaved labels are asked about and it is shown."""
        self.controller.open(path)

    def segment(self) -> None:
        """Segment on the device that is chosen, after asking about unsaved labels."""
        if not self.controller.busy:
            self._after_saving(self._segment)

    def _segment(self) -> None:
        if self.messages.buttons:  # a question about labels that are now replaced
            self.messages.dismiss()
        self._clock.start()
        self.controller.segment(self.actions_.device.currentData())

    def segment_when_idle(self) -> None:
        """Segment as soon as the work that opens the volume has ended."""
        self.controller.idle.connect(self.segment, Qt.ConnectionType.SingleShotConnection)

    def _on_open(self) -> None:
        path = self._ask(self.dialogs.scan_to_open)
        if path is not None:
            self.open(path)

    def _on_phantom(self) -> None:
        config = self._ask(self.dialogs.phantom)
        if config is not None:
            self.controller.generate(config)

    def _on_save(self) -> None:
        self._save()

    def _save(self, then: Then | None = None) -> None:
        """Ask for a name and save there, and then go on."""
        path = self._ask(self.dialogs.label_map_to_write, self._beside("_seg.nii.gz"))
        if path is None:
            return
        if self._is_the_scan(path):
            self._on_failed(f"{path} is the open scan itself: choose another name.", "")
        else:
            self.controller.save_labels(path, then)

    def _is_the_scan(self, path: Path) -> bool:
        scan = self.session.path
        return scan is not None and path.resolve() == scan.resolve()

    def _on_save_masks(self) -> None:
        from liverview.nifti import mask_paths

        folder = self._ask(self.dialogs.folder_for_masks, self._beside("").parent)
        if folder is None or self.session.volume is None:
            return
        targets = mask_paths(folder, self.session.volume.name).values()
        existing = [path for path in targets if path.exists()]
        if any(self._is_the_scan(path) for path in existing):
            self._on_failed(f"{folder} holds the open scan under such a name: choose another.", "")
            return
        if not existing or self._ask(self.dialogs.may_replace, existing):
            self.controller.save_masks(folder)

    def _on_screenshot(self) -> None:
        picture = self.grab()
        path = self._ask(self.dialogs.image_to_write, self._beside(".png"))
        if path is not None and not picture.save(str(path)):
            self._on_failed(f"{path} could not be written: choose another folder.", "")

    def _beside(self, ending: str) -> Path:
        """A file name for the open case, in its folder."""
        name = self.session.volume.name if self.session.volume else "liverview"
        folder = self.session.path.parent if self.session.path else Path.cwd()
        return folder / f"{name}{ending}"

    # ---- answers -------------------------------------------------------------------------

    def _on_noticed(self, text: str) -> None:
        self.messages.show_message(text)

    def _on_failed(self, text: str, details: str) -> None:
        choices = [("Details", partial(self.messages.show_message, details))] if details else []
        self.messages.show_message(text, choices, error=True)

    def _on_loaded(self, volume: Volume, path: Path | None) -> None:
        self._offer = partial(self.controller.adopt, volume, path)
        self._take_offer()

    def _take_offer(self) -> None:
        """Show what was loaded; but no question may outlive the case that it is about."""
        offer = self._offer
        if offer is not None and not self._asking:
            self._offer = None
            self._after_saving(offer)

    def _ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Put a modal question; what is loaded meanwhile waits for its end."""
        self._asking += 1
        try:
            return question(*args, **kwargs)
        finally:
            self._asking -= 1
            QTimer.singleShot(0, self._take_offer)

    def _on_opened(self, path: Path) -> None:
        remember_file(self.settings, path)
        self._show_recent()

    def _on_volume_choice_needed(self, path: Path, count: int) -> None:
        number = self._ask(self.dialogs.volume_number, path, count)
        if number is not None:
            self.controller.open(path, number)

    def _on_segmented(self, outcome: Outcome) -> None:
        if outcome is Outcome.DONE:
            seconds = self._clock.elapsed() / 1000
            liver = format_ml(self.session.volume_ml(Label.LIVER))
            self.statusBar().showMessage(f"Done in {seconds:.0f} s: liver {liver}", _MESSAGE_MS)
        elif outcome is Outcome.CANCELED and self.session.has_partial:
            self.messages.show_message(
                "Canceled. What was found so far is shown.",
                [("Keep it", self._refresh), ("Drop it", self.session.drop_partial)],
            )

    def _on_saved(self, path: Path) -> None:
        self.statusBar().showMessage(f"Saved and verified: {path}", _MESSAGE_MS)

    def _on_scan_info(self) -> None:
        assert self.session.volume is not None
        self._ask(self.dialogs.scan_info, self.session.volume, self.session.path)

    def _on_about(self) -> None:
        QMessageBox.about(
            self,
            "About liverview",
            f"<b>liverview {__version__}</b><p>{DISCLAIMER}</p><p>MIT license.</p>",
        )

    # ---- unsaved labels, closing -----------------------------------------------------------

    def _after_saving(self, then: Then) -> None:
        """Go on now, or after the person has saved the labels."""
        if self._may_go_on(partial(self._after_saving, then)):
            then()

    def _may_go_on(self, later: Then) -> bool:
        """Whether no labels would be lost now; ``later`` is called once they are saved."""
        if self.controller.saving:
            self.controller.when_saved(later)
            return False
        if not self.session.modified:
            return True
        choice = self._ask(self.dialogs.unsaved_labels, self.session.segmenting)
        if choice is Unsaved.SAVE:
            if self.session.segmenting:  # what is saved must hold still
                self.controller.stop_segmenting()
            self._save(later)
        return choice is Unsaved.DISCARD

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_go_on(self.close):
            event.ignore()
            return
        save_settings(self, self.session, self.settings)
        self.hide()  # at once; the jobs may need a moment
        self.controller.shut_down()
        event.accept()

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

    # ---- what can be done now ----------------------------------------------------------------

    def _refresh(self) -> None:
        do, session = self.actions_, self.session
        has_volume, busy = session.volume is not None, self.controller.busy
        name = session.volume.name if session.volume else ""
        self._stack.setCurrentWidget(self.views if has_volume else self.start_page)
        do.segment.setVisible(not busy)
        do.segment.setEnabled(has_volume and not busy)
        do.cancel.setVisible(busy)
        savable = session.has_labels and not (session.segmenting or self.controller.saving)
        do.save.setEnabled(savable)
        do.save_masks.setEnabled(savable)
        for action in (do.screenshot, do.scan_info):
            action.setEnabled(has_volume)
        place = f" ({session.path.parent.name})" if session.path else ""
        self.setWindowTitle(f"{name}[*]{place} – liverview" if name else "liverview")
        self.setWindowModified(session.modified and has_volume)

    def _show_recent(self) -> None:
        paths = recent_files(self.settings)
        self.start_page.set_recent(paths)
        self.actions_.recent.clear()
        for path in paths:
            action = self.actions_.recent.addAction(short_name(path), partial(self.open, path))
            action.setToolTip(str(path))
        self.actions_.recent.setEnabled(bool(paths))
