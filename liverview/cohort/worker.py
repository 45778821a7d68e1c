"""A process that works for another one: items come by its standard input, results go back.

It ends with the process that started it, whatever becomes of that: its input ends then. Signals of
the terminal and of batch systems are for the one that started it, which says when to stop.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread, main_thread
from typing import Any, BinaryIO

from liverview.cohort.attempting import iter_attempt
from liverview.cohort.ledger import Ledger
from liverview.cohort.local import iter_run_here
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.errors import LiverviewError
from liverview.core.stream import Message, Progress

_GRACE = 3.0  # seconds to clean up in, once nobody is there for the results
START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from liverview.cohort.worker import main; main()"
)
"""The program of a worker's process: modules are found where its starter finds them."""


@dataclass(frozen=True)
class Order:
    """What a worker is told when it starts.

    Attributes
    ----------
    overlap : several items at a time, each in another step.
    """

    work: CohortWork
    ledger: Ledger | None
    overlap: bool = False


@dataclass(frozen=True)
class Ready:
    """A worker has loaded all that it needs."""


@dataclass(frozen=True)
class Refused:
    """A worker cannot go on, whatever the item: one sentence."""

    sentence: str


Report = Ready | Refused | Message | Attempt
"""What a worker says."""


def main() -> None:
    """Work for the process at the other end of the standard streams until that closes them."""
    _set_signals()
    incoming: BinaryIO = sys.stdin.buffer
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no result
    inbox: SimpleQueue[CohortItem | None] = SimpleQueue()
    try:
        order = pickle.load(incoming)
        Thread(target=_listen, args=(incoming, inbox), daemon=True).start()
        for report in _iter_reports(order, iter(inbox.get, None)):
            pickle.dump(report, outgoing)
            outgoing.flush()
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        # Nobody is there for what is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), outgoing.fileno())
        sys.exit(1)


def _iter_reports(order: Order, items: Iterator[CohortItem]) -> Iterator[Report]:
    try:
        prepare = getattr(order.work, "prepare", None)
        if prepare is not None:
            prepare()
        yield Ready()
        for item in _iter_results(order, items):
            if not isinstance(item, Progress):
                yield item
    except LiverviewError as error:
        yield Refused(str(error))


def _iter_results(
    order: Order, items: Iterator[CohortItem]
) -> Iterator[Progress | Message | Attempt]:
    if order.overlap:
        yield from iter_run_here(items, order.work, order.ledger)
        return
    for item in items:
        yield (yield from iter_attempt(order.work, item, order.ledger))


def _listen(incoming: BinaryIO, inbox: SimpleQueue[Any]) -> None:
    """Pass on what comes; where it ends without a word, whoever sent it is gone or wants no more."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            item = pickle.load(incoming)
            inbox.put(item)
            if item is None:
                return
    inbox.put(None)
    _interrupt()
    Event().wait(_GRACE)
    os._exit(1)


def _set_signals() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, signal.default_int_handler)
    else:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt() -> None:
    """Raise KeyboardInterrupt in the thread that works, also where it waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)
    else:
        _thread.interrupt_main()
