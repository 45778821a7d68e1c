"""How long a person waits in the window: `make bench`, or `make bench SCAN=scan.nii.gz`.

Drives the real window (offscreen unless QT_QPA_PLATFORM says otherwise) on a 512x512x120
phantom or on a scan, and prints one table. Figures are seconds on this machine, the best
and the median of several runs; the first run is not counted.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QEventLoop, QObject, QSettings, QTimer

from liverview.phantom import PhantomConfig
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.session import Session
from liverview.volume import Plane

RUNS = 4
CANCEL_AT = (0.01, 0.1, 0.19, 0.3, 0.5, 0.7, 0.9)


class Window:
    """A window with an open volume, and what can be timed in it."""

    def __init__(self, scan: Path | None) -> None:
        folder = tempfile.mkdtemp()
        settings = QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)
        self.window = MainWindow(Session(), settings, "cpu")
        self.window.resize(1400, 860)
        self.window.show()
        self.session = self.window.session
        control = self.window.controller
        if scan is not None:
            self.wait(control.idle, lambda: control.open(scan, 0))
        else:
            self.wait(control.idle, lambda: control.generate(PhantomConfig(seed=1)))

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
        whole = self.wait(self.window.controller.idle, self.window.actions_.segment.trigger)
        self.session.mark_saved()
        return painted.seconds(), whole, pulse.stop()

    def cancel(self, fraction: float) -> tuple[float, float]:
        """Seconds from Cancel, pressed at a share of the work, to a window that is free for
        the next command, and to the end of the worker's thread."""
        loop, pressed, free = QEventLoop(), [0.0], [0.0]

        def press() -> None:
            progress = self.session.progress
            if progress is not None and progress.fraction >= fraction and not pressed[0]:
                pressed[0] = time.perf_counter()
                self.window.actions_.cancel.trigger()
                free[0] = time.perf_counter() - pressed[0]
                assert self.window.actions_.segment.isEnabled()

        self.session.progress_changed.connect(press)
        self.window.actions_.segment.trigger()
        job = self.window.controller._segmentation
        assert job is not None
        job.ended.connect(loop.quit)
        loop.exec()
        waited = time.perf_counter() - pressed[0]
        self.session.progress_changed.disconnect(press)
        self.session.drop_partial()
        self.window.messages.dismiss()
        return free[0], waited

    def close(self) -> None:
        self.session.mark_saved()
        self.window.close()


class FirstPaint(QObject):
    """When the first view that shows labels was painted."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._session = window.session
        self._started = time.perf_counter()
        self._found: float | None = None
        for plane in Plane:
            window.views.of[plane].viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._found is None and event.type() == QEvent.Type.Paint:
            labels = self._session.labels
            if labels is not None and self._session.segmenting and labels.voxels.any():
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


def main() -> None:
    scan = Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else None
    app = make_application()
    window = Window(scan)
    volume = window.session.volume
    assert volume is not None
    size = "x".join(str(n) for n in volume.shape)
    print(f"{volume.name}, {size}, {os.cpu_count()} cores, on the CPU")
    first = window.segment()
    print(f"the first time, networks loaded: labels after {first[0]:.2f} s, all {first[1]:.2f} s")
    runs = [window.segment() for _ in range(RUNS)]
    cancels = [window.cancel(fraction) for fraction in CANCEL_AT]
    rows = {
        "Segment to the first labels painted": [run[0] for run in runs],
        "Segment to the whole result": [run[1] for run in runs],
        "longest pause of the window meanwhile": [run[2] for run in runs],
        f"Cancel to a free window, at {len(CANCEL_AT)} points": [free for free, _ in cancels],
        "Cancel to the end of the worker": [ended for _, ended in cancels],
    }
    print(f"{'seconds':<42} {'best':>6} {'median':>7} {'worst':>6}")
    for name, values in rows.items():
        middle = statistics.median(values)
        print(f"{name:<42} {min(values):6.2f} {middle:7.2f} {max(values):6.2f}")
    window.close()
    app.processEvents()


if __name__ == "__main__":
    main()
