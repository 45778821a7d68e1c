"""One item on a Dask worker: what a worker has to see is looked at once, limits at every step.

Functions of this module run on workers, possibly on other machines; they need no Dask.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import hashlib
import os
import pickle
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from liverview.cohort.attempting import failed_attempt, iter_attempt
from liverview.cohort.cluster_choice import ClusterError
from liverview.cohort.ledger import LEDGER, Ledger
from liverview.cohort.states import is_gone
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.about import __version__
from liverview.core.errors import LiverviewError

HARD = 2.0
"""Times the limit of an item, after which a step that does not end is ended with its process."""
_OTHER_S = 60.0  # that another worker at the same item is waited for
_CHECKED_EVERY = 2.0  # seconds between looks at whether the command is still wanted


class TimeLimitError(LiverviewError):
    """An item that took longer than it may."""


@dataclass(frozen=True)
class WorkerRun:
    """What every worker of a run is told.

    Attributes
    ----------
    folder : the working folder, from which paths that are not absolute count.
    results : the folder of the results, in which the ledger is.
    mark : the name of a folder in the ledger that is there as long as the command runs; in it
        are files of what hung.
    seconds : that an item may take; None for no limit.
    """

    work: CohortWork
    folder: Path
    results: Path
    mark: str
    seconds: float | None = None

    def packed(self) -> bytes:
        """Itself, as `do_item` takes it: loaded once by each worker."""
        return pickle.dumps(self)


def check_worker(version: str, packed: bytes) -> str:
    """The version of a worker that sees all that it has to see.

    Raises
    ------
    ClusterError : where it does not; says what, and on which machine.
    """
    _run_of(version, packed)
    return __version__


def do_item(
    version: str, packed: bytes, item: CohortItem, tries: int, *, alone: bool = True
) -> Attempt | None:
    """Try an item; None where the command is gone meanwhile.

    What another worker has done of it in this run, whose answer was lost with it, is not done
    again, and what hung there is not tried again.

    Parameters
    ----------
    version : of liverview that asks.
    packed : of `WorkerRun`.
    tries : at the item before this run.
    alone : nothing else runs in this process, which may be ended for a step that hangs.

    Raises
    ------
    ClusterError : where this worker does not see what it has to see.
    RunStoppedError : where no result can be written any more.
    LiverviewError : where networks cannot be loaded.
    """
    run = _run_of(version, packed)
    _prepare(packed)
    ledger = Ledger(run.results)
    for known in ledger.attempts_at(item.name):
        if known.number <= tries:
            continue
        if known.outcome != "begun":
            return known
        stuck = _stuck_file(run, item, known.host, known.process)
        if stuck.is_file() and stuck.stat().st_size:
            said = f"{_limit_sentence(item, run.seconds or 0)} One step of it did not end."
            ledger.keep(known := failed_attempt(known, said, "time limit"))
            return known
    with contextlib.ExitStack() as stack:
        if run.seconds is not None and alone:
            try:
                stack.enter_context(_ended_at_last(run, item, HARD * run.seconds))
            except FileNotFoundError:
                return None
        return _do(run, item, ledger)


def _do(run: WorkerRun, item: CohortItem, ledger: Ledger) -> Attempt | None:
    steps = iter_attempt(run.work, item, ledger)
    began = looked = time.monotonic()
    try:
        while True:
            next(steps)
            now = time.monotonic()
            if run.seconds is not None and now - began > run.seconds:
                steps.throw(TimeLimitError(_limit_sentence(item, run.seconds)))
            if now - looked > _CHECKED_EVERY:
                looked = now
                if not (ledger.folder / run.mark).is_dir():
                    steps.close()
                    return None
    except StopIteration as end:
        attempt: Attempt = end.value
    if attempt.outcome == "failed" and (other := _done_meanwhile(ledger, attempt)) is not None:
        ledger.withdraw(attempt)
        return other
    if attempt.error_kind == TimeLimitError.__name__:
        ledger.keep(attempt := replace(attempt, error_kind="time limit"))
    return attempt


def _done_meanwhile(ledger: Ledger, failed: Attempt) -> Attempt | None:
    """The attempt that another worker brought to an end beside this one; None without.

    A worker that the scheduler takes for lost may be at work still, and two at one item stand in
    each other's way: what the first of them has written, the second finds there.
    """
    until = time.monotonic() + _OTHER_S
    while True:
        others = [
            one
            for one in ledger.attempts_at(failed.item)
            if one.token != failed.token and _ended_after(one, failed.began)
        ]
        done = [one for one in others if one.outcome == "done"]
        if done:
            return done[-1]
        now = datetime.now(UTC)
        beside = [one for one in others if one.outcome == "begun" and not is_gone(one, now)]
        if not beside or time.monotonic() > until:
            return None
        time.sleep(_CHECKED_EVERY)


def _ended_after(attempt: Attempt, moment: str) -> bool:
    """True for an attempt that has not ended, or has after a moment."""
    return not attempt.ended or attempt.ended >= moment


def _limit_sentence(item: CohortItem, seconds: float) -> str:
    return f"{item.path}: it took longer than the {seconds:g} s of --time-limit, and was stopped."


@functools.lru_cache(1)  # one run at a time; what it has loaded stays with it
def _run_of(version: str, packed: bytes) -> WorkerRun:
    here = f"The worker on {socket.gethostname()}"
    if version != __version__:
        raise ClusterError(
            f"{here} has liverview {__version__}, not {version}: install the same version there."
        )
    try:
        run = pickle.loads(packed)
    except (ImportError, AttributeError) as error:
        raise ClusterError(
            f"{here} cannot load what it has to do ({error}): install the same liverview there."
        ) from error
    if not (run.results / LEDGER / run.mark).is_dir():
        raise ClusterError(
            f"{here} does not see {run.results}: results have to be in a folder that all machines "
            "share."
        )
    with contextlib.suppress(OSError):  # where paths are absolute, it does not matter
        if Path.cwd() != run.folder:
            os.chdir(run.folder)
    check = getattr(run.work, "check_here", None)
    if check is not None:
        try:
            check()
        except LiverviewError as error:
            raise ClusterError(f"{here}: {error}") from error
    # Several workers share a machine; a thread each is theirs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
    return run


@functools.lru_cache(1)
def _prepare(packed: bytes) -> None:
    """Load networks and the like, once; not when a worker is only asked what it sees."""
    prepare = getattr(_run_of(__version__, packed).work, "prepare", None)
    if prepare is not None:
        prepare()


@contextlib.contextmanager
def _ended_at_last(run: WorkerRun, item: CohortItem, seconds: float) -> Iterator[None]:
    """End this process where the block hangs, in Python or in compiled code; a file says it.

    The timer is a thread of the interpreter that needs no lock of it.
    """
    path = _stuck_file(run, item, socket.gethostname(), os.getpid())
    with path.open("w") as said:
        faulthandler.dump_traceback_later(seconds, exit=True, file=said)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    path.unlink(missing_ok=True)


def _stuck_file(run: WorkerRun, item: CohortItem, host: str, process: int) -> Path:
    text = f"{item.name} {host} {process}".encode("utf-8", "surrogateescape")
    return run.results / LEDGER / run.mark / f"{hashlib.sha256(text).hexdigest()[:16]}.txt"
