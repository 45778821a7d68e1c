"""The session: the open case and how it is looked at. The one mutable object."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.grid import Voxel
from liverview.core.labels import (
    FOREGROUND,
    DrawStyle,
    Label,
    LabelStyle,
    count_with_parts,
    default_styles,
)
from liverview.core.stream import Progress, Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.ui.state.display import Display, Projection
from liverview.ui.state.overlay import Overlay

_Box: TypeAlias = tuple[slice, slice, slice]
LabelSlice: TypeAlias = tuple[NDArray[np.uint8], tuple[int, int]]
"""Labels of a block of a slice, (rows, columns), and the row and column of its first voxel."""


class Convention(Enum):
    """Which side of the patient is on the left of the screen."""

    RADIOLOGICAL = "Radiological"
    NEUROLOGICAL = "Neurological"


class Session(QObject):
    """State and its signals; widgets read the session rather than trust what a signal says.

    Signals
    -------
    volume_changed : another volume is open; labels, reference and crosshair are new as well.
    reference_changed : the labels are compared with other ones.
    crosshair_changed, window_changed, styles_changed, view_changed, modified_changed,
    overlay_changed.
    labels_changed : labels of the axial slices [start, stop) changed.
    preview_changed : other labels are drawn than there are.
    progress_changed : the running work went on, started or stopped.
    """

    volume_changed = Signal()
    reference_changed = Signal()
    crosshair_changed = Signal()
    window_changed = Signal()
    styles_changed = Signal()
    view_changed = Signal()
    modified_changed = Signal()
    overlay_changed = Signal()
    labels_changed = Signal(int, int)
    preview_changed = Signal()
    progress_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.volume: Volume | None = None
        self.labels: LabelMap | None = None
        self.reference: LabelMap | None = None  # what the labels are compared with
        self.path: Path | None = None
        self.crosshair: Voxel = (0, 0, 0)
        self.level = 40.0
        self.width = 400.0
        self.styles: dict[Label, LabelStyle] = default_styles()
        self.display = Display(self)
        self.overlay: Overlay | None = None
        self.convention = Convention.RADIOLOGICAL
        self.show_crosshair = True
        self.show_text = True
        self.modified = False
        self.segmenting = False
        self.progress: Progress | None = None
        self.has_labels = False  # a segmentation has said something about this volume
        self.has_unfinished_labels = False  # a segmentation that was stopped has left labels
        self._counts: NDArray[np.int64] = np.zeros(max(Label) + 1, np.int64)
        self._before: _LabelSnapshot | None = None
        self._hu_window: tuple[float, float] | None = None  # from before a volume not in HU
        self._turned: NDArray[Any] | None = None
        self._turned_labels: NDArray[np.uint8] | None = None
        self._labeled: _Box | None = None
        self._preview: Callable[[Plane], LabelSlice | None] | None = None

    # ---- the case --------------------------------------------------------------------

    def open(
        self, volume: Volume, path: Path | None = None, reference: LabelMap | None = None
    ) -> None:
        """Adopt a volume, with its true labels if they are known: the crosshair in the middle."""
        self.volume = volume
        self.reference = reference
        self.path = path
        self.labels = _empty_labels(volume)
        self._before, self.has_unfinished_labels, self.has_labels = None, False, False
        self.segmenting = False
        self._counts = np.zeros(max(Label) + 1, np.int64)
        self._turned, self._turned_labels = None, None
        self._labeled, self._preview = None, None
        self.set_overlay(None)
        i, j, k = (n // 2 for n in volume.shape)
        self.crosshair = (i, j, k)
        self._choose_window()
        self.volume_changed.emit()
        self._set_modified(False)

    def set_reference(self, reference: LabelMap) -> None:
        """Compare the labels with others on the same grid."""
        self.reference = reference
        self.reference_changed.emit()

    def _choose_window(self) -> None:
        """Values that are no HU get a window of their own; the next scan, the usual one."""
        assert self.volume is not None
        if not self.volume.in_hu:
            self._hu_window = self.hu_window
            self.auto_window()
        elif self._hu_window is not None:
            (level, width), self._hu_window = self._hu_window, None
            self.set_window(level, width)

    @property
    def hu_window(self) -> tuple[float, float]:
        """Level and width as last used for a volume in HU."""
        return self._hu_window or (self.level, self.width)

    def _restore(self, kept: _LabelSnapshot) -> None:
        assert self.volume is not None
        self.labels, self._counts = kept.labels, kept.counts
        self.has_labels, self._labeled = kept.has_labels, kept.labeled
        self._turned_labels, self._preview = None, None
        self.labels_changed.emit(0, self.volume.shape[2])
        self._set_modified(kept.modified)

    # ---- segmentation ----------------------------------------------------------------

    def begin_segmentation(self) -> None:
        """Put the current labels aside and start with empty ones."""
        assert self.volume is not None
        assert self.labels is not None
        self._before = _LabelSnapshot(
            self.labels, self._counts, self.modified, self.has_labels, self._labeled
        )
        self.segmenting = True
        self.has_unfinished_labels = False
        empty = _empty_labels(self.volume)
        counts = np.zeros(max(Label) + 1, np.int64)
        self._restore(_LabelSnapshot(empty, counts, self.modified, self.has_labels, None))
        self.progress_changed.emit()

    def merge_slab(self, slab: Slab) -> None:
        """Take a slab of the running segmentation into the label map."""
        assert self.labels is not None
        part = self.labels.voxels[:, :, slab.start : slab.stop]
        # Not in place: the counts from before the segmentation are kept.
        new, old = _count_labels(slab.labels[slab.label_bbox]), np.zeros_like(self._counts)
        if self._labeled is not None:
            old = _count_labels(part[self._labeled[:2]])
        self._counts = self._counts + new - old
        touched = bool(new.any() or old.any())
        part[...] = slab.labels
        self._labeled = _bbox_with_slab(self._labeled, slab)
        self._turned_labels = None
        self.has_unfinished_labels = self.has_unfinished_labels or touched
        self.has_labels = True
        self.labels_changed.emit(slab.start, slab.stop)
        self._set_modified(self.modified or touched)

    def end_segmentation(self, *, complete: bool) -> None:
        """The segmentation is over; one that found nothing before it stopped is forgotten."""
        self.segmenting = False
        if complete:
            self._before, self.has_unfinished_labels = None, False
        elif not self.has_unfinished_labels:
            self.drop_unfinished_labels()
        self.set_progress(None)

    def drop_unfinished_labels(self) -> None:
        """Go back to the labels from before the segmentation."""
        if self._before is not None:
            kept, self._before = self._before, None
            self.has_unfinished_labels = False
            self._restore(kept)

    def replace_labels(self, labels: LabelMap, box: _Box) -> None:
        """Take other labels in place of the current ones, which are left as they are.

        ``box`` of the volume holds all of them.
        """
        assert not self.segmenting
        self._restore(_LabelSnapshot(labels, _count_labels(labels.voxels[box]), True, True, box))

    def open_labels(self, labels: LabelMap) -> None:
        """Take the labels of a file, which are saved there, in place of the current ones."""
        assert not self.segmenting
        box = _bbox_with_slab(None, Slab(0, labels.voxels))
        whole = (slice(0), slice(0), slice(0))  # a label map without labels
        self.has_unfinished_labels, self._before = False, None
        self._restore(
            _LabelSnapshot(labels, _count_labels(labels.voxels), False, True, box or whole)
        )

    def preview_labels(self, cut: Callable[[Plane], LabelSlice | None]) -> None:
        """Draw labels that are not there yet, given as `slice_labels` does, until they change."""
        self._preview = cut
        self.preview_changed.emit()

    def set_progress(self, progress: Progress | None) -> None:
        self.progress = progress
        self.progress_changed.emit()

    def mark_saved(self) -> None:
        self._set_modified(False)

    def _set_modified(self, modified: bool) -> None:
        if modified != self.modified:
            self.modified = modified
            self.modified_changed.emit()

    # ---- measurements that are cheap enough to be live -----------------------------------

    def volume_ml(self, label: Label) -> float:
        """mL of a label; the liver is the whole organ."""
        if self.labels is None:
            return 0.0
        voxels = count_with_parts({shown: int(self._counts[shown]) for shown in FOREGROUND})
        return voxels[label] * self.labels.voxel_ml

    def label_at(self, voxel: Voxel) -> Label:
        """The label at a voxel; values that no label has count as background."""
        assert self.labels is not None
        value = int(self.labels.voxels[voxel])
        return Label(value) if value in Label._value2member_map_ else Label.BACKGROUND

    # ---- slices --------------------------------------------------------------------------

    def set_slow_axis_copy(self, turned: NDArray[Any]) -> None:
        """Adopt a `slice_contiguous_copy` of the open volume; slices look the same, come sooner."""
        self._turned = turned

    @property
    def label_bbox(self) -> tuple[slice, slice, slice] | None:
        """A block of the volume that holds all labels; None without any."""
        return self._labeled

    def set_slow_axis_labels(self, turned: NDArray[np.uint8]) -> None:
        """Adopt a `slice_contiguous_copy` of the `label_bbox`; it goes when the labels change."""
        self._turned_labels = turned

    def slice_values(self, plane: Plane) -> NDArray[Any]:
        """The stored values of a plane's slice at the crosshair, (rows, columns), in one piece.

        Of a slab, its maximum or mean.
        """
        assert self.volume is not None
        voxels, index = self.volume.voxels, self.crosshair[plane.axis]
        slab = self.display.slab
        slices = slab.slices(index, self.volume.spacing[plane.axis], voxels.shape[plane.axis])
        if self._turned is not None and plane is Plane.least_contiguous(voxels):
            thick = self._turned[slices]
        else:
            thick = voxels.transpose(plane.axis, plane.vertical_axis, plane.horizontal_axis)[slices]
        if len(thick) == 1:
            return np.ascontiguousarray(thick[0])
        if slab.projection is Projection.MAXIMUM:
            values: NDArray[Any] = thick.max(axis=0)
        else:
            values = thick.mean(axis=0, dtype=np.float32)
        return np.ascontiguousarray(values)

    def slice_labels(self, plane: Plane) -> LabelSlice | None:
        """The labels of a plane's slice at the crosshair, of a slab's middle.

        Only the block with labels is read, (rows, columns) in one piece, and the row and column
        of its first voxel; None where the slice has no labels.
        """
        assert self.labels is not None
        if self._preview is not None:
            return self._preview(plane)
        box, index = self._labeled, self.crosshair[plane.axis]
        if box is None or not box[plane.axis].start <= index < box[plane.axis].stop:
            return None
        rows, columns = box[plane.vertical_axis], box[plane.horizontal_axis]
        if self._turned_labels is not None and plane is Plane.least_contiguous(self.labels.voxels):
            block = self._turned_labels[index - box[plane.axis].start]
        else:
            block = np.ascontiguousarray(plane.slice_of(self.labels.voxels, index)[rows, columns])
        return block, (rows.start, columns.start)

    # ---- looking -------------------------------------------------------------------------

    def set_crosshair(self, voxel: Voxel) -> None:
        """Move the crosshair, kept inside the volume."""
        if self.volume is None:
            return
        i, j, k = (
            int(np.clip(round(v), 0, n - 1)) for v, n in zip(voxel, self.volume.shape, strict=True)
        )
        if (i, j, k) != self.crosshair:
            self.crosshair = (i, j, k)
            self.crosshair_changed.emit()

    def step_slices(self, plane: Plane, count: int) -> None:
        """Move the crosshair through the slices of a plane."""
        self.move_crosshair(plane.axis, count)

    def move_crosshair(self, axis: int, count: int) -> None:
        """Move the crosshair along an axis."""
        voxel = list(self.crosshair)
        voxel[axis] += count
        self.set_crosshair((voxel[0], voxel[1], voxel[2]))

    def set_window(self, level: float, width: float) -> None:
        """Set the display range in HU."""
        if not (math.isfinite(level) and math.isfinite(width)):
            return
        level, width = (
            float(np.clip(level, -1e6, 1e6)),
            float(np.clip(width, self.min_window_width, 2e6)),
        )
        if (level, width) != (self.level, self.width):
            self.level, self.width = level, width
            self.window_changed.emit()

    @property
    def min_window_width(self) -> float:
        """The narrowest window that makes sense: 1 HU, less where all values are small."""
        return 1.0 if self.volume is None or self.volume.in_hu else 1e-3

    def auto_window(self) -> None:
        """A window from the middle 99 % of the values."""
        if self.volume is None:
            return
        step = tuple(slice(None, None, max(1, n // 96)) for n in self.volume.shape)
        sample = self.volume.voxels[step].astype(np.float32) + self.volume.intercept
        low, high = np.percentile(sample, (0.5, 99.5))
        self.set_window((low + high) / 2, max(high - low, self.min_window_width))

    def set_style(
        self,
        label: Label,
        *,
        visible: bool | None = None,
        opacity: float | None = None,
        color: tuple[int, int, int] | None = None,
        draw_style: DrawStyle | None = None,
    ) -> None:
        """Change how a label is drawn; what is not given stays."""
        old = self.styles[label]
        new = replace(
            old,
            visible=old.visible if visible is None else visible,
            opacity=old.opacity if opacity is None else float(np.clip(opacity, 0, 1)),
            color=old.color if color is None else color,
            draw_style=old.draw_style if draw_style is None else draw_style,
        )
        if new != old:
            self.styles[label] = new
            self.styles_changed.emit()

    def set_overlay(self, overlay: Overlay | None) -> None:
        """Show a heat map between CT and labels, or none."""
        if overlay is not self.overlay:
            self.overlay = overlay
            self.overlay_changed.emit()

    def set_convention(self, convention: Convention) -> None:
        if convention is not self.convention:
            self.convention = convention
            self.view_changed.emit()

    def set_show_crosshair(self, shown: bool) -> None:
        if shown != self.show_crosshair:
            self.show_crosshair = shown
            self.view_changed.emit()

    def set_show_text(self, shown: bool) -> None:
        if shown != self.show_text:
            self.show_text = shown
            self.view_changed.emit()


@dataclass(frozen=True, eq=False)
class _LabelSnapshot:
    """Labels with what is known about them, to go back to."""

    labels: LabelMap
    counts: NDArray[np.int64]
    modified: bool
    has_labels: bool
    labeled: _Box | None


def _bbox_with_slab(box: _Box | None, slab: Slab) -> _Box | None:
    """A block of the volume, and what it takes to hold the labels of a slab as well."""
    found = []
    block = slab.labels[slab.label_bbox]
    first = slab.label_bbox[0].start or 0, slab.label_bbox[1].start or 0, slab.start
    for axis in range(3):
        hit = np.flatnonzero(block.any(axis=tuple(a for a in range(3) if a != axis)))
        if len(hit) == 0:
            return box
        found.append(slice(int(hit[0]) + first[axis], int(hit[-1]) + 1 + first[axis]))
    i, j, k = found
    if box is None:
        return i, j, k
    return _union(box[0], i), _union(box[1], j), _union(box[2], k)


def _union(first: slice, second: slice) -> slice:
    return slice(min(first.start, second.start), max(first.stop, second.stop))


def _empty_labels(volume: Volume) -> LabelMap:
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    return LabelMap(voxels, volume.affine, volume.name)


def _count_labels(voxels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Voxels of each label that is shown; one look per label is far faster than a histogram."""
    counts = np.zeros(max(Label) + 1, np.int64)
    for label in FOREGROUND:
        counts[label] = np.count_nonzero(voxels == label)
    return counts
