"""Steps of a history: what one edit changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from liverview.editing.differences import Difference, join_differences

_STEP_BYTES = 1000  # what a step takes beside its differences; measured, with a margin
_DIFFERENCE_BYTES = 700  # what a difference takes beside what is packed


@dataclass(frozen=True, slots=True)
class Change:
    """Another value of a part of the state.

    Attributes
    ----------
    part : its name.
    before, after : the values, which nobody changes any more.
    """

    part: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Step:
    """What one edit changed.

    Attributes
    ----------
    name : as a menu says it ("brush, tumor").
    differences : of the labels; those of other steps are elsewhere.
    changes : of parts of the state, at most one of each.
    """

    name: str
    differences: tuple[Difference, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def memory_bytes(self) -> int:
        """The memory that it takes, as far as it is its own."""
        packed = sum(len(one.packed) + _DIFFERENCE_BYTES for one in self.differences)
        return _STEP_BYTES + packed


def join_steps(name: str, steps: Sequence[Step]) -> Step:
    """One step that does what several do one after the other."""
    differences = [one for step in steps for one in step.differences]
    changes = join_changes(change for step in steps for change in step.changes)
    return Step(name, join_differences(differences), changes)


def join_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes one after the other, as one of each part."""
    found: dict[str, Change] = {}
    for one in changes:
        first = found.get(one.part, one)
        found[one.part] = Change(one.part, first.before, one.after)
    return tuple(found.values())
