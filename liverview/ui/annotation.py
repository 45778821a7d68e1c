"""What is drawn on top of a slice: crosshair, orientation letters, a few words."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from liverview.ui.session import Convention, Session
from liverview.volume import Plane

_GAP = 9.0  # half the gap of the crosshair around its center, in pixels
_MARGIN = 8.0
_LETTERS_PX = 28.0  # along the edges, where no line crosses the letters
_OBLIQUE_DEG = 1.0
_TEXT = QColor(226, 226, 216)
_SHADOW = QColor(0, 0, 0, 210)
_BADGE = QColor(255, 196, 84)
_FRAME = QColor(91, 155, 213, 160)
_CROSSHAIR = QColor(120, 220, 150, 150)

_LETTERS = {0: ("L", "R"), 1: ("P", "A"), 2: ("I", "S")}  # low and high end of each axis


def edge_letters(plane: Plane, convention: Convention) -> tuple[str, str, str, str]:
    """Letters for the left, right, top and bottom edge of a view."""
    low, high = _LETTERS[plane.across]
    flipped = plane is Plane.SAGITTAL or convention is Convention.RADIOLOGICAL
    left, right = (high, low) if flipped else (low, high)
    bottom, top = _LETTERS[plane.up]
    return left, right, top, bottom


def draw_annotation(
    painter: QPainter,
    area: QRectF,
    session: Session,
    plane: Plane,
    crosshair: QPointF,
    has_keys: bool = False,
) -> None:
    """Draw over a view of ``area``, in widget pixels; the crosshair's center is given.

    A view that has the keys is framed.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if has_keys:
        painter.setPen(QPen(_FRAME, 1))
        painter.drawRect(area.adjusted(0, 0, -1, -1))
    if session.show_crosshair:
        _draw_crosshair(painter, area, crosshair)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    inner = area.adjusted(_MARGIN, _MARGIN - 2, -_MARGIN, -_MARGIN + 2)
    left, right, top, bottom = edge_letters(plane, session.convention)
    center, middle = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter
    painter.setFont(_font(11, bold=True))
    _draw_text(painter, inner, Qt.AlignmentFlag.AlignLeft | middle, left)
    _draw_text(painter, inner, Qt.AlignmentFlag.AlignRight | middle, right)
    _draw_text(painter, inner, Qt.AlignmentFlag.AlignTop | center, top)
    _draw_text(painter, inner, Qt.AlignmentFlag.AlignBottom | center, bottom)
    painter.setFont(_font(9))
    _draw_badges(painter, inner, session)
    if session.show_text:
        _draw_words(painter, inner, session, plane)


def _draw_words(painter: QPainter, inner: QRectF, session: Session, plane: Plane) -> None:
    volume = session.volume
    assert volume is not None
    axis = plane.axis
    lines = f"{plane.name.capitalize()}\n{session.crosshair[axis] + 1} / {volume.shape[axis]}"
    top_left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
    _draw_text(painter, inner, top_left, lines)
    window = f"W {session.width:.4g}  L {session.level:.4g}"
    top_right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
    _draw_text(painter, inner, top_right, window)


def _draw_badges(painter: QPainter, inner: QRectF, session: Session) -> None:
    """What changes how the picture has to be read; no switch hides it."""
    assert session.volume is not None
    oblique = session.volume.oblique_deg
    badges = []
    if session.convention is Convention.NEUROLOGICAL:
        badges.append("neurological")
    if oblique > _OBLIQUE_DEG:
        badges.append(f"oblique {oblique:.0f}°")
    bottom_left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
    _draw_text(painter, inner, bottom_left, "  ".join(badges), _BADGE)


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


def _font(points: int, bold: bool = False) -> QFont:
    font = QFont()
    font.setPointSize(points)
    font.setBold(bold)
    return font


def _draw_text(
    painter: QPainter, area: QRectF, where: Qt.AlignmentFlag, text: str, color: QColor = _TEXT
) -> None:
    """Text with a shadow, readable on black and on white."""
    if not text:
        return
    painter.setPen(_SHADOW)
    for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.drawText(area.translated(dx, dy), int(where), text)
    painter.setPen(color)
    painter.drawText(area, int(where), text)
