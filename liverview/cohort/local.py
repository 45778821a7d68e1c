"""Many items in this process: the next is read and the last one saved while one is computed.

Of all items at most three are in memory: the one being computed, the next, and the one that is
being saved. Work that has no such steps is done one item after the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from liverview.cohort.attempting import EXPECTED, Trial, iter_attempt
from liverview.cohort.work import Attempt, CohortItem, CohortWork, Done
from liverview.core.stream import Message, Progress

if TYPE_CHECKING:
    from liverview.cohort.ledger import Ledger

T = TypeVar("T")
Steps: TypeAlias = Generator[Progress | Message, None, T]


@runtime_checkable
class SteppedWork(Protocol):
    """Work in three steps, of which those of several items may run side by side."""

    def iter_read(self, item: Any) -> Steps[Any]: ...
    def iter_compute(self, item: Any, read: Any) -> Steps[Any]: ...
    def iter_finish(self, item: Any, computed: Any) -> Steps[Done]: ...


def never() -> bool:
    """For who never stops."""
    return False


def iter_run_here(
    items: Iterable[CohortItem],
    work: CohortWork,
    ledger: Ledger | None,
    stopping: Callable[[], bool] = never,
) -> Iterator[Progress | Message | Attempt]:
    """Do the items in this process; every one that is begun ends as an `Attempt`.

    Parameters
    ----------
    stopping : asked before each item; once it says so, none is begun any more.

    Raises
    ------
    RunStoppedError : where no result can be written any more.
    """
    if not isinstance(work, SteppedWork):
        for item in items:
            if stopping():
                return
            yield (yield from iter_attempt(work, item, ledger))
        return
    overlap = _Overlap(work, ledger, stopping)
    try:
        yield from overlap.iter_all(iter(items))
    finally:
        overlap.end()


class _Reading:
    """An item whose input is being read ahead, or has been."""

    def __init__(self, trial: Trial, ahead: Future[Any] | None) -> None:
        self.trial = trial
        self.ahead = ahead


class _Overlap:
    """Three items at most, each in another step."""

    def __init__(self, work: Any, ledger: Ledger | None, stopping: Callable[[], bool]) -> None:
        self._work, self._ledger, self._stopping = work, ledger, stopping
        self._pool, self._stopped = ThreadPoolExecutor(2), Event()  # one reads, one saves
        self._saving: list[Future[Attempt]] = []  # one at most
        self._open: list[Trial] = []

    def iter_all(self, items: Iterator[CohortItem]) -> Iterator[Progress | Message | Attempt]:
        current = self._begin_next(items, at_once=False)
        while current is not None:
            trial = current.trial
            if current.ahead is None:  # nothing is computed meanwhile: show how far it is
                read = yield from _iter_catching(trial, self._work.iter_read(trial.item))
            else:
                read = current.ahead.result()
            following = self._begin_next(items, at_once=True)
            computed = read
            if not isinstance(read, Attempt):
                computing = self._work.iter_compute(trial.item, read)
                computed = yield from self._iter_beside(_iter_catching(trial, computing))
            if self._stopping():  # what is only being read is as if it had not been begun
                following = None
            if self._saving:
                yield self._saving.pop().result()
            if isinstance(computed, Attempt):
                yield self._close(trial, computed)
            else:
                finishing = self._iter_finish(trial, computed)
                if following is None:
                    yield (yield from finishing)
                else:
                    self._saving.append(self._pool.submit(_drain, finishing, self._stopped))
            current = following
        if self._saving:
            yield self._saving.pop().result()

    def end(self) -> None:
        """Stop what is under way; what has not come to an end is as if it had not been begun."""
        self._stopped.set()
        self._pool.shutdown()
        for trial in self._open:
            trial.withdraw()

    def _begin_next(self, items: Iterator[CohortItem], *, at_once: bool) -> _Reading | None:
        item = None if self._stopping() else next(items, None)
        if item is None:
            return None
        trial = Trial(self._work, item, self._ledger)
        self._open.append(trial)
        if not at_once:
            return _Reading(trial, None)
        reading = _iter_catching(trial, self._work.iter_read(item))
        return _Reading(trial, self._pool.submit(_drain, reading, self._stopped))

    def _close(self, trial: Trial, attempt: Attempt) -> Attempt:
        self._open.remove(trial)
        return attempt

    def _iter_finish(self, trial: Trial, computed: Any) -> Steps[Attempt]:
        done = yield from _iter_catching(trial, self._work.iter_finish(trial.item, computed))
        attempt = done if isinstance(done, Attempt) else trial.done(done)
        return self._close(trial, attempt)

    def _iter_beside(self, work: Steps[T]) -> Generator[Progress | Message | Attempt, None, T]:
        """Yields the steps of some work, and what is being saved as soon as it is."""
        with contextlib.closing(work):
            while True:
                try:
                    yield next(work)
                except StopIteration as end:
                    return cast("T", end.value)
                if self._saving and self._saving[0].done():
                    yield self._saving.pop().result()


def _iter_catching(trial: Trial, work: Steps[T]) -> Steps[T | Attempt]:
    """The result of some work, or the attempt that failed by it."""
    try:
        return (yield from work)
    except EXPECTED as error:
        return trial.failed(error)


def _drain(work: Steps[T], stopped: Event) -> T:
    """Run a generator to its end on a thread that nobody watches."""
    while not stopped.is_set():
        try:
            next(work)
        except StopIteration as end:
            return cast("T", end.value)
    work.close()
    raise CancelledError
