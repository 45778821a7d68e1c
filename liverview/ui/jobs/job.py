"""Jobs: a generator run on a thread, its items delivered on the GUI thread."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot


class Outcome(Enum):
    """Ways for a job to end."""

    DONE = "done"
    CANCELED = "canceled"
    FAILED = "failed"


class Job(QThread):
    """Runs a generator on a thread of its own.

    Items arrive in order; after `cancel` none does, not even those already under way; an
    error is reported once; `ended` comes last, whatever happened. The generator is closed
    on the thread that ran it.

    Signals
    -------
    yielded : one item of the generator.
    failed : the exception that stopped it.
    ended : the `Outcome`; the thread has finished.
    """

    yielded = Signal(object)
    failed = Signal(object)
    ended = Signal(object)
    _arrived = Signal(object)
    _broke = Signal(object)

    def __init__(self, work: Iterator[object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._outcome = Outcome.DONE
        queued = Qt.ConnectionType.QueuedConnection
        self._arrived.connect(self._on_arrived, queued)
        self._broke.connect(self._on_broke, queued)
        self.finished.connect(self._on_finished, queued)

    @property
    def canceled(self) -> bool:
        return self._outcome is Outcome.CANCELED

    def cancel(self) -> None:
        """Stop at the next item; nothing is delivered from now on."""
        if self._outcome is Outcome.DONE:
            self._outcome = Outcome.CANCELED
            self.requestInterruption()

    def run(self) -> None:
        try:
            for item in self._work:
                if self.isInterruptionRequested():
                    break
                self._arrived.emit(item)
        except Exception as error:  # the one broad catch: a thread has nobody above it
            self._broke.emit(error)
        finally:
            close = getattr(self._work, "close", None)
            if close is not None:
                close()

    @Slot(object)
    def _on_arrived(self, item: object) -> None:
        if self._outcome is Outcome.DONE:
            self.yielded.emit(item)

    @Slot(object)
    def _on_broke(self, error: object) -> None:
        if self._outcome is Outcome.DONE:
            self._outcome = Outcome.FAILED
            self.failed.emit(error)

    @Slot()
    def _on_finished(self) -> None:
        self.ended.emit(self._outcome)
