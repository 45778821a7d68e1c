"""What a person edited of the labels, as panels and views show it."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.core.edited_volume import EditedVolumes
from liverview.core.labels import FOREGROUND, label_family
from liverview.core.volume import Plane
from liverview.ui.state.label_store import LabelStore

EditedSlice: TypeAlias = tuple[NDArray[np.uint8], Box]
MEANWHILE = "Your edits stay; the segmentation fills in the rest."
_REFRESH_MS = 50


class Edited(IntEnum):
    """Ways in which a person edited a voxel; 0 is none."""

    ADDED = 1
    REMOVED = 2
    OTHER = 3


class HandEditing(QObject):
    """Follows the labels a few times a second, and says once that edits win over what streams.

    Attributes
    ----------
    volumes : that were added and removed by hand, of labels as reported.
    there : whether labels differ from the result that they began with.
    shown : whether views draw what differs.

    Signals
    -------
    changed : any of these.
    shown_changed : whether views draw it.
    message : a sentence for the person.
    """

    changed = Signal()
    shown_changed = Signal(bool)
    message = Signal(str)

    def __init__(self, store: LabelStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._told = False  # of the segmentation under way
        self.volumes: EditedVolumes = {}
        self.there = False
        self.shown = False
        self._slices: dict[Plane, tuple[object, EditedSlice | None]] = {}
        self._timer = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        store.changed.connect(self._on_labels_changed)
        store.state_changed.connect(self._on_state_changed)
        store.replaced.connect(self.refresh)
        store.edited_meanwhile.connect(self._on_edited_meanwhile)

    def refresh(self) -> None:
        """Take the volumes of the labels as they are now."""
        self._timer.stop()
        labels, hand = self._store.labels, self._store.hand
        volumes = {} if labels is None else hand.volumes(labels)
        there = labels is not None and hand.has_any(labels)
        if (volumes, there) != (self.volumes, self.there):
            self.volumes, self.there = volumes, there
            self.changed.emit()

    def set_shown(self, shown: bool) -> None:
        """Draw what differs, or not."""
        if shown != self.shown:
            self.shown = shown
            self.shown_changed.emit(shown)
            self.changed.emit()

    def slice_of(self, plane: Plane, index: int) -> EditedSlice | None:
        """Values of `Edited` in a plane's slice, (rows, columns), and their box.

        None where nothing in the slice was edited.
        """
        store = self._store
        key = (store.hand, store.hand.revision, store.version, index)
        kept = self._slices.get(plane)
        if kept is None or kept[0] != key:  # every repaint asks
            self._slices[plane] = kept = key, self._cut(plane, index)
        return kept[1]

    def _cut(self, plane: Plane, index: int) -> EditedSlice | None:
        labels = self._store.labels
        found = None
        if labels is not None:
            found = self._store.hand.slice_of(labels, plane.axis, index)
        if found is None:
            return None
        box, before, now = found
        ways = _WAYS[before, now]
        return (plane.slice_of(ways, 0), box) if ways.any() else None

    def _on_labels_changed(self, box: Box) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_state_changed(self) -> None:
        if not self._store.segmenting:
            self._told = False
        self.refresh()

    def _on_edited_meanwhile(self) -> None:
        if not self._told:
            self._told = True
            self.message.emit(MEANWHILE)


def _make_ways() -> NDArray[np.uint8]:
    """The way of every pair of the value before and the one now, (256, 256).

    A tumor in the liver is added, and the liver stays; a vessel in its place is another label.
    """
    known = {int(n) for label in FOREGROUND for n in label_family(label)}
    within = [
        {int(up) for up in FOREGROUND if n in label_family(up)} for n in range(max(known) + 1)
    ]
    table = np.full((256, 256), Edited.OTHER, np.uint8)
    for before in (0, *known):
        for now in (0, *known):
            more, less = within[now] - within[before], within[before] - within[now]
            if not less:
                table[before, now] = Edited.ADDED
            elif not more:
                table[before, now] = Edited.REMOVED
    np.fill_diagonal(table, 0)
    return table


_WAYS = _make_ways()
