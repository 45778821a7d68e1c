"""Commands: keys, menus, toolbar."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Convention


def test_every_command_has_words_a_tooltip_and_its_own_shortcut(window: MainWindow) -> None:
    actions = [a for menu in window.menuBar().actions() for a in _leaves(menu.menu())]
    keys = [a.shortcut().toString() for a in actions if not a.shortcut().isEmpty()]
    assert len(keys) == len(set(keys)) >= 20
    assert all(a.text() and a.toolTip() for a in actions)


def _leaves(menu: object) -> Iterator[object]:
    for action in menu.actions():  # type: ignore[attr-defined]
        if action.menu() is not None:
            yield from _leaves(action.menu())
        elif not action.isSeparator():
            yield action


def test_every_command_is_told_in_words_and_keys(window: MainWindow) -> None:
    shortcuts = window.help.shortcuts
    taken: dict[str, QAction] = {}
    names = set()
    for action in shortcuts.all_actions():
        assert action.statusTip(), action.text()
        assert action.objectName() not in names
        names.add(action.objectName())
        for key in action.shortcuts():
            assert key.toString() in action.toolTip()
            assert key.toString() not in taken, (action.text(), taken.get(key.toString()))
            taken[key.toString()] = action
    in_toolbar = [a for a in window.toolbar.actions() if a.text()]
    commands = {a for a in in_toolbar if a.menu() is None}
    for action in set(in_toolbar) - commands:
        commands |= {a for a in action.menu().actions() if a.text()}
    assert commands <= set(shortcuts.all_actions())
    assert all(not action.icon().isNull() for action in in_toolbar)


def test_keys_toggle_layers_and_choose_windows(qtbot: QtBot, opened: MainWindow) -> None:
    session, view = opened.session, opened.views.by_plane[Plane.AXIAL]
    view.setFocus()
    for key, label in ((Qt.Key.Key_L, Label.LIVER), (Qt.Key.Key_V, Label.VESSEL)):
        qtbot.keyClick(opened, key)
        assert not session.styles[label].visible
    qtbot.keyClick(opened, Qt.Key.Key_S)  # one is still shown: hide all
    assert not any(session.styles[label].visible for label in FOREGROUND)
    qtbot.keyClick(opened, Qt.Key.Key_S)
    assert all(session.styles[label].visible for label in FOREGROUND)
    before = session.styles[Label.TUMOR].opacity
    qtbot.keyClick(opened, Qt.Key.Key_BracketRight)
    assert session.styles[Label.TUMOR].opacity == pytest.approx(before + 0.1)
    for key, window in (
        (Qt.Key.Key_2, (150, 90)),
        (Qt.Key.Key_3, (1800, 400)),
        (Qt.Key.Key_4, (1500, -600)),
        (Qt.Key.Key_1, (400, 40)),
    ):
        qtbot.keyClick(opened, key)
        assert (session.width, session.level) == window
    qtbot.keyClick(opened, Qt.Key.Key_0)
    assert opened.actions_.view.windows.box.currentIndex() == -1
    qtbot.keyClick(opened, Qt.Key.Key_X)
    qtbot.keyClick(opened, Qt.Key.Key_H)
    assert not session.show_crosshair
    assert not session.show_text


def test_a_preset_is_chosen_from_the_toolbar(opened: MainWindow) -> None:
    opened.actions_.view.windows.box.activated.emit(3)
    assert (opened.session.width, opened.session.level) == (1500, -600)


def test_the_convention_is_switched(qtbot: QtBot, opened: MainWindow) -> None:
    qtbot.keyClick(opened, Qt.Key.Key_N)
    assert opened.session.convention is Convention.NEUROLOGICAL
    qtbot.keyClick(opened, Qt.Key.Key_N)
    assert opened.session.convention is Convention.RADIOLOGICAL


def test_reset_shows_everything_again(qtbot: QtBot, opened: MainWindow) -> None:
    opened.views.toggle_maximized(Plane.CORONAL)
    opened.session.set_crosshair((0, 0, 0))
    opened.views.by_plane[Plane.AXIAL].zoom(5)
    qtbot.keyClick(opened, Qt.Key.Key_R)
    assert opened.views.maximized is None
    assert opened.session.crosshair == (2, 3, 4)
