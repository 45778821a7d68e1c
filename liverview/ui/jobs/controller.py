"""Loading, segmenting and saving side by side, and what they have to know of each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from liverview.core.text import shown
from liverview.core.volume import LabelMap, Volume
from liverview.ui.jobs.job import Job
from liverview.ui.jobs.job_runner import JobRunner
from liverview.ui.jobs.loading import Loading
from liverview.ui.jobs.saving import Saving
from liverview.ui.jobs.segmenting import Segmenting
from liverview.ui.state.session import Session


class Controller(QObject):
    """Runs at most one loading, one segmentation and one save, side by side.

    Attributes
    ----------
    runner, loading, segmenting, saving : what each of them does.

    Signals
    -------
    message : a sentence for the person.
    failed : a sentence about what went wrong, and details (may be empty).
    opened : a file is shown, with its path.
    busy_changed : a job was started or ended, or what can be saved is another thing.
    idle : nothing is being loaded or segmented any more.
    """

    message = Signal(str)
    failed = Signal(str, str)
    opened = Signal(Path)
    busy_changed = Signal()
    idle = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.runner = JobRunner(self)
        self.loading = Loading(session, self.runner, self)
        self.segmenting = Segmenting(session, self.runner, self)
        self.saving = Saving(session, self.runner, self)
        self.runner.failed.connect(self.failed)
        for part in (self.loading, self.saving):
            part.failed.connect(self._on_failed)
        for source in (self.loading, self.segmenting):
            source.message.connect(self.message)
            source.changed.connect(self._on_busy_changed)
        self.saving.changed.connect(self.busy_changed)
        self.loading.labels_opened.connect(self.busy_changed)

    @property
    def busy(self) -> bool:
        """True while something is being loaded or segmented."""
        return self.loading.is_running or self.segmenting.is_running

    def show_volume(self, volume: Volume, path: Path | None, truth: LabelMap | None = None) -> None:
        """Show a loaded volume in place of the open one, whose segmentation stops."""
        self.segmenting.abandon()
        self.loading.cancel_labels()
        self.session.open(volume, path, truth)
        if path is not None:
            self.opened.emit(path)
        if volume.warnings:
            self.message.emit(shown(f"{volume.name}: {' '.join(volume.warnings)}"))
        self._on_busy_changed()

    def segment(self, device: str, *, keep_edits: bool = False) -> None:
        """Segment the open volume, unless something is being loaded or segmented."""
        if not self.busy:
            self.segmenting.start(device, keep_edits=keep_edits)

    def cancel(self) -> None:
        """Stop loading, or else segmenting; nothing arrives after this returns."""
        if self.loading.is_running:
            self.loading.cancel()
        else:
            self.segmenting.stop()

    def start_background(self, work: Iterator[object]) -> Job:
        """Run something beside the commands, see `JobRunner.start`."""
        return self.runner.start(work)

    def shut_down(self) -> None:
        """Stop everything but a save, and wait for all of it."""
        self.saving.forget_waiting()
        self.runner.shut_down(keep=self.saving.job)

    def _on_failed(self, text: str) -> None:
        self.failed.emit(text, "")

    def _on_busy_changed(self) -> None:
        """After every start and end of loading and segmenting."""
        if not self.busy:
            self.session.set_progress(None)
        self.busy_changed.emit()
        if not self.busy:
            self.idle.emit()
