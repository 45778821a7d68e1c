"""The session: the open case and how it is looked at; its labels are in a `LabelStore`."""

from __future__ import annotations

import math
from dataclasses import replace
from enum import Enum
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from liverview.core.display_window import suggest_window, value_range
from liverview.core.grid import Voxel
from liverview.core.labels import (
    DrawStyle,
    Label,
    LabelStyle,
    default_styles,
)
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.ui.state.display import Display
from liverview.ui.state.edit_settings import EditSettings
from liverview.ui.state.hand_edits import HandEditing
from liverview.ui.state.label_store import LabelStore
from liverview.ui.state.lesion_review import LesionReview
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.selected_parts import SelectedParts
from liverview.ui.state.slice_reader import SliceReader
from liverview.ui.state.tree_layer import TreeLayer
from liverview.ui.state.volumes import Volumes

_HU_RANGE = (-1000.0, 1000.0)
_MOST_SPANS, _LEAST_SPAN_SHARE = 1000.0, 1e-4  # how far a window may reach, and the narrowest


class Convention(Enum):
    """Conventions: the side of the patient on the left of the screen."""

    RADIOLOGICAL = "Radiological"
    NEUROLOGICAL = "Neurological"


class Session(QObject):
    """State and its signals; widgets read the session rather than trust what a signal says.

    Signals
    -------
    volume_changed : another volume is open; labels, reference and crosshair are new as well.
    reference_changed : the labels are compared with other ones.
    crosshair_changed, window_changed, styles_changed, view_changed, overlay_changed.
    progress_changed : the running work went on, started or stopped.

    Attributes
    ----------
    store : the labels of the open volume, and the only way to change them.
    review : what the person has said of lesions.
    slices : what the views show of volume and labels.
    volumes : of the labels, as every panel shows them.
    editing : what tools draw, and over what.
    hand_edits : what was edited by hand.
    trees : portal vein and hepatic veins, where vessels are shown as such.
    selected : the parts of labels that commands are for.
    reference : the labels that those are compared with.
    """

    volume_changed = Signal()
    reference_changed = Signal()
    crosshair_changed = Signal()
    window_changed = Signal()
    styles_changed = Signal()
    view_changed = Signal()
    overlay_changed = Signal()
    progress_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.volume: Volume | None = None
        self.store = LabelStore(self)
        self.review = LesionReview(self.store, self)
        self._segmented = False  # when the store last told of its state
        self.store.state_changed.connect(self._on_label_state_changed)
        self.reference: LabelMap | None = None
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
        self.show_patient = True
        self.progress: Progress | None = None
        self._range = _HU_RANGE  # of the values, by which windows are limited
        self._hu_window: tuple[float, float] | None = None  # from before a volume not in HU
        self.slices = SliceReader(self)
        self.volumes = Volumes(self.store, self)
        self.editing = EditSettings(self)
        self.hand_edits = HandEditing(self.store, self)
        self.selected = SelectedParts(self)
        self.trees = TreeLayer(self)
        self.volume_changed.connect(self.volumes.refresh)
        self.volume_changed.connect(self.hand_edits.refresh)

    # ---- the case --------------------------------------------------------------------

    def open(
        self, volume: Volume, path: Path | None = None, reference: LabelMap | None = None
    ) -> None:
        """Adopt a volume, with its true labels if they are known: the crosshair in the middle."""
        self.volume = volume
        self.reference = reference
        self.path = path
        self.store.reset(volume)
        self.review.forget()
        self.slices.forget()
        self.set_overlay(None)
        self.trees.show(None)
        i, j, k = (n // 2 for n in volume.shape)
        self.crosshair = (i, j, k)
        self._choose_window()
        self.volume_changed.emit()
        self.store.mark_saved()

    @property
    def labels(self) -> LabelMap | None:
        """The labels of the open volume, to look at; jobs take a `LabelStore.snapshot`."""
        return self.store.labels

    def set_progress(self, progress: Progress | None) -> None:
        """Say how far the running work is, or that none runs."""
        self.progress = progress
        self.progress_changed.emit()

    def _on_label_state_changed(self) -> None:
        """Drop the progress of a segmentation that is over; another job keeps its own."""
        was, self._segmented = self._segmented, self.store.segmenting
        if was or self.store.segmenting:
            self.set_progress(self.progress if self.store.segmenting else None)

    def set_reference(self, reference: LabelMap) -> None:
        """Compare the labels with others on the same grid."""
        self.reference = reference
        self.reference_changed.emit()

    def _choose_window(self) -> None:
        """Values that are no HU get a window of their own; the next scan, the usual one."""
        assert self.volume is not None
        kept, self._range = self.hu_window, _HU_RANGE
        if not self.volume.in_hu:
            self._hu_window = kept
            self._range = value_range(self.volume)
            self.auto_window()
        elif self._hu_window is not None:
            (level, width), self._hu_window = self._hu_window, None
            self.set_window(level, width)

    @property
    def hu_window(self) -> tuple[float, float]:
        """Level and width as last used for a volume in HU."""
        return self._hu_window or (self.level, self.width)

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
        """Set the display range: whole HU, or whatever the values are that are no HU."""
        if not (math.isfinite(level) and math.isfinite(width)):
            return
        (low, high), widest = self._range, _MOST_SPANS * self._span
        level = float(np.clip(level, low - widest, high + widest))
        width = float(np.clip(width, self.min_window_width, widest))
        if self.volume is None or self.volume.in_hu:
            level, width = float(math.floor(level + 0.5)), float(math.floor(width + 0.5))
        if (level, width) != (self.level, self.width):
            self.level, self.width = level, width
            self.window_changed.emit()

    @property
    def _span(self) -> float:
        return self._range[1] - self._range[0]

    @property
    def min_window_width(self) -> float:
        """The narrowest window that makes sense: 1 HU, else a small part of the values' span."""
        return 1.0 if self.volume is None or self.volume.in_hu else self._span * _LEAST_SPAN_SHARE

    def auto_window(self) -> None:
        """Choose the window by the body's soft tissue, or by values that are no HU."""
        if self.volume is not None:
            self.set_window(*suggest_window(self.volume))

    def original_window(self) -> None:
        """Use the window that the file's header asks for, if it does."""
        if self.volume is not None and self.volume.window is not None:
            self.set_window(*self.volume.window)

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
        """Show a heat map over CT and labels, or none."""
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

    def set_show_patient(self, shown: bool) -> None:
        """Show the patient's name, study and series while the case is open."""
        if shown != self.show_patient:
            self.show_patient = shown
            self.view_changed.emit()

    def set_show_text(self, shown: bool) -> None:
        if shown != self.show_text:
            self.show_text = shown
            self.view_changed.emit()
