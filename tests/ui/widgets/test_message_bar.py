"""The message bar."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from liverview.core.study import StudyFacts
from liverview.core.volume import Volume
from liverview.ui.main_window import MainWindow
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


def test_a_message_that_nobody_could_read_stays_above_the_next(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    for text in ("One was left out.", "The other is mapped.", "The other is mapped."):
        bar.add_message(text)
    assert bar.text.text() == "One was left out.\nThe other is mapped."
    bar.dismiss()
    bar.add_message("Alone.")
    assert bar.text.text() == "Alone."
    bar.show_message("A question?", [("Yes", int)])
    bar.add_message("It is over.")
    assert bar.text.text() == "It is over."


@pytest.mark.parametrize(
    ("size", "sentences"), [((1000, 650), 6), ((1280, 720), 8), ((960, 540), 3)]
)
def test_messages_move_no_picture_and_leave_the_letters_free(
    window: MainWindow, volume: Volume, size: tuple[int, int], sentences: int
) -> None:
    window.session.open(volume)
    window.resize(*size)
    window.session.volume_changed.emit()
    QApplication.processEvents()
    views = window.views.by_plane.values()
    before = [(view.mapTo(window, QPoint()), view.size()) for view in views]
    letters = []
    for view in views:
        w, h, at = view.width(), view.height(), view.mapTo(window, QPoint())
        for x, y in ((w // 2, 14), (w // 2, h - 14), (14, h // 2), (w - 14, h // 2), (30, 20)):
            letters.append(at + QPoint(x, y))
    long = "What happened, in a sentence that names a file. " * sentences
    for text, choices in (("Short.", []), (long, [("One", int), ("Another", int)])):
        window.messages.show_message(text, choices, error=True)
        QApplication.processEvents()
        bar = window.messages
        assert [(view.mapTo(window, QPoint()), view.size()) for view in views] == before
        area = QRect(bar.mapTo(window, QPoint()), bar.size())
        assert window.centralWidget().geometry().contains(area)
        assert not any(area.contains(letter) for letter in letters)
        assert min(bar.text.heightForWidth(bar.text.width()), 120) <= bar.text.height()
        assert window.childAt(area.center()) in (bar, *bar.findChildren(QWidget))
    bar.close_button.click()
    assert bar.isHidden()
    bar.show_message("Again.")
    window.resize(size[0] + 200, size[1])
    QApplication.processEvents()
    middle = bar.mapTo(window.centralWidget(), bar.rect().center()).x()
    assert abs(middle - window.centralWidget().width() / 2) <= 1


def test_messages_stay_below_the_letters_under_the_line_of_a_patient(
    window: MainWindow, volume: Volume
) -> None:
    study = StudyFacts(patient_name="Doe^Jane", modality="CT")
    window.session.open(replace(volume, study=study))
    QApplication.processEvents()
    bar = window.messages
    bar.show_message("Short.")
    distances = []
    for shown in (True, False, True):  # while the message is there
        window.patient_line.setVisible(shown)
        QApplication.processEvents()
        assert not bar.isHidden()
        distances.append(bar.y() - window.views.mapTo(window.centralWidget(), QPoint()).y())
    assert distances == [40, 40, 40]


def test_a_choice_that_comes_later_leaves_all_words_in_sight(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(900, 400)
    bar = MessageBar(parent)
    parent.show()
    bar.show_message("A sentence that fills a good part of the line, and names a file. " * 2)
    bar.add_choice("One way out of it", int)
    bar.add_choice("Another way out of it", int)
    QApplication.processEvents()
    assert bar.text.height() >= bar.text.heightForWidth(bar.text.width())


def test_a_question_after_a_message_says_its_words(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(900, 400)
    bar = MessageBar(parent)
    parent.show()
    question = "These are labels of the open scan: what is to be done with them?"
    choices = [("Show its labels", int), ("Compare with it", int)]
    bar.show_message(question, choices)
    QApplication.processEvents()
    alone = (bar.size(), bar.text.size())
    for earlier in ((), choices, (("A way out", int),)):
        bar.show_message("Said before.", earlier)
        QApplication.processEvents()
        bar.show_message(question, choices)
        QApplication.processEvents()
        assert (bar.size(), bar.text.size()) == alone
    assert bar.text.width() >= bar.text.fontMetrics().horizontalAdvance(question)
