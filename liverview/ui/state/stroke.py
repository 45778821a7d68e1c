"""A stroke: an edit that is seen while it is made, piece by piece, and is one step to undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label

if TYPE_CHECKING:
    from liverview.editing.hand_edits import HandEdits
    from liverview.ui.state.label_store import LabelStore

_SLACK = 48  # voxels beyond what is needed by which its memory grows, so that it grows seldom

Draw = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Stroke:
    """An edit in pieces, from the press of a button to its release.

    It remembers what was under it, voxel by voxel: a voxel that it comes back to is drawn from what
    was there at first, so that erasing twice in one stroke erases once.

    Attributes
    ----------
    name : of the edit, as a menu says it.
    """

    def __init__(self, store: LabelStore, name: str) -> None:
        self.name = name
        self._store = store
        self._result = store.result
        self._area: Box | None = None  # of the two arrays below
        self._before = np.zeros((0, 0, 0), np.uint8)  # where it was touched
        self._touched = np.zeros((0, 0, 0), bool)
        # While labels stream nothing is a step, so that a stroke is taken back in another way.
        self._hand = store.hand.copy() if store.segmenting else None
        store.history.begin_step(name)

    @property
    def is_open(self) -> bool:
        """False once labels of another origin have come in place of those that it began on."""
        return self._store.result == self._result

    def add(self, box: Box, draw: Draw, defines: Label | None = None) -> None:
        """Draw a piece, where labels are still those that it began on.

        Parameters
        ----------
        box : of the volume.
        draw : makes the labels of the box, of its shape, from those before the stroke.
        defines : the label that is drawn; it counts as drawn from now on, where any voxel changes.

        Raises
        ------
        RuntimeError, ValueError : as `LabelStore.edit`.
        """
        store = self._store
        if not self.is_open or store.labels is None:
            return
        if (
            not store.history.is_step_open
        ):  # what streamed has ended meanwhile, and the step with it
            store.history.begin_step(self.name)
        here = self._reserve(box)
        touched, kept = self._touched[here], self._before[here]
        now = store.labels.voxels[box]
        before = np.where(touched, kept, now)
        drawn = draw(before)
        changed = (drawn != before) & (drawn != now)
        new = Box.around(changed)  # of a stroke that goes on, a sickle
        if new is None:
            return
        if defines is not None:
            store.define(defines)
        with store.edit(new.shifted(box.start), self.name) as voxels:
            np.copyto(voxels, drawn[new], where=changed[new])
        np.copyto(kept, before, where=changed)
        touched |= changed

    def covers(self, box: Box) -> NDArray[np.bool_]:
        """The voxels of a box that it has changed so far, of the box's shape."""
        here = self._reserve(box)
        return self._touched[here]

    def end(self) -> None:
        """End it: all pieces are one step."""
        self._store.history.end_step()

    def cancel(self) -> None:
        """Take everything back: the labels are as they were, to the bit."""
        self._store.history.cancel_step()
        if self._hand is not None and self.is_open:
            self._take_back(self._hand)

    def _take_back(self, hand: HandEdits) -> None:
        """Make it what it would be without the stroke: what has streamed meanwhile comes in."""
        store, area = self._store, self._area
        inner = Box.around(self._touched)
        if area is None or inner is None or store.labels is None:
            return
        box, mask = inner.shifted(area.start), self._touched[inner]
        with store.edit(box, self.name) as voxels:
            values = store.hand.take_back(box, mask, self._before[inner], hand, store.labels)
            np.copyto(voxels, values, where=mask)
        store.hand.take_back(box, mask, self._before[inner], hand, store.labels)

    def _reserve(self, box: Box) -> Box:
        """Have room for a box; where it lies in the arrays."""
        assert self._store.labels is not None
        area = self._area
        if area is None or area.union(box) != area:
            new = box.union(area).expanded(_SLACK, self._store.labels.shape)
            arrays = np.zeros(new.shape, np.uint8, order="F"), np.zeros(new.shape, bool, order="F")
            if area is not None:
                inside = area.shifted(np.negative(new.start).tolist())
                arrays[0][inside], arrays[1][inside] = self._before, self._touched
            self._area, (self._before, self._touched) = new, arrays
            area = new
        return box.shifted(np.negative(area.start).tolist())
