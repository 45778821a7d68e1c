"""The message bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from liverview.ui.widgets.message_bar import MessageBar


def test_a_message_is_answered_once(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    said: list[str] = []
    bar.show_message("Keep it?", [("Keep", lambda: said.append("keep")), ("Drop", said.clear)])
    assert bar.isVisible()
    qtbot.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    assert said == ["keep"]
    assert bar.isHidden()
    assert bar.buttons == []
    bar.show_message("A sentence.", error=True)
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert bar.isHidden()
