"""The menu Edit: undo and redo by keys, named, and off where nothing can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QMenuBar
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.actions.edit import EditActions
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.main_window import MainWindow

from support.window import Stream, finish_segmentation, start_segmentation

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def voxels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels.copy()


def paint(window: MainWindow, value: int, name: str = "brush, tumor") -> None:
    with window.session.store.edit(Box.from_bounds((1, 1, 1), (3, 4, 5)), name) as voxels:
        voxels[...] = value


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, how: Qt.KeyboardModifier = CTRL) -> None:
    qtbot.keyClick(window.views.by_plane[Plane.AXIAL], key, how)


@pytest.mark.parametrize("redo", [(Qt.Key.Key_Y, CTRL), (Qt.Key.Key_Z, CTRL | SHIFT)])
def test_keys_undo_labels_and_measurements_in_their_order(
    focused: MainWindow, qtbot: QtBot, redo: tuple[Qt.Key, Qt.KeyboardModifier]
) -> None:
    paint(focused, Label.TUMOR)
    drawn = voxels_of(focused)
    focused.markups.add(Ruler(Plane.AXIAL, (1, 1, 1), (5, 1, 1)))
    press(qtbot, focused, Qt.Key.Key_Z)
    assert focused.markups.entries() == []
    assert np.array_equal(voxels_of(focused), drawn)
    press(qtbot, focused, Qt.Key.Key_Z)
    assert not voxels_of(focused).any()
    press(qtbot, focused, Qt.Key.Key_Z)  # at the beginning: nothing
    press(qtbot, focused, *redo)
    assert np.array_equal(voxels_of(focused), drawn)
    press(qtbot, focused, *redo)
    press(qtbot, focused, *redo)
    assert len(focused.markups.entries()) == 1


def test_the_menu_names_the_step_and_says_why_nothing_can_be_undone(
    opened: MainWindow, qtbot: QtBot, stream: Stream
) -> None:
    undo, redo = opened.actions_.edit.undo, opened.actions_.edit.redo
    assert (undo.text(), undo.isEnabled(), undo.statusTip()) == ("&Undo", False, "Nothing to undo.")
    assert (redo.isEnabled(), redo.statusTip()) == (False, "Nothing to redo.")
    paint(opened, 3, "brush, R&D")
    assert (undo.text(), undo.isEnabled()) == ("&Undo brush, R&&D", True)
    assert undo.statusTip() == "Take back: brush, R&D"
    assert "Ctrl+Z" in undo.toolTip()
    undo.trigger()
    assert (redo.text(), redo.isEnabled()) == ("&Redo brush, R&&D", True)
    redo.trigger()
    opened.session.store.mark_saved()
    start_segmentation(qtbot, opened)
    assert not undo.isEnabled()
    assert "segmentation is running" in undo.statusTip()
    assert "segmentation is running" in undo.toolTip()
    finish_segmentation(qtbot, opened, stream)
    for name in ("edits kept", "segmentation"):  # what was edited before lies over the result
        assert (undo.text(), undo.isEnabled()) == (f"&Undo {name}", True)
        undo.trigger()
    assert undo.text() == "&Undo brush, R&&D"
    assert not opened.session.store.modified
    paint(opened, 2, "x" * 200)
    assert len(undo.text()) < 70


def test_a_canceled_segmentation_is_one_step_kept_or_dropped(
    opened: MainWindow, qtbot: QtBot, stream: Stream
) -> None:
    undo, redo = opened.actions_.edit.undo, opened.actions_.edit.redo
    start_segmentation(qtbot, opened)
    opened.actions_.segment.cancel.trigger()
    kept = voxels_of(opened)
    assert kept.any()
    undo.trigger()
    assert not voxels_of(opened).any()
    redo.trigger()
    assert np.array_equal(voxels_of(opened), kept)
    assert opened.session.store.has_unfinished_labels
    (drop,) = [one for one in opened.messages.buttons if one.text() == "Drop it"]
    drop.click()
    assert not voxels_of(opened).any()
    undo.trigger()
    assert np.array_equal(voxels_of(opened), kept)
    stream.go.set()
    opened.session.store.mark_saved()


def test_the_title_says_whether_what_came_back_is_saved(opened: MainWindow) -> None:
    paint(opened, 1)
    assert opened.isWindowModified()
    opened.session.store.mark_saved()
    paint(opened, 2)
    assert opened.isWindowModified()
    opened.actions_.edit.undo.trigger()
    assert not opened.isWindowModified()
    opened.actions_.edit.redo.trigger()
    assert opened.isWindowModified()


def test_further_commands_come_below_a_line(window: MainWindow) -> None:
    factory, bar = ActionFactory(window), QMenuBar(window)
    edit = EditActions(factory, window.session.store.history, lambda: None)
    more = [factory.make_action(name, "", name) for name in ("Fill holes", "Smooth")]
    edit.add_section(more)
    edit.fill_menu(bar)
    (menu,) = [one.menu() for one in bar.actions()]
    assert isinstance(menu, QMenu)
    first, line, last = menu.actions()[:3], menu.actions()[3], menu.actions()[4:]
    assert first == [edit.undo, edit.redo, edit.show_history]
    assert line.isSeparator()
    assert last == more
