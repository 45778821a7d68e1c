"""The state of a cohort, from its attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from liverview.cohort.work import Attempt

LOST = "lost"
"""The kind of error of an attempt whose process said nothing any more."""


@dataclass(frozen=True)
class CohortState:
    """The newest attempt of every item by each kind of work.

    Attributes
    ----------
    done, failed, lost : ordered by the items' names; what began and did not end is lost, or under
        way elsewhere.
    planned : how many items there are; None where only the attempts are known.
    """

    done: tuple[Attempt, ...]
    failed: tuple[Attempt, ...]
    lost: tuple[Attempt, ...]
    planned: int | None = None

    @property
    def tried(self) -> int:
        return len(self.done) + len(self.failed) + len(self.lost)

    @property
    def left(self) -> int | None:
        """Items that nobody has tried; None where that is not known."""
        return None if self.planned is None else max(0, self.planned - self.tried)


def cohort_state(attempts: Iterable[Attempt], planned: int | None = None) -> CohortState:
    """Sort attempts by what became of their items; older attempts at an item do not count.

    What an older attempt at the same input has written still counts as written: a newer one that
    found it there wrote nothing.
    """
    by_item: dict[tuple[str, str], list[Attempt]] = {}
    for attempt in attempts:
        by_item.setdefault((attempt.item, attempt.kind), []).append(attempt)
    newest = [_newest(by_item[item]) for item in sorted(by_item)]
    done = tuple(one for one in newest if one.outcome == "done")
    lost = tuple(one for one in newest if one.outcome == "begun" or _is_lost(one))
    failed = tuple(one for one in newest if one.outcome == "failed" and not _is_lost(one))
    return CohortState(done, failed, lost, planned)


def _newest(attempts: Sequence[Attempt]) -> Attempt:
    ordered = sorted(attempts, key=lambda one: (one.number, one.began))
    last = ordered[-1]
    if last.written or last.outcome != "done":
        return last
    before = (
        one.written
        for one in ordered[::-1]
        if one.written and one.input_sha256 == last.input_sha256
    )
    return replace(last, written=next(before, ()))


def _is_lost(attempt: Attempt) -> bool:
    return attempt.outcome == "failed" and attempt.error_kind == LOST
