"""Strokes that a seed decides, and processes that make them until they are killed.

``python -m support.strokes nursery`` forks a process for each line that it is given, so that
modules are imported once; ``... window SCAN LOG SEED`` is one with the real window. Every stroke
that is done is written into the log: its number, and the time, of the same clock in all processes.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QCoreApplication, QSettings, QTimer

from liverview.core.box import Box
from liverview.core.volume import LabelMap, Volume
from liverview.files.journal import writing
from liverview.ui.jobs.job_runner import JobRunner
from liverview.ui.live.autosave import Autosave
from liverview.ui.state.case_state import capture
from liverview.ui.state.label_store import LabelStore
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session

SHAPE = (64, 56, 40)
STROKE, WRITTEN = b"s", b"w"
_LINE = struct.Struct("<cId")
_EVERY_MS = 2


class Strokes:
    """The strokes of a seed, one after the other."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.done = 0

    def take(self) -> tuple[Box, int, bool]:
        """A box, a label, and whether all other labels are cleared before."""
        self.done += 1
        rng = self._rng
        size = rng.integers(1, 14, 3)
        start = [int(rng.integers(0, n - s)) for n, s in zip(SHAPE, size, strict=True)]
        box = Box.from_bounds(start, np.add(start, size).tolist())
        return box, int(rng.integers(0, 4)), bool(rng.random() < 0.005)

    def change(self, store: LabelStore) -> None:
        """The next one, in a window's labels."""
        box, label, clears = self.take()
        if clears:
            assert store.labels is not None
            voxels = np.zeros(SHAPE, np.uint8, order="F")
            voxels[box] = label
            store.replace_labels(LabelMap(voxels, store.labels.affine), box, "clear")
        else:
            with store.edit(box, "brush") as part:
                part[...] = label


def labels_after(seed: int, count: int) -> np.ndarray:
    """The labels after so many strokes, by numpy alone."""
    labels = np.zeros(SHAPE, np.uint8)
    strokes = Strokes(seed)
    for _ in range(count):
        box, label, clears = strokes.take()
        if clears:
            labels[...] = 0
        labels[box] = label
    return labels


def scan_voxels() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 200, SHAPE).astype(np.int16)


class Log:
    """What a process has done, each line safe from its end."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, kind: bytes, count: int) -> None:
        os.write(self._handle, _LINE.pack(kind, count, time.monotonic()))

    @staticmethod
    def read(path: Path) -> list[tuple[bytes, int, float]]:
        data = path.read_bytes() if path.exists() else b""
        whole = len(data) - len(data) % _LINE.size
        return [_LINE.unpack_from(data, place) for place in range(0, whole, _LINE.size)]


def stroke_on(
    session: Session, seed: int, log: Log, after: Callable[[int], object] = lambda n: None
) -> tuple[QTimer, Strokes]:
    """Make a stroke every few milliseconds; the timer must be kept."""
    strokes, timer = Strokes(seed), QTimer(interval=_EVERY_MS)

    def stroke() -> None:
        strokes.change(session.store)
        after(strokes.done)
        log.write(STROKE, strokes.done)

    timer.timeout.connect(stroke)
    timer.start()
    return timer, strokes


def _run_without_window(folder: Path, log_path: Path, seed: int) -> None:
    app = QCoreApplication(sys.argv[:1])
    writing._LEAST_LIMIT, writing._GROWTH = 1000, 1  # a new file every few entries
    session, log, handed = Session(), Log(log_path), [0]
    session.open(Volume(scan_voxels(), np.diag([1.0, 1.0, 2.0, 1.0])))
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    markups, runner = ScanMarkups(session, settings), JobRunner()

    def describe() -> dict[str, Any]:
        handed[0] = strokes.done
        return capture(session, markups).to_dict() | {"strokes": strokes.done}

    autosave = Autosave(session, markups, runner.start, folder / "journals", describe)
    autosave.written.connect(lambda: log.write(WRITTEN, handed[0]))
    timer, strokes = stroke_on(session, seed, log, lambda _: autosave.note_state())
    app.exec()
    timer.stop()


def _run_nursery() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        folder, log, seed = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            _run_without_window(Path(folder), Path(log), int(seed))
        print(pid, flush=True)


def _run_window(scan: Path, log_path: Path, seed: int) -> None:
    from liverview.ui import app as application

    app = application.make_application()
    window = application._make_window("cpu")
    log, kept = Log(log_path), []

    def begin() -> None:
        session = window.session

        def count(n: int) -> None:
            """The crosshair says how many there were."""
            session.set_crosshair(tuple(int(v) for v in np.unravel_index(n, SHAPE)))

        kept.append(stroke_on(session, seed, log, count))

    window.controller.opened.connect(begin)
    window.controller.loading.open(scan)
    app.exec()


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        _run_nursery()
    else:
        _run_window(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
