"""Rulers and ellipses: drawn, dragged, shown on their slice, removed."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane, Volume
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Convention
from liverview.ui.tools.toolbox import POINTER

from support.mouse import Place, drag_places


def draw(
    qtbot: QtBot, window: MainWindow, key: Qt.Key, plane: Plane, start: Place, end: Place
) -> None:
    view = window.views.by_plane[plane]
    view.setFocus()
    qtbot.keyClick(view, key)
    drag_places(qtbot, view, start, end)


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("convention", Convention)
def test_a_ruler_is_drawn_in_mm(
    focused: MainWindow, qtbot: QtBot, plane: Plane, convention: Convention
) -> None:
    session = focused.session
    session.set_convention(convention)
    before = session.crosshair
    start, end = list(map(float, before)), list(map(float, before))
    end[plane.horizontal_axis] += 4
    end[plane.vertical_axis] -= 3
    draw(qtbot, focused, Qt.Key.Key_M, plane, tuple(start), tuple(end))  # type: ignore[arg-type]
    (entry,) = focused.markups.entries()
    assert isinstance(entry.markup, Ruler)
    assert entry.markup.plane is plane
    assert session.volume is not None
    spacing = session.volume.spacing
    expected = np.hypot(4 * spacing[plane.horizontal_axis], 3 * spacing[plane.vertical_axis])
    # As exact as the pixels that were pressed.
    pixel = 2 * focused.views.by_plane[plane]._box.viewPixelSize()[0]
    assert entry.markup.length_mm(session.volume.affine) == pytest.approx(expected, abs=pixel)
    assert session.crosshair == before
    assert focused.toolbox.active is POINTER  # one at a time


def test_a_ruler_is_right_on_an_oblique_scan(window: MainWindow, qtbot: QtBot) -> None:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.7, 1.4, 3.0])
    window.session.open(Volume(np.zeros((60, 50, 12), np.int16), affine))
    window.activateWindow()
    draw(qtbot, window, Qt.Key.Key_M, Plane.AXIAL, (10, 10, 6), (40, 30, 6))
    (entry,) = window.markups.entries()
    expected = np.hypot(30 * 0.7, 20 * 1.4)
    assert isinstance(entry.markup, Ruler)
    assert entry.markup.length_mm(affine) == pytest.approx(expected, abs=0.6)


def test_an_ellipse_measures_what_it_holds(focused: MainWindow, qtbot: QtBot) -> None:
    draw(qtbot, focused, Qt.Key.Key_E, Plane.AXIAL, (2.6, 3.6, 8), (7.4, 8.4, 8))
    (entry,) = focused.markups.entries()
    volume = focused.session.volume
    assert volume is not None
    assert isinstance(entry.markup, Ellipse)
    found = entry.markup.stats(volume)
    i, j = np.indices((11, 13))
    inside = ((i - 5) / 2.4) ** 2 + ((j - 6) / 2.4) ** 2 <= 1
    values = volume.voxels[:, :, 8][inside]
    assert found.mean == pytest.approx(values.mean(), abs=0.01)
    assert found.sd == pytest.approx(values.std(), abs=0.01)
    assert found.area_mm2 == pytest.approx(np.pi * 2.4 * 2 * 2.4 * 3, rel=0.03)


def test_ends_are_dragged_and_changes_taken_back(focused: MainWindow, qtbot: QtBot) -> None:
    view = focused.views.by_plane[Plane.AXIAL]
    draw(qtbot, focused, Qt.Key.Key_M, Plane.AXIAL, (2, 3, 8), (8, 3, 8))
    (entry,) = focused.markups.entries()
    assert isinstance(entry.markup, Ruler)
    drag_places(qtbot, view, entry.markup.end, (8, 10, 8))
    (moved,) = focused.markups.entries()
    assert isinstance(moved.markup, Ruler)
    assert moved.markup.start == entry.markup.start
    assert moved.markup.end == pytest.approx((8, 10, 8), abs=0.2)
    middle = tuple((a + b) / 2 for a, b in zip(moved.markup.start, moved.markup.end, strict=True))
    drag_places(qtbot, view, middle, (middle[0] + 1, middle[1], 8))  # type: ignore[arg-type]
    (whole,) = focused.markups.entries()
    assert isinstance(whole.markup, Ruler)
    assert whole.markup.start[0] == pytest.approx(moved.markup.start[0] + 1, abs=0.2)
    assert whole.markup.end[0] == pytest.approx(moved.markup.end[0] + 1, abs=0.2)
    for expected in (moved.markup, entry.markup):
        qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert [one.markup for one in focused.markups.entries()] == [expected]
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert focused.markups.entries() == []


@pytest.mark.parametrize(
    ("grip", "to", "center", "half"),
    [
        ((8.0, 6.0, 8.0), (10.0, 6.0, 8.0), (6.0, 6.0), (4.0, 3.0)),
        ((5.0, 3.0, 8.0), (5.0, 1.0, 8.0), (5.0, 5.0), (3.0, 4.0)),
    ],
)
def test_an_ellipse_is_stretched_by_its_handles(
    focused: MainWindow,
    qtbot: QtBot,
    grip: Place,
    to: Place,
    center: tuple[float, float],
    half: tuple[float, float],
) -> None:
    focused.markups.add(Ellipse(Plane.AXIAL, 8, (5.0, 6.0), (3.0, 3.0)))
    drag_places(qtbot, focused.views.by_plane[Plane.AXIAL], grip, to)
    (entry,) = focused.markups.entries()
    assert isinstance(entry.markup, Ellipse)
    assert entry.markup.center == pytest.approx(center, abs=0.2)
    assert entry.markup.half_axes == pytest.approx(half, abs=0.2)


def test_markups_are_drawn_on_their_slice_only(focused: MainWindow, qtbot: QtBot) -> None:
    view, session = focused.views.by_plane[Plane.AXIAL], focused.session

    def picture() -> object:
        view.refresh()
        QApplication.processEvents()
        return view.grab().toImage()

    plain = {k: (session.move_crosshair(2, k - session.crosshair[2]), picture())[1] for k in (7, 8)}
    focused.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 9, 8)))
    assert picture() != plain[8]
    session.move_crosshair(2, -1)
    assert picture() == plain[7]
    session.move_crosshair(2, 1)
    qtbot.keyClick(view, Qt.Key.Key_D)
    assert picture() == plain[8]
    before = session.crosshair
    drag_places(qtbot, view, (2, 3, 8), (4, 4, 8))  # hidden ones cannot be grabbed
    assert session.crosshair != before


def test_clicks_draw_nothing_and_delete_removes_the_chosen(
    focused: MainWindow, qtbot: QtBot
) -> None:
    view = focused.views.by_plane[Plane.AXIAL]
    qtbot.keyClick(view, Qt.Key.Key_M)
    point = view.widget_position((4, 4, 8)).toPoint()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert focused.markups.entries() == []
    qtbot.keyClick(view, Qt.Key.Key_C)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert focused.session.crosshair == (4, 4, 8)
    first, second = (
        Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)),
        Ruler(Plane.AXIAL, (2, 9, 8), (8, 9, 8)),
    )
    focused.markups.add(first)
    focused.markups.add(second)
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.widget_position((5, 3, 8)).toPoint()
    )
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert [entry.markup for entry in focused.markups.entries()] == [second]
