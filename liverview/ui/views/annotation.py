"""Annotation of a slice: crosshair, orientation letters, scale, color bar, a few words."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPixmap

from liverview.core.tilt import tilt_deg
from liverview.core.volume import Plane
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.session import Convention, Session

_GAP = 9.0  # half the gap of the crosshair around its center, in pixels
_MARGIN = 8.0
_LETTERS_PX = 28.0  # along the edges, where no line crosses the letters
_OBLIQUE_DEG, _TILT_DEG = 1.0, 0.5
_BAR_SHARE = 0.22  # of the view's width, for the scale bar at most
_BAR_TOP, _BAR_HEIGHT, _ROW = 24.0, 90.0, 16.0  # of the color bar and the names beside it
_SMALL = 9  # points
_TEXT = QColor(226, 226, 216)
_SHADOW = QColor(0, 0, 0, 210)
_BADGE = QColor(255, 196, 84)
_FRAME = QColor(57, 97, 134)
_CROSSHAIR = QColor(120, 220, 150, 150)

_LETTERS = {0: ("L", "R"), 1: ("P", "A"), 2: ("I", "S")}  # low and high end of each axis


def edge_letters(plane: Plane, convention: Convention) -> tuple[str, str, str, str]:
    """Letters for the left, right, top and bottom edge of a view."""
    low, high = _LETTERS[plane.horizontal_axis]
    flipped = plane is Plane.SAGITTAL or convention is Convention.RADIOLOGICAL
    left, right = (high, low) if flipped else (low, high)
    bottom, top = _LETTERS[plane.vertical_axis]
    return left, right, top, bottom


def draw_annotation(
    painter: QPainter,
    area: QRectF,
    session: Session,
    plane: Plane,
    crosshair: QPointF,
    pixels_per_mm: float,
    has_keys: bool = False,
) -> None:
    """Draw over a view of ``area``, in widget pixels; the crosshair's center is given.

    A view that has the keys is framed.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if has_keys:
        _draw_frame(painter, area)
    if session.show_crosshair:
        _draw_crosshair(painter, area, crosshair)
    inner = area.adjusted(_MARGIN, _MARGIN - 2, -_MARGIN, -_MARGIN + 2)
    left, right, top, bottom = edge_letters(plane, session.convention)
    for anchor, letter in (
        ((0.0, 0.5), left),
        ((1.0, 0.5), right),
        ((0.5, 0.0), top),
        ((0.5, 1.0), bottom),
    ):
        draw_text(painter, inner, anchor, letter, 11, bold=True)
    _draw_badges(painter, inner, session)
    if session.overlay is not None:
        _draw_color_bar(painter, inner, session.overlay)
    if session.show_text:
        _draw_words(painter, inner, session, plane)
        _draw_scale_bar(painter, inner, pixels_per_mm)


def nice_length(longest_mm: float) -> float:
    """The longest of 1, 2 or 5 times a power of ten that is not above a length."""
    power = 10.0 ** math.floor(math.log10(longest_mm))
    return next(step * power for step in (5, 2, 1) if step * power <= longest_mm * 1.0001)


def _draw_scale_bar(painter: QPainter, inner: QRectF, pixels_per_mm: float) -> None:
    """A bar of a round length, about a fifth of the view, with its length."""
    mm = nice_length(_BAR_SHARE * inner.width() / pixels_per_mm)
    length = mm * pixels_per_mm
    # Left of the lower right corner, clear of the letter in the middle of the edge.
    right, y = inner.right() - 2, inner.bottom() - 4
    for color, width in ((_SHADOW, 4.0), (_TEXT, 2.0)):
        grown = (width - 2) / 2
        bar = QRectF(right - length - grown, y - width / 2, length + 2 * grown, width)
        painter.fillRect(bar, color)
        for x in (right - length, right):
            painter.fillRect(QRectF(x - width / 2, y - 4 - grown, width, 8 + 2 * grown), color)
    text = f"{mm / 10:g} cm" if mm >= 10 else f"{mm:g} mm"
    above = QRectF(inner.left(), inner.top(), inner.width(), inner.height() - 12)
    draw_text(painter, above, (1.0, 1.0), text, _SMALL)


def _draw_color_bar(painter: QPainter, inner: QRectF, overlay: Overlay) -> None:
    """The legend of the heat map, at the right edge below the window's values."""
    area = inner.adjusted(0, _BAR_TOP, 0, 0)
    draw_text(painter, area, (1.0, 0.0), overlay.title, _SMALL)
    entries = overlay.names or {}
    for row, (value, name) in enumerate(entries.items(), start=1):
        line = area.adjusted(0, row * _ROW, -_ROW, 0)
        draw_text(painter, line, (1.0, 0.0), name, _SMALL)
        red, green, blue = overlay.table[value, :3].tolist()
        swatch = QRectF(area.right() - 12, line.top() + 3, 10, 10)
        painter.fillRect(swatch, QColor(red, green, blue))
    if not entries:
        bar = QRectF(area.right() - 12, area.top() + _ROW + 4, 10, _BAR_HEIGHT)
        colors = np.ascontiguousarray(overlay.table[::-1, None])
        colors[..., 3] = 255
        image = QImage(colors.data, 1, 256, 4, QImage.Format.Format_RGBA8888)
        painter.drawImage(bar, image)
        beside = QRectF(area.left(), bar.top() - 4, area.width() - 16, bar.height() + 8)
        draw_text(painter, beside, (1.0, 0.0), overlay.ends[1], _SMALL)
        draw_text(painter, beside, (1.0, 1.0), overlay.ends[0], _SMALL)


def _draw_words(painter: QPainter, inner: QRectF, session: Session, plane: Plane) -> None:
    volume = session.volume
    assert volume is not None
    axis = plane.axis
    last = volume.shape[axis] - 1
    lines = f"{plane.name.capitalize()}\n{session.crosshair[axis]} (0–{last})"
    draw_text(painter, inner, (0.0, 0.0), lines, _SMALL)
    window = f"W {session.width:.4g}  L {session.level:.4g}"
    draw_text(painter, inner, (1.0, 0.0), window, _SMALL)
    across, up = (volume.spacing[a] for a in (plane.horizontal_axis, plane.vertical_axis))
    size = f"{across:.3g} x {up:.3g} mm\nslices {volume.spacing[axis]:.3g} mm"
    above = inner.adjusted(0, 0, 0, -_ROW) if _badges(session) else inner
    draw_text(painter, above, (0.0, 1.0), size, _SMALL)


def _draw_badges(painter: QPainter, inner: QRectF, session: Session) -> None:
    """Warnings about how the picture has to be read; no switch hides them."""
    draw_text(painter, inner, (0.0, 1.0), _badges(session), _SMALL, color=_BADGE)


def _badges(session: Session) -> str:
    assert session.volume is not None
    tilt, oblique = tilt_deg(session.volume), session.volume.oblique_deg
    badges = []
    if session.convention is Convention.NEUROLOGICAL:
        badges.append("neurological")
    if tilt > _TILT_DEG:
        badges.append(f"gantry tilt {tilt:.0f}°")
    if oblique > max(_OBLIQUE_DEG, tilt + _TILT_DEG):
        badges.append(f"oblique {oblique:.0f}°")
    if session.display.slab.mm:
        badges.append(session.display.slab.words)
    if session.store.has_unfinished_labels and not session.store.segmenting:
        badges.append("PARTIAL labels")
    return "  ".join(badges)


def _draw_crosshair(painter: QPainter, area: QRectF, point: QPointF) -> None:
    painter.setPen(QPen(_CROSSHAIR, 1))
    x, y = round(point.x()) + 0.5, round(point.y()) + 0.5
    area = area.adjusted(_LETTERS_PX, _LETTERS_PX, -_LETTERS_PX, -_LETTERS_PX)
    painter.save()
    painter.setClipRect(area)
    painter.drawLine(QPointF(area.left(), y), QPointF(x - _GAP, y))
    painter.drawLine(QPointF(x + _GAP, y), QPointF(area.right(), y))
    painter.drawLine(QPointF(x, area.top()), QPointF(x, y - _GAP))
    painter.drawLine(QPointF(x, y + _GAP), QPointF(x, area.bottom()))
    painter.restore()


def _draw_frame(painter: QPainter, area: QRectF) -> None:
    """Four thin rectangles: Qt takes milliseconds to stroke a large transparent one."""
    width, height = area.width(), area.height()
    painter.fillRect(QRectF(area.left(), area.top(), width, 1), _FRAME)
    painter.fillRect(QRectF(area.left(), area.bottom() - 1, width, 1), _FRAME)
    painter.fillRect(QRectF(area.left(), area.top() + 1, 1, height - 2), _FRAME)
    painter.fillRect(QRectF(area.right() - 1, area.top() + 1, 1, height - 2), _FRAME)


def draw_text(
    painter: QPainter,
    area: QRectF,
    anchor: tuple[float, float],
    text: str,
    points: int,
    *,
    bold: bool = False,
    color: QColor = _TEXT,
) -> None:
    """Text with a shadow, readable on black and on white.

    ``anchor`` is its place in the area: 0 is left or top, 1 is right or bottom.
    """
    if not text:
        return
    ratio = painter.device().devicePixelRatio()
    picture = _text_picture(text, points, bold, color.rgba(), anchor[0], ratio)
    width, height = picture.width() / ratio, picture.height() / ratio
    left = area.left() - 1 + anchor[0] * (area.width() + 2 - width)
    top = area.top() - 1 + anchor[1] * (area.height() + 2 - height)
    painter.drawPixmap(QPointF(round(left), round(top)), picture)


class LabelPlacer:
    """Words beside what is drawn in a view: none over another, none beyond the edges.

    Attributes
    ----------
    placed : the areas of the words that are there, in pixels of the view.
    """

    def __init__(self, area: QRectF) -> None:
        self._area = area
        self.placed: list[QRectF] = []

    def find_place(self, at: QPointF, width: float, height: float) -> QRectF:
        """Room for words that begin at a point; below the ones that are there already."""
        left = max(min(at.x(), self._area.right() - width), self._area.left())
        top = max(min(at.y(), self._area.bottom() - height), self._area.top())
        area = QRectF(left, top, width, height)
        while over := [other for other in self.placed if other.intersects(area)]:
            area.moveTop(over[0].bottom())
        self.placed.append(area)
        return area

    def draw_label(self, painter: QPainter, at: QPointF, text: str) -> None:
        """Draw words that begin at a point, or near it."""
        ratio = painter.device().devicePixelRatio()
        picture = _text_picture(text, _SMALL, False, _TEXT.rgba(), 0.0, ratio)
        size = picture.width() / ratio, picture.height() / ratio
        area = self.find_place(at, *size)
        painter.drawPixmap(QPointF(round(area.left()), round(area.top())), picture)


@lru_cache(maxsize=512)
def _text_picture(
    text: str, points: int, bold: bool, color: int, across: float, ratio: float
) -> QPixmap:
    """A text and its shadow, once; drawing both anew took a third of every repaint."""
    font = QFont()
    font.setPointSize(points)
    font.setBold(bold)
    flags = int(Qt.AlignmentFlag.AlignRight if across == 1 else Qt.AlignmentFlag.AlignLeft)
    needed = QFontMetricsF(font).boundingRect(QRectF(0, 0, 4000, 4000), flags, text)
    width, height = math.ceil(needed.width()) + 2, math.ceil(needed.height()) + 2
    picture = QPixmap(math.ceil(width * ratio), math.ceil(height * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setFont(font)
    inner = QRectF(1, 1, width - 2, height - 2)
    painter.setPen(_SHADOW)
    for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.drawText(inner.translated(dx, dy), flags, text)
    painter.setPen(QColor.fromRgba(color))
    painter.drawText(inner, flags, text)
    painter.end()
    return picture
