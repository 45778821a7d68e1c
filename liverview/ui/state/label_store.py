"""The labels of the open case: the one place that changes them, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidates, shown_candidates
from liverview.core.review import LesionMark, apply_marks, changed_box
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.editing.differences import joint_box
from liverview.editing.edited_blocks import PaintedVoxels
from liverview.editing.hand_edits import HandEdits
from liverview.ui.state.edit_history import EditHistory
from liverview.ui.state.label_changes import (
    LabelChange,
    LabelSource,
    count_labels,
    empty_labels,
    no_counts,
)
from liverview.ui.state.label_facts import LabelFacts
from liverview.ui.state.label_steps import LabelSnapshot, LabelSteps, WrittenPart
from liverview.ui.state.label_writing import LabelWriting, written_part
from liverview.ui.state.lent_labels import Ledger, LentLabels

CANDIDATES = "sure lesions"
"""The name of the step that shows more or fewer candidates for lesions."""
_SEGMENTATION, _EDITS_KEPT = "segmentation", "edits kept"
_STREAMS = "A segmentation is running: steps can be undone when it has ended."


class LabelStore(LabelWriting):
    """Holds the labels; whoever changes them does so here.

    Nobody writes into the label map from outside. Jobs on other threads get a `snapshot`, which
    stays as it was lent: what is overwritten meanwhile is noted before, see `lent_labels`.

    Attributes
    ----------
    history : steps to be undone and done again.

    Signals
    -------
    replaced : labels of another origin are there, which know nothing of the marks of those before.
    edited_meanwhile : a person has edited labels that stream.
    """

    replaced = Signal()
    edited_meanwhile = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editing = False
        self._before: LabelSnapshot | None = None  # from before the segmentation
        self._history = LabelSteps(self)
        self.history = EditHistory(self._history, self)

    def snapshot(self) -> LentLabels:
        """The labels as they are now, for a job; the thread that reads voxels copies them."""
        assert self.labels is not None
        edited = self.hand.volumes(self.labels)
        same = edited == self.labels.edited
        return self._lent.lend(self.labels if same else replace(self.labels, edited=edited))

    # ---- changing --------------------------------------------------------------------------

    @contextmanager
    def edit(self, box: Box, name: str) -> Iterator[NDArray[np.uint8]]:
        """Change labels inside a box: yields its voxels, which the block writes into.

        Where the block raises, nothing has changed. While a segmentation streams, edits win: it
        does not change what was edited any more.

        Parameters
        ----------
        box : of the volume; only what lies in it can change.
        name : of the change, as a menu says it.

        Raises
        ------
        RuntimeError : while another edit is open.
        ValueError : where the box reaches beyond the volume.
        """
        if self._editing:
            raise RuntimeError(f"{name}: labels cannot be edited while another edit is open")
        if box.union(self._whole) != self._whole:
            raise ValueError(f"{name}: {box} reaches beyond the volume")
        self._editing = True
        try:
            with self._changing(box) as (voxels, before):
                yield voxels
        finally:
            self._editing = False
        if np.array_equal(voxels, before):
            return
        self.has_labels = True
        if self.segmenting:  # a step of its own when that has ended
            self.edited_meanwhile.emit()
        else:
            self._history.tell(name, box, before)
        self.changed.emit(box)
        self._set_modified(True)

    def add_history(self, hook: Callable[[LabelChange], object]) -> None:
        """Have a function called after every change that a person could undo."""
        self._history.hooks.append(hook)

    def reset(self, volume: Volume) -> None:
        """Begin with the empty labels of another volume."""
        self._before, self.segmenting = None, False
        self._put(empty_labels(volume), LabelSource(), has_labels=False, bbox=None)
        self._saved.clear()
        self.history.hold("")
        self._history.begin()

    def begin_segmentation(self, device: str | None = None, *, keep_edits: bool = False) -> None:
        """Put the current labels aside and start with empty ones, or with what was edited."""
        assert self.labels is not None
        painted = self.hand.find_painted(self.labels) if keep_edits else []
        self._before = self._keep()
        self.segmenting, self._found = True, False
        source = LabelSource(device=device)  # and partial until it has ended
        self._put(empty_labels(self.labels, partial=True), source, self.has_labels, bbox=None)
        self.hand.hold()
        self._paint(painted)
        self.history.hold(_STREAMS)
        self.changed.emit(self._whole)
        self.state_changed.emit()

    def merge_slab(self, slab: Slab) -> None:
        """Take a slab of the running segmentation into the label map."""
        assert self.labels is not None
        i, j = (
            slice(*side.indices(n))
            for side, n in zip(slab.label_bbox, self.labels.shape[:2], strict=True)
        )
        box = Box(slice(i.start, i.stop), slice(j.start, j.stop), slice(slab.start, slab.stop))
        if self.label_bbox is not None:  # what was there may have to go
            box = Box(*box.union(self.label_bbox)[:2], box.k)
        found = slab.labels[box[:2]]
        with self._changing(box, by_hand=False) as (voxels, _):
            voxels[...] = self.hand.take_result(box, found, self.labels)
        self._found |= bool(found.any())
        self.has_labels = True
        self.changed.emit(Box(*self._whole[:2], box.k))
        self._set_modified(self.modified or bool(found.any()))

    def take_candidates(self, found: LesionCandidates) -> None:
        """Know the candidates of the running segmentation, whose labels are here already."""
        assert self.labels is not None
        least = found.least_certainty
        self.labels = replace(self.labels, candidates=found.parts, least_certainty=least)
        self.candidates_changed.emit()

    def set_least_certainty(self, least: float, *, follows: bool = False) -> None:
        """Make tumors of the candidates that are so sure, and of no others.

        That is a change of the result, under what was edited. Those that marks are on stay tumors.
        With ``follows``, it belongs to the step before, and is undone with it.
        """
        labels = self.labels
        assert labels is not None
        if not labels.candidates or least == labels.least_certainty:
            return
        old, was = self.facts(by_hand=True), self.shown_candidates
        self.labels = replace(labels, least_certainty=least)
        written = self._write_candidates(was, self.shown_candidates)
        self.version = self.new_version()
        self._tell_written(CANDIDATES, written, old, follows)

    def _tell_written(
        self, name: str, written: Sequence[WrittenPart], old: LabelFacts | None, follows: bool
    ) -> None:
        self._history.tell_written(name, written, old=old, follows=follows)
        for one in written:
            self.changed.emit(one.box)
        self._set_modified(True)
        self.candidates_changed.emit()

    def end_segmentation(self, *, complete: bool) -> None:
        """End the segmentation; one that found nothing before it stopped is forgotten."""
        assert self.labels is not None
        self.segmenting = False
        self.hand.release(complete=complete)
        if complete:
            self.labels = replace(self.labels, partial=False)
        self.history.hold("")
        painted = self.hand.find_painted(self.labels)
        if not complete and not self._found:
            self._forget_segmentation(painted)
        elif self._before is not None:
            kept, self._before = self._before, None
            if not self.modified:
                self._saved.add(self.version)
            # Two steps back: without what was edited, then without the result.
            self._paint([one.taken_off for one in painted])
            self._history.tell_replaced(_SEGMENTATION, kept)
            self._paint(painted, _EDITS_KEPT)
        self.state_changed.emit()
        self.replaced.emit()

    def _forget_segmentation(self, painted: Sequence[PaintedVoxels]) -> None:
        """Go back to the labels from before it, as if it had never been, and lay edits over."""
        if self._before is not None:
            kept, self._before = self._before, None
            self.labels, self._lent = kept.labels, kept.lent
            self.adopt_facts(kept.facts)
            self.hand.release(complete=True)
            self._paint(painted, _EDITS_KEPT)
            self.changed.emit(self._whole)
            self._set_modified(self._is_unsaved)

    def drop_unfinished_labels(self) -> None:
        """Go back to the labels from before the segmentation that was stopped, as a step.

        What was edited since then stays. Nothing happens where labels are those of a whole
        segmentation, or not of one.
        """
        index = self.history.find_last(_SEGMENTATION)
        if self.segmenting or not self.has_unfinished_labels or index is None:
            return
        assert self.labels is not None
        back = self.history.labels_before(index)
        if back is None or back.after.result != self.result:
            return
        kept, painted = self.facts(by_hand=True), self.hand.find_painted(self.labels)
        box = reduce(Box.union, [one.box for one in painted], joint_box(back.differences))
        dropped = self.writable_voxels(box)[box].copy(order="K")
        self._history.apply(back.differences, back.before)
        self.adopt_facts(back.before)
        self.hand.release(complete=True)  # nothing is left that could be dropped
        self._paint(painted)
        self._history.tell("drop unfinished labels", box, dropped, old=kept)
        self._history.tell_back()
        self.replaced.emit()

    def replace_labels(self, labels: LabelMap, box: Box, name: str) -> None:
        """Take other labels of the same result in place of the current ones, and as partial.

        What was edited stays on top of them.

        Parameters
        ----------
        labels : not to be written to any more by whoever made them.
        box : of the volume, which holds all of them.
        name : of the change, as a menu says it.
        """
        assert self.labels is not None
        assert not self.segmenting
        old, painted = self._keep(), self.hand.find_painted(self.labels)
        self._put(labels, self.source, has_labels=True, bbox=box, result=self.result)
        self.labels = replace(labels, partial=old.labels.partial)
        self._paint(painted)
        self._end_replacement(name, old, modified=True)

    def set_marks(self, marks: Sequence[LesionMark], name: str, *, follows: bool = False) -> None:
        """Take other marks: lesions that are ruled out leave the labels, others come back.

        With ``follows``, that belongs to the step before, and is undone with it.
        """
        assert self.labels is not None
        assert not self.segmenting
        old, new = self.labels.marks, tuple(marks)
        if old == new:
            return
        kept, was = self.facts(by_hand=True), self.shown_candidates
        now = shown_candidates(self.labels.candidates, self.labels.least_certainty, new)
        written = self._write_candidates(was, was | now)  # before marks can be on them
        box = changed_box(old, new)
        with self._changing(box, by_hand=False) as (voxels, before):
            apply_marks(self.labels.voxels, old, new)
        written.append(written_part(box, before, voxels))
        self.labels, self.version = replace(self.labels, marks=new), self.new_version()
        written += self._write_candidates(was | now, now)
        self._tell_written(name, written, None if was == now else kept, follows)

    def open_labels(
        self,
        labels: LabelMap,
        file: str | None = None,
        edits: HandEdits | None = None,
        *,
        saved: bool = True,
    ) -> None:
        """Take the labels of a file, by default saved there, in place of the current ones.

        Parameters
        ----------
        edits : what is known to be edited in them; by default they are a result as they are.
        """
        assert not self.segmenting
        old, self._before = self._keep(), None
        box = Box.around(labels.voxels) or Box.of_shape((0, 0, 0))  # of no labels
        self._put(labels, LabelSource(file=file), has_labels=True, bbox=box)
        self.hand = edits or self.hand
        if saved:
            self._saved.add(self.version)
        self._end_replacement("open labels", old, modified=not saved)

    def _paint(self, painted: Sequence[PaintedVoxels], name: str = "") -> None:
        """Lay what a person edited over the labels; with a name, as a step."""
        if not painted or self.labels is None:
            return
        version, box = self.version, reduce(Box.union, [one.box for one in painted])
        before = self.labels.voxels[box].copy(order="K")
        for one in painted:
            with self._changing(one.box, by_hand=False) as (voxels, old):
                np.copyto(voxels, one.values, where=one.find_news(self.labels))
            self.hand.follow(one.box, old, self.labels, one.mask)
        if self.version != version:
            self.has_labels = True
            if name:
                self._history.tell(name, box, before)

    def _keep(self) -> LabelSnapshot:
        assert self.labels is not None
        return LabelSnapshot(self.labels, self._lent, self.facts(by_hand=True))

    def _put(
        self,
        labels: LabelMap,
        source: LabelSource,
        has_labels: bool,
        bbox: Box | None,
        result: int | None = None,
    ) -> None:
        """Labels that were not here before, by default of a result of their own."""
        self.labels = replace(labels)
        self.result = self.new_result() if result is None else result
        self._lent = Ledger(labels)  # whoever made them may still read them
        self.hand = HandEdits()
        self._counts = no_counts() if bbox is None else count_labels(labels.voxels[bbox])
        self.label_bbox, self.has_labels, self.source = bbox, has_labels, source
        self.version = self.new_version()

    def _end_replacement(self, name: str, old: LabelSnapshot, *, modified: bool) -> None:
        self._history.tell_replaced(name, old)
        self.changed.emit(self._whole)
        self._set_modified(modified)
        self.replaced.emit()
