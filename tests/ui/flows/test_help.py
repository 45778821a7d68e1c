"""The tour, and what About tells."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from PySide6.QtCore import Qt, QTimer
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
    while plain_text(tour.next.text()) != "Done":
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
