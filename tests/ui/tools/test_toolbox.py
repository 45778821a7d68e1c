"""The tools that there are, and the one that has the mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication, QToolBar
from pytestqt.qtbot import QtBot

from liverview.core import paths
from liverview.core.volume import Plane
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.tools.toolbox import ELLIPSE, POINTER, RULER, TOOLS

from support.mouse import drag_places


def test_every_tool_is_offered_with_its_own_name_key_and_icon(window: MainWindow) -> None:
    actions = window.actions_.tools.tools.actions
    assert [action.text() for action in actions] == [entry.name for entry in TOOLS]
    for field in ("name", "key", "icon_name", "tip"):
        assert len({getattr(entry, field) for entry in TOOLS}) == len(TOOLS)
    for entry, action in zip(TOOLS, actions, strict=True):
        assert action.shortcut().toString() == entry.key
        assert (paths.resources() / "icons" / f"{entry.icon_name}.svg").is_file()
        action.trigger()
        assert window.toolbox.active is entry
        assert [other.isChecked() for other in actions] == [other is action for other in actions]


def test_the_cursor_tells_what_a_press_would_do(focused: MainWindow) -> None:
    view, toolbox = focused.views.by_plane[Plane.AXIAL], focused.toolbox
    focused.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)))
    free, end = view.widget_position((5, 9, 8)), view.widget_position((8, 3, 8))
    shapes = Qt.CursorShape
    for entry, shape in (
        (POINTER, shapes.ArrowCursor),
        (RULER, shapes.CrossCursor),
        (ELLIPSE, shapes.CrossCursor),
    ):
        toolbox.set_active(entry)
        assert toolbox.cursor(view, free) is shape
        assert toolbox.cursor(view, end) is shapes.SizeAllCursor


def test_a_ruler_is_dragged_whichever_tool_draws_and_the_tool_stays(
    focused: MainWindow, qtbot: QtBot
) -> None:
    view = focused.views.by_plane[Plane.AXIAL]
    focused.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)))
    focused.toolbox.set_active(ELLIPSE)
    drag_places(qtbot, view, (8, 3, 8), (8, 9, 8))
    (entry,) = focused.markups.entries()
    assert isinstance(entry.markup, Ruler)
    assert round(entry.markup.end[1]) == 9
    assert focused.toolbox.active is ELLIPSE


@pytest.mark.parametrize("key", [Qt.Key.Key_C, Qt.Key.Key_M, Qt.Key.Key_E])
def test_a_tool_that_is_chosen_again_stays_marked(
    focused: MainWindow, qtbot: QtBot, key: Qt.Key
) -> None:
    view, bars = focused.views.by_plane[Plane.AXIAL], focused.findChildren(QToolBar)
    for _ in range(3):
        qtbot.keyClick(view, key)
        marked = [entry for entry in TOOLS if focused.actions_.tools.by_entry(entry).isChecked()]
        assert marked == [focused.toolbox.active]
    buttons = {
        entry: bar.widgetForAction(action)
        for entry in TOOLS
        for bar in bars
        if (action := focused.actions_.tools.by_entry(entry)) in bar.actions()
    }
    assert list(buttons) == list(TOOLS)  # each has a button, in one bar
    for entry, button in buttons.items():
        for _ in range(2):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
            assert [e for e, b in buttons.items() if b.isChecked()] == [entry]
            assert focused.toolbox.active is entry


def test_another_tool_drops_what_is_being_drawn(focused: MainWindow, qtbot: QtBot) -> None:
    view, toolbox = focused.views.by_plane[Plane.AXIAL], focused.toolbox
    start, end = view.widget_position((2, 3, 8)), view.widget_position((8, 9, 8))

    def picture() -> object:
        view.refresh()
        QApplication.processEvents()
        return view.grab().toImage()

    plain = picture()
    toolbox.set_active(RULER)
    assert toolbox.press(view, start)
    assert toolbox.move(view, end)
    assert picture() != plain
    toolbox.set_active(ELLIPSE)
    assert picture() == plain
    assert not toolbox.release(view, QPointF(end))
    assert focused.markups.entries() == []
    # The same while an existing one is dragged: it is back in its place.
    focused.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)))
    before = picture()
    toolbox.press(view, view.widget_position((8, 3, 8)))
    toolbox.move(view, end)
    assert picture() != before
    toolbox.set_active(POINTER)
    assert picture() == before
