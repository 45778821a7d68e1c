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

from liverview.cohort.ledger import Ledger
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.stream import Message, Progress
from liverview.core.text import printable, shortened

EXPECTED = (ValueError, OSError, MemoryError)
"""What a scan or a disk can do; all else is a bug and is raised."""


def iter_attempt(
    work: CohortWork, item: CohortItem, ledger: Ledger | None
) -> Generator[Progress | Message, None, Attempt]:
    """Do one item; what a scan or a disk can do makes it failed, all else is raised."""
    digest = ""
    with contextlib.suppress(OSError):
        digest = work.input_sha256(item)
    attempt = Attempt(
        item=printable(item.name),
        path=printable(str(item.path)),
        kind=work.kind,
        number=1 if ledger is None else ledger.tries(item.name) + 1,
        outcome="begun",
        began=_now(),
        host=socket.gethostname(),
        process=os.getpid(),
        device=work.device,
        input_sha256=digest,
        made_with=dict(work.made_with),
        columns=dict(item.columns),
        token=secrets.token_hex(8),
    )
    if ledger is not None:
        ledger.keep(attempt)
    try:
        attempt = yield from _iter_do(work, item, attempt)
    except (GeneratorExit, KeyboardInterrupt):
        # A person stopped it: nothing became of it, and nothing is wrong with the scan.
        if ledger is not None:
            ledger.withdraw(attempt)
        raise
    if ledger is not None:
        ledger.keep(attempt)
    return attempt


def _iter_do(
    work: CohortWork, item: CohortItem, begun: Attempt
) -> Generator[Progress | Message, None, Attempt]:
    try:
        done = yield from work.iter_do(item)
    except EXPECTED as error:
        return replace(
            begun,
            outcome="failed",
            ended=_now(),
            peak_mb=_peak_mb(),
            error=error_sentence(error),
            error_kind=type(error).__name__,
        )
    return replace(
        begun,
        outcome="done",
        ended=_now(),
        peak_mb=_peak_mb(),
        seconds=done.seconds,
        figures=dict(done.figures),
        lines=done.lines,
        written=tuple(printable(str(path)) for path in done.written),
        notes=done.notes,
    )


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
