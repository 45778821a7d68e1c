"""Fixtures for tests of the window: one application, no leftovers, no questions."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import QSettings, QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Volume
from liverview.ui.app import make_application
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session

from support.answers import Answers


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application, dressed as a person sees it."""
    return make_application()


@pytest.fixture(autouse=True)
def _nothing_is_left(qapp: QApplication) -> Iterator[None]:
    """A test that leaves a widget or a running thread behind fails."""
    before = set(map(id, qapp.topLevelWidgets()))
    yield
    qapp.processEvents()
    gc.collect()
    qapp.sendPostedEvents(None, 52)  # deferred deletes
    left = [w for w in qapp.topLevelWidgets() if id(w) not in before and w.isVisible()]
    assert left == []
    # By type: asking some modules' lazy objects for their class makes them warn.
    running = [o for o in gc.get_objects() if issubclass(type(o), QThread) and _runs(o)]
    assert running == []


def _runs(thread: QThread) -> bool:
    try:
        return thread.isRunning()
    except RuntimeError:  # its C++ half is gone
        return False


@pytest.fixture
def volume() -> Volume:
    """An asymmetric volume: every voxel has its own value, every axis its own length."""
    i, j, k = np.indices((11, 13, 17))
    voxels = (i * 20 + j * 3 + k - 100).astype(np.int16)
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (-10, -20, -30)
    return Volume(voxels, affine, name="small")


@pytest.fixture
def session(volume: Volume) -> Session:
    """A session with the small volume open."""
    made = Session()
    made.open(volume)
    return made


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def make_window(
    qtbot: QtBot, tmp_path: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], MainWindow]]:
    """A function that shows a window with settings of its own; all are closed at the end."""
    windows: list[MainWindow] = []

    def make(**options: Any) -> MainWindow:
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        window = MainWindow(Session(), settings, **options)
        window.files.dialogs = answers
        qtbot.addWidget(window)
        window.show()
        windows.append(window)
        return window

    yield make
    for window in windows:
        answers.unsaved = Unsaved.DISCARD
        window.session.store.mark_saved()
        window.close()


@pytest.fixture
def window(make_window: Callable[[], MainWindow]) -> MainWindow:
    return make_window()
