"""Every command of the window, triggered in every state that the window can be in."""

from __future__ import annotations

from pathlib import Path

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


def trigger_all(window: MainWindow) -> set[str]:
    """Trigger each command that is enabled; an exception in any of them fails the test."""
    done = set()
    for action in commands(window):
        if action.isEnabled():
            action.trigger()
            QCoreApplication.processEvents()
            done.add(action.objectName())
    return done


def test_without_a_scan(window: MainWindow) -> None:
    assert "undo" not in trigger_all(window)
    assert window.session.volume is None


def test_with_a_scan_without_labels(opened: MainWindow) -> None:
    assert "fill_between_slices" in trigger_all(opened)


def test_with_labels(segmented: MainWindow) -> None:
    assert "undo" in trigger_all(segmented)


def test_while_labels_stream(qtbot: QtBot, opened: MainWindow, stream: Stream) -> None:
    start_segmentation(qtbot, opened)
    assert "undo" not in trigger_all(opened)


def test_while_labels_are_saved(segmented: MainWindow, slow_save: SlowSave, tmp_path: Path) -> None:
    segmented.controller.saving.save_labels(tmp_path / "saved.nii.gz")
    assert "undo" in trigger_all(segmented)
