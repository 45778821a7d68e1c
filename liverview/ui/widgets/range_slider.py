"""A slider with two handles, for the ends of a range."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

_RADIUS, _GROOVE = 6.0, 4.0  # pixels
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Down: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Up: 1,
    Qt.Key.Key_PageDown: -10,
    Qt.Key.Key_PageUp: 10,
}


class RangeSlider(QWidget):
    """Both ends are dragged, or moved by the arrow keys: those of the handle used last.

    Signals
    -------
    moved : the person has moved an end; the lowest and the highest value.
    """

    moved = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._span = (0.0, 1.0)
        self._values = [0.0, 1.0]
        self._step = 1.0
        self._active = 0  # the handle that keys move
        self._held = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_span(self, low: float, high: float, step: float) -> None:
        """The values at both ends of the slider, and what an arrow key moves by."""
        self._span, self._step = (low, max(high, low + step)), step
        self.update()

    def set_values(self, low: float, high: float) -> None:
        """Show a range; what lies beyond the slider is shown at its end."""
        self._values = [low, high]
        self.update()

    @property
    def values(self) -> tuple[float, float]:
        return self._values[0], self._values[1]

    def sizeHint(self) -> QSize:
        return QSize(120, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 20)

    def handle_position(self, handle: int) -> QPointF:
        """The middle of a handle, 0 or 1, in pixels."""
        low, high = self._span
        share = min(max((self._values[handle] - low) / (high - low), 0.0), 1.0)
        return QPointF(_RADIUS + 1 + share * self._length, self.height() / 2)

    @property
    def _length(self) -> float:
        return max(self.width() - 2 * (_RADIUS + 1), 1.0)

    # ---- mouse and keys --------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            event.ignore()
            return
        x = event.position().x()
        low, high = (abs(self.handle_position(n).x() - x) for n in (0, 1))
        left = x < self.handle_position(0).x()  # decides where both lie on each other
        self._active = 0 if low < high or (low == high and left) else 1
        self._held = True
        self._move_to(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            self._move_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = _STEPS.get(Qt.Key(event.key()))
        if steps is None:
            super().keyPressEvent(event)
        else:
            self._set(self._values[self._active] + steps * self._step)

    def _move_to(self, x: float) -> None:
        low, high = self._span
        share = min(max((x - _RADIUS - 1) / self._length, 0.0), 1.0)
        self._set(round((low + share * (high - low)) / self._step) * self._step)

    def _set(self, value: float) -> None:
        """Move the active handle, at most up to the other one."""
        low, high = self._span
        value = min(max(value, low), high)
        other = self._values[1 - self._active]
        value = min(value, other) if self._active == 0 else max(value, other)
        if value != self._values[self._active]:
            self._values[self._active] = value
            self.moved.emit(*self._values)
        self.update()

    # ---- looks -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = self.palette(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first, last = self.handle_position(0), self.handle_position(1)
        top = self.height() / 2 - _GROOVE / 2
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Dark), 1))
        painter.setBrush(palette.color(QPalette.ColorRole.Base))
        painter.drawRoundedRect(QRectF(_RADIUS, top, self._length + 2, _GROOVE), 2, 2)
        inside = QRectF(first.x(), top, last.x() - first.x(), _GROOVE)
        painter.fillRect(inside, palette.color(QPalette.ColorRole.Highlight))
        for n, middle in ((0, first), (1, last)):
            mine = self.hasFocus() and n == self._active
            edge = QPalette.ColorRole.Highlight if mine else QPalette.ColorRole.Mid
            painter.setPen(QPen(palette.color(edge), 2 if mine else 1))
            painter.setBrush(palette.color(QPalette.ColorRole.Button).lighter(125))
            painter.drawEllipse(middle, _RADIUS, _RADIUS)
        painter.end()
