"""Cine."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow


def test_cine_plays_there_and_back(focused: MainWindow, qtbot: QtBot) -> None:
    session = focused.session
    focused.cine.set_rate(25)
    view = focused.views.by_plane[Plane.AXIAL]
    session.move_crosshair(2, 20)
    assert session.crosshair[2] == 16
    seen: list[int] = []
    session.crosshair_changed.connect(lambda: seen.append(session.crosshair[2]))
    qtbot.keyClick(view, Qt.Key.Key_P)
    assert focused.cine.playing
    qtbot.waitUntil(lambda: len(seen) >= 4)
    assert seen[:4] == [15, 14, 13, 12]
    session.move_crosshair(2, -20)
    qtbot.waitUntil(lambda: seen[-1] == 2)
    qtbot.keyClick(view, Qt.Key.Key_P)
    assert not focused.cine.playing
    focused.cine.toggle()
    assert session.volume is not None
    session.open(session.volume)
    assert not focused.cine.playing
