"""Segmenting the open scan."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from liverview.core.candidates import LesionCandidates
from liverview.core.probability_maps import ProbabilitySlab
from liverview.core.stream import Message, Progress, Slab
from liverview.core.text import shown
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.jobs.job_runner import JobRunner
from liverview.ui.state.session import Session


class Segmenting(QObject):
    """Runs at most one segmentation, whose slabs go into the session's labels.

    One that is canceled is let go at once: nothing more arrives from it, and its thread ends by
    itself at its next step.

    Attributes
    ----------
    keep_maps : whether the next segmentation keeps class probabilities and attention maps.

    Signals
    -------
    message : a sentence for the person.
    maps_received : maps of a slab, a `ProbabilitySlab`, where they are kept.
    segmented : a segmentation ended, with its `Outcome`.
    changed : a segmentation begins or ends.
    """

    message = Signal(str)
    maps_received = Signal(object)
    segmented = Signal(object)
    changed = Signal()

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keep_maps = False
        self._session, self._runner = session, runner
        self._job: Job | None = None

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def start(self, device: str, *, keep_edits: bool = False) -> None:
        """Segment the open volume, from the crosshair outward, under what was edited or anew."""
        session = self._session
        if session.volume is None or self._job is not None:
            return
        session.store.begin_segmentation(device, keep_edits=keep_edits)
        work = generators.iter_segment(session.volume, device, session.crosshair, self.keep_maps)
        self._job = job = self._runner.start(work)
        job.yielded.connect(self._on_item)
        job.ended.connect(self._on_ended)
        self.changed.emit()

    def stop(self) -> None:
        """Stop the segmentation; what was found stays for a choice."""
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()
            self._session.store.end_segmentation(complete=False)
            self.segmented.emit(Outcome.CANCELED)
            self.changed.emit()

    def abandon(self) -> None:
        """Stop the segmentation of a scan that goes; its labels go with it."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _on_item(self, item: object) -> None:
        if isinstance(item, Slab):
            self._session.store.merge_slab(item)
        elif isinstance(item, LesionCandidates):
            self._session.store.take_candidates(item)
        elif isinstance(item, ProbabilitySlab):
            self.maps_received.emit(item)
        elif isinstance(item, Progress):
            self._session.set_progress(item)
        elif isinstance(item, Message):
            self.message.emit(shown(item.text))

    def _on_ended(self, outcome: Outcome) -> None:
        if self.sender() is not self._job:  # let go earlier
            return
        self._job = None
        self._session.store.end_segmentation(complete=outcome is Outcome.DONE)
        if outcome is Outcome.FAILED:
            self._session.store.drop_unfinished_labels()
        self.segmented.emit(outcome)
        self.changed.emit()
