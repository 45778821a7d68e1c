"""Opening scans and phantoms: menu, drop, files that cannot be opened, recent files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from liverview.phantoms.config import PhantomConfig
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.odd_scans import oriented
from support.window import (
    open_scan,
)

Write = Callable[..., Path]


MakeWindow = Callable[..., MainWindow]


def test_open_from_the_menu(qtbot: QtBot, window: MainWindow, answers: Answers, scan: Path) -> None:
    answers.scan = scan
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.actions_.file.open.trigger()
    assert window.views.isVisible()
    assert window.session.volume is not None
    assert window.session.volume.shape == (5, 7, 9)
    assert window.windowTitle().startswith("scan")
    qtbot.waitUntil(lambda: not window.controller.busy)
    assert window.actions_.segment.run.isEnabled()


def test_a_dialog_that_is_canceled_changes_nothing(window: MainWindow) -> None:
    for action in (window.actions_.file.open, window.actions_.file.phantom):
        action.trigger()
    assert window.session.volume is None


def test_a_file_is_dropped(qtbot: QtBot, window: MainWindow, scan: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scan))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.dropEvent(event)


def test_bad_files_are_one_sentence_and_the_window_stays_usable(
    qtbot: QtBot, window: MainWindow, scan: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(scan.read_bytes()[:-40])
    missing, folder = tmp_path / "none.nii", tmp_path / "folder"
    folder.mkdir()
    for path, word in ((bad, "incomplete"), (missing, "does not exist"), (folder, "folder")):
        with qtbot.waitSignal(window.controller.failed, timeout=TIMEOUT_MS):
            window.open(path)
        assert word in window.messages.text.text()
        assert str(path) in window.messages.text.text()
        assert window.messages.isVisible()
        assert window.start_page.isVisible()
        qtbot.waitUntil(lambda: not window.controller.busy)
    open_scan(qtbot, window, scan)
    assert window.session.volume is not None
    assert window.messages.isHidden()


def test_a_bad_file_leaves_the_open_one(qtbot: QtBot, opened: MainWindow, tmp_path: Path) -> None:
    before = opened.session.volume
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        opened.open(tmp_path / "none.nii")
    assert opened.session.volume is before
    assert opened.session.path is not None
    assert opened.session.path.name == "scan.nii.gz"


def test_remarks_about_a_scan_are_shown(qtbot: QtBot, window: MainWindow, write: Write) -> None:
    path = write(np.zeros((4, 5, 6), np.int16) + 3, name="flat.nii")
    with qtbot.waitSignal(window.controller.message, timeout=TIMEOUT_MS):
        window.open(path)
    qtbot.waitUntil(lambda: "value 3" in window.messages.text.text())


def test_one_volume_of_several_is_asked_for(
    qtbot: QtBot, window: MainWindow, write: Write, answers: Answers
) -> None:
    four = np.stack([oriented("RAS")[0] + n for n in range(3)], axis=3)
    path = write(four, oriented("RAS")[1], name="four.nii.gz")
    answers.number = 2
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.open(path)
    assert answers.asked == ["one of 3"]
    assert window.session.volume is not None
    assert window.session.volume.hu_at((0, 0, 0)) == 2
    answers.number = None  # the person cancels: what is open stays
    before = window.session.volume
    qtbot.waitUntil(lambda: not window.controller.busy)
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.open(path)
    assert window.session.volume is before


def test_a_phantom_is_generated(qtbot: QtBot, window: MainWindow, answers: Answers) -> None:
    answers.config = PhantomConfig((40, 36, 12), (9.0, 9.0, 18.0), seed=2)
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        window.actions_.file.phantom.trigger()
    assert window.session.volume is not None
    assert window.session.volume.name == "phantom-2"
    assert window.session.path is None
    qtbot.waitUntil(lambda: not window.controller.busy)


def test_recent_files_are_offered(
    qtbot: QtBot, make_window: MakeWindow, scan: Path, tmp_path: Path
) -> None:
    window = make_window()
    open_scan(qtbot, window, scan)
    again = make_window()
    (action,) = again.actions_.file.recent.actions()
    assert action.text() == f"{scan.parent.name}/scan.nii.gz"
    with qtbot.waitSignal(again.controller.opened, timeout=TIMEOUT_MS):
        action.trigger()
    scan.unlink()
    qtbot.waitUntil(lambda: not again.controller.busy)
    assert make_window().actions_.file.recent.actions() == []


def test_values_that_are_no_hu_get_a_window_of_their_own(
    qtbot: QtBot, window: MainWindow, write: Write, scan: Path
) -> None:
    window.session.set_window(90, 150)
    ramp = np.linspace(0, 1, 5 * 7 * 9, dtype=np.float32).reshape(5, 7, 9)
    open_scan(qtbot, window, write(ramp, name="ramp.nii"))
    assert 0.8 < window.session.width < 1
    assert window.session.level == pytest.approx(0.5, abs=0.05)
    assert "value 0." in window.readout.text()
    assert "HU" not in window.readout.text()
    open_scan(qtbot, window, scan)
    assert (window.session.level, window.session.width) == (90, 150)
