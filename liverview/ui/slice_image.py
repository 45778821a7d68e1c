"""What a view shows of a slice: the CT, a heat map, labels and their outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from liverview.labels import Label, LabelStyle, lookup_table

_OUTLINE_PX = 1.5


def windowed(values: NDArray[Any], low: float, width: float) -> NDArray[np.uint8]:
    """Map [low, low + width] to 0..255, clipped, for one slice of any numeric type."""
    scale = np.float32(255.0 / width)
    gray = np.subtract(values, np.float32(low), order="C", dtype=np.float32, casting="unsafe")
    gray *= scale
    gray += np.float32(0.5)
    np.clip(gray, 0, 255, out=gray)
    return gray.astype(np.uint8)


def premultiplied(table: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """An RGBA table, (256, 4), as Qt's ARGB32_Premultiplied pixels, (256,)."""
    rgba = table.astype(np.uint32)
    red, green, blue = ((rgba[:, n] * rgba[:, 3] + 127) // 255 for n in range(3))
    packed = rgba[:, 3] << 24 | red << 16 | green << 8 | blue
    return packed.astype(np.uint32)


def label_colors(styles: Mapping[Label, LabelStyle]) -> NDArray[np.uint32]:
    """What is drawn over a voxel, by its label: (256,) of ARGB32_Premultiplied."""
    return premultiplied(lookup_table(styles))


@dataclass(frozen=True, eq=False)
class Layer:
    """Pixels and where they are drawn.

    Attributes
    ----------
    pixels : (rows, columns), uint8 gray or uint32 ARGB32_Premultiplied; the first row lies at
        the least y.
    rect : in the view's coordinates.
    smooth : whether values between voxel centers are interpolated.
    """

    pixels: NDArray[Any]
    rect: QRectF
    smooth: bool = False

    def image(self) -> QImage:
        """The pixels as Qt draws them; they must outlive the image."""
        pixels = np.ascontiguousarray(self.pixels)
        height, width = pixels.shape
        gray = pixels.dtype == np.uint8
        kind = QImage.Format.Format_Grayscale8 if gray else _ARGB
        made = QImage(pixels.data, width, height, pixels.strides[0], kind)
        made.pixels = pixels  # type: ignore[attr-defined]
        return made


_ARGB = QImage.Format.Format_ARGB32_Premultiplied
Outline = tuple[QPainterPath, tuple[int, int, int]]


class SliceImage(pg.GraphicsObject):
    """Draws layers and outlines into a view box, one square per voxel."""

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[tuple[QImage, QRectF, bool]] = []
        self._outlines: list[tuple[QPainterPath, QPen]] = []
        self._rect = QRectF()

    def show_layers(self, layers: Sequence[Layer], outlines: Sequence[Outline]) -> None:
        """Draw layers, the first at the bottom and the largest, from the next repaint on.

        The view is not told to repaint: the scene would do so one turn of the event loop later,
        and the whole would be drawn twice.
        """
        self._layers = [(layer.image(), layer.rect, layer.smooth) for layer in layers]
        self._outlines = [(path, _pen(color)) for path, color in outlines]
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
        for path, pen in self._outlines:
            painter.setPen(pen)
            painter.drawPath(path)


def _pen(color: tuple[int, int, int]) -> QPen:
    pen = QPen(QColor(*color), _OUTLINE_PX)
    pen.setCosmetic(True)  # the same width at any zoom
    return pen
