"""What the person's commands do: jobs are started here and their results go to the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from liverview.stream import Notice, Progress, Slab
from liverview.ui import tasks
from liverview.ui.job import Job, Outcome
from liverview.ui.session import Session
from liverview.volume import Volume

if TYPE_CHECKING:
    from liverview.phantom import PhantomConfig

_CANCELING = "Canceling"


class Controller(QObject):
    """Runs one foreground job at a time (open, generate, segment) and saves beside it.

    Signals
    -------
    noticed : a sentence for the person.
    failed : a sentence about what went wrong, and details (may be empty).
    opened : a file was opened, with its path.
    volume_choice_needed : a 4D file, with its path and how many volumes it has.
    segmented : a segmentation ended, with its `Outcome`.
    saved : something was written and verified, with its path.
    idle : no foreground job is left.
    """

    noticed = Signal(str)
    failed = Signal(str, str)
    opened = Signal(Path)
    volume_choice_needed = Signal(Path, int)
    segmented = Signal(object)
    saved = Signal(Path)
    idle = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._live: set[Job] = set()
        self._foreground: Job | None = None
        self._path: Path | None = None
        self._after: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        return self._foreground is not None

    # ---- commands ------------------------------------------------------------------------

    def open(self, path: Path, index: int | None = None) -> None:
        """Open a file; a 4D one asks back which volume."""
        self._path = path
        self._run_foreground(tasks.opening(path, index), self._on_opening_item)

    def generate(self, config: PhantomConfig) -> None:
        """Generate a phantom and open it."""
        self._path = None
        self._run_foreground(tasks.generating(config), self._on_generating_item)

    def segment(self, device: str) -> None:
        """Segment the open volume, from the crosshair outward."""
        volume = self.session.volume
        if volume is None or self.busy:
            return
        self.session.begin_segmentation()
        work = tasks.segmenting(volume, device, self.session.crosshair)
        self._run_foreground(work, self._on_slab, self._on_segmentation_ended)

    def cancel(self) -> None:
        """Stop the foreground job; it is over within half a second."""
        if self._foreground is not None and not self._foreground.canceled:
            self._foreground.cancel()
            done = self.session.progress.fraction if self.session.progress else 0.0
            self.session.set_progress(Progress(_CANCELING, done))

    def save_labels(self, path: Path) -> None:
        """Write the label map."""
        self._save(path, tasks.saving_labels)

    def save_masks(self, folder: Path) -> None:
        """Write one mask per label into a folder."""
        self._save(folder, tasks.saving_masks)

    def warm_up(self) -> None:
        """Import what segmentation needs while the person looks at the scan."""
        self._start(tasks.warming_up())

    def shut_down(self) -> None:
        """Cancel everything and wait for it."""
        self._after = None
        for job in list(self._live):
            job.cancel()
        for job in list(self._live):
            job.wait()

    # ---- jobs ----------------------------------------------------------------------------

    def _start(self, work: Iterator[object]) -> Job:
        job = Job(work, self)
        self._live.add(job)
        job.failed.connect(self._on_failed)
        job.ended.connect(self._on_ended)
        return job

    def _run_foreground(
        self,
        work: Iterator[object],
        on_item: Callable[[object], None],
        on_ended: Callable[[object], None] | None = None,
    ) -> None:
        """Start now, or as soon as the job that runs has stopped."""

        def begin() -> None:
            job = self._start(work)
            self._foreground = job
            job.yielded.connect(on_item)
            if on_ended is not None:
                job.ended.connect(on_ended)
            job.start()

        if self.busy:
            self._after = begin
            self.cancel()
        else:
            begin()

    def _on_failed(self, error: Exception) -> None:
        known = isinstance(error, ValueError | OSError | MemoryError)
        text = str(error) if known else "Something went wrong inside liverview; nothing was lost."
        details = "" if known else f"{type(error).__name__}: {error}"
        self.failed.emit(text or type(error).__name__, details)

    def _on_ended(self, outcome: object) -> None:
        job = self.sender()
        assert isinstance(job, Job)
        job.wait()
        self._live.discard(job)
        if job is self._foreground:
            self._foreground = None
            self.session.set_progress(None)
        job.deleteLater()
        after, self._after = (self._after, None) if not self.busy else (None, self._after)
        if after is not None:
            after()
        elif not self.busy:
            self.idle.emit()

    # ---- items ---------------------------------------------------------------------------

    def _on_opening_item(self, item: object) -> None:
        if isinstance(item, Progress):
            self.session.set_progress(item)
        elif isinstance(item, Volume):
            self.session.open(item, self._path)
            if self._path is not None:
                self.opened.emit(self._path)
            if item.notes:
                self.noticed.emit(f"{item.name}: {' '.join(item.notes)}")
        elif self._path is not None:
            self.volume_choice_needed.emit(self._path, getattr(item, "volumes", 1))

    def _on_generating_item(self, item: object) -> None:
        if isinstance(item, Progress):
            self.session.set_progress(item)
        else:
            self.session.open(item.volume)  # type: ignore[attr-defined]  # a Case

    def _on_slab(self, item: object) -> None:
        if isinstance(item, Slab):
            self.session.merge(item)
        elif isinstance(item, Progress):
            self.session.set_progress(item)
        elif isinstance(item, Notice):
            self.noticed.emit(item.text)

    def _on_segmentation_ended(self, outcome: object) -> None:
        self.session.end_segmentation(complete=outcome is Outcome.DONE)
        if outcome is Outcome.FAILED:
            self.session.drop_partial()
        self.segmented.emit(outcome)

    # ---- saving --------------------------------------------------------------------------

    def _save(self, path: Path, task: Callable[..., Iterator[Progress]]) -> None:
        volume, labels = self.session.volume, self.session.labels
        if volume is None or labels is None:
            return
        job = self._start(task(path, labels, volume))
        job.ended.connect(_Saved(self, path, job).on_ended)
        job.start()


class _Saved(QObject):
    """Reports one save, with its path, when its job ends."""

    def __init__(self, controller: Controller, path: Path, job: Job) -> None:
        super().__init__(job)
        self._controller = controller
        self._path = path

    def on_ended(self, outcome: object) -> None:
        if outcome is Outcome.DONE:
            self._controller.session.mark_saved()
            self._controller.saved.emit(self._path)
