"""Autosave: a journal of what is done with the open case, a moment behind the person."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate
from liverview.core.grid import Voxel
from liverview.editing.edited_blocks import EditedBlock
from liverview.files.journal.entry import Entry, JournalError, Part
from liverview.files.journal.writing import JournalWriter
from liverview.ui.jobs import journaling
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session

StartJob = Callable[[Iterator[object]], Job]
_SOON_MS = 250  # what changes together is written together
_AGAIN_MS = 5000  # after a failure
_ONE_EDIT_MS = 300  # changes that follow each other sooner are one stroke
_STEP = 1 << 19  # voxels that are copied at once: a millisecond or so
_MOST_BOXES = 64
_WASTE = 1.3  # two boxes become one where that is at most so many times as large as both


class Autosave(QObject):
    """Writes a journal of the open case while it has what is not saved anywhere else.

    Boxes that change are copied on the GUI thread, a MB at a time, and compressed and written by
    a job: half a second later at most, so that a kill never costs more than the last second.
    An entry is written only once it has all that changed, so that every one is a state that
    the person has seen.

    Parameters
    ----------
    folder : of the journals.
    describe : gives everything of the case beside the voxels, as JSON values.
    phantom : gives the settings of the phantom that is open, as JSON values; None for a file.

    Signals
    -------
    failed : a sentence about a journal that cannot be written; once, until it can be again.
    written : an entry is safe from a kill; `is_written` says whether it had all.
    """

    failed = Signal(str)
    written = Signal()

    def __init__(
        self,
        session: Session,
        markups: ScanMarkups,
        start: StartJob,
        folder: Path,
        describe: Callable[[], Mapping[str, Any]],
        phantom: Callable[[], Mapping[str, Any] | None] = lambda: None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.session, self.folder = session, folder
        self._markups, self._start = markups, start
        self._describe, self._phantom = describe, phantom
        self._writer: JournalWriter | None = None
        self._gone: list[JournalWriter] = []  # to be removed once no job writes into them
        self._job: Job | None = None
        self._sync_job: Job | None = None
        self._problem = ""
        self._finished = False
        self._identity: str | None = None  # of the scan, once it is known
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._collect)
        self._forget_case()
        self._connect()

    def _connect(self) -> None:
        session, store = self.session, self.session.store
        session.volume_changed.connect(self._on_volume_changed)
        store.changed.connect(self._on_labels_changed)
        store.modified_changed.connect(self._on_modified_changed)
        self._markups.changed.connect(self._on_markups_changed)
        for signal in (
            store.replaced,
            store.state_changed,
            store.candidates_changed,
            session.review.changed,
            session.crosshair_changed,
            session.window_changed,
            session.styles_changed,
            session.view_changed,
            session.display.changed,
            session.editing.changed,
            session.hand_edits.changed,
        ):
            signal.connect(self.note_state)

    @property
    def unsaved(self) -> bool:
        """Whether the open case has what a crash would cost."""
        # Those of a file are kept in the settings at once.
        drawn = self._drawn and self.session.path is None
        return self.session.volume is not None and (self.session.store.modified or drawn)

    @property
    def is_written(self) -> bool:
        """Whether nothing waits to be written."""
        return self._job is None and not self._waits

    def note_state(self) -> None:
        """Something else than the labels has changed."""
        self._state_waits = True
        self._schedule()

    def note_restored(self, edits: int) -> None:
        """What a crash had left is in the case now: so many edits are not saved."""
        self._edits, self._drawn = edits, True
        self.note_state()

    def finish(self) -> None:
        """The window is closed, everything was saved or is not wanted, and no job runs."""
        self._finished = True
        self._end_journal()
        self._job = None
        self._remove_gone()

    # ---- what changes ----------------------------------------------------------------------

    def _forget_case(self) -> None:
        self._boxes: list[Box] = []  # of the labels that wait
        self._parts: list[Part] = []  # of them, those that are copied
        self._blocks: dict[Voxel, EditedBlock] = {}  # of edits by hand that are written
        self._candidates: tuple[LesionCandidate, ...] = ()  # that are written
        self._clears = self._all_wait = False
        self._state_waits = self._drawn = False
        self._edits = 0
        self._had_markups: list[object] = []

    def _on_volume_changed(self) -> None:
        """What was open was saved, or is not wanted any more."""
        self._end_journal()
        self._forget_case()
        self._had_markups = [entry.markup for entry in self._markups.entries()]

    def _end_journal(self) -> None:
        self._timer.stop()
        self._identity = None
        if self._writer is not None:
            self._gone.append(self._writer)
            self._writer = None
        if self._job is None:
            self._remove_gone()

    def _remove_gone(self) -> None:
        for writer in self._gone:
            writer.remove()
        self._gone = []

    def _on_labels_changed(self, box: Box) -> None:
        store = self.session.store
        assert store.labels is not None
        if not store.segmenting:
            together = self._clock.isValid() and not self._clock.hasExpired(_ONE_EDIT_MS)
            self._edits += not together
            self._clock.start()
        if box == Box.of_shape(store.labels.shape):
            self._wait_for_everything()
        elif self._writer is not None and not self._all_wait:
            self._boxes = _with_box(self._boxes, box)
        self._schedule()

    def _on_modified_changed(self) -> None:
        store = self.session.store
        self._edits = int(store.modified and not store.segmenting)
        self.note_state()

    def _on_markups_changed(self) -> None:
        self._drawn |= self._had_markups != [entry.markup for entry in self._markups.entries()]
        self.note_state()

    def _wait_for_everything(self) -> None:
        self._clears = self._all_wait = self._state_waits = True
        self._boxes, self._parts = [], []

    @property
    def _waits(self) -> bool:
        needed = self._writer is not None or self.unsaved
        return needed and bool(self._boxes or self._parts or self._clears or self._state_waits)

    def _schedule(self) -> None:
        idle = self._job is None and not self._timer.isActive()
        if idle and self._waits and not self._finished:
            self._timer.start(_AGAIN_MS if self._problem else _SOON_MS)

    # ---- writing ---------------------------------------------------------------------------

    def _collect(self) -> None:
        """Copy what has changed; once all of it is copied, have it written."""
        store = self.session.store
        if not self._waits or self._job is not None or self._finished:
            return
        if store.segmenting and store.label_bbox is None:
            return  # nothing was found yet: the labels from before may come back
        if self._writer is None:
            self._begin_journal()
        assert self._writer is not None
        if self._writer.wants_everything and not self._clears:
            self._wait_for_everything()
        if self._all_wait:
            self._all_wait = False
            self._boxes = [] if store.label_bbox is None else [store.label_bbox]
        if self._copy_some():
            self._write(self._writer)
        else:
            self._timer.start(0)

    def _begin_journal(self) -> None:
        session = self.session
        assert session.volume is not None
        scan = {
            "path": None if session.path is None else str(session.path.absolute()),
            "name": session.volume.name,
            "index": session.volume.index,
            "series": "" if session.volume.study is None else session.volume.study.series_key,
            "phantom": self._phantom(),
        }
        self._writer = JournalWriter(self.folder, session.volume.shape, scan)
        self._identify()

    def _copy_some(self) -> bool:
        """Copy at most so many voxels of what has changed; returns whether that was all."""
        labels, room = self.session.store.labels, _STEP
        assert labels is not None
        while self._boxes and room > 0:
            box = self._boxes.pop(0)
            plane = max(1, math.prod(box.shape[:2]))
            stop = min(box.k.stop, box.k.start + max(1, room // plane))
            now = Box(box.i, box.j, slice(box.k.start, stop))
            if stop < box.k.stop:
                self._boxes.insert(0, Box(box.i, box.j, slice(stop, box.k.stop)))
            self._parts.append((now, labels.voxels[now].copy(order="K")))
            room -= math.prod(now.shape)
        return not self._boxes

    def _write(self, writer: JournalWriter) -> None:
        sections: dict[str, Any] = {}
        blocks = self._other_blocks()
        if self._state_waits:
            sections["case"] = self._describe()
            sections["identity"] = self._identity
        entry = Entry(
            time.time(), self._edits, self.unsaved, self._clears, tuple(self._parts), sections
        )
        self._clears, self._parts, self._state_waits = False, [], False
        labels = self.session.store.labels
        ignored = labels.ignored if labels is not None else None
        work = journaling.iter_append(writer, entry, ignored, blocks, self._other_candidates(entry))
        self._job = job = self._start(work)
        job.yielded.connect(self._on_appended)
        job.ended.connect(self._on_ended)

    def _other_blocks(self) -> journaling.Blocks:
        """Blocks of edits by hand that are others than in the entry before."""
        before = {} if self._clears else self._blocks
        self._blocks = {block.box.start: block for block in self.session.store.hand.blocks}
        return {
            first: self._blocks.get(first)
            for first in before.keys() | self._blocks.keys()
            if self._blocks.get(first) is not before.get(first)
        }

    def _other_candidates(self, entry: Entry) -> tuple[LesionCandidate, ...] | None:
        """Candidates for lesions that are others than in the entry before."""
        labels = self.session.store.labels
        before = () if entry.clears else self._candidates
        self._candidates = () if labels is None else labels.candidates
        return None if self._candidates is before else self._candidates

    def _on_appended(self, problem: JournalError | None) -> None:
        if self.sender() is not self._job or self._writer is None:
            return
        if problem is None:
            self._problem = ""
            self._sync(self._writer)
            return
        self._wait_for_everything()
        if str(problem) != self._problem:
            self._problem = str(problem)
            self.failed.emit(self._problem)

    def _on_ended(self, outcome: Outcome) -> None:
        if self.sender() is not self._job:
            return
        self._job = None
        self._remove_gone()
        if outcome is Outcome.FAILED:  # as where there is no memory left
            self._wait_for_everything()
        elif not self._problem:
            self.written.emit()
        self._schedule()

    def _sync(self, writer: JournalWriter) -> None:
        """Against a power cut, as often as the disk can; no entry waits for that."""
        handle = writer.duplicate_handle() if self._sync_job is None else None
        if handle is not None:
            self._sync_job = self._start(journaling.iter_sync(handle))
            self._sync_job.ended.connect(self._on_synced)

    def _on_synced(self) -> None:
        self._sync_job = None

    def _identify(self) -> None:
        """Have the scan told from others, beside the first entries."""
        assert self.session.volume is not None
        work = journaling.iter_identify(self.session.volume, self.session.path)
        job, writer = self._start(work), self._writer

        def receive(identity: str | None) -> None:
            if identity is not None and self._writer is writer:
                self._identity = identity
                self.note_state()

        job.yielded.connect(receive)


def _with_box(boxes: list[Box], box: Box) -> list[Box]:
    """Boxes that hold all of these; as few as cost little."""
    for n, other in enumerate(boxes):
        both = box.union(other)
        if _size(both) <= _WASTE * (_size(box) + _size(other)):
            return _with_box(boxes[:n] + boxes[n + 1 :], both)
    if len(boxes) >= _MOST_BOXES:
        for other in boxes:
            box = box.union(other)
        return [box]
    return [*boxes, box]


def _size(box: Box) -> int:
    return math.prod(box.shape)
