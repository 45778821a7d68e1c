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
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, Label, count_with_parts
from liverview.core.review import LesionMark, apply_marks, changed_box
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.ui.state.label_changes import (
    LabelChange,
    LabelHistory,
    LabelSnapshot,
    LabelSource,
    LabelState,
    count_labels,
    empty_labels,
    no_counts,
)


class LabelStore(QObject):
    """Holds the labels; whoever changes them does so here.

    Nobody writes into the label map from outside. Jobs on other threads get a `snapshot`: its
    array never changes, for the first change that comes meanwhile is made in a copy.

    Attributes
    ----------
    labels : the label map on the grid of the open volume; None without one. Its array is
        another one after a change that was made in a copy.
    version : another number after every change of a voxel; labels that come back bring theirs.
    result : a number that stays while a result grows or is edited, and is another one for
        labels of another origin; labels that come back bring theirs.
    label_bbox : a block of the volume that holds all labels; None without any.
    source : where the labels come from.
    has_labels : whether a segmentation or a file has said something about this volume.
    segmenting : whether a segmentation is under way.
    modified : whether there are changes that are not saved.

    Signals
    -------
    changed : labels inside a `Box` of the volume are others.
    modified_changed : `modified` is another one.
    state_changed : a segmentation begins or ends, or its unfinished labels are dropped.
    replaced : labels of another origin are there, which know nothing of the marks of those before.
    """

    changed = Signal(object)
    state_changed = Signal()
    replaced = Signal()
    modified_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.labels: LabelMap | None = None
        self.version = 0
        self.result = 0
        self.label_bbox: Box | None = None
        self.source = LabelSource()
        self.has_labels = False
        self.segmenting = False
        self.modified = False
        self._found = False  # whether the segmentation has found anything
        self._results = 0
        self._versions = 0
        self._editing = False
        self._counts: NDArray[np.int64] = no_counts()
        self._before: LabelSnapshot | None = None  # from before the segmentation
        self._lent: weakref.WeakSet[LabelMap] = weakref.WeakSet()  # snapshots of this array
        self._history = LabelHistory()

    # ---- reading ---------------------------------------------------------------------------

    @property
    def state(self) -> LabelState:
        """Stage of the labels."""
        if self.segmenting:
            return LabelState.STREAMING
        if self.has_unfinished_labels:
            return LabelState.PARTIAL
        return LabelState.COMPLETE if self.has_labels else LabelState.NONE

    @property
    def has_unfinished_labels(self) -> bool:
        """Whether a segmentation that has not ended, or was stopped, has left labels."""
        partial = self.labels is not None and self.labels.partial
        return partial and (self._found or not self.segmenting)

    @property
    def can_be_saved(self) -> bool:
        """True where there are labels that hold still."""
        return self.state in (LabelState.PARTIAL, LabelState.COMPLETE)

    def snapshot(self) -> LabelMap:
        """The labels as they are now, for a job: they never change, whatever comes meanwhile."""
        assert self.labels is not None
        lent = replace(self.labels)
        self._lent.add(lent)
        return lent

    def volume_ml(self, label: Label) -> float:
        """Volume of a label in mL, NaN where nothing names it; the liver is the whole organ."""
        if self.labels is None:
            return 0.0
        voxels = count_with_parts({label: int(self._counts[label]) for label in FOREGROUND})
        return voxels[label] * self.labels.voxel_ml if self.labels.defines(label) else float("nan")

    def label_at(self, voxel: Voxel) -> Label:
        """The label at a voxel; values that no label has count as background."""
        assert self.labels is not None
        value = int(self.labels.voxels[voxel])
        return Label(value) if value in set(Label) else Label.BACKGROUND

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
        self._history.tell(name, box, before, self.version)
        self.changed.emit(box)
        self._set_modified(True)

    def add_history(self, hook: Callable[[LabelChange], object]) -> None:
        """Have a function called after every change that a person could undo."""
        self._history.hooks.append(hook)

    def reset(self, volume: Volume) -> None:
        """Begin with the empty labels of another volume."""
        self._before, self.segmenting = None, False
        self._put(empty_labels(volume), LabelSource(), has_labels=False, bbox=None)

    def begin_segmentation(self, device: str | None = None) -> None:
        """Put the current labels aside and start with empty ones."""
        assert self.labels is not None
        self._before = self._keep()
        self.segmenting, self._found = True, False
        empty = empty_labels(self.labels, partial=True)  # until it has ended
        self._put(empty, LabelSource(device=device), self.has_labels, bbox=None)
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
        before = self._before
        if complete:
            self._before, self.labels = None, replace(self.labels, partial=False)
        if not complete and not self._found:
            self.drop_unfinished_labels()
        elif before is not None:
            self._tell_replaced("segmentation", before)
        self.state_changed.emit()
        self.replaced.emit()

    def drop_unfinished_labels(self) -> None:
        """Go back to the labels from before the segmentation."""
        if self._before is None:
            return
        kept, self._before, dropped = self._before, None, self._keep()
        had_some, self._found = self._found, False
        self._restore(kept)
        if had_some and not self.segmenting:
            self._tell_replaced("drop unfinished labels", dropped)
        self.changed.emit(self._whole)
        self._set_modified(kept.modified)
        self.state_changed.emit()
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

    def set_marks(self, marks: Sequence[LesionMark], name: str) -> None:
        """Take other marks: lesions that are ruled out leave the labels, others come back."""
        assert self.labels is not None
        assert not self.segmenting
        old, new = self.labels.marks, tuple(marks)
        if old == new:
            return
        box = changed_box(old, new)
        with self._changing(box) as (_, before):
            apply_marks(self.labels.voxels, old, new)
        self.labels, self.version = replace(self.labels, marks=new), self._new_version()
        self._history.tell(name, box, before, self.version)
        self.changed.emit(box)
        self._set_modified(True)

    def open_labels(self, labels: LabelMap, file: str | None = None, *, saved: bool = True) -> None:
        """Take the labels of a file, by default saved there, in place of the current ones."""
        assert not self.segmenting
        old = self._keep()
        self._before = None
        nothing = Box.of_shape((0, 0, 0))  # a label map without labels
        box = Box.around(labels.voxels) or nothing
        self._put(labels, LabelSource(file=file), has_labels=True, bbox=box)
        self._end_replacement("open labels", old, modified=not saved)

    def mark_saved(self, version: int | None = None) -> None:
        """The labels of a version, by default the current one, are saved."""
        if version is None or version == self.version:
            self._set_modified(False)

    @property
    def _whole(self) -> Box:
        assert self.labels is not None
        return Box.of_shape(self.labels.shape)

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
        self.version = self._new_version()

    def _writable(self) -> NDArray[np.uint8]:
        """The array to write to: a copy, where the current one is lent to a job."""
        assert self.labels is not None
        if self._lent:
            self.labels = replace(self.labels, voxels=self.labels.voxels.copy(order="K"))
            self._lent = weakref.WeakSet()
        return self.labels.voxels

    def _keep(self) -> LabelSnapshot:
        snapshot, lent, version = self.snapshot(), self._lent, self.version
        result, counts, box = self.result, self._counts, self.label_bbox
        rest = self.has_labels, self.modified, self.source
        return LabelSnapshot(snapshot, lent, version, result, counts, box, *rest)

    def _put(
        self,
        labels: LabelMap,
        source: LabelSource,
        has_labels: bool,
        bbox: Box | None,
        result: int | None = None,
    ) -> None:
        """Labels that were not here before, by default of a result of their own."""
        if result is None:
            self._results += 1
            result = self._results
        self.labels, self.result = replace(labels), result
        self._lent = weakref.WeakSet([labels])  # whoever made them may still read them
        self._counts = no_counts() if bbox is None else count_labels(labels.voxels[bbox])
        self.label_bbox, self.has_labels, self.source = bbox, has_labels, source
        self.version = self._new_version()

    def _restore(self, kept: LabelSnapshot) -> None:
        self.labels, self._lent = replace(kept.labels), kept.lent
        self.result, self._counts = kept.result, kept.counts
        self.label_bbox, self.has_labels = kept.label_bbox, kept.has_labels
        self.source, self.version = kept.source, kept.version

    def _new_version(self) -> int:
        self._versions += 1
        return self._versions

    def _tell_replaced(self, name: str, old: LabelSnapshot) -> None:
        self._history.tell_replaced(name, old, self.label_bbox, self.version)

    def _end_replacement(self, name: str, old: LabelSnapshot, *, modified: bool) -> None:
        self._tell_replaced(name, old)
        self.changed.emit(self._whole)
        self._set_modified(modified)
        self.replaced.emit()

    def _set_modified(self, modified: bool) -> None:
        if modified != self.modified:
            self.modified = modified
            self.modified_changed.emit()
