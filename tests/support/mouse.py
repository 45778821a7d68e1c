"""The mouse over views and sliders, as Qt reports it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionSlider
from pytestqt.qtbot import QtBot

from liverview.ui.views.slice_view import SliceView
from liverview.ui.widgets.controls import FocuslessSlider

Place = tuple[float, float, float]
NO_KEY, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


def move_pointer(
    view: SliceView, point: QPoint, held: Qt.MouseButton = Qt.MouseButton.NoButton
) -> None:
    """Move the pointer; pytest-qt's own moves hold no button."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(point),
        QPointF(view.viewport().mapToGlobal(point)),
        Qt.MouseButton.NoButton,
        held,
        NO_KEY,
    )
    QApplication.sendEvent(view.viewport(), event)


def drag_pixels(
    qtbot: QtBot, view: SliceView, button: Qt.MouseButton, start: QPoint, end: QPoint
) -> None:
    """Press at a point of the widget, move to another in steps, release."""
    qtbot.mousePress(view.viewport(), button, pos=start)
    for point in (start + (end - start) / 2, end):
        move_pointer(view, point, button)
    qtbot.mouseRelease(view.viewport(), button, pos=end)


def drag_places(qtbot: QtBot, view: SliceView, start: Place, end: Place) -> None:
    """Press the left button at a place of the volume, move to another in steps, release."""
    a, b = view.widget_position(start), view.widget_position(end)
    button = Qt.MouseButton.LeftButton
    qtbot.mousePress(view.viewport(), button, pos=a.toPoint())
    for share in (0.3, 0.7, 1.0):
        move_pointer(view, (a + (b - a) * share).toPoint(), button)
    qtbot.mouseRelease(view.viewport(), button, pos=b.toPoint())


def turn_wheel(
    view: SliceView, eighths: int, keys: Qt.KeyboardModifier, at: QPointF | None = None
) -> None:
    """Turn the wheel by eighths of a degree, over a point or the middle of the view."""
    point = QPointF(view.viewport().rect().center()) if at is None else at
    event = QWheelEvent(
        point,
        QPointF(view.viewport().mapToGlobal(point.toPoint())),
        QPoint(),
        QPoint(0, eighths),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)


def handle_of(slider: FocuslessSlider) -> QPoint:
    """The point at which a slider can be grabbed."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    part = QStyle.SubControl.SC_SliderHandle
    control = QStyle.ComplexControl.CC_Slider
    return slider.style().subControlRect(control, option, part, slider).center()
