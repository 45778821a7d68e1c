"""Slices of the open volume and its labels, as the views show them at the crosshair."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.volume import Plane
from liverview.ui.state.display import Projection

if TYPE_CHECKING:
    from liverview.ui.state.session import Session

_MOST_COPIED = 1 << 20  # voxels of a change: they are copied before the next picture

LabelSlice: TypeAlias = tuple[NDArray[np.uint8], tuple[int, int]]
"""Labels of a block of a slice, (rows, columns), and the row and column of its first voxel."""


class SliceReader(QObject):
    """Cuts slices; for the plane whose slices are scattered over memory, from copies.

    Signals
    -------
    preview_changed : other labels are drawn than there are.
    """

    preview_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._volume_copy: NDArray[Any] | None = None
        self._label_copy: NDArray[np.uint8] | None = None
        self._copied: tuple[NDArray[np.uint8], Box] | None = None  # the array, and where of it
        self._preview: Callable[[Plane], LabelSlice | None] | None = None
        # The first to hear of it, so that no view reads a copy of what was there.
        session.store.changed.connect(self._on_labels_changed)

    def forget(self) -> None:
        """Drop all copies: another volume is open."""
        self._volume_copy = self._label_copy = self._copied = self._preview = None

    def set_volume_copy(self, copy: NDArray[Any]) -> None:
        """Read slices from a slice-contiguous copy of the volume; they look the same."""
        self._volume_copy = copy

    def set_label_copy(self, copy: NDArray[np.uint8]) -> None:
        """Read labels from a slice-contiguous copy of their box; edits inside it go there, too.

        The copy belongs to the reader from now on.
        """
        store = self._session.store
        assert store.labels is not None
        assert store.label_bbox is not None
        self._label_copy, self._copied = copy, (store.labels.voxels, store.label_bbox)

    @property
    def has_label_copy(self) -> bool:
        """True where the copy of the labels is that of the labels as they are."""
        return self._label_copy is not None

    def preview_labels(self, read: Callable[[Plane], LabelSlice | None]) -> None:
        """Show labels that are not there yet, given as `labels` does, until they change."""
        self._preview = read
        self.preview_changed.emit()

    def values(self, plane: Plane) -> NDArray[Any]:
        """The stored values of a plane's slice, (rows, columns), in one piece.

        Of a slab, its maximum or mean.
        """
        session = self._session
        assert session.volume is not None
        voxels, index = session.volume.voxels, session.crosshair[plane.axis]
        slab = session.display.slab
        slices = slab.slices(index, session.volume.spacing[plane.axis], voxels.shape[plane.axis])
        if self._volume_copy is not None and plane is Plane.least_contiguous(voxels):
            thick = self._volume_copy[slices]
        else:
            thick = voxels.transpose(plane.axis, plane.vertical_axis, plane.horizontal_axis)[slices]
        if len(thick) == 1:
            return np.ascontiguousarray(thick[0])
        if slab.projection is Projection.MAXIMUM:
            values: NDArray[Any] = thick.max(axis=0)
        else:
            values = thick.mean(axis=0, dtype=np.float32)
        return np.ascontiguousarray(values)

    def labels(self, plane: Plane) -> LabelSlice | None:
        """The labels of a plane's slice, of a slab's middle; None where it has none.

        Only the block with labels is read, (rows, columns) in one piece, and the row and column
        of its first voxel.
        """
        if self._preview is not None:
            return self._preview(plane)
        store, index = self._session.store, self._session.crosshair[plane.axis]
        box = store.label_bbox
        if store.labels is None or box is None:
            return None
        if not box[plane.axis].start <= index < box[plane.axis].stop:
            return None
        rows, columns = box[plane.vertical_axis], box[plane.horizontal_axis]
        voxels = store.labels.voxels
        if self._label_copy is not None and plane is Plane.least_contiguous(voxels):
            block = self._label_copy[index - box[plane.axis].start]
        else:
            block = np.ascontiguousarray(plane.slice_of(voxels, index)[rows, columns])
        return block, (rows.start, columns.start)

    def _on_labels_changed(self, box: Box) -> None:
        self._preview = None
        if self._label_copy is not None and not self._copy_change(self._label_copy, box):
            self._label_copy = self._copied = None

    def _copy_change(self, copy: NDArray[np.uint8], box: Box) -> bool:
        """Write a change into the copy; False where it is of other labels, or too much."""
        store, known = self._session.store, self._copied
        if store.labels is None or known is None or store.segmenting or box.size > _MOST_COPIED:
            return False
        voxels, copied = known
        if voxels is not store.labels.voxels or copied != store.label_bbox:
            return False
        inside = copied.intersection(box)
        if inside is not None:
            plane = Plane.least_contiguous(voxels)
            order = plane.axis, plane.vertical_axis, plane.horizontal_axis
            there = inside.shifted([-n for n in copied.start])
            i, j, k = (there[axis] for axis in order)
            copy[i, j, k] = voxels[inside].transpose(order)
        return True
