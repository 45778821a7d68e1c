"""Results that are computed from the labels in the background, and kept up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.state.session import Session

StartJob = Callable[[Iterator[object]], Job]
SOON_MS = 100  # labels that change together are looked at once
SETTLED_MS = 1000  # labels that have not changed for so long hold still
_SHARE = 4  # while labels stream, the next look waits so many times as long as the last one took


class LiveResult(QObject):
    """Looks at the labels again when they have changed, while somebody wants to know.

    One job at a time; what it yields goes to `_receive`. Another scan drops everything.

    Attributes
    ----------
    only_when_idle : look only at labels that hold still: not while they stream, and a while
        after they have changed; a look at labels that change meanwhile stops.
    outcome : how the last look ended; None before and during one.

    Signals
    -------
    changed : what is known, or whether it is being worked on.
    """

    changed = Signal()
    only_when_idle = False

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._start = start
        self._job: Job | None = None
        self.outcome: Outcome | None = None
        self._stale = session.store.has_labels  # made late, it has missed the change
        self._wanted = self._wanted_once = False
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._start_job)
        session.volume_changed.connect(self._on_volume_changed)
        session.store.changed.connect(self._on_labels_changed)
        session.progress_changed.connect(self._on_progress_changed)

    # ---- what a kind of follower says ------------------------------------------------------

    def _make_work(self) -> Iterator[object] | None:
        """Make the work for the labels as they are; None where there is nothing to do."""
        raise NotImplementedError

    def _receive(self, item: object) -> None:
        """Keep what the work yielded."""
        raise NotImplementedError

    def _clear(self) -> None:
        """Forget what was found."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Keep nothing that only the next look would need: there may be none for long."""

    # ---- for everybody ---------------------------------------------------------------------

    @property
    def is_current(self) -> bool:
        """True where the result is that of the labels as they are."""
        return not self._stale and self._job is None

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def set_wanted(self, wanted: bool) -> None:
        """Look only while somebody wants to know."""
        self._wanted = wanted
        if wanted:
            self._schedule(0)
        elif not self._is_wanted:
            self._let_go()

    def update_once(self) -> None:
        """Look at the labels as they are, although nobody goes on wanting to know."""
        self._wanted_once = True
        self._schedule(0)

    def update_now(self) -> None:
        """Something else than the labels has changed."""
        self._cancel_job()
        self._stale = True
        self._schedule(0)

    def stop(self) -> None:
        """Stop looking until something changes; what was found stays."""
        if self._job is not None:
            self._cancel_job()
            self.outcome = Outcome.CANCELED
            self._let_go()
            self.changed.emit()

    def _cancel_job(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        self._job = None

    @property
    def _is_wanted(self) -> bool:
        return self._wanted or self._wanted_once

    # ---- when ------------------------------------------------------------------------------

    def _schedule(self, after_ms: int) -> None:
        if self.only_when_idle and self.session.store.segmenting:
            return
        if self._stale and self._is_wanted and self._job is None and not self._timer.isActive():
            self._timer.start(after_ms)

    def _start_job(self) -> None:
        if self._job is not None or not self._is_wanted:  # the panel was hidden meanwhile
            return
        self._stale, self.outcome = False, None
        work = self._make_work()
        if work is not None:
            self._clock.start()
            self._job = job = self._start(work)
            job.yielded.connect(self._on_yielded)
            job.ended.connect(self._on_ended)
        self.changed.emit()

    def _on_yielded(self, item: object) -> None:
        if self.sender() is self._job:
            self._receive(item)

    def _on_ended(self, outcome: Outcome) -> None:
        if self.sender() is not self._job:  # let go earlier
            return
        self._job, self.outcome, self._wanted_once = None, outcome, False
        if outcome is Outcome.FAILED or not self._is_wanted:
            self._let_go()
        self.changed.emit()
        taken = self._clock.elapsed()
        # What takes long leaves as much time to others.
        streaming = self.session.store.segmenting
        self._schedule(_SHARE * taken if streaming else max(SOON_MS, taken))

    def _forget(self) -> None:
        self._cancel_job()
        self._stale, self.outcome, self._wanted_once = False, None, False
        self._clear()
        self.changed.emit()

    def _on_volume_changed(self) -> None:
        self._forget()

    def _on_labels_changed(self, box: Box) -> None:
        if self.session.store.has_labels:
            if self.only_when_idle:
                self._forget()
            self._stale = True
            self._schedule(SETTLED_MS if self.only_when_idle else SOON_MS)
        else:  # they were dropped, or a segmentation begins
            self._forget()

    def _on_progress_changed(self) -> None:
        """Once labels have stopped streaming, nothing is waited for."""
        if self.session.store.segmenting:
            return
        if self._timer.isActive():
            self._timer.start(0)
        elif self.only_when_idle:
            self._schedule(0)
