"""Controls that leave keys and wheel to the views."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from liverview.ui.main_window import MainWindow


def test_wheel_and_keys_stay_with_the_views(opened: MainWindow) -> None:
    device = opened.actions_.segment.device_box
    before = device.currentIndex()
    event = QWheelEvent(
        QPointF(5, 5),
        device.mapToGlobal(QPointF(5, 5)),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(device, event)
    assert device.currentIndex() == before
    takes_click = Qt.FocusPolicy.ClickFocus.value
    assert not device.focusPolicy().value & takes_click
    assert not opened.actions_.view.windows.box.focusPolicy().value & takes_click
