"""Mouse, wheel and keys of a slice view."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane
from liverview.ui.state.session import Session
from liverview.ui.views.slice_view import SliceView

from support.mouse import CTRL, NO_KEY, drag_pixels, move_pointer, turn_wheel
from support.slice_pictures import settle


@pytest.mark.parametrize("plane", Plane)
def test_a_click_moves_all_three_views(
    plane: Plane, session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    target = (8, 2, 14)
    expected = list(session.crosshair)
    expected[plane.horizontal_axis], expected[plane.vertical_axis] = (
        target[plane.horizontal_axis],
        target[plane.vertical_axis],
    )
    point = views[plane].widget_position(target).toPoint()
    qtbot.mouseClick(views[plane].viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert session.crosshair == tuple(expected)
    settle(views)
    for view in views.values():
        assert view._index == session.crosshair[view.plane.axis]


def test_a_left_drag_carries_the_crosshair_and_stops_at_the_edge(
    session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    view = views[Plane.AXIAL]
    start, end = (
        view.widget_position((2, 2, 8)).toPoint(),
        view.widget_position((7, 11, 8)).toPoint(),
    )
    drag_pixels(qtbot, view, Qt.MouseButton.LeftButton, start, end)
    assert session.crosshair == (7, 11, 8)
    drag_pixels(qtbot, view, Qt.MouseButton.LeftButton, start, QPoint(-300, -300))
    assert session.crosshair == (10, 12, 8)


def test_a_right_drag_changes_the_window(
    session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    view = views[Plane.CORONAL]
    drag_pixels(qtbot, view, Qt.MouseButton.RightButton, QPoint(100, 100), QPoint(150, 100))
    assert session.width > 400
    assert session.level == 40
    drag_pixels(qtbot, view, Qt.MouseButton.RightButton, QPoint(100, 100), QPoint(100, 140))
    assert session.level < 40  # down is brighter
    assert session.crosshair == (5, 6, 8)


def test_a_middle_drag_pans_by_what_it_moves(
    session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    view = views[Plane.SAGITTAL]
    before = view.widget_position((5, 6, 8))
    drag_pixels(qtbot, view, Qt.MouseButton.MiddleButton, QPoint(100, 100), QPoint(130, 80))
    moved = view.widget_position((5, 6, 8)) - before
    assert (moved.x(), moved.y()) == pytest.approx((30, -20), abs=1.5)
    assert session.crosshair == (5, 6, 8)


def test_the_wheel_goes_through_slices(session: Session, views: dict[Plane, SliceView]) -> None:
    turn_wheel(views[Plane.AXIAL], 120, NO_KEY)
    turn_wheel(views[Plane.CORONAL], -240, NO_KEY)
    turn_wheel(views[Plane.SAGITTAL], 120, NO_KEY)
    assert session.crosshair == (6, 4, 9)
    for _ in range(4):  # four parts of a touch pad make one notch
        turn_wheel(views[Plane.AXIAL], 30, NO_KEY)
    assert session.crosshair == (6, 4, 10)


def test_the_wheel_with_ctrl_zooms_around_the_pointer(
    session: Session, views: dict[Plane, SliceView]
) -> None:
    view = views[Plane.AXIAL]
    middle = QPointF(view.viewport().rect().center())
    pointed = view.voxel_at(middle)
    before = view.widget_position((10, 0, 8)).x() - view.widget_position((0, 0, 8)).x()
    turn_wheel(view, 240, CTRL)
    after = view.widget_position((10, 0, 8)).x() - view.widget_position((0, 0, 8)).x()
    assert after / before == pytest.approx(1.0015**240, rel=0.03)
    assert view.voxel_at(middle) == pointed
    assert session.crosshair == (5, 6, 8)


def test_hovering_tells_the_voxel(
    session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    view = views[Plane.AXIAL]
    with qtbot.waitSignal(view.hovered) as caught:
        move_pointer(view, view.widget_position((3, 4, 8)).toPoint())
    assert caught.args == [(3, 4, 8)]
    assert view.voxel_at(QPointF(0, 0)) is None


def test_arrows_go_where_they_point(
    session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    for plane, view in views.items():
        for key, dx, dy in (
            (Qt.Key.Key_Left, -1, 0),
            (Qt.Key.Key_Right, 1, 0),
            (Qt.Key.Key_Up, 0, -1),
            (Qt.Key.Key_Down, 0, 1),
        ):
            session.set_crosshair((5, 6, 8))
            before = view.widget_position(session.crosshair)
            qtbot.keyClick(view, key)
            moved = view.widget_position(session.crosshair) - before
            assert np.sign(moved.x()) == dx, (plane, key)
            assert np.sign(moved.y()) == dy, (plane, key)


def test_page_and_home_keys_go_through_slices(
    session: Session, views: dict[Plane, SliceView], qtbot: QtBot
) -> None:
    view = views[Plane.AXIAL]
    qtbot.keyClick(view, Qt.Key.Key_PageUp)
    qtbot.keyClick(view, Qt.Key.Key_PageUp, Qt.KeyboardModifier.ShiftModifier)
    assert session.crosshair == (5, 6, 14)
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert session.crosshair == (5, 6, 0)
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert session.crosshair == (5, 6, 16)


def test_a_view_without_a_volume_takes_every_event(qtbot: QtBot) -> None:
    view = SliceView(Session(), Plane.AXIAL)
    qtbot.addWidget(view)
    view.show()
    for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
        drag_pixels(qtbot, view, button, QPoint(20, 20), QPoint(60, 60))
    turn_wheel(view, 120, NO_KEY)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    view.fit_slice()
    assert view.voxel_at(QPointF(10, 10)) is None
