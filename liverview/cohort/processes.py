"""A cohort by several processes of this machine: one that dies, hangs or grows takes one item along.

Workers are programs of their own (`worker`), started anew rather than forked: torch's threads do
not survive a fork, and the program that called need not be written for it. Items go to them by
their standard input, one at a time, or three where a GPU must not wait for reading and saving.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Thread

from liverview.cohort.attempting import begun_attempt, failed_attempt, keep_attempt
from liverview.cohort.ledger import Ledger
from liverview.cohort.local import never
from liverview.cohort.machine import memory_reader
from liverview.cohort.stopping import GOES_ON, RunStoppedError, folder_check
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.cohort.worker import START, Order, Ready, Refused, Report
from liverview.core.errors import LiverviewError
from liverview.core.stream import Message, Progress
from liverview.core.text import printable
from liverview.files.atomic import remove_unfinished

_TICK = 0.2  # seconds between looks at limits, and after which Ctrl-C is noticed
_GRACE = 5.0  # seconds that a worker has to clean up in
_OVERLAPPED = 3  # items of a worker that reads, computes and saves at a time
_TRIES = 2  # of an item whose process dies
_UNREADY = 3  # processes in a row that die before they are ready
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Workers:
    """The processes of a run, and what each may take.

    Attributes
    ----------
    count : of processes.
    threads : of each; None leaves that to torch.
    gpus : the number of the GPU that each sees, by the system's count; without any, all see all.
    seconds : that an item may take; None for no limit.
    memory_mb : that a process may hold; None for no limit.
    """

    count: int
    threads: int | None = None
    gpus: tuple[str, ...] = ()
    seconds: float | None = None
    memory_mb: float | None = None


def iter_run_in_processes(
    items: Sequence[CohortItem],
    work: CohortWork,
    ledger: Ledger | None,
    workers: Workers,
    stopping: Callable[[], bool] = never,
) -> Iterator[Progress | Message | Attempt]:
    """Do the items; every one ends as an `Attempt`, in the order that they end.

    Parameters
    ----------
    stopping : asked all the time; once it says so, no item is begun any more.

    Raises
    ------
    RunStoppedError : where no result can be written any more, or no process can be started.
    LiverviewError : where workers cannot load what they need, or memory cannot be watched.
    """
    run = _Run(items, work, ledger, workers, stopping)
    try:
        yield from run.iter_all()
    finally:
        run.end()


@dataclass(eq=False)
class _Job:
    """An item, and how often its process has died."""

    item: CohortItem
    losses: int = 0


@dataclass(eq=False)
class _Slot:
    """The place of one worker; another one takes it where it dies.

    Attributes
    ----------
    number : of the place, from 0.
    most : items that its worker may have at a time.
    jobs : those that it has.
    since : when it was ready, or had its first item, or ended one: from there the limit counts.
    last, code : the number of its last process, and what that ended with.
    """

    number: int
    most: int
    process: subprocess.Popen[bytes] | None = None
    jobs: list[_Job] = field(default_factory=list)
    ready: bool = False
    since: float = 0.0
    last: int = 0
    code: int = 0


class _Run:
    """Items that wait, and the places of the workers."""

    def __init__(
        self,
        items: Sequence[CohortItem],
        work: CohortWork,
        ledger: Ledger | None,
        workers: Workers,
        stopping: Callable[[], bool],
    ) -> None:
        self._waiting = deque(_Job(item) for item in items)
        self._total = len(items)
        self._work, self._ledger, self._workers = work, ledger, workers
        self._stopping = stopping
        self._check = never if ledger is None else folder_check(ledger.folder.parent)
        self._reports: SimpleQueue[tuple[_Slot, int, Report | None]] = SimpleQueue()
        most = _OVERLAPPED if workers.gpus else 1
        self._slots = [_Slot(number, most) for number in range(workers.count)]
        self._unready = 0
        self._held_mb = memory_reader()
        if workers.memory_mb is not None and self._held_mb is None:
            raise LiverviewError(
                "A limit of memory needs psutil on this system: pip install psutil."
            )

    def iter_all(self) -> Iterator[Progress | Message | Attempt]:
        ended = 0
        while True:
            self._hand_out()
            if not any(slot.jobs for slot in self._slots) and not self._goes_on():
                return
            for item in (*self._received(), *self._over_limits()):
                yield item
                if isinstance(item, Attempt):
                    ended += 1
                    yield Progress("Scans", ended / max(1, self._total))

    def end(self) -> None:
        """End all workers: those at work clean up, within a few seconds."""
        for slot in self._slots:
            if not slot.jobs:
                _send(slot, None)
            _close_input(slot)
        deadline = time.monotonic() + _GRACE
        for slot in self._slots:
            self._end(slot, max(0.0, deadline - time.monotonic()))

    def _goes_on(self) -> bool:
        return bool(self._waiting) and not self._stopping()

    def _hand_out(self) -> None:
        for slot in self._slots:
            while self._goes_on() and len(slot.jobs) < slot.most and not _is_closed(slot):
                self._check()
                if slot.process is None:
                    self._start(slot)
                if not slot.jobs:
                    slot.since = time.monotonic()
                job = self._waiting.popleft()
                slot.jobs.append(job)
                _send(slot, job.item)  # where it has died, its reports end, which says so
            # Who overlaps waits for the next item before it goes on: that none follows is said.
            if slot.most > 1 and slot.jobs and not self._goes_on() and not _is_closed(slot):
                _send(slot, None)
                _close_input(slot)

    def _start(self, slot: _Slot) -> None:
        environment = dict(os.environ)
        if self._workers.threads is not None:
            environment.update(dict.fromkeys(_THREADS, str(self._workers.threads)))
        work = self._work
        if self._workers.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._workers.gpus[slot.number]
            work = replace(work, device="cuda:0")  # type: ignore[type-var]
        slot.process = subprocess.Popen(
            [sys.executable, "-c", START],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal is for this process alone
        )
        slot.ready, slot.since = False, time.monotonic()
        Thread(target=_read, args=(slot, slot.process, self._reports), daemon=True).start()
        _send(slot, sys.path)
        _send(slot, Order(work, self._ledger, overlap=slot.most > 1))

    def _received(self) -> Iterator[Message | Attempt]:
        """What workers have said, after a moment at most."""
        with contextlib.suppress(Empty):
            slot, process, report = self._reports.get(timeout=_TICK)
            while True:
                if slot.process is not None and slot.process.pid == process:
                    yield from self._take(slot, report)
                slot, process, report = self._reports.get_nowait()

    def _take(self, slot: _Slot, report: Report | None) -> Iterator[Message | Attempt]:
        if report is None:
            yield from self._after_death(slot)
        elif isinstance(report, Ready):
            slot.ready, slot.since, self._unready = True, time.monotonic(), 0
        elif isinstance(report, Refused):
            raise RunStoppedError(report.sentence)
        elif isinstance(report, Attempt):
            slot.since = time.monotonic()
            names = [printable(job.item.name) for job in slot.jobs]
            del slot.jobs[names.index(report.item)]
            yield report
        else:
            yield report

    def _after_death(self, slot: _Slot) -> Iterator[Attempt]:
        """A worker has ended: what it had is tried once more, then it has failed."""
        assert slot.process is not None
        self._end(slot, _GRACE)
        if not slot.jobs:
            return
        self._unready = 0 if slot.ready else self._unready + 1
        if self._unready >= _UNREADY:
            raise RunStoppedError(
                f"Processes for the work end as soon as they are started ({_ending(slot)}): see "
                f"what they have said, or give --processes 1. {GOES_ON}"
            )
        jobs, slot.jobs = slot.jobs, []
        slot.most = 1  # so that the next death says which item it is
        for job in jobs:
            job.losses += slot.ready
            if job.losses < _TRIES:
                self._waiting.append(job)
                continue
            sentence = (
                f"{job.item.path}: the process at work on it ended ({_ending(slot)}), and a second "
                "one, too: give it more memory, or look at the scan."
            )
            yield self._fail(slot, job, sentence, "lost")

    def _over_limits(self) -> Iterator[Attempt]:
        """End the workers that take too much."""
        limits, now = self._workers, time.monotonic()
        for slot in self._slots:
            if slot.process is None or not slot.jobs:
                continue
            held = self._held_mb(slot.process.pid) if limits.memory_mb and self._held_mb else 0.0
            if limits.seconds is not None and slot.ready and now - slot.since > limits.seconds:
                reason = f"it took longer than the {limits.seconds:g} s of --time-limit"
                yield from self._cut(slot, f"{reason}, and was stopped.", "time limit")
            elif limits.memory_mb is not None and held > limits.memory_mb:
                reason = f"it took {held:,.0f} MB, more than the {limits.memory_mb:,.0f} MB"
                yield from self._cut(slot, f"{reason} of --memory-limit.", "memory limit")

    def _cut(self, slot: _Slot, reason: str, kind: str) -> Iterator[Attempt]:
        """End a worker by a limit; of several items that it has, the one that it is at is meant."""
        process = slot.process
        assert process is not None
        process.kill()
        self._end(slot, _GRACE)
        jobs, slot.jobs, slot.most = slot.jobs, [], 1
        yield self._fail(slot, jobs[0], f"{jobs[0].item.path}: {reason}", kind)
        self._waiting.extendleft(reversed(jobs[1:]))

    def _fail(self, slot: _Slot, job: _Job, sentence: str, kind: str) -> Attempt:
        begun = self._begun(slot, job)
        if begun.outcome != "begun":  # it had just ended, and could not say so any more
            return begun
        attempt = failed_attempt(begun, printable(sentence), kind)
        if self._ledger is not None:
            keep_attempt(self._ledger, attempt)
        return attempt

    def _begun(self, slot: _Slot, job: _Job) -> Attempt:
        """The attempt as the worker began it, where it came to that."""
        if self._ledger is not None:
            for attempt in reversed(self._ledger.attempts_at(job.item.name)):
                if attempt.host == socket.gethostname() and attempt.process == slot.last:
                    return attempt
        return begun_attempt(self._work, job.item, self._ledger)

    def _end(self, slot: _Slot, seconds: float) -> None:
        process, slot.process = slot.process, None
        if process is None:
            return
        slot.last = process.pid
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        slot.code = process.returncode
        if process.stdin is not None:
            process.stdin.close()
        if self._ledger is not None and process.returncode != 0:
            remove_unfinished(self._ledger.folder.parent)


def _read(
    slot: _Slot,
    process: subprocess.Popen[bytes],
    reports: SimpleQueue[tuple[_Slot, int, Report | None]],
) -> None:
    """Pass on what a worker says; None where it has ended."""
    assert process.stdout is not None
    # A worker that is killed ends in the middle of a word.
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        with io.BufferedReader(process.stdout) as stream:  # type: ignore[type-var]
            while True:
                reports.put((slot, process.pid, pickle.load(stream)))
    reports.put((slot, process.pid, None))


def _send(slot: _Slot, content: object) -> None:
    """Send something to a worker; one that has died does not get it."""
    if slot.process is None or slot.process.stdin is None or slot.process.stdin.closed:
        return
    data = memoryview(pickle.dumps(content))
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[slot.process.stdin.write(data) :]


def _is_closed(slot: _Slot) -> bool:
    """True where a worker has been told that no item follows."""
    process = slot.process
    return process is not None and process.stdin is not None and process.stdin.closed


def _close_input(slot: _Slot) -> None:
    if slot.process is not None and slot.process.stdin is not None:
        slot.process.stdin.close()


def _ending(slot: _Slot) -> str:
    """The way that a process ended, in words."""
    if slot.code >= 0:
        return f"with exit code {slot.code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-slot.code).name
        hint = ", as the system does where memory runs out" if name == "SIGKILL" else ""
        return f"by {name}{hint}"
    return f"by signal {-slot.code}"
