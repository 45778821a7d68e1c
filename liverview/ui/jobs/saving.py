"""Saving label maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from liverview.core.stream import Progress
from liverview.core.text import shown
from liverview.files.format import TableOrder
from liverview.ui.jobs import generators, session_work
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.jobs.job_runner import JobRunner
from liverview.ui.jobs.session_work import KeptEdits
from liverview.ui.state.session import Session

if TYPE_CHECKING:
    from liverview.files.sessions.content import SessionContent, Stamp

Callback = Callable[[], object]


class Saving(QObject):
    """Runs at most one save, of the labels as they are when it begins.

    Attributes
    ----------
    label_table : the program that reads the names in the files.

    Signals
    -------
    failed : a sentence about what went wrong.
    saved : something was written and verified, with its path.
    labels_not_saved : writing a label map failed, with what would have been called after it, or
        None; after the sentence about it.
    changed : a save begins or ends.
    """

    failed = Signal(str)
    saved = Signal(Path)
    labels_not_saved = Signal(object)
    changed = Signal()

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._runner = session, runner
        self.label_table = TableOrder.TOTALSEGMENTATOR
        self._job: Job | None = None
        self._waiting: list[Callback] = []

    @property
    def is_running(self) -> bool:
        return self._job is not None

    @property
    def job(self) -> Job | None:
        """The save that is under way."""
        return self._job

    @property
    def can_save(self) -> bool:
        """True where there are labels that hold still, and no save runs."""
        return self._session.store.can_be_saved and self._job is None

    def save_labels(
        self, path: Path, then: Callback | None = None, *, side_files: bool = False
    ) -> None:
        """Write the label map; ``then`` is called once it is verified."""
        task = generators.iter_write_with_side_files if side_files else generators.iter_write_labels
        self._save(path, task, then, of_labels=True)

    def save_masks(self, folder: Path, name: str) -> None:
        """Write one mask per label into a folder; ``name`` begins the files' names."""
        self._save(folder, partial(generators.iter_write_masks, name), None)

    def save_session(
        self, path: Path, content: SessionContent, stamp: Stamp | None, then: Sequence[Callback]
    ) -> Job | None:
        """Write a session file of the labels as they are; ``then`` are called once it is verified.

        Returns the job, None where another save runs, which is said.
        """
        if self._job is not None:
            self.failed.emit(shown(f"{path} was not saved: another save runs."))
            return None
        self._waiting = [*then]
        styles, store = dict(self._session.styles), self._session.store
        hand = None
        if store.labels is not None and store.hand.has_any(store.labels):
            hand = KeptEdits(store.hand.copy(), store.labels.edited)
        work = session_work.iter_write_session(path, content, hand, stamp, styles)
        self._job = job = self._runner.start(work)
        job.ended.connect(partial(self._on_ended, path, self._session.store.version, False))
        self.changed.emit()
        return job

    def when_saved(self, then: Callback) -> None:
        """Call ``then`` when the running save has succeeded."""
        self._waiting.append(then)

    def forget_waiting(self) -> None:
        """Call nobody when the running save has succeeded."""
        self._waiting.clear()

    def _save(
        self,
        path: Path,
        task: Callable[..., Iterator[Progress]],
        then: Callback | None,
        *,
        of_labels: bool = False,
    ) -> None:
        volume, store = self._session.volume, self._session.store
        if volume is None or not self.can_save:
            self.failed.emit(shown(f"{path} was not saved: there is nothing to save just now."))
            return
        self._waiting = [then] if then is not None else []
        styles = dict(self._session.styles)
        work = task(path, store.snapshot(), volume, styles, self.label_table)
        self._job = job = self._runner.start(work)
        job.ended.connect(partial(self._on_ended, path, store.version, of_labels))
        self.changed.emit()

    def _on_ended(self, path: Path, version: int, of_labels: bool, outcome: Outcome) -> None:
        self._job = None
        waiting, self._waiting = self._waiting, []
        if outcome is Outcome.DONE:
            self._session.store.mark_saved(version)  # labels may be other ones meanwhile
            self.saved.emit(path)
        self.changed.emit()
        if outcome is Outcome.DONE:
            for then in waiting:
                then()
        elif outcome is Outcome.FAILED and of_labels:
            self.labels_not_saved.emit(waiting[0] if waiting else None)
