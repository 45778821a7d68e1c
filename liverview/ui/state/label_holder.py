"""The labels of the open case, with all that is known of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, Label, count_with_parts
from liverview.core.volume import LabelMap
from liverview.editing.hand_edits import HandEdits
from liverview.ui.state.label_changes import LabelSource, LabelState, no_counts
from liverview.ui.state.label_facts import About, LabelFacts, about_of, is_about, with_about


class LabelHolder(QObject):
    """Labels to look at; `LabelStore` changes them.

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
    hand : what a person edited of the result, to be asked and never to be changed.

    Signals
    -------
    changed : labels inside a `Box` of the volume are others.
    modified_changed : `modified` is another one.
    state_changed : a segmentation begins or ends, or its unfinished labels are dropped.
    """

    changed = Signal(object)
    state_changed = Signal()
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
        self.hand = HandEdits()
        self._found = False  # whether the segmentation has found anything
        self._results = 0
        self._versions = 0
        self._counts: NDArray[np.int64] = no_counts()
        self._saved: set[int] = set()  # versions that are in a file, or have nothing to save
        self._about: About | None = None  # of the labels when last asked
        self._ignored: NDArray[np.bool_] | None = None  # as it was then

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

    def mark_saved(self, version: int | None = None) -> None:
        """The labels of a version, by default the current one, are saved."""
        self._saved = {self.version if version is None else version}
        if self.version in self._saved or not self.segmenting:
            self._set_modified(self._is_unsaved)

    def define(self, label: Label) -> None:
        """Say that the labels name a label from now on: somebody draws it."""
        if self.labels is not None and self.labels.defined is not None:
            self.labels = replace(self.labels, defined=self.labels.defined | {label})

    # ---- going back --------------------------------------------------------------------------

    def facts(self, *, by_hand: bool = False) -> LabelFacts:
        """What is known of the labels as they are, for `adopt_facts`.

        With ``by_hand``, also what was edited: for labels that may come back from another result.
        """
        assert self.labels is not None
        return LabelFacts(
            self.version,
            self.result,
            self._counts,
            self.label_bbox,
            self.has_labels,
            self.source,
            self._about_labels(),
            self.hand.copy() if by_hand else None,
        )

    def adopt_facts(self, facts: LabelFacts) -> None:
        """Know again what was known of labels; their voxels are back, and `tell_back` follows."""
        self.adopt_about(facts.about)
        self.version, self.result, self._counts = facts.version, facts.result, facts.counts
        self.label_bbox, self.has_labels = facts.label_bbox, facts.has_labels
        self.source = facts.source
        if facts.hand is not None:
            self.hand = facts.hand.copy()

    def adopt_about(self, about: About) -> None:
        """Know again what a label map says beside its voxels."""
        assert self.labels is not None
        if about is not self._about_labels():
            self.labels = with_about(self.labels.voxels, about)
            self._about, self._ignored = about, self.labels.ignored

    def adopt_hand(self, hand: HandEdits) -> None:
        """Know what was edited by hand in labels that were opened."""
        self.hand = hand

    def tell_back(self, box: Box) -> None:
        """Tell that labels have come back, which differ in a box from those that were there."""
        self.changed.emit(box)
        self._set_modified(self._is_unsaved)
        self.state_changed.emit()

    def new_version(self) -> int:
        """A number that no version has."""
        self._versions += 1
        return self._versions

    def new_result(self) -> int:
        """A number that no result has."""
        self._results += 1
        return self._results

    def _about_labels(self) -> About:
        """The fields of the label map; the same dict as long as they are the same."""
        assert self.labels is not None
        known = self._about is not None and is_about(self._about, self.labels)
        if self._about is None or not known or self.labels.ignored is not self._ignored:
            self._about, self._ignored = about_of(self.labels), self.labels.ignored
        return self._about

    @property
    def _is_unsaved(self) -> bool:
        return self.has_labels and self.version not in self._saved

    @property
    def _whole(self) -> Box:
        assert self.labels is not None
        return Box.of_shape(self.labels.shape)

    def _set_modified(self, modified: bool) -> None:
        if modified != self.modified:
            self.modified = modified
            self.modified_changed.emit()
