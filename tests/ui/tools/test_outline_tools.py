"""Lasso, polygon and scissors by mouse and keys, and filling between slices."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import Plane, Volume
from liverview.ui.main_window import MainWindow
from liverview.ui.tools.toolbox import LASSO, POLYGON, SCISSORS, ToolEntry
from liverview.ui.views.slice_view import SliceView

from support.answers import TIMEOUT_MS
from support.mouse import Place, move_pointer

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NO_KEY = Qt.KeyboardModifier.NoModifier


def corners(plane: Plane, index: int) -> list[Place]:
    """A rectangle between voxels: 2 to 6 along the first axis of a slice, 3 to 8 the second."""
    first, second = (axis for axis in range(3) if axis != plane.axis)
    found = []
    for a, b in ((1.5, 2.5), (6.5, 2.5), (6.5, 8.5), (1.5, 8.5)):
        place = [float(index)] * 3
        place[first], place[second] = a, b
        found.append((place[0], place[1], place[2]))
    return found


def inside(window: MainWindow, plane: Plane, index: int | slice) -> NDArray[np.bool_]:
    assert window.session.volume is not None
    mask = np.zeros(window.session.volume.shape, bool)
    sides: list[int | slice] = [slice(2, 7), slice(3, 9)]
    sides.insert(plane.axis, index)
    mask[tuple(sides)] = True
    return mask


def points(view: SliceView, places: list[Place]) -> list[QPoint]:
    return [view.widget_position(place).toPoint() for place in places]


def draw_around(
    qtbot: QtBot,
    view: SliceView,
    places: list[Place],
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = NO_KEY,
) -> None:
    first, *others = points(view, places)
    qtbot.mousePress(view.viewport(), button, keys, first)
    for point in others:
        move_pointer(view, point, button)
    qtbot.mouseRelease(view.viewport(), button, keys, others[-1])


def voxels(window: MainWindow) -> NDArray[np.uint8]:
    assert window.session.labels is not None
    return window.session.labels.voxels


def put(window: MainWindow, mask: NDArray[np.bool_], label: Label) -> None:
    with window.session.store.edit(Box.of_shape(mask.shape), "test") as there:
        there[mask] = label


@pytest.mark.parametrize("plane", list(Plane))
def test_a_lasso_fills_and_erases_in_its_slice(
    focused: MainWindow, qtbot: QtBot, plane: Plane
) -> None:
    view, index = focused.views.by_plane[plane], focused.session.crosshair[plane.axis]
    focused.toolbox.set_active(LASSO)
    names: list[str] = []
    focused.session.store.add_history(lambda change: names.append(change.name))
    draw_around(qtbot, view, corners(plane, index))
    expected = inside(focused, plane, index)
    np.testing.assert_array_equal(voxels(focused), np.where(expected, Label.TUMOR, 0))
    draw_around(qtbot, view, corners(plane, index), RIGHT)
    # An erased tumor is liver.
    np.testing.assert_array_equal(voxels(focused), np.where(expected, Label.LIVER, 0))
    focused.session.editing.set_label(Label.LIVER)
    draw_around(qtbot, view, corners(plane, index), LEFT, SHIFT)
    assert not voxels(focused).any()
    assert names == ["lasso, tumor", "erase, tumor", "erase, liver"]


def test_a_lasso_that_is_dropped_changes_nothing(focused: MainWindow, qtbot: QtBot) -> None:
    view, index = focused.views.by_plane[Plane.AXIAL], focused.session.crosshair[2]
    focused.toolbox.set_active(LASSO)
    first, *others = points(view, corners(Plane.AXIAL, index))
    qtbot.mousePress(view.viewport(), LEFT, NO_KEY, first)
    for point in others:
        move_pointer(view, point, LEFT)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.mouseRelease(view.viewport(), LEFT, NO_KEY, others[-1])
    assert not voxels(focused).any()
    assert focused.toolbox.active is LASSO


@pytest.mark.parametrize("end", ["enter", "double click", "first corner"])
def test_a_polygon_is_closed_in_three_ways(focused: MainWindow, qtbot: QtBot, end: str) -> None:
    view, index = focused.views.by_plane[Plane.AXIAL], focused.session.crosshair[2]
    focused.toolbox.set_active(POLYGON)
    clicks = points(view, corners(Plane.AXIAL, index))
    for point in clicks:
        qtbot.mouseClick(view.viewport(), LEFT, NO_KEY, point)
    assert not voxels(focused).any()
    if end == "enter":
        qtbot.keyClick(view, Qt.Key.Key_Return)
    elif end == "double click":
        qtbot.mouseDClick(view.viewport(), LEFT, NO_KEY, clicks[-1])
    else:
        qtbot.mouseClick(view.viewport(), LEFT, NO_KEY, clicks[0] + QPoint(2, 1))
    expected = inside(focused, Plane.AXIAL, index)
    np.testing.assert_array_equal(voxels(focused), np.where(expected, Label.TUMOR, 0))
    assert not focused.toolbox.in_progress
    assert focused.views.maximized is None


def test_escape_takes_corner_after_corner_back(focused: MainWindow, qtbot: QtBot) -> None:
    view, index = focused.views.by_plane[Plane.AXIAL], focused.session.crosshair[2]
    focused.toolbox.set_active(POLYGON)
    places = corners(Plane.AXIAL, index)
    wrong = (10.0, 12.0, float(index))
    for point in points(view, [*places[:3], wrong]):
        qtbot.mouseClick(view.viewport(), LEFT, NO_KEY, point)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.mouseClick(view.viewport(), LEFT, NO_KEY, points(view, places[3:])[0])
    qtbot.keyClick(view, Qt.Key.Key_Return)
    expected = inside(focused, Plane.AXIAL, index)
    np.testing.assert_array_equal(voxels(focused) == Label.TUMOR, expected)
    for point in points(view, places[:2]):
        qtbot.mouseClick(view.viewport(), LEFT, NO_KEY, point)
    for _ in range(2):
        assert focused.toolbox.in_progress
        qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not focused.toolbox.in_progress
    assert focused.toolbox.active is POLYGON
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert focused.toolbox.is_pointer


@pytest.mark.parametrize("plane", list(Plane))
def test_scissors_cut_through_all_slices(focused: MainWindow, qtbot: QtBot, plane: Plane) -> None:
    view, index = focused.views.by_plane[plane], focused.session.crosshair[plane.axis]
    volume = focused.session.volume
    assert volume is not None
    liver = np.zeros(volume.shape, bool)
    liver[1:9, 2:11, 3:15] = True
    put(focused, liver, Label.LIVER)
    spot = np.zeros_like(liver)
    spot[4:6, 5:7, 5:8] = True
    put(focused, spot, Label.TUMOR)
    focused.session.editing.set_label(Label.LIVER)
    focused.toolbox.set_active(SCISSORS)
    draw_around(qtbot, view, corners(plane, index))
    hole = inside(focused, plane, slice(None))
    expected = np.where(liver & ~hole, np.where(spot, Label.TUMOR, Label.LIVER), 0)
    np.testing.assert_array_equal(voxels(focused), expected)
    draw_around(qtbot, view, corners(plane, index), LEFT, CTRL)
    np.testing.assert_array_equal(voxels(focused) > 0, hole | liver)


def test_locked_labels_stay_as_they_are(focused: MainWindow, qtbot: QtBot) -> None:
    view, index = focused.views.by_plane[Plane.AXIAL], focused.session.crosshair[2]
    vessel = np.zeros_like(voxels(focused), bool)
    vessel[3:5, 3:5, index] = True
    put(focused, vessel, Label.VESSEL)
    focused.session.editing.set_limits(locked=frozenset({Label.VESSEL}))
    focused.toolbox.set_active(LASSO)
    draw_around(qtbot, view, corners(Plane.AXIAL, index))
    np.testing.assert_array_equal(voxels(focused) == Label.VESSEL, vessel)


def test_slices_between_drawn_ones_are_filled_by_a_key(focused: MainWindow, qtbot: QtBot) -> None:
    view = focused.views.by_plane[Plane.AXIAL]
    focused.toolbox.set_active(LASSO)
    for index in (4, 9):
        focused.session.set_crosshair((5, 6, index))
        draw_around(qtbot, view, corners(Plane.AXIAL, index))
    with qtbot.waitSignal(focused.filling.message, timeout=TIMEOUT_MS) as told:
        qtbot.keyClick(view, Qt.Key.Key_F, SHIFT)
    assert told.args == ["Filled 4 slices with tumor."]
    expected = inside(focused, Plane.AXIAL, slice(4, 10))
    np.testing.assert_array_equal(voxels(focused), np.where(expected, Label.TUMOR, 0))
    with qtbot.waitSignal(focused.filling.message, timeout=TIMEOUT_MS) as told:
        qtbot.keyClick(view, Qt.Key.Key_F, SHIFT)
    assert "nothing to fill" in told.args[0]
    assert "axial" in told.args[0]


@pytest.mark.parametrize("entry", [LASSO, POLYGON, SCISSORS])
def test_an_outline_is_dropped_with_its_scan(
    focused: MainWindow, qtbot: QtBot, entry: ToolEntry
) -> None:
    """Closed in a scan with fewer slices it would lie outside of it."""
    view = focused.views.by_plane[Plane.AXIAL]
    focused.session.set_crosshair((5, 6, 16))
    focused.toolbox.set_active(entry)
    places = points(view, corners(Plane.AXIAL, 16))
    qtbot.mousePress(view.viewport(), LEFT, NO_KEY, places[0])
    for point in places[1:]:
        if entry is POLYGON:
            qtbot.mouseRelease(view.viewport(), LEFT, NO_KEY, point)
            qtbot.mousePress(view.viewport(), LEFT, NO_KEY, point)
        else:
            move_pointer(view, point, LEFT)
    flat = Volume(np.zeros((11, 13, 3), np.int16), np.eye(4), name="flat")
    focused.session.open(flat)
    view.viewport().grab()
    qtbot.mouseRelease(view.viewport(), LEFT, NO_KEY, places[-1])
    assert not focused.toolbox.in_progress
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert not voxels(focused).any()
    assert not focused.session.store.history.steps()
