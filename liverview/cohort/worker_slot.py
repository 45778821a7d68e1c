"""The place of one worker: its process, what it has to do, and the talk with it."""

from __future__ import annotations

import contextlib
import io
import pickle
import signal
import subprocess
from dataclasses import dataclass, field
from queue import SimpleQueue

from liverview.cohort.work import CohortItem
from liverview.cohort.worker import Report


@dataclass(eq=False)
class Job:
    """An item, and how often its process has died."""

    item: CohortItem
    losses: int = 0


@dataclass(eq=False)
class Slot:
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
    jobs: list[Job] = field(default_factory=list)
    ready: bool = False
    since: float = 0.0
    last: int = 0
    code: int = 0


def read_reports(
    slot: Slot,
    process: subprocess.Popen[bytes],
    reports: SimpleQueue[tuple[Slot, int, Report | None]],
) -> None:
    """Pass on what a worker says; None where it has ended."""
    assert process.stdout is not None
    # A worker that is killed ends in the middle of a word.
    with (
        contextlib.suppress(EOFError, OSError, pickle.UnpicklingError),
        io.BufferedReader(process.stdout) as stream,  # type: ignore[type-var]
    ):
        while True:
            reports.put((slot, process.pid, pickle.load(stream)))
    reports.put((slot, process.pid, None))


def send(slot: Slot, content: object) -> None:
    """Send something to a worker; one that has died does not get it."""
    if slot.process is None or slot.process.stdin is None or slot.process.stdin.closed:
        return
    data = memoryview(pickle.dumps(content))
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[slot.process.stdin.write(data) :]


def is_closed(slot: Slot) -> bool:
    """True where a worker has been told that no item follows."""
    process = slot.process
    return process is not None and process.stdin is not None and process.stdin.closed


def close_input(slot: Slot) -> None:
    """End what a worker gets; without a word, it stops at once."""
    if slot.process is not None and slot.process.stdin is not None:
        slot.process.stdin.close()


def ending_words(slot: Slot) -> str:
    """The way that a process ended, in words."""
    if slot.code >= 0:
        return f"with exit code {slot.code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-slot.code).name
        hint = ", as the system does where memory runs out" if name == "SIGKILL" else ""
        return f"by {name}{hint}"
    return f"by signal {-slot.code}"
