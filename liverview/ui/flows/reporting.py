"""Saving a report of the open case: the questions, the job, the messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDesktopServices

from liverview.core.stream import Progress
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.jobs import generators
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.widgets.file_names import url_from_path

if TYPE_CHECKING:
    from liverview.report.assembly import WrittenReport


class ReportFlow(QObject):
    """Writes one report at a time, beside whatever else runs.

    Signals
    -------
    progressed : a few words, for the status bar.
    written : the HTML file of a report that is complete.
    failed : a sentence about what went wrong.
    """

    progressed = Signal(str)
    written = Signal(Path)
    failed = Signal(str)

    def __init__(
        self,
        files: CaseFiles,
        controller: Controller,
        markups: ScanMarkups,
    ) -> None:
        super().__init__(controller)
        self._files, self._controller = files, controller
        self._markups = markups
        self._job: Job | None = None

    def save(self) -> None:
        """Ask for a folder and write the report there."""
        from liverview.report.assembly import report_paths

        if self._job is not None:
            self.failed.emit("A report is being written already: wait until it is complete.")
            return
        session, ask = self._files.session, self._files.ask
        folder = ask(self._files.dialogs.folder_for_report, self._files.beside("").parent)
        if folder is None or session.volume is None:
            return
        existing = [path for path in report_paths(folder, self._files.case_name) if path.exists()]
        if existing and not ask(self._files.dialogs.may_replace, existing):
            return
        if session.store.can_be_saved:
            self._start(folder)
        else:  # a segmentation has begun while the questions were open
            self.failed.emit("No report was written: the labels are not complete just now.")

    def _start(self, folder: Path) -> None:
        from liverview.report.provenance import Provenance

        session = self._files.session
        if session.volume is None or session.labels is None:
            return
        scan = session.path.name if session.path else session.volume.name
        self._job = job = self._controller.start_background(
            generators.iter_write_report(
                replace(session.volume, name=self._files.case_name),
                session.store.snapshot(),
                folder,
                Provenance(scan, session.store.source.file, session.store.source.device),
                self._markups.copy(),
                dict(session.styles),
                (session.level, session.width),
            )
        )
        job.yielded.connect(self._on_item)
        job.ended.connect(self._on_ended)

    def _on_item(self, item: Progress | WrittenReport) -> None:
        if isinstance(item, Progress):
            self.progressed.emit(f"{item.phase}: {item.fraction:.0%}")
        else:
            self.written.emit(item.paths.html)

    def _on_ended(self, outcome: Outcome) -> None:
        self._job = None
        self.progressed.emit("")


def open_in_browser(path: Path) -> None:
    """Show a report in the person's own browser."""
    QDesktopServices.openUrl(url_from_path(path))
