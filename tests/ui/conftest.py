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

from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.ui.app import make_application
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.compare_panel import ComparePanel
from liverview.ui.state.session import Session

from support.answers import TIMEOUT_MS, Answers
from support.comparisons import SHAPE, HeldComparison, truth
from support.odd_scans import oriented
from support.window import SlowSave, Stream, open_scan


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as a person sees it."""
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
    gc.freeze()  # modules and what else stays: the next collection need not look at all of it


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


@pytest.fixture
def scan(write: Callable[..., Path]) -> Path:
    """A small scan in a file, (5, 7, 9) voxels."""
    voxels, affine = oriented("LPS")
    voxels[voxels == voxels.max()] = -1000  # a scan without air would be remarked upon
    return write(voxels, affine, name="scan.nii.gz")


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, scan: Path) -> MainWindow:
    """A window with the small scan open."""
    open_scan(qtbot, window, scan)
    return window


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    made = Stream(monkeypatch)
    made.steps = [Slab(0, np.ones((5, 7, 4), np.uint8))]
    yield made
    made.go.set()


@pytest.fixture
def segmented(qtbot: QtBot, opened: MainWindow, stream: Stream) -> MainWindow:
    """A window whose scan is segmented; the labels are not saved."""
    stream.go.set()
    with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
        opened.actions_.segment.run.trigger()
    return opened


@pytest.fixture
def slow_save(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSave]:
    made = SlowSave(monkeypatch)
    yield made
    made.go.set()


@pytest.fixture
def focused(window: MainWindow, volume: Volume) -> MainWindow:
    """A window with the small volume, which has the keys."""
    window.session.open(volume)
    window.activateWindow()
    window.views.by_plane[Plane.AXIAL].setFocus()
    QApplication.processEvents()
    return window


@pytest.fixture
def compared_scan() -> Volume:
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-20, 10, 5)
    return Volume(np.full(SHAPE, 60, np.int16), affine, name="case")


@pytest.fixture
def compare_panel(window: MainWindow, compared_scan: Volume) -> ComparePanel:
    """The panel of a window with a scan, in front."""
    window.session.open(compared_scan)
    window.panels.show("compare")
    QApplication.processEvents()
    return window.panels.compare


@pytest.fixture
def reference(write: Callable[..., Path], compared_scan: Volume) -> Path:
    return write(truth(), compared_scan.affine, name="truth.nii.gz")


@pytest.fixture
def held_comparison(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldComparison]:
    made = HeldComparison(monkeypatch)
    yield made
    made.go.set()
