"""The start page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.ui.main_window import MainWindow
from liverview.ui.widgets.recent import RecentScan
from liverview.ui.widgets.start_page import StartPage


def test_the_start_page_offers_three_ways(qtbot: QtBot, tmp_path: Path) -> None:
    page = StartPage()
    qtbot.addWidget(page)
    page.show()
    with qtbot.waitSignal(page.open_requested):
        page.open_button.click()
    with qtbot.waitSignal(page.phantom_requested):
        page.phantom_button.click()
    page.set_recent([RecentScan(tmp_path / f"{n}.nii") for n in range(9)])
    page.set_recent([RecentScan(tmp_path / name) for name in ("a.nii", "b.nii")])
    first, second = page.recent_button.menu().actions()
    assert first.text().endswith("/a.nii")
    with qtbot.waitSignal(page.recent_requested) as caught:
        second.trigger()
    assert caught.args == [RecentScan(tmp_path / "b.nii")]
    page.close()


def test_the_first_tab_is_open(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    page, reached = window.start_page, []
    for _ in range(4):
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget())
    assert reached == [
        page.open_button,
        page.folder_button,
        page.phantom_button,
        page.tour_button,
    ]
