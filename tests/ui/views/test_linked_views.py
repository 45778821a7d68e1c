"""Layouts, one view alone, linked zoom and pan."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow
from liverview.ui.views.linked_views import Layout
from liverview.ui.views.slice_view import SliceView

from support.mouse import CTRL, move_pointer, turn_wheel


@pytest.mark.parametrize("plane", Plane)
def test_a_double_click_gives_one_view_all_the_space_and_back(
    qtbot: QtBot, opened: MainWindow, plane: Plane
) -> None:
    view = opened.views.by_plane[plane]
    before, crosshair = view.size(), opened.session.crosshair
    at = QPoint(view.viewport().width() // 3, view.viewport().height() // 3)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert opened.session.crosshair != crosshair
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert opened.session.crosshair == crosshair  # its first half was no click
    assert [p for p, v in opened.views.by_plane.items() if v.isVisible()] == [plane]
    QApplication.processEvents()
    assert view.width() > 0.95 * opened.views.width()
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert all(v.isVisible() for v in opened.views.by_plane.values())
    QApplication.processEvents()
    assert view.size() == before


def test_five_thousand_crosshair_steps(qtbot: QtBot, opened: MainWindow) -> None:
    """Every step goes through signals, views and the status bar."""
    rng = np.random.default_rng(0)
    for n, voxel in enumerate(rng.integers(0, (5, 7, 9), (5000, 3))):
        opened.session.set_crosshair(tuple(int(v) for v in voxel))  # type: ignore[arg-type]
        if n % 10 == 0:
            QApplication.processEvents()
    for view in opened.views.by_plane.values():
        view.refresh()
        assert view._index == opened.session.crosshair[view.plane.axis]


def test_layouts_show_every_view_and_one_alone(focused: MainWindow, qtbot: QtBot) -> None:
    views = focused.views
    axial = views.by_plane[Plane.AXIAL]
    for layout, key in ((Layout.ROW, Qt.Key.Key_F7), (Layout.ONE_AND_TWO, Qt.Key.Key_F6)):
        qtbot.keyClick(axial, key)
        QApplication.processEvents()
        assert views.layout_ is layout
        assert all(view.isVisible() for view in views.by_plane.values())
        tops = {view.mapTo(views, QPoint()).y() for view in views.by_plane.values()}
        assert (len(tops) == 1) == (layout is Layout.ROW)
        for plane, view in views.by_plane.items():
            view.setFocus()
            qtbot.keyClick(view, Qt.Key.Key_F)
            assert [other.isVisible() for other in views.by_plane.values()] == [
                other is view for other in views.by_plane.values()
            ]
            qtbot.waitUntil(lambda one=view: one.width() > 0.95 * views.width())
            assert views.maximized is plane
            qtbot.keyClick(view, Qt.Key.Key_F)
            assert all(other.isVisible() for other in views.by_plane.values())


def scale(view: SliceView) -> float:
    return 1 / float(view._box.viewPixelSize()[0])


@pytest.mark.parametrize("linked", [True, False])
def test_zoom_and_pan_are_linked(focused: MainWindow, qtbot: QtBot, linked: bool) -> None:
    views = focused.views.by_plane
    axial, coronal, sagittal = (views[p] for p in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL))
    if not linked:
        qtbot.keyClick(axial, Qt.Key.Key_K)
    before = {view: scale(view) for view in views.values()}
    crosshair = focused.session.crosshair
    stays = coronal.widget_position(crosshair)
    turn_wheel(axial, 360, CTRL, axial.widget_position((8, 3, 8)))
    factor = scale(axial) / before[axial]
    assert factor > 1.3
    for other in (coronal, sagittal):
        expected = factor if linked else 1.0
        assert scale(other) / before[other] == pytest.approx(expected, rel=0.01)
    assert (coronal.widget_position(crosshair) - stays).manhattanLength() < 1.5
    at = coronal.widget_position(crosshair), sagittal.widget_position(crosshair)
    start = QPoint(100, 100)
    qtbot.mousePress(axial.viewport(), Qt.MouseButton.MiddleButton, pos=start)
    end = QPointF(130, 90)
    move_pointer(axial, end.toPoint(), Qt.MouseButton.MiddleButton)
    qtbot.mouseRelease(axial.viewport(), Qt.MouseButton.MiddleButton, pos=end.toPoint())
    ratio = scale(coronal) / scale(axial)
    moved = coronal.widget_position(crosshair) - at[0]
    assert moved.x() == pytest.approx(30 * ratio if linked else 0, abs=1.5)
    assert moved.y() == pytest.approx(0, abs=0.5)  # up is another axis there
    moved = sagittal.widget_position(crosshair) - at[1]
    assert abs(moved.x()) == pytest.approx(
        10 * scale(sagittal) / scale(axial) if linked else 0, abs=1.5
    )
