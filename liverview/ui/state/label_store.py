"""The labels of the open case: the one place that changes them, and what is known of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.review import LesionMark, apply_marks, changed_box
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.editing.differences import joint_box
from liverview.ui.state.edit_history import EditHistory
from liverview.ui.state.label_changes import (
    LabelChange,
    LabelSource,
    count_labels,
    empty_labels,
    no_counts,
)
from liverview.ui.state.label_holder import LabelHolder
from liverview.ui.state.label_steps import LabelSnapshot, LabelSteps

_SEGMENTATION = "segmentation"
_STREAMS = "A segmentation is running: steps can be undone when it has ended."


class LabelStore(LabelHolder):
    """Holds the labels; whoever changes them does so here.

    Nobody writes into the label map from outside. Jobs on other threads get a `snapshot`: its
    array never changes, for the first change that comes meanwhile is made in a copy.

    Attributes
    ----------
    history : steps to be undone and done again.

    Signals
    -------
    replaced : labels of another origin are there, which know nothing of the marks of those before.
    """

    replaced = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editing = False
        self._before: LabelSnapshot | None = None  # from before the segmentation
        self._lent: weakref.WeakSet[LabelMap] = weakref.WeakSet()  # snapshots of this array
        self._history = LabelSteps(self)
        self.history = EditHistory(self._history, self)

    def snapshot(self) -> LabelMap:
        """The labels as they are now, for a job: they never change, whatever comes meanwhile."""
        assert self.labels is not None
        lent = replace(self.labels)
        self._lent.add(lent)
        return lent

    # ---- changing --------------------------------------------------------------------------

    @contextmanager
    def edit(self, box: Box, name: str) -> Iterator[NDArray[np.uint8]]:
        """Change labels inside a box: yields its voxels, which the block writes into.

        Where the block raises, nothing has changed.

        Parameters
        ----------
        box : of the volume; only what lies in it can change.
        name : of the change, as a menu says it.

        Raises
        ------
        RuntimeError : while a segmentation streams, or another edit is open.
        ValueError : where the box reaches beyond the volume.
        """
        if self.segmenting or self._editing:
            other = "a segmentation streams" if self.segmenting else "another edit is open"
            raise RuntimeError(f"{name}: labels cannot be edited while {other}")
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

    def begin_segmentation(self, device: str | None = None) -> None:
        """Put the current labels aside and start with empty ones."""
        assert self.labels is not None
        self._before = self._keep()
        self.segmenting, self._found = True, False
        empty = empty_labels(self.labels, partial=True)  # until it has ended
        self._put(empty, LabelSource(device=device), self.has_labels, bbox=None)
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
        with self._changing(box) as (voxels, before):
            voxels[...] = slab.labels[box[:2]]
        touched = bool(voxels.any() or before.any())
        self._found |= touched
        self.has_labels = True
        self.changed.emit(Box(*self._whole[:2], box.k))
        self._set_modified(self.modified or touched)

    def end_segmentation(self, *, complete: bool) -> None:
        """End the segmentation; one that found nothing before it stopped is forgotten."""
        assert self.labels is not None
        self.segmenting = False
        if complete:
            self.labels = replace(self.labels, partial=False)
        self.history.hold("")
        if not complete and not self._found:
            self._forget_segmentation()
        elif self._before is not None:
            kept, self._before = self._before, None
            if not self.modified:
                self._saved.add(self.version)
            self._history.tell_replaced(_SEGMENTATION, kept)
        self.state_changed.emit()
        self.replaced.emit()

    def _forget_segmentation(self) -> None:
        """Go back to the labels from before the segmentation, as if it had never been."""
        if self._before is not None:
            kept, self._before = self._before, None
            self.labels, self._lent = kept.labels, kept.lent
            self.adopt_facts(kept.facts)
            self.changed.emit(self._whole)
            self._set_modified(self._is_unsaved)

    def drop_unfinished_labels(self) -> None:
        """Go back to the labels from before the segmentation that was stopped, as a step.

        Nothing happens where labels are those of a whole segmentation, or not of one.
        """
        index = self.history.find_last(_SEGMENTATION)
        if self.segmenting or not self.has_unfinished_labels or index is None:
            return
        back = self.history.labels_before(index)
        if back is None or back.after.result != self.result:
            return
        box = joint_box(back.differences)
        dropped = self.writable_voxels(box)[box].copy(order="K")
        self._history.apply(back.differences)
        self.adopt_facts(back.before)
        self._history.tell("drop unfinished labels", box, dropped)
        self._history.tell_back()
        self.replaced.emit()

    def replace_labels(self, labels: LabelMap, box: Box, name: str) -> None:
        """Take other labels of the same result in place of the current ones, and as partial.

        Parameters
        ----------
        labels : not to be written to any more by whoever made them.
        box : of the volume, which holds all of them.
        name : of the change, as a menu says it.
        """
        assert not self.segmenting
        old = self._keep()
        self._put(labels, self.source, has_labels=True, bbox=box, result=self.result)
        self.labels = replace(labels, partial=old.labels.partial)
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
        box = changed_box(old, new)
        with self._changing(box) as (_, before):
            apply_marks(self.labels.voxels, old, new)
        self.labels, self.version = replace(self.labels, marks=new), self.new_version()
        self._history.tell(name, box, before, follows=follows)
        self.changed.emit(box)
        self._set_modified(True)

    def open_labels(self, labels: LabelMap, file: str | None = None) -> None:
        """Take the labels of a file, which are saved there, in place of the current ones."""
        assert not self.segmenting
        old = self._keep()
        self._before = None
        nothing = Box.of_shape((0, 0, 0))  # a label map without labels
        box = Box.around(labels.voxels) or nothing
        self._put(labels, LabelSource(file=file), has_labels=True, bbox=box)
        self._saved.add(self.version)
        self._end_replacement("open labels", old, modified=False)

    def writable_voxels(self, box: Box) -> NDArray[np.uint8]:
        """All voxels, to be written to inside a box by the history alone."""
        return self._writable()

    @contextmanager
    def _changing(self, box: Box) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Yields the voxels of a box, to be written to, and a copy of what they were."""
        voxels = self._writable()[box]
        before = voxels.copy(order="K")
        finished = False
        try:
            yield voxels, before
            finished = True
        finally:
            if not finished:
                voxels[...] = before
        if np.array_equal(voxels, before):
            return
        self._counts = self._counts + count_labels(voxels) - count_labels(before)
        changed = Box.around(voxels)
        if changed is not None:
            self.label_bbox = changed.shifted(box.start).union(self.label_bbox)
        self.version = self.new_version()

    def _writable(self) -> NDArray[np.uint8]:
        """The array to write to: a copy, where the current one is lent to a job."""
        assert self.labels is not None
        if self._lent:
            self.labels = replace(self.labels, voxels=self.labels.voxels.copy(order="K"))
            self._lent = weakref.WeakSet()
        return self.labels.voxels

    def _keep(self) -> LabelSnapshot:
        return LabelSnapshot(self.snapshot(), self._lent, self.facts())

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
        self._lent = weakref.WeakSet([labels])  # whoever made them may still read them
        self._counts = no_counts() if bbox is None else count_labels(labels.voxels[bbox])
        self.label_bbox, self.has_labels, self.source = bbox, has_labels, source
        self.version = self.new_version()

    def _end_replacement(self, name: str, old: LabelSnapshot, *, modified: bool) -> None:
        self._history.tell_replaced(name, old)
        self.changed.emit(self._whole)
        self._set_modified(modified)
        self.replaced.emit()
