"""A slider for how sure one wants to be, with a dot for each thing that is more or less sure."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyleOptionSlider, QWidget

from liverview.ui.widgets.controls import FocuslessSlider

ROW_OF_DOTS = 8
"""Pixels below the groove that the dots take."""
PERCENT = 100
_DOT, _NOTCH = 2.2, 4.0  # pixels: radius, half a mark
_QUIET = 0.3  # of the words' color: the same in a dark and a light theme


class CertaintySlider(FocuslessSlider):
    """From 0 to 100 %; what lies to the right of the handle is sure enough.

    Signals
    -------
    reset_requested : a double click.
    """

    reset_requested = Signal()

    def __init__(self, default: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(0, PERCENT)
        self.setPageStep(5)
        self._default = default
        self._dots: tuple[tuple[float, bool], ...] = ()
        self._color = QColor(Qt.GlobalColor.white)

    def set_dots(self, dots: Sequence[tuple[float, bool]], color: QColor) -> None:
        """Show a dot at each value, 0..1; those that are said to be kept in a color."""
        if (tuple(dots), color) != (self._dots, self._color):
            self._dots, self._color = tuple(dots), color
            self.update()

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width(), hint.height() + ROW_OF_DOTS)

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(hint.width(), hint.height() + ROW_OF_DOTS)

    def position_of(self, value: float) -> float:
        """The middle of the handle at a value, 0..1, in pixels from the left."""
        option = self._option()
        handle = self._part(QStyle.SubControl.SC_SliderHandle, option).width()
        groove = self._part(QStyle.SubControl.SC_SliderGroove, option)
        return groove.left() + handle / 2 + value * (groove.width() - handle)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(False)
            self.reset_requested.emit()
        else:
            super().mouseDoubleClickEvent(event)

    def _option(self) -> QStyleOptionSlider:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        return option

    def _part(self, part: QStyle.SubControl, option: QStyleOptionSlider) -> QRectF:
        control = QStyle.ComplexControl.CC_Slider
        return QRectF(self.style().subControlRect(control, option, part, self))

    # ---- looks -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = (self.height() - ROW_OF_DOTS) / 2
        left, right, at = (self.position_of(x) for x in (0.0, 1.0, self.value() / PERCENT))
        on = self.isEnabled()
        quiet = palette.color(QPalette.ColorRole.WindowText)
        quiet.setAlphaF(_QUIET)
        kept = self._color if on else quiet
        for first, last, color in ((left, at, quiet), (at, right, kept)):
            painter.setPen(QPen(color, 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(first, middle), QPointF(last, middle))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 1))
        default = self.position_of(self._default)
        painter.drawLine(
            QPointF(default, middle - _NOTCH - 3), QPointF(default, middle + _NOTCH + 3)
        )
        self._paint_dots(painter, kept, quiet)
        edge = QPalette.ColorRole.Highlight if self.hasFocus() else QPalette.ColorRole.Mid
        painter.setPen(QPen(palette.color(edge), 2 if self.hasFocus() else 1))
        painter.setBrush(palette.color(QPalette.ColorRole.Button).lighter(125 if on else 100))
        painter.drawEllipse(QPointF(at, middle), 7.0, 7.0)
        painter.end()

    def _paint_dots(self, painter: QPainter, kept: QColor, quiet: QColor) -> None:
        """Draw the dots below the groove; where many lie at one place, one: a kept one on top."""
        painter.setPen(Qt.PenStyle.NoPen)
        low = self.height() - ROW_OF_DOTS / 2
        for percent, is_kept in sorted({(round(PERCENT * x, 1), it) for x, it in self._dots}):
            painter.setBrush(kept if is_kept else quiet)
            painter.drawEllipse(QPointF(self.position_of(percent / PERCENT), low), _DOT, _DOT)
