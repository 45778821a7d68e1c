"""Marks put in force in other labels of the scan: of a new run, other thresholds, a file."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.review import LesionMark, Verdict
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job
from liverview.ui.live.live_result import StartJob
from liverview.ui.state.session import Session


class MarkedLabels(QObject):
    """Follows the labels and what is remembered of lesions, until both say the same.

    Signals
    -------
    applied : a sentence about lesions that labels were without before, and are now.
    """

    applied = Signal(str)

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._start = start
        self._job: Job | None = None
        self._result = 0  # of the labels whose marks were taken in
        self._missed = False  # whether steps back and forth have stopped a job
        session.volume_changed.connect(self._cancel)
        session.store.replaced.connect(self._on_replaced)
        session.review.changed.connect(self._reconcile)
        session.store.history.moved.connect(self._on_moved)
        session.store.changed.connect(self._on_labels_changed)

    def _on_replaced(self) -> None:
        store, review = self.session.store, self.session.review
        fresh, self._result = store.result != self._result, store.result
        if fresh and store.source.file is not None and review.in_force:
            review.adopt(review.in_force)  # which reconciles, too
        else:
            self._reconcile()

    def _reconcile(self) -> None:
        """Take marks out of force that are not remembered, and look for lesions of the others."""
        self._cancel()
        store, review = self.session.store, self.session.review
        if not review.can_change or store.history.moving:  # steps bring their own marks
            return
        kept, missing = review.compare()
        if len(kept) < len(review.in_force):
            store.set_marks(kept, "include", follows=True)
        hidden = review.find_hidden(missing)
        if hidden:  # lesions that were judged before, of which this run is not sure
            store.set_marks([*review.in_force, *hidden], "lesions judged before", follows=True)
            missing = review.compare()[1]
        if missing:
            self._job = job = self._start(
                generators.iter_find_marked(store.snapshot(), tuple(missing))
            )
            job.yielded.connect(partial(self._on_item, job, store.version, store.history.last))

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _on_moved(self) -> None:
        """Nothing is put in force behind steps that are undone: they could not be done again."""
        self._missed |= self._job is not None
        self._cancel()
        self._catch_up()

    def _on_labels_changed(self, box: Box) -> None:
        self._catch_up()

    def _catch_up(self) -> None:
        history = self.session.store.history
        if self._missed and not history.moving and not history.redo_name:
            self._missed = False
            self._reconcile()

    def _on_item(self, job: Job, version: int, step: object, item: object) -> None:
        if job is not self._job or not isinstance(item, tuple):
            return
        self._job = None
        store, review = self.session.store, self.session.review
        if version != store.version:  # labels have changed meanwhile
            self._reconcile()
        elif item:
            # What follows from a step is undone with it; what comes later, by itself.
            marks, follows = (*review.in_force, *item), store.history.last is step
            store.set_marks(marks, "lesions ruled out before", follows=follows)
            self._tell(item)

    def _tell(self, placed: tuple[LesionMark, ...]) -> None:
        out = sum(mark.verdict is Verdict.RULED_OUT for mark in placed)
        if out:
            many = f"{out} lesions that were ruled out before are"
            one = "1 lesion that was ruled out before is"
            self.applied.emit(f"{one if out == 1 else many} left out of these labels, too.")
