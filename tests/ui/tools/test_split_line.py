"""The split line: drawn with the mouse, it cuts what it crosses."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Convention
from liverview.ui.tools.toolbox import POINTER, SPLIT_LINE

from support.drawn_parts import BRIDGE, LEFT, RIGHT, labels_of, open_parts
from support.mouse import Place, drag_places, move_pointer

AROUND = np.ones((3, 3, 3), bool)
LEFT_BUTTON = Qt.MouseButton.LeftButton


@pytest.fixture
def shown(window: MainWindow) -> MainWindow:
    window.resize(1200, 800)
    open_parts(window)
    QApplication.processEvents()
    return window


def take_tool(qtbot: QtBot, window: MainWindow, plane: Plane) -> None:
    view = window.views.by_plane[plane]
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    assert window.toolbox.active is SPLIT_LINE
    middle = view.viewport().rect().center()
    move_pointer(view, middle)
    assert view.viewport().cursor().shape() is Qt.CursorShape.CrossCursor


def draw(qtbot: QtBot, window: MainWindow, plane: Plane, start: Place, end: Place) -> None:
    drag_places(qtbot, window.views.by_plane[plane], start, end)


def tumors(window: MainWindow) -> int:
    return int(ndimage.label(labels_of(window) == Label.TUMOR, AROUND)[1])


@pytest.mark.parametrize("convention", Convention)
@pytest.mark.parametrize(
    ("plane", "start", "end"),
    [
        (Plane.AXIAL, (17.0, 4.5, 9.0), (17.0, 17.0, 9.0)),
        (Plane.CORONAL, (16.0, 10.0, 4.5), (17.5, 10.0, 15.0)),
    ],
)
def test_a_line_across_the_bridge_makes_two_lesions(
    shown: MainWindow, qtbot: QtBot, plane: Plane, start: Place, end: Place, convention: Convention
) -> None:
    shown.session.set_convention(convention)
    before, crosshair = labels_of(shown).copy(), shown.session.crosshair
    told: list[str] = []
    shown.session.store.add_history(lambda change: told.append(change.name))
    take_tool(qtbot, shown, plane)
    draw(qtbot, shown, plane, start, end)
    assert tumors(shown) == 3
    changed = before != labels_of(shown)
    assert changed.sum() == BRIDGE
    assert set(labels_of(shown)[changed].tolist()) == {Label.LIVER}
    assert told == ["split part, tumor"]
    (cut_off,) = shown.session.selected.parts  # the smaller one, to be deleted
    assert cut_off.contains(LEFT)
    assert shown.session.crosshair == crosshair
    assert shown.statusBar().currentMessage() == (
        "Split into 2 parts; what was cut off is selected."
    )


def test_the_selected_part_is_cut_and_no_other(shown: MainWindow, qtbot: QtBot) -> None:
    """A line across the whole liver cuts the lesion that is selected."""
    shown.parts.select_at(LEFT)
    before = labels_of(shown).copy()
    take_tool(qtbot, shown, Plane.AXIAL)
    draw(qtbot, shown, Plane.AXIAL, (17.0, 2.0, 9.0), (17.0, 34.0, 9.0))
    assert (before != labels_of(shown)).sum() == BRIDGE
    assert labels_of(shown)[17, 20, 9] == Label.VESSEL


def test_the_liver_is_cut_with_all_in_it_by_a_line_across_it(
    shown: MainWindow, qtbot: QtBot
) -> None:
    take_tool(qtbot, shown, Plane.AXIAL)
    draw(qtbot, shown, Plane.AXIAL, (16.7, 1.0, 9.0), (16.7, 34.5, 9.0))
    labels = labels_of(shown)
    assert ndimage.label(labels > 0, AROUND)[1] == 2
    assert (labels[16, 4:32, 3:21] == 0).all()  # the side of the smaller part
    assert labels[LEFT] == labels[RIGHT] == Label.TUMOR


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ((10.0, 10.0, 9.0), (12.0, 10.0, 9.0), "The line crosses no part"),
        ((1.0, 1.0, 9.0), (30.0, 1.0, 9.0), "The line crosses no part"),
        ((10.0, 10.0, 9.0), (10.0, 10.0, 9.0), "Draw a line across a part"),
    ],
)
def test_a_line_that_crosses_nothing_is_told_and_changes_nothing(
    shown: MainWindow, qtbot: QtBot, start: Place, end: Place, words: str
) -> None:
    before = labels_of(shown).copy()
    take_tool(qtbot, shown, Plane.AXIAL)
    draw(qtbot, shown, Plane.AXIAL, start, end)
    assert np.array_equal(labels_of(shown), before)
    assert shown.statusBar().currentMessage().startswith(words)
    assert shown.toolbox.active is SPLIT_LINE  # to try again
    shown.parts.select_at(LEFT)
    draw(qtbot, shown, Plane.AXIAL, start, end)
    assert np.array_equal(labels_of(shown), before)
    assert "across" in shown.statusBar().currentMessage()


def test_the_line_is_drawn_and_escape_drops_it(shown: MainWindow, qtbot: QtBot) -> None:
    before, view = labels_of(shown).copy(), shown.views.by_plane[Plane.AXIAL]
    shown.session.set_show_crosshair(False)
    take_tool(qtbot, shown, Plane.AXIAL)
    a, b = (view.widget_position(p).toPoint() for p in ((17.0, 3.0, 9.0), (17.0, 17.0, 9.0)))
    empty = view.grab().toImage()
    qtbot.mousePress(view.viewport(), LEFT_BUTTON, pos=a)
    move_pointer(view, b, LEFT_BUTTON)
    picture = view.grab().toImage()
    column = [picture.pixelColor(a.x(), y).lightness() for y in range(b.y(), a.y())]
    was = [empty.pixelColor(a.x(), y).lightness() for y in range(b.y(), a.y())]
    assert sum(one != other for one, other in zip(column, was, strict=True)) > len(column) * 0.9
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.mouseRelease(view.viewport(), LEFT_BUTTON, pos=b)
    assert np.array_equal(labels_of(shown), before)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert shown.toolbox.active is POINTER
    move_pointer(view, QPoint(a))
