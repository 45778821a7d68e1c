"""A slice and its labels as one opaque picture, which is the least that Qt can be asked to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from liverview.labels import Label, LabelStyle, lookup_table

_OPAQUE = np.uint32(0xFF000000)


def windowed(values: NDArray[Any], low: float, width: float) -> NDArray[np.uint8]:
    """Map [low, low + width] to 0..255, clipped, for one slice of any numeric type."""
    scale = np.float32(255.0 / width)
    gray = np.subtract(values, np.float32(low), order="C", dtype=np.float32, casting="unsafe")
    gray *= scale
    gray += np.float32(0.5)
    np.clip(gray, 0, 255, out=gray)
    return gray.astype(np.uint8)


def blend_table(styles: Mapping[Label, LabelStyle]) -> NDArray[np.uint32]:
    """What a voxel looks like, by its label and its gray: (256, 256) of 0xffRRGGBB."""
    colors = lookup_table(styles).astype(np.float32)
    gray = np.arange(256, dtype=np.float32)
    table = np.empty((256, 256), np.uint32)
    table[:] = _packed(gray, gray, gray)
    for value in np.flatnonzero(colors[:, 3]):
        share = colors[value, 3] / 255
        table[value] = _packed(*(gray + (color - gray) * share for color in colors[value, :3]))
    return table


def _packed(*channels: NDArray[np.float32]) -> NDArray[np.uint32]:
    red, green, blue = (np.rint(channel).astype(np.uint32) for channel in channels)
    packed: NDArray[np.uint32] = red * 0x10000 + green * 0x100 + blue + _OPAQUE
    return packed


def blended(
    gray: NDArray[np.uint8], labels: NDArray[np.uint8], table: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """A slice's pixels, (rows, columns), by one look into a `blend_table`."""
    place = labels.astype(np.uint16, order="C")
    place <<= 8
    place |= gray
    return table.ravel().take(place)


class SliceImage(pg.GraphicsObject):
    """Draws pixels into a rectangle of a view box, one square per voxel."""

    def __init__(self) -> None:
        super().__init__()
        self._pixels = np.zeros((1, 1), np.uint32)
        self._image = QImage()
        self._rect = QRectF()

    def show_pixels(self, pixels: NDArray[np.uint32], rect: QRectF) -> None:
        """Draw 0xffRRGGBB pixels, (rows, columns), from the view's next repaint on.

        The first row lies at the least y. The view is not told to repaint: the scene would do
        so one turn of the event loop later, and the whole would be drawn twice.
        """
        height, width = pixels.shape
        self._pixels = pixels  # which the image only points to
        self._image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        if rect != self._rect:
            self.prepareGeometryChange()
            self._rect = rect

    def boundingRect(self) -> QRectF:
        return self._rect

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        painter.drawImage(self._rect, self._image)
