"""Starts jobs and keeps track of them until their threads have ended."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, Signal

from liverview.core.text import shown
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job


class JobRunner(QObject):
    """Owns every job of a window.

    Signals
    -------
    failed : a sentence about what went wrong in a job, and details (may be empty).
    """

    failed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._live: set[Job] = set()
        self._shut_down = False

    def start(self, work: Iterator[object]) -> Job:
        """Start a job whose errors are reported.

        Its signals arrive later, so they can still be connected. Whoever asked takes its items
        and may cancel it; it is canceled and waited for when the window closes.
        """
        job = self._start_quietly(work)
        job.failed.connect(self.report_failure)
        return job

    def warm_up(self) -> None:
        """Import what segmentation needs while the person looks at the scan.

        A window can be closed before its event loop comes to this; a thread that began then
        would outlive it, and Qt ends the process for that.
        """
        if not self._shut_down:
            self._start_quietly(generators.iter_warm_up())

    def shut_down(self, keep: Job | None = None) -> None:
        """Stop every job but one, and wait for all of them."""
        self._shut_down = True
        for job in self._live - {keep}:
            job.cancel()
        for job in list(self._live):
            job.wait()

    def report_failure(self, error: Exception) -> None:
        """Say what went wrong: an error that a person can mend by its sentence."""
        known = isinstance(error, ValueError | OSError | MemoryError)
        text = str(error) if known else "Something went wrong inside liverview; see the details."
        details = "" if known else f"{type(error).__name__}: {error}"
        self.failed.emit(shown(text) or type(error).__name__, shown(details))

    def _start_quietly(self, work: Iterator[object]) -> Job:
        job = Job(work, self)
        self._live.add(job)
        job.ended.connect(self._on_ended)
        job.start()
        return job

    def _on_ended(self) -> None:
        job = self.sender()
        assert isinstance(job, Job)
        job.wait()
        self._live.discard(job)
        job.deleteLater()
