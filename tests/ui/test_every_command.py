"""Every command of the window, triggered in every state that the window can be in."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QColorDialog, QDialog, QFileDialog, QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot

from liverview.ui.main_window import MainWindow

from support.window import SlowSave, Stream, start_segmentation

_LEAVES = ("quit", "close_window")


@pytest.fixture(autouse=True)
def _dialogs_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dialog that a command shows by itself is closed at once."""
    for kind in (QDialog, QMessageBox, QFileDialog):
        monkeypatch.setattr(kind, "exec", lambda *_: 0)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: ("a reason", True))
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())


def commands(window: MainWindow) -> list[QAction]:
    found = [
        action
        for action in window.findChildren(QAction)
        if action.objectName() and not action.isSeparator() and action.menu() is None
    ]
    assert len(found) > 80
    return [action for action in found if action.objectName() not in _LEAVES]


def trigger_all(qtbot: QtBot, window: MainWindow) -> list[str]:
    """Trigger each command that is enabled, as its key would; an exception fails the test."""
    done = []
    for action in commands(window):
        if action.isEnabled():
            print(action.objectName(), action.text(), flush=True)
            action.trigger()
            QCoreApplication.processEvents()
            done.append(action.objectName())
            print(window.session.volume)
    return done


def test_without_a_scan(qtbot: QtBot, window: MainWindow) -> None:
    assert trigger_all(qtbot, window)
    assert window.session.volume is None


def test_with_a_scan_without_labels(qtbot: QtBot, opened: MainWindow) -> None:
    trigger_all(qtbot, opened)


def test_with_labels(qtbot: QtBot, segmented: MainWindow) -> None:
    trigger_all(qtbot, segmented)


def test_while_labels_stream(qtbot: QtBot, opened: MainWindow, stream: Stream) -> None:
    start_segmentation(qtbot, opened)
    trigger_all(qtbot, opened)


def test_while_labels_are_saved(
    qtbot: QtBot, segmented: MainWindow, slow_save: SlowSave, tmp_path
) -> None:
    segmented.controller.saving.save_labels(tmp_path / "saved.nii.gz")
    trigger_all(qtbot, segmented)
