"""A slice view with a slim slider for its slices."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QStyle, QWidget

from liverview.ui.views.missing_slices import MISSING_COLOR
from liverview.ui.views.slice_view import SliceView

_WIDTH, _HANDLE, _GROOVE = 13, 22, 3  # pixels
_GROUND, _LINE = QColor(0, 0, 0), QColor(62, 64, 67)
_GRIP, _GRIP_WITH_KEYS = QColor(132, 136, 140), QColor(91, 155, 213)
_MANY = 5  # slices, for Page up and down


class SliceSlider(QSlider):
    """Shows and sets the slice of a view; up is the last one.

    Tab gives it the keys, a click does not, and the wheel turns the view's slices.
    """

    def __init__(self, view: SliceView, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._view = view
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedWidth(_WIDTH)
        self.setPageStep(_MANY)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(f"{view.plane.name.capitalize()} slices")
        self.setToolTip("Slices, counted from 0: drag, or turn the wheel")
        session = view.session
        session.volume_changed.connect(self._on_volume_changed)
        session.crosshair_changed.connect(self._on_crosshair_changed)
        self.valueChanged.connect(self._on_value_changed)
        self._on_volume_changed()

    def _on_volume_changed(self) -> None:
        volume, axis = self._view.session.volume, self._view.plane.axis
        count = 1 if volume is None else volume.shape[axis]
        index = self._view.session.crosshair[axis]  # before the range moves the slider
        self.blockSignals(True)
        self.setRange(0, count - 1)
        self.setValue(index)
        self.blockSignals(False)
        self.setEnabled(count > 1)
        self.update()

    def _on_crosshair_changed(self) -> None:
        self.setValue(self._view.session.crosshair[self._view.plane.axis])

    def _on_value_changed(self, index: int) -> None:
        session, plane = self._view.session, self._view.plane
        session.step_slices(plane, index - session.crosshair[plane.axis])

    # ---- mouse -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(event.position().y())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event.position().y())
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._view.turn_wheel(event.angleDelta().y())
        event.accept()

    def _go_to(self, y: float) -> None:
        span, at = self.height() - _HANDLE, round(y - _HANDLE / 2)
        self.setValue(
            QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), at, span, True)
        )

    # ---- drawing ---------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        if self.isEnabled():
            left = (self.width() - _GROOVE) / 2
            painter.fillRect(QRectF(left, 4, _GROOVE, self.height() - 8), _LINE)
            self._draw_missing(painter)
            top = QStyle.sliderPositionFromValue(
                self.minimum(), self.maximum(), self.value(), self.height() - _HANDLE, True
            )
            color = _GRIP_WITH_KEYS if self.hasFocus() else _GRIP
            painter.fillRect(QRectF(2, top, self.width() - 4, _HANDLE), color)
        painter.end()

    def _draw_missing(self, painter: QPainter) -> None:
        """Ticks beside the slices that the series lacks."""
        volume, axis = self._view.session.volume, self._view.plane.axis
        missing = None if volume is None else volume.missing
        if missing is None or missing.axis != axis:
            return
        span = self.height() - _HANDLE
        for index in missing.indices:
            top = QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), index, span, True)
            tick = QRectF(0, top + _HANDLE / 2 - 1, self.width(), 2)
            painter.fillRect(tick, MISSING_COLOR)


class SlicePane(QWidget):
    """A slice view and, at its right edge, its slider."""

    def __init__(self, view: SliceView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.slider = SliceSlider(view)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(view, 1)
        layout.addWidget(self.slider)
