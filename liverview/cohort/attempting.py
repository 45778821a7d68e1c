"""One try at one item, on whatever machine: noted when it begins, and when it has ended."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from liverview.cohort.stopping import GOES_ON, RunStoppedError, reason_to_stop
from liverview.cohort.work import Attempt, CohortItem, CohortWork, Done
from liverview.core.stream import Message, Progress
from liverview.core.text import printable, shortened
from liverview.files.atomic import TargetError

if TYPE_CHECKING:
    from liverview.cohort.ledger import Ledger

EXPECTED = (ValueError, OSError, MemoryError)
"""What a scan or a disk can do; all else is a bug and is raised."""


class Trial:
    """A try at an item that has begun, and that the ledger knows of.

    Attributes
    ----------
    attempt : as it was begun.

    Raises
    ------
    RunStoppedError : where the ledger cannot be written.
    """

    def __init__(self, work: CohortWork, item: CohortItem, ledger: Ledger | None) -> None:
        self.item = item
        self._ledger = ledger
        digest = ""
        with contextlib.suppress(OSError):
            digest = work.input_sha256(item)
        self.attempt = begun_attempt(work, item, ledger, digest)
        self._keep(self.attempt)

    def done(self, done: Done) -> Attempt:
        """It has come to a result; RunStoppedError where the ledger cannot be written."""
        return self._keep(
            replace(
                self.attempt,
                outcome="done",
                ended=_now(),
                peak_mb=_peak_mb(),
                seconds=done.seconds,
                figures=dict(done.figures),
                lines=done.lines,
                written=tuple(printable(str(path)) for path in done.written),
                notes=done.notes,
            )
        )

    def failed(self, error: Exception) -> Attempt:
        """It came to an error; RunStoppedError where that is not the item's but the disk's."""
        if self._ledger is not None:
            stop = reason_to_stop(error, self._ledger.folder.parent)
            if stop is not None:
                self.withdraw()
                raise stop from error
        return self._keep(
            failed_attempt(self.attempt, error_sentence(error), type(error).__name__, _peak_mb())
        )

    def withdraw(self) -> None:
        """Nothing became of it, and nothing is wrong with the item: it was stopped."""
        if self._ledger is not None:
            self._ledger.withdraw(self.attempt)

    def _keep(self, attempt: Attempt) -> Attempt:
        if self._ledger is not None:
            try:
                keep_attempt(self._ledger, attempt)
            except RunStoppedError:
                self.withdraw()
                raise
        return attempt


def iter_attempt(
    work: CohortWork, item: CohortItem, ledger: Ledger | None
) -> Generator[Progress | Message, None, Attempt]:
    """Do one item; what a scan or a disk can do makes it failed, all else is raised.

    Raises
    ------
    RunStoppedError : where no result can be written any more, as on a full disk.
    """
    trial = Trial(work, item, ledger)
    try:
        done = yield from work.iter_do(item)
    except EXPECTED as error:
        return trial.failed(error)
    except (GeneratorExit, KeyboardInterrupt):
        trial.withdraw()
        raise
    return trial.done(done)


def begun_attempt(
    work: CohortWork, item: CohortItem, ledger: Ledger | None, input_sha256: str = ""
) -> Attempt:
    """An attempt at an item that this process begins now; nothing is written."""
    return Attempt(
        item=printable(item.name),
        path=printable(str(item.path)),
        kind=work.kind,
        number=1 if ledger is None else ledger.tries(item.name) + 1,
        outcome="begun",
        began=_now(),
        host=socket.gethostname(),
        process=os.getpid(),
        device=work.device,
        input_sha256=input_sha256,
        made_with=dict(work.made_with),
        columns=dict(item.columns),
        token=secrets.token_hex(8),
    )


def failed_attempt(
    begun: Attempt, sentence: str, kind: str, peak_mb: float | None = None
) -> Attempt:
    """The outcome of an attempt that failed now."""
    return replace(
        begun, outcome="failed", ended=_now(), peak_mb=peak_mb, error=sentence, error_kind=kind
    )


def keep_attempt(ledger: Ledger, attempt: Attempt) -> None:
    """Write an attempt into the ledger; RunStoppedError where that is not possible."""
    try:
        ledger.keep(attempt)
    except TargetError as error:
        raise RunStoppedError(f"{str(error).rstrip('.')}. {GOES_ON}") from error


def error_sentence(error: Exception) -> str:
    """An error in one printable line."""
    text = str(error)
    if isinstance(error, MemoryError):
        text = "There is not enough memory: give it fewer processes, or crop the scan."
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return shortened(printable(" ".join(text.split())))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _peak_mb() -> float | None:
    """The most memory that this process has held, MB; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10), 1)
