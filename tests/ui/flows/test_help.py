"""The tour, and what About tells."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from liverview import DISCLAIMER
from liverview.core import paths
from liverview.core.volume import Volume
from liverview.ui.dialogs.about import AboutDialog
from liverview.ui.dialogs.tour import Tour
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS


def test_about_names_what_a_question_needs(window: MainWindow, qtbot: QtBot) -> None:
    copied = []

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, AboutDialog)
        assert any(DISCLAIMER in label.text() for label in dialog.findChildren(QLabel))
        system = dialog.system
        qtbot.waitUntil(lambda: "fine.safetensors" in system.toPlainText(), timeout=TIMEOUT_MS)
        qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
        copied.append(QApplication.clipboard().text())
        dialog.close()

    QTimer.singleShot(0, look)
    window.actions_.help.about.trigger()
    lines = dict(line.split(maxsplit=1) for line in copied[0].splitlines() if "torch " in line)
    assert lines["torch"] == version("torch")
    digest = hashlib.sha256((paths.weights() / "fine.safetensors").read_bytes()).hexdigest()
    assert digest[:16] in copied[0]


def test_the_tour_leads_through_a_usable_window(
    window: MainWindow, qtbot: QtBot, volume: Volume
) -> None:
    qtbot.mouseClick(window.start_page.tour_button, Qt.MouseButton.LeftButton)
    tour = window.findChild(Tour)
    seen = [tour.text.text()]
    assert not tour.back.isEnabled()
    window.session.open(volume)  # the window can be used meanwhile
    while tour.next.text() != "Done":
        qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
        seen.append(tour.text.text())
        assert window.rect().contains(tour.geometry())
    assert len(set(seen)) == len(seen) >= 5
    qtbot.mouseClick(tour.back, Qt.MouseButton.LeftButton)
    assert tour.text.text() == seen[-2]
    window.resize(900, 600)
    qtbot.waitUntil(lambda: window.rect().contains(tour.geometry()))
    with qtbot.waitSignal(tour.finished):
        qtbot.keyClick(tour, Qt.Key.Key_Escape)
    window.actions_.help.tour.trigger()
    window.actions_.help.tour.trigger()  # begins again
    visible = [one for one in window.findChildren(Tour) if one.isVisible()]
    assert len(visible) == 1
    visible[0].finish()


def test_the_tour_offers_what_it_speaks_of(
    window: MainWindow, qtbot: QtBot, answers: object
) -> None:
    window.actions_.help.tour.trigger()
    tour = window.findChild(Tour)
    assert tour.offer.text() == "New phantom"
    with qtbot.waitSignal(window.actions_.file.phantom.triggered):
        qtbot.mouseClick(tour.offer, Qt.MouseButton.LeftButton)
    tour.finish()


@pytest.mark.parametrize("size", [(1000, 650), (1280, 720), (1600, 1000)])
def test_the_card_covers_nothing_of_what_it_explains(
    window: MainWindow, volume: Volume, size: tuple[int, int]
) -> None:
    for opened in (False, True):
        if opened:
            window.session.open(volume)
        window.resize(*size)
        QApplication.processEvents()
        window.actions_.help.tour.trigger()
        tour = window.findChild(Tour)
        for number in range(5):
            tour.go_to(number)
            about = tour._stops[number].about
            if about.isVisible():
                target = QRect(about.mapTo(window, QPoint()), about.size())
                assert not tour.geometry().intersects(target), (number, opened)
            assert window.rect().contains(tour.geometry())
        tour.finish()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_card_that_must_cover_covers_little(window: MainWindow, volume: Volume) -> None:
    """Where the views fill the window, a corner of theirs, and no letter on an edge's middle."""
    window.session.open(volume)
    for dock in window.panels.docks.values():
        dock.close()
    QApplication.processEvents()
    window.actions_.help.tour.trigger()
    tour = window.findChild(Tour)
    tour.go_to(1)
    assert tour.geometry().bottomRight().x() > window.width() - 30
    assert tour.geometry().bottomRight().y() > window.height() - 30
    tour.finish()


def test_return_goes_on_to_the_end(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.actions_.help.tour.trigger()
    tour = window.findChild(Tour)
    ended: list[bool] = []
    tour.finished.connect(lambda: ended.append(True))
    for number in range(5):
        assert ended == []
        assert tour.count.text() == f"{number + 1} of 5"
        focused = window.focusWidget()
        assert focused is tour.next
        if number == 2:  # back and on again: Return presses what has the keys
            tour.back.setFocus()
            qtbot.keyClick(tour.back, Qt.Key.Key_Return)
            assert tour.count.text() == "2 of 5"
            qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Enter)
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    assert ended == [True]
