"""A cohort on Dask: items go to workers a few at a time, what became of them comes back.

Workers write the ledger; only an item whose worker was lost twice is written by this process.
Whatever happens to the cluster, the ledger says what is done.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from liverview.cohort.attempting import begun_attempt, failed_attempt, keep_attempt
from liverview.cohort.cluster_choice import ClusterChoice, ClusterError
from liverview.cohort.dask_starting import connected
from liverview.cohort.dask_worker import WorkerRun, check_worker, do_item
from liverview.cohort.ledger import LEDGER, Ledger
from liverview.cohort.local import never
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.about import __version__
from liverview.core.stream import Message, Progress
from liverview.files.atomic import make_folder

_AHEAD = 2  # items per thread that are with the scheduler: one under way, one to follow
_LOST = 2  # times that an item's worker may be lost
_UNBEGUN = 20  # times that workers may die around an item that none of them had begun
_LOOK_EVERY = 5.0  # seconds between looks at how many threads there are
_WAKE_EVERY = 0.5  # seconds, after which Ctrl-C and a scheduler that is gone are noticed


@dataclass(frozen=True)
class Limits:
    """What an item and a worker may take; None for no limit.

    Attributes
    ----------
    seconds : of an item.
    memory_mb : of a worker.
    """

    seconds: float | None = None
    memory_mb: float | None = None


@dataclass
class _Submitted:
    """An item that is with the scheduler.

    Attributes
    ----------
    tries : at it before this run.
    unbegun : times that it came back without having been begun.
    """

    item: CohortItem
    tries: int
    unbegun: int = 0


def iter_run_on_dask(
    items: Iterable[CohortItem],
    work: CohortWork,
    ledger: Ledger,
    choice: ClusterChoice,
    limits: Limits | None = None,
    stopping: Callable[[], bool] = never,
) -> Iterator[Progress | Message | Attempt]:
    """Do all items on a cluster; every one ends as an `Attempt`, in the order that they end.

    Parameters
    ----------
    ledger : in a folder that all workers see.
    stopping : asked all the time; once it says so, no item is begun any more.

    Raises
    ------
    ClusterError : where the cluster cannot be used, or is lost; what is done stays done.
    RunStoppedError : where a worker cannot write results any more, as on a full disk.
    """
    limits = limits or Limits()
    results = Path(os.path.realpath(ledger.folder.parent))
    mark = f"run-{secrets.token_hex(8)}"
    run = WorkerRun(work, Path.cwd(), results, mark, limits.seconds)
    make_folder(results / LEDGER / mark)
    try:
        with connected(choice, limits.memory_mb) as client, _losses_said(client):
            yield from _iter_checked(client, run)
            yield from _Submission(client, run, list(items), stopping).iter_all()
    finally:
        shutil.rmtree(results / LEDGER / mark, ignore_errors=True)


class _Submission:
    """Items that wait, items that are with the scheduler, and what ends."""

    def __init__(
        self,
        client: Any,
        run: WorkerRun,
        items: list[CohortItem],
        stopping: Callable[[], bool],
    ) -> None:
        self._client = client
        self._run = run
        self._packed = run.packed()
        self._ledger = Ledger(run.results)
        self._waiting = items[::-1]
        self._count = len(items)
        self._with_scheduler: dict[Any, _Submitted] = {}
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._submitted = 0
        self._stopping, self._stopped = stopping, False
        self._threads, self._alone, self._looked = 1, True, -_LOOK_EVERY
        # Where workers say that they have one, each item has a GPU for itself.
        offered = [one["resources"] for one in client.scheduler_info()["workers"].values()]
        wanted = run.work.device.startswith("cuda") and any("GPU" in one for one in offered)
        self._resources = {"GPU": 1} if wanted else None

    def iter_all(self) -> Iterator[Progress | Message | Attempt]:
        done = 0
        while self._with_scheduler or (self._waiting and not self._stopped):
            if self._stopping() and not self._stopped:
                self._stop()
            self._fill()
            for attempt in self._take():
                done += 1
                yield attempt
                yield Progress("Scans", done / self._count)

    def _fill(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            threads = self._client.nthreads().values()
            self._threads, self._alone = max(1, sum(threads)), all(n == 1 for n in threads)
            self._looked = now
        most = _AHEAD * self._threads
        while self._waiting and not self._stopped and len(self._with_scheduler) < most:
            item = self._waiting.pop()
            self._submit(_Submitted(item, self._ledger.tries(item.name)))

    def _submit(self, submitted: _Submitted) -> None:
        self._submitted += 1
        future = self._client.submit(
            do_item,
            __version__,
            self._packed,
            submitted.item,
            submitted.tries,
            alone=self._alone,
            key=f"{self._run.work.kind}-{self._run.mark}-{self._submitted}",
            pure=False,
            resources=self._resources,
        )
        self._with_scheduler[future] = submitted
        future.add_done_callback(self._ended.put)

    def _take(self) -> list[Attempt]:
        """What has ended, after a moment at most."""
        try:
            ended = [self._ended.get(timeout=_WAKE_EVERY)]
        except Empty:
            return []
        with contextlib.suppress(Empty):
            while True:
                ended.append(self._ended.get_nowait())
        attempts = [self._attempt_of(future) for future in ended if future in self._with_scheduler]
        return [attempt for attempt in attempts if attempt is not None]

    def _attempt_of(self, future: Any) -> Attempt | None:
        submitted = self._with_scheduler.pop(future)
        if future.status == "cancelled":
            if self._stopped:
                return None
            raise ClusterError(_lost_sentence())
        error = future.exception() if future.status == "error" else None
        if type(error).__name__ == "KilledWorker":
            return self._after_loss(submitted)
        return future.result()

    def _after_loss(self, submitted: _Submitted) -> Attempt | None:
        """What became of an item whose workers were lost; None where it is tried again.

        The scheduler counts an item that only waited at a worker as lost with it; the ledger knows.
        """
        item = submitted.item
        attempts = [a for a in self._ledger.attempts_at(item.name) if a.number > submitted.tries]
        if attempts and attempts[-1].outcome != "begun":
            return attempts[-1]
        if len(attempts) < _LOST and submitted.unbegun < _UNBEGUN:
            if not self._stopped:
                self._submit(replace(submitted, unbegun=submitted.unbegun + 1))
            return None
        begun = attempts[-1] if attempts else begun_attempt(self._run.work, item, self._ledger)
        failed = failed_attempt(
            begun,
            f"{item.path}: the worker at work on it ended, and another one, too: give workers more "
            "memory, or look at the scan.",
            "lost",
        )
        keep_attempt(self._ledger, failed)
        return failed

    def _stop(self) -> None:
        """Let what is under way end, and take back all else."""
        self._stopped = True
        waiting = [
            future
            for future, submitted in self._with_scheduler.items()
            if self._ledger.tries(submitted.item.name) <= submitted.tries
        ]
        for future in waiting:
            del self._with_scheduler[future]
        self._client.cancel(waiting)


def _iter_checked(client: Any, run: WorkerRun) -> Iterator[Message]:
    """Wait for a worker; ask those that are there whether they see all that they have to see."""
    link = client.dashboard_link
    missing = "" if importlib.util.find_spec("bokeh") else " (needs bokeh)"
    yield Message(f"Dask's dashboard: {link}{missing}")
    said = False
    while not (threads := client.nthreads()):
        if not said:
            yield Message("Waiting for the first worker.")
            said = True
        with contextlib.suppress(TimeoutError):
            client.wait_for_workers(1, timeout=_LOOK_EVERY)
    try:
        client.run(check_worker, __version__, run.packed())
    except (ImportError, AttributeError) as error:
        raise ClusterError(
            f"The workers cannot load liverview ({error}): install liverview {__version__} there."
        ) from error
    workers, total = len(threads), sum(threads.values())
    yield Message(
        f"{workers} {'worker' if workers == 1 else 'workers'} with "
        f"{total} {'thread' if total == 1 else 'threads'}."
    )


@contextlib.contextmanager
def _losses_said(client: Any) -> Iterator[None]:
    """A scheduler that is gone is said in a sentence; what comes from elsewhere is raised."""
    from distributed import CancelledError

    try:
        yield
    except (OSError, RuntimeError, CancelledError) as error:
        if client.status == "running" and not isinstance(error, CancelledError):
            raise
        raise ClusterError(_lost_sentence()) from error


def _lost_sentence() -> str:
    return (
        "The Dask scheduler is gone: what is done stays done, and the same command goes on from "
        "there."
    )
