"""The picture of a slice: layers of pixels and outlines, drawn into a view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

_OUTLINE_PX = 1.5


def apply_window(values: NDArray[Any], low: float, width: float) -> NDArray[np.uint8]:
    """Map [low, low + width] to 0..255, clipped, for one slice of any numeric type."""
    scale = np.float32(255.0 / width)
    if values.dtype.kind in "iu" and values.dtype.itemsize > 2:  # too large for single precision
        gray = np.subtract(values, low, order="C", dtype=np.float64).astype(np.float32)
    else:
        gray = np.subtract(values, np.float32(low), order="C", dtype=np.float32, casting="unsafe")
    gray *= scale
    gray += np.float32(0.5)
    np.clip(gray, 0, 255, out=gray)
    return gray.astype(np.uint8)


def pack_colors(table: NDArray[np.uint8]) -> list[int]:
    """An RGBA table, (256, 4), as the colors of a `QImage`."""
    rgba = table.astype(np.uint32)
    colors = rgba[:, 3] << 24 | rgba[:, 0] << 16 | rgba[:, 1] << 8 | rgba[:, 2]
    packed: list[int] = colors.tolist()
    return packed


@dataclass(frozen=True, eq=False)
class Layer:
    """Pixels and their place in the view.

    Attributes
    ----------
    values : (rows, columns) uint8; the first row lies at the least y.
    rect : in the view's coordinates.
    colors : of each value, as `pack_colors` gives them; without any, values are grays.
    smooth : whether values between voxel centers are interpolated.
    """

    values: NDArray[np.uint8]
    rect: QRectF
    colors: list[int] | None = None
    smooth: bool = False

    @cached_property
    def image(self) -> QImage:
        """The pixels in the format that Qt draws fastest, far faster than gray or indexed.

        A layer that has not changed keeps them: as labels are drawn, the CT below stays.
        """
        values = np.ascontiguousarray(self.values)
        height, width = values.shape
        formats = QImage.Format
        format_ = formats.Format_Grayscale8 if self.colors is None else formats.Format_Indexed8
        image = QImage(values.data, width, height, width, format_)
        if self.colors is None:
            return image.convertToFormat(formats.Format_RGB32)
        image.setColorTable(self.colors)
        return image.convertToFormat(formats.Format_ARGB32_Premultiplied)


Outline = tuple[QPainterPath, tuple[int, int, int]]


class SliceImage(pg.GraphicsObject):
    """Draws layers and outlines into a view box, one square per voxel."""

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[tuple[QImage, QRectF, bool]] = []
        self._outlines: list[Outline] = []
        self._rect = QRectF()

    def show_layers(self, layers: Sequence[Layer], outlines: Sequence[Outline]) -> None:
        """Draw layers, the first at the bottom and the largest, from the next repaint on.

        The view is not told to repaint: the scene would do so one turn of the event loop later,
        and the whole would be drawn twice.
        """
        self._layers = [(layer.image, layer.rect, layer.smooth) for layer in layers]
        self._outlines = list(outlines)
        rect = layers[0].rect
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
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for image, rect, smooth in self._layers:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            painter.drawImage(rect, image)
        # Cosmetic pens are as wide at any zoom, but they count the pixels of the device.
        ratio = painter.device().devicePixelRatio()
        for path, color in self._outlines:
            pen = QPen(QColor(*color), _OUTLINE_PX * ratio)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(path)
