"""A stroke: an edit that is seen while it is made, piece by piece, and is one step to undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label

if TYPE_CHECKING:
    from liverview.ui.state.label_store import LabelStore

_SLACK = 48  # voxels beyond what is needed by which its memory grows, so that it grows seldom

Change = tuple[str, Box, NDArray[np.uint8]]
Draw = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Stroke:
    """An edit in pieces, begun by `LabelStore.begin_stroke`.

    It remembers what was under it, voxel by voxel: a voxel that it comes back to is drawn from what
    was there at first, so that erasing twice in one stroke erases once.

    Attributes
    ----------
    name : of the edit, as a menu says it.
    is_open : False once it has ended, also by another change of the labels.
    """

    def __init__(self, store: LabelStore, name: str) -> None:
        assert store.labels is not None
        self.name = name
        self.is_open = True
        self._store = store
        self._had_labels, self._was_modified = store.has_labels, store.modified
        self._defined = store.labels.defined
        self._area: Box | None = None  # of the two arrays below
        self._before = np.zeros((0, 0, 0), np.uint8)  # where it was touched
        self._touched = np.zeros((0, 0, 0), bool)
        self._box: Box | None = None  # the union of all pieces that changed something

    def add(self, box: Box, draw: Draw, defines: Label | None = None) -> None:
        """Draw a piece.

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
        assert self.is_open
        assert store.labels is not None
        here = self._reserve(box)
        touched, kept = self._touched[here], self._before[here]
        now = store.labels.voxels[box]
        before = np.where(touched, kept, now) if touched.any() else now.copy(order="K")
        drawn = draw(before)
        new = np.where(drawn != before, drawn, now)
        changed = new != now
        if not changed.any():
            return
        if defines is not None:
            define_label(store, defines)
        kept[changed] = before[changed]
        touched |= changed
        self._box = box.union(self._box)
        with store.edit(box, self.name, told=False) as voxels:
            voxels[...] = new

    def covers(self, box: Box) -> NDArray[np.bool_]:
        """The voxels of a box that it has changed so far, of the box's shape."""
        here = self._reserve(box)
        return self._touched[here]

    def cancel(self) -> None:
        """Take everything back: the labels are as they were, to the bit."""
        store, change = self._store, self.close()
        if change is None:
            return
        name, box, before = change
        store.set_defined(self._defined)
        store.finish_stroke()
        with store.edit(box, name, told=False) as voxels:
            voxels[...] = before
        if not self._had_labels:
            store.has_labels = False
            store.changed.emit(box)
        if not self._was_modified:
            store.mark_saved()

    def close(self) -> Change | None:
        """End it, for the store alone: name, box and what was in it before; None for nothing."""
        was_open, self.is_open = self.is_open, False
        if not was_open or self._box is None or self._store.labels is None:
            return None
        area = self._reserve(self._box)
        now = self._store.labels.voxels[self._box]
        before = np.where(self._touched[area], self._before[area], now)
        if np.array_equal(before, now):
            return None
        return self.name, self._box, np.asfortranarray(before)

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


def define_label(store: LabelStore, label: Label) -> None:
    """Say that the labels name a label from now on: somebody draws it."""
    if store.labels is not None and store.labels.defined is not None:
        store.set_defined(store.labels.defined | {label})
