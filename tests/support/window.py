"""Work of the window that goes on when a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Progress, Slab
from liverview.ui.jobs import generators
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS


def open_scan(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.open(path)


class Stream:
    """A segmentation that goes on only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[object] = []
        self.go = Event()
        self.closed = Event()
        self.error: Exception | None = None
        monkeypatch.setattr(generators, "iter_segment", self.run)

    def run(self, *arguments: object) -> Iterator[object]:
        self.arguments = arguments
        try:
            yield Progress("Looking", 0.1)
            yield from self.steps
            while not self.go.wait(0.01):
                yield Progress("Refining", 0.5)
            if self.error is not None:
                raise self.error
            yield Slab(6, np.full((5, 7, 2), Label.TUMOR, np.uint8))
        finally:
            self.closed.set()


class SlowSave:
    """Saves that go on only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = Event()
        self._write = generators.iter_write_labels
        monkeypatch.setattr(generators, "iter_write_labels", self.run)

    def run(self, *arguments: object) -> Iterator[object]:
        while not self.go.wait(0.01):
            yield Progress("Saving", 0.5)
        yield from self._write(*arguments)  # type: ignore[arg-type]


class Never:
    """A loading that takes as long as the test."""

    def __init__(self, end: Event) -> None:
        self.end = end

    def __iter__(self) -> Iterator[object]:
        while not self.end.wait(0.01):
            yield Progress("Reading", 0.5)


def label_sum(window: MainWindow) -> int:
    assert window.session.labels is not None
    return int(window.session.labels.voxels.sum())


def start_segmentation(qtbot: QtBot, window: MainWindow) -> None:
    """Press Segment and wait for the first slab."""
    with qtbot.waitSignal(window.session.store.changed, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()
    qtbot.waitUntil(lambda: label_sum(window) > 0, timeout=TIMEOUT_MS)


def finish_segmentation(qtbot: QtBot, window: MainWindow, stream: Stream) -> None:
    """Let the segmentation run to its end, where the last slab is in."""
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        stream.go.set()
    assert window.session.labels is not None
    assert (window.session.labels.voxels[:, :, 6:8] == Label.TUMOR).all()
