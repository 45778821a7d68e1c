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
from pathlib import Path

from liverview.cohort.attempting import iter_attempt
from liverview.cohort.cluster_choice import ClusterError
from liverview.cohort.ledger import LEDGER, Ledger
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.about import __version__
from liverview.core.errors import LiverviewError
from liverview.files.atomic import make_folder

HARD = 2.0
"""Times the limit of an item, after which a step that does not end is ended with its process."""
STUCK = "stuck"
"""The ledger's folder of files that say which processes were ended so."""
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
    mark : the name of a file in the ledger that is there as long as the command runs.
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
    return _run_of(version, packed) and __version__


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
    TargetError : where the ledger cannot be written.
    """
    run = _run_of(version, packed)
    ledger = Ledger(run.results)
    for known in ledger.iter_attempts_at(item.name):
        if known.number <= tries:
            continue
        if known.outcome == "done":
            return known
        stuck = _stuck_file(run, item, known.host, known.process)
        if known.outcome == "begun" and stuck.is_file() and stuck.stat().st_size:
            ledger.keep(known := _out_of_time(known, run.seconds or 0.0))
            stuck.unlink(missing_ok=True)
            return known
    if run.seconds is None or not alone:
        return _do(run, item, ledger)
    with _ended_at_last(run, item, HARD * run.seconds):
        return _do(run, item, ledger)


def _do(run: WorkerRun, item: CohortItem, ledger: Ledger) -> Attempt | None:
    steps = iter_attempt(run.work, item, ledger)
    began = looked = time.monotonic()
    try:
        while True:
            next(steps)
            now = time.monotonic()
            if run.seconds is not None and now - began > run.seconds:
                limit = TimeLimitError(_limit_sentence(run.seconds))
                steps.throw(limit)
            if now - looked > _CHECKED_EVERY:
                looked = now
                if not (ledger.folder / run.mark).exists():
                    steps.close()
                    return None
    except StopIteration as end:
        attempt: Attempt = end.value
    if attempt.error_kind == TimeLimitError.__name__:
        ledger.keep(attempt := replace(attempt, error_kind="time limit"))
    return attempt


def _out_of_time(attempt: Attempt, seconds: float) -> Attempt:
    return replace(
        attempt,
        outcome="failed",
        error=f"{_limit_sentence(seconds)} One step did not end; its process was ended.",
        error_kind="time limit",
    )


def _limit_sentence(seconds: float) -> str:
    return f"It took longer than the {seconds:g} s that a scan may take."


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
    if not (run.results / LEDGER / run.mark).is_file():
        raise ClusterError(
            f"{here} does not see {run.results}: results have to be in a folder that all machines "
            "share."
        )
    for path in getattr(run.work, "needs", ()):
        if not path.exists():
            raise ClusterError(
                f"{here} does not see {path}: it has to be in a folder that all machines share."
            )
    with contextlib.suppress(OSError):  # where paths are absolute, it does not matter
        if Path.cwd() != run.folder:
            os.chdir(run.folder)
    # Several workers share a machine; a thread each is theirs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
    return run


@contextlib.contextmanager
def _ended_at_last(run: WorkerRun, item: CohortItem, seconds: float) -> Iterator[None]:
    """End this process where the block hangs, in Python or in compiled code; a file says it.

    The timer is a thread of the interpreter that needs no lock of it.
    """
    path = _stuck_file(run, item, socket.gethostname(), os.getpid())
    make_folder(path.parent)
    with path.open("w") as said:
        faulthandler.dump_traceback_later(seconds, exit=True, file=said)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    path.unlink(missing_ok=True)


def _stuck_file(run: WorkerRun, item: CohortItem, host: str, process: int) -> Path:
    text = f"{item.name} {host} {process}".encode("utf-8", "surrogateescape")
    return run.results / LEDGER / STUCK / f"{hashlib.sha256(text).hexdigest()[:16]}.txt"
