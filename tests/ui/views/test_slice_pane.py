"""The slider beside a view: shows and sets its slice, and takes keys from nobody."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow


@pytest.mark.parametrize("plane", Plane)
def test_the_slider_shows_and_sets_the_slice(
    focused: MainWindow, qtbot: QtBot, plane: Plane
) -> None:
    session, slider = focused.session, focused.views.panes[plane].slider
    assert session.volume is not None
    last = session.volume.shape[plane.axis] - 1
    assert (slider.minimum(), slider.maximum()) == (0, last)
    assert slider.value() == session.crosshair[plane.axis]
    session.step_slices(plane, 2)
    assert slider.value() == session.crosshair[plane.axis]
    before = session.crosshair
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(5, 1))
    assert session.crosshair[plane.axis] == last  # up is the last one
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(5, slider.height() - 1))
    assert session.crosshair[plane.axis] == 0
    others = [axis for axis in range(3) if axis != plane.axis]
    assert [session.crosshair[axis] for axis in others] == [before[axis] for axis in others]


def test_a_click_takes_no_keys_but_tab_gives_them(focused: MainWindow, qtbot: QtBot) -> None:
    view, slider = (
        focused.views.by_plane[Plane.AXIAL],
        focused.views.panes[Plane.AXIAL].slider,
    )
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(5, 40))
    assert view.hasFocus()
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    assert slider.hasFocus()
    k = focused.session.crosshair[2]
    qtbot.keyClick(slider, Qt.Key.Key_Down)
    assert focused.session.crosshair[2] == k - 1
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert focused.session.crosshair[2] == 0
    qtbot.keyClick(slider, Qt.Key.Key_L)  # a command of the window
    assert not any(
        action.isChecked()
        for label, action in focused.actions_.labels.layers.items()
        if action.shortcut().toString() == "L"
    )


def test_the_wheel_over_the_slider_turns_slices(focused: MainWindow) -> None:
    slider = focused.views.panes[Plane.SAGITTAL].slider
    i = focused.session.crosshair[0]
    point, none = QPointF(5, 50), Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        point, slider.mapToGlobal(point), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, none,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(slider, event)
    assert focused.session.crosshair[0] == i + 1
