"""Drives the real window, offscreen unless QT_QPA_PLATFORM says otherwise, and times it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from measuring import peak_mb
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, QSettings, QTimer
from PySide6.QtWidgets import QWidget

from liverview.core.volume import Plane
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session


class Window:
    """A window, what is open in it, and what can be timed."""

    def __init__(self, scan: Path | None) -> None:
        make_application()
        self.painted_mb = 0.0  # the most memory until the last scan was painted
        folder = tempfile.mkdtemp()
        settings = QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)
        self.window = MainWindow(Session(), settings, "cpu")
        self.window.resize(1600, 1000)
        self.window.show()
        self.session = self.window.session
        if scan is not None:
            self.open(scan)

    def open(self, path: Path) -> float:
        """Seconds until a scan is there and its three slices are painted."""
        self.session.store.mark_saved()
        paints = Paints([view.viewport() for view in self.window.views.by_plane.values()])
        started = time.perf_counter()
        control = self.window.controller
        self.wait(control.loading.loaded, lambda: control.loading.open(path, 0))
        paints.wait(lambda: None)
        taken = time.perf_counter() - started
        self.painted_mb = peak_mb()
        while control.busy or self.session.slices._volume_copy is None:
            QCoreApplication.processEvents()
        return taken

    def wait(self, signal: object, action: Callable[[], None]) -> float:
        """Seconds from an action to a signal."""
        loop = QEventLoop()
        signal.connect(loop.quit)  # type: ignore[attr-defined]
        started = time.perf_counter()
        action()
        loop.exec()
        signal.disconnect(loop.quit)  # type: ignore[attr-defined]
        return time.perf_counter() - started

    def segment(self) -> tuple[float, float, float]:
        """Seconds to the first labels painted, to the whole, and the longest pause."""
        painted = FirstPaint(self.window)
        pulse = Pulse()
        whole = self.wait(self.window.controller.idle, self.window.actions_.segment.run.trigger)
        self.session.store.mark_saved()
        return painted.seconds(), whole, pulse.stop()

    def cancel(self, fraction: float) -> tuple[float, float]:
        """Seconds from Cancel, pressed at a share of the work, to a window that is free for
        the next command, and to the end of the worker's thread."""
        loop, pressed, free = QEventLoop(), [0.0], [0.0]

        def press() -> None:
            progress = self.session.progress
            if progress is not None and progress.fraction >= fraction and not pressed[0]:
                pressed[0] = time.perf_counter()
                self.window.actions_.segment.cancel.trigger()
                free[0] = time.perf_counter() - pressed[0]
                assert self.window.actions_.segment.run.isEnabled()

        self.session.progress_changed.connect(press)
        self.window.actions_.segment.run.trigger()
        job = self.window.controller.segmenting._job
        assert job is not None
        job.ended.connect(loop.quit)
        loop.exec()
        waited = time.perf_counter() - pressed[0]
        self.session.progress_changed.disconnect(press)
        self.session.store.drop_unfinished_labels()
        self.window.messages.dismiss()
        return free[0], waited

    def close(self) -> None:
        self.session.store.mark_saved()
        self.window.close()


class Paints(QObject):
    """Counts the paint events of some widgets."""

    def __init__(self, widgets: Sequence[QWidget]) -> None:
        super().__init__()
        self._counts = {id(widget): 0 for widget in widgets}
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._counts[id(watched)] += 1
        return False

    def wait(self, action: Callable[[], object]) -> float:
        """Seconds from an action until every widget was painted once more."""
        before = dict(self._counts)
        started = time.perf_counter()
        action()
        while any(self._counts[key] == count for key, count in before.items()):
            QCoreApplication.processEvents()
            assert time.perf_counter() - started < 20, "not painted"
        return time.perf_counter() - started


class FirstPaint(QObject):
    """When the first view that shows labels was painted."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._session = window.session
        self._started = time.perf_counter()
        self._found: float | None = None
        for plane in Plane:
            window.views.by_plane[plane].viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._found is None and event.type() == QEvent.Type.Paint:
            labels = self._session.labels
            if labels is not None and self._session.store.segmenting and labels.voxels.any():
                QTimer.singleShot(0, self._mark)  # after the paint that is about to happen
        return False

    def _mark(self) -> None:
        self._found = self._found or time.perf_counter()

    def seconds(self) -> float:
        return (self._found or float("nan")) - self._started


class Pulse(QObject):
    """A timer that should fire every 10 ms, and the longest time that it did not."""

    def __init__(self) -> None:
        super().__init__()
        self._last = time.perf_counter()
        self._longest = 0.0
        self._timer = QTimer(self, interval=10)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last)
        self._last = now

    def stop(self) -> float:
        self._timer.stop()
        return self._longest
