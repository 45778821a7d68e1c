"""What a ledger says of every item: what is done, and what is to do and why."""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from liverview.cohort.ledger import LedgerContent
from liverview.cohort.work import Attempt, CohortItem, CohortWork
from liverview.core.text import printable

State: TypeAlias = Literal["new", "done", "failed", "lost", "under way"]
"""Of an item: lost is what was begun by a process that has ended; new is to do for the first time,
or anew, since what it depends on has changed."""

LOST = "lost"
"""The kind of error of an attempt whose process has ended without a word."""
LOST_AFTER_S = 1800.0
"""From when on an attempt on another machine is lost: longer than any scan takes."""
_MOST_LOST = 2
_INPUT = "the scan"


@dataclass(frozen=True)
class ItemState:
    """An item's state.

    Attributes
    ----------
    attempt : that says so; None of an item that was never begun.
    tries : how many there were.
    changed : what the results depend on and has changed since, in words.
    """

    state: State
    attempt: Attempt | None = None
    tries: int = 0
    changed: tuple[str, ...] = ()

    def is_to_do(self, *, retry_failed: bool = False) -> bool:
        """True where there is work: what has failed only where that is asked for."""
        return self.state in ("new", "lost") or (retry_failed and self.state == "failed")


def item_states(
    items: Iterable[CohortItem],
    content: LedgerContent,
    work: CohortWork,
    *,
    now: datetime | None = None,
    lost_after_s: float = LOST_AFTER_S,
) -> dict[str, ItemState]:
    """The state of each item by its name.

    That something is done says the ledger alone: whoever wrote a label map checks that it is there.

    Parameters
    ----------
    now : with its time zone; None is the clock's.
    lost_after_s : from when on what another machine began is lost; 0 where no other machine can
        be at these items.
    """
    now = now or datetime.now(UTC)
    found = {}
    for item in items:
        attempts = content.attempts.get(printable(item.name), ())
        found[item.name] = item_state(
            [attempt for attempt in attempts if attempt.kind == work.kind],
            work.made_with,
            functools.partial(_input_sha256, work, item),
            now=now,
            lost_after_s=lost_after_s,
        )
    return found


def item_state(
    attempts: Sequence[Attempt],
    made_with: Mapping[str, str],
    input_sha256: Callable[[], str],
    *,
    now: datetime,
    lost_after_s: float = LOST_AFTER_S,
) -> ItemState:
    """The state of one item.

    Parameters
    ----------
    attempts : at it, of one kind of work; the oldest first.
    made_with, input_sha256 : what results depend on now; the hash is asked for where it counts.
    """
    if not attempts:
        return ItemState("new")
    newest, tries = attempts[-1], len(attempts)
    under_way = newest.outcome == "begun" and not is_gone(newest, now, lost_after_s)
    if under_way:
        return ItemState("under way", newest, tries)
    done = [attempt for attempt in attempts if attempt.outcome == "done"]
    standing = done[-1] if done else newest
    same = [attempt for attempt in attempts if dict(attempt.made_with) == dict(made_with)]
    if not same:
        return ItemState("new", standing, tries, _changed(standing.made_with, made_with))
    digest = input_sha256()
    same = [attempt for attempt in same if attempt.input_sha256 == digest]
    # An older result was replaced by the last one that was done.
    if done and done[-1] in same:
        return ItemState("done", done[-1], tries)
    if not same or (done and same[-1].outcome == "done"):
        changed = _changed(standing.made_with, made_with) or (_INPUT,)
        return ItemState("new", standing, tries, changed)
    return _state_of_unfinished(same, tries)


def standing_attempts(
    content: LedgerContent, *, now: datetime | None = None, lost_after_s: float = LOST_AFTER_S
) -> list[Attempt]:
    """The attempt that counts of every item and kind of work, its number that of the tries.

    It is the newest one, or where that is not done, one that was done from the same input by the
    same weights. One that lost its process has failed; one that is begun is under way.
    """
    now = now or datetime.now(UTC)
    chosen = []
    for attempts in content.attempts.values():
        for kind in sorted({attempt.kind for attempt in attempts}):
            of_kind = [attempt for attempt in attempts if attempt.kind == kind]
            attempt = _standing(of_kind, now, lost_after_s)
            chosen.append(replace(attempt, number=len(of_kind)))
    return chosen


def is_gone(attempt: Attempt, now: datetime, lost_after_s: float = LOST_AFTER_S) -> bool:
    """True where the process that began an attempt is there no more, as far as can be told.

    Of another machine only time tells; process numbers are given again, so it does here too.
    """
    if attempt.host == socket.gethostname() and not _may_live(attempt.process):
        return True
    age = (now - datetime.fromisoformat(attempt.began)).total_seconds()
    here = attempt.host == socket.gethostname()
    return age >= (LOST_AFTER_S if here else lost_after_s)


def state_sentences(states: Mapping[str, ItemState], *, retry_failed: bool = False) -> list[str]:
    """What is not done for the first time, and why, in sentences."""
    count = Counter(state.state for state in states.values())
    changed = Counter(", ".join(s.changed) for s in states.values() if s.changed)
    lines = []
    if count["done"]:
        lines.append(f"{_scans(count['done'])} done already.")
    for words, number in sorted(changed.items()):
        lines.append(f"{_scans(number)} done again, since something has changed: {words}.")
    if count["lost"]:
        lines.append(f"{_scans(count['lost'])} tried again: the process at work on them ended.")
    if count["failed"] and retry_failed:
        lines.append(f"{_scans(count['failed'])} tried again that failed before.")
    elif count["failed"]:
        lines.append(
            f"{_scans(count['failed'])} not tried again, having failed before: --retry failed "
            "tries them."
        )
    if count["under way"]:
        hosts = {s.attempt.host for s in states.values() if s.state == "under way" and s.attempt}
        lines.append(
            f"{_scans(count['under way'])} under way on {', '.join(sorted(hosts))}: the same "
            f"command takes them up {LOST_AFTER_S / 60:.0f} minutes after they were begun, should "
            "that have ended."
        )
    return lines


def _standing(attempts: Sequence[Attempt], now: datetime, lost_after_s: float) -> Attempt:
    newest = attempts[-1]
    basis = (newest.input_sha256, dict(newest.made_with))
    for attempt in reversed(attempts):
        if attempt.outcome == "done":
            if (attempt.input_sha256, dict(attempt.made_with)) == basis:
                return _with_written(attempt, attempts)
            break
    if newest.outcome == "begun" and is_gone(newest, now, lost_after_s):
        return _lost(newest, len([a for a in attempts if a.outcome == "begun"]))
    return newest


def _with_written(done: Attempt, attempts: Sequence[Attempt]) -> Attempt:
    """An attempt that found its files there, with those that one before it wrote."""
    before = (
        attempt.written
        for attempt in reversed(attempts)
        if attempt.written and attempt.input_sha256 == done.input_sha256
    )
    return done if done.written else replace(done, written=next(before, ()))


def _state_of_unfinished(same: Sequence[Attempt], tries: int) -> ItemState:
    """Of attempts that came to no result, the newest of which is not under way."""
    newest = same[-1]
    if newest.outcome == "failed":
        return ItemState("failed", newest, tries)
    lost = len([attempt for attempt in same if attempt.outcome == "begun"])
    state: State = "failed" if lost >= _MOST_LOST else "lost"
    return ItemState(state, _lost(newest, lost), tries)


def _lost(attempt: Attempt, times: int) -> Attempt:
    """An attempt whose process has ended, as one that failed."""
    often = "" if times < 2 else f", for the {times}{_ordinal(times)} time"
    sentence = (
        f"The process ended while it was at work on {attempt.path}{often}, as where memory runs "
        "out or a machine is switched off: give it more memory, or fewer processes."
    )
    return replace(attempt, outcome="failed", error=sentence, error_kind=LOST)


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The names of what has changed."""
    names = before.keys() | now.keys()
    return tuple(sorted(name for name in names if before.get(name) != now.get(name)))


def _input_sha256(work: CohortWork, item: CohortItem) -> str:
    """As an attempt has it: empty where the input cannot be read."""
    try:
        return work.input_sha256(item)
    except OSError:
        return ""


def _may_live(process: int) -> bool:
    """False where this machine has no process of that number."""
    if sys.platform == "win32" or process <= 0:  # asking would end it there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _scans(count: int) -> str:
    return "1 scan is" if count == 1 else f"{count:,} scans are"


def _ordinal(number: int) -> str:
    return {1: "st", 2: "nd", 3: "rd"}.get(
        number % 10 if number % 100 not in (11, 12, 13) else 0, "th"
    )
