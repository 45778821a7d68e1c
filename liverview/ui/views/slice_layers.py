"""The layers of a slice as the session has it: CT in gray, labels, heat map, outlines."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF

from liverview.core.labels import FOREGROUND, DrawStyle, Label, color_lookup_table
from liverview.core.volume import Plane
from liverview.ui.state.session import Session
from liverview.ui.state.slice_reader import LabelSlice
from liverview.ui.views.outline import Borders
from liverview.ui.views.slice_geometry import SliceGeometry
from liverview.ui.views.slice_image import Layer, Outline, apply_window, pack_colors
from liverview.ui.views.tree_colors import (
    Masks,
    add_tree_colors,
    iter_tree_outlines,
    with_trees,
)


class Part(Enum):
    """A part of a view's picture that can be out of date; the slice takes others with it."""

    SLICE = auto()
    GRAY = auto()
    LABELS = auto()
    OVERLAY = auto()
    COLORS = auto()


class SliceLayers:
    """Layers and outlines of a plane's slice; only what is out of date is made anew.

    Attributes
    ----------
    layers : from the bottom up, the CT first.
    outlines : of the labels that are drawn with one.
    """

    def __init__(self, session: Session, plane: Plane) -> None:
        self._session, self._plane = session, plane
        self._outdated = set(Part)
        self._values: NDArray[Any] = np.zeros((1, 1), np.int16)
        self._gray = Layer(np.zeros((1, 1), np.uint8), QRectF())
        self._labels: LabelSlice | None = None
        self._trees: Masks = {}
        self._pixels: NDArray[np.uint8] | None = None  # of labels and trees
        self._colors: list[int] = []
        self._label_outlines: list[Outline] = []
        self._heat_map: Layer | None = None

    def invalidate(self, *parts: Part) -> None:
        """Mark parts as out of date."""
        self._outdated |= set(parts)

    def update(self) -> bool:
        """Make anew what is out of date; False where nothing was. There must be a volume."""
        outdated, self._outdated = self._outdated, set()
        session = self._session
        assert session.volume is not None
        if Part.SLICE in outdated:
            self._values = session.slices.values(self._plane)  # kept for other windows
            outdated |= {Part.GRAY, Part.LABELS, Part.OVERLAY}
        if Part.GRAY in outdated:
            low = session.level - session.width / 2 - session.volume.intercept
            gray = apply_window(self._values, low, session.width)
            smooth = session.display.interpolated
            self._gray = Layer(gray, self._geometry.extent, smooth=smooth)
        if Part.LABELS in outdated:
            self._read_labels()
        if Part.COLORS in outdated:
            table = color_lookup_table(session.styles)
            add_tree_colors(table, session.styles)
            self._colors = pack_colors(table)
        if outdated & {Part.LABELS, Part.COLORS}:
            self._label_outlines = self._outline_labels()
        if Part.OVERLAY in outdated:
            self._heat_map = self._heat_map_layer()
        return bool(outdated)

    @property
    def layers(self) -> list[Layer]:
        layers = [self._gray]
        hidden = self._overlay_hides_labels or not any(self._colors)
        if self._labels is not None and self._pixels is not None and not hidden:
            rect = self._geometry.block_rect(self._pixels.shape, self._labels[1])
            layers.append(Layer(self._pixels, rect, self._colors))
        if self._heat_map is not None:  # above them: its colors are those of its legend
            layers.append(self._heat_map)
        return layers

    @property
    def outlines(self) -> list[Outline]:
        return [] if self._overlay_hides_labels else self._label_outlines

    @property
    def _geometry(self) -> SliceGeometry:
        assert self._session.volume is not None
        return SliceGeometry.of(self._plane, self._session.volume)

    @property
    def _overlay_hides_labels(self) -> bool:
        """True where the heat map is shown without labels over it."""
        return self._session.overlay is not None and self._session.overlay.alone

    def _read_labels(self) -> None:
        """Take the labels of the slice, and the trees of its vessels where those are shown."""
        session, plane = self._session, self._plane
        self._labels = session.slices.labels(plane)
        self._trees, self._pixels = {}, None
        if self._labels is not None:
            self._trees = session.trees.masks(self._labels, plane, session.crosshair[plane.axis])
            self._pixels = with_trees(self._labels[0], self._trees)

    def _outline_labels(self) -> list[Outline]:
        """Outlines of the labels that are shown with one, the liver's around the whole organ."""
        styles = self._session.styles
        outlined = [
            label
            for label in FOREGROUND
            if styles[label].visible and styles[label].draw_style is not DrawStyle.FILLED
        ]
        if self._labels is None or not outlined:
            return []
        block, corner = self._labels
        geometry, borders = self._geometry, Borders(block)
        rect = geometry.block_rect(block.shape, corner)
        origin, steps = (rect.left(), rect.top()), geometry.pixel_mm
        outlines: list[Outline] = []
        for label in outlined:
            color = styles[label].color
            if label is Label.VESSEL and self._trees:
                outlines += iter_tree_outlines(block, self._trees, origin, steps, color)
            else:
                outlines.append((borders.path(label, origin, steps), color))
        return outlines

    def _heat_map_layer(self) -> Layer | None:
        """The slice of the session's heat map; None where there is none."""
        overlay = self._session.overlay
        block = None
        if overlay is not None:
            block = overlay.slice_of(self._plane, self._session.crosshair[self._plane.axis])
        if overlay is None or block is None:
            return None
        values, box = block
        corner = box[self._plane.vertical_axis].start, box[self._plane.horizontal_axis].start
        rect = self._geometry.block_rect(values.shape, corner)
        return Layer(values, rect, pack_colors(overlay.table))
