"""Labels that are written into, box by box, so that who reads them can go on reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.candidates import shown_candidates
from liverview.core.labels import Label
from liverview.editing.beneath import put_beneath
from liverview.editing.differences import find_differences
from liverview.ui.state.label_changes import count_labels
from liverview.ui.state.label_holder import LabelHolder
from liverview.ui.state.label_steps import WrittenPart
from liverview.ui.state.lent_labels import Ledger


class LabelWriting(LabelHolder):
    """Writes into the array of the labels; nobody but a `LabelStore` does.

    Signals
    -------
    candidates_changed : other candidates are known, or the certainty is another one from which
        they are tumors.
    """

    candidates_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lent = Ledger()  # of this array
        self._shown: tuple[tuple[object, ...], frozenset[int]] = ((), frozenset())

    @property
    def shown_candidates(self) -> frozenset[int]:
        """Indices of the candidates that are tumors beneath what was edited and ruled out."""
        labels = self.labels
        if labels is None:
            return frozenset()
        known = labels.candidates, labels.least_certainty, labels.marks
        same = zip(self._shown[0], known, strict=False)
        if not self._shown[0] or not all(one is other for one, other in same):
            self._shown = known, shown_candidates(*known)  # every repaint asks
        return self._shown[1]

    def writable_voxels(self, box: Box) -> NDArray[np.uint8]:
        """All voxels, to be written to inside a box by the history alone."""
        voxels = self._writable()
        self._lent.note(box, voxels[box].copy(order="K"))
        return voxels

    @contextmanager
    def _changing(
        self, box: Box, *, by_hand: bool = True
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Yields the voxels of a box, to be written to, and a copy of what they were."""
        voxels = self._writable()[box]
        before = voxels.copy(order="K")
        self._lent.note(box, before)
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
        if by_hand and self.labels is not None:
            self.hand.follow(box, before, self.labels)

    def _writable(self) -> NDArray[np.uint8]:
        """The array to write to: a copy, where whoever made the current one still has it."""
        assert self.labels is not None
        if self._lent.is_shared:
            self.labels = replace(self.labels, voxels=self.labels.voxels.copy(order="K"))
            self._lent = Ledger()
        return self.labels.voxels

    def _write_candidates(self, was: frozenset[int], now: frozenset[int]) -> list[WrittenPart]:
        """Make candidates tumors, and others none, beneath what was edited; one by one."""
        assert self.labels is not None
        written = []
        for index in sorted(was ^ now):
            part, labels = self.labels.candidates[index], self.labels
            values = np.full(part.box.shape, Label.TUMOR, np.uint8)
            values = values if index in now else part.otherwise
            with self._changing(part.box, by_hand=False) as (voxels, before):
                voxels[...] = put_beneath(self.hand, part.box, part.mask, values, labels)
            written.append(written_part(part.box, before, voxels))
        return written


def written_part(box: Box, before: NDArray[np.uint8], now: NDArray[np.uint8]) -> WrittenPart:
    """A box that was written into, (i, j, k) uint8 before and right after it."""
    return WrittenPart(box, before, find_differences(before, now, box.start))
