"""Jobs: what a generator yields on a thread arrives here, in order, and never too late."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from liverview.ui.jobs.job import Job, Outcome

TIMEOUT_MS = 20_000


class Log:
    """What a job delivered, in the order it came."""

    def __init__(self, job: Job) -> None:
        self.items: list[object] = []
        job.yielded.connect(self.items.append)
        job.failed.connect(self._on_failed)
        job.ended.connect(self.items.append)

    def _on_failed(self, error: Exception) -> None:
        self.items.append(f"{type(error).__name__}: {error}")


def finish(qtbot: QtBot, job: Job) -> None:
    with qtbot.waitSignal(job.ended, timeout=TIMEOUT_MS):
        if not job.isRunning():
            job.start()
    job.wait()


def test_items_arrive_in_order_on_the_gui_thread(qtbot: QtBot) -> None:
    here = QThread.currentThread()
    worked_on: list[QThread] = []

    def work() -> Iterator[object]:
        worked_on.append(QThread.currentThread())
        yield from range(500)

    job = Job(work())
    arrived_on: set[bool] = set()
    log = Log(job)
    job.yielded.connect(lambda item: arrived_on.add(QThread.currentThread() is here))
    finish(qtbot, job)
    assert log.items == [*range(500), Outcome.DONE]
    assert arrived_on == {True}
    assert worked_on[0] is not here


def test_nothing_is_delivered_after_cancel(qtbot: QtBot) -> None:
    """Also not what was already on its way: the queue holds hundreds of items by then."""
    filled, closed = Event(), Event()

    def work() -> Iterator[int]:
        try:
            for n in range(100_000):
                if n == 300:
                    filled.set()
                yield n
        finally:
            closed.set()

    job = Job(work())
    log = Log(job)
    job.start()
    assert filled.wait(TIMEOUT_MS / 1000)  # this thread delivers nothing meanwhile
    job.cancel()
    finish(qtbot, job)
    assert log.items == [Outcome.CANCELED]
    assert closed.is_set()


def test_the_generator_is_closed_on_the_thread_that_ran_it(qtbot: QtBot) -> None:
    threads: list[QThread] = []
    started = Event()

    def work() -> Iterator[int]:
        threads.append(QThread.currentThread())
        try:
            while True:
                started.set()
                yield 0
        finally:
            threads.append(QThread.currentThread())

    job = Job(work())
    job.start()
    assert started.wait(TIMEOUT_MS / 1000)
    job.cancel()
    finish(qtbot, job)
    assert threads[0] is threads[1]


@pytest.mark.parametrize("error", [RuntimeError("shapes"), ValueError("a value"), MemoryError()])
def test_a_failure_is_reported_once_and_the_end_comes_last(qtbot: QtBot, error: Exception) -> None:
    def work() -> Iterator[int]:
        yield 1
        raise error

    job = Job(work())
    log = Log(job)
    finish(qtbot, job)
    assert log.items == [1, f"{type(error).__name__}: {error}", Outcome.FAILED]


def test_a_failure_after_cancel_is_not_reported(qtbot: QtBot) -> None:
    go_on, started = Event(), Event()

    def work() -> Iterator[int]:
        started.set()
        go_on.wait(TIMEOUT_MS / 1000)
        raise RuntimeError("too late")
        yield 0

    job = Job(work())
    log = Log(job)
    job.start()
    assert started.wait(TIMEOUT_MS / 1000)
    job.cancel()
    go_on.set()
    finish(qtbot, job)
    assert log.items == [Outcome.CANCELED]


def test_cancel_after_the_end_changes_nothing(qtbot: QtBot) -> None:
    job = Job(iter([1, 2]))
    log = Log(job)
    finish(qtbot, job)
    job.cancel()
    assert log.items == [1, 2, Outcome.DONE]


def test_one_after_the_other(qtbot: QtBot) -> None:
    for n in range(5):
        job = Job(iter([n]))
        log = Log(job)
        finish(qtbot, job)
        assert log.items == [n, Outcome.DONE]
