"""Items that failed, by the kind of error, with the way out of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liverview.cohort.page.cohort_state import LOST, CohortState
from liverview.cohort.work import Attempt

_WAYS_OUT = {
    "ImageFileError": "The file cannot be read as a scan: export or copy it again, or take it off "
    "the list.",
    "ModalityError": "It is no CT: take it off the list.",
    "ExtentError": "It is larger than any body: check the spacing in its header.",
    "GridMismatchError": "Scan and label map do not lie on the same voxels: give the pair that "
    "belongs together, or --resample.",
    "TargetError": "The result could not be written: make room, or give another folder.",
    "MemoryError": "Give it more memory: fewer processes on a machine, or a larger machine.",
    "memory limit": "Give it more memory: fewer processes on a machine, or a larger machine.",
    "time limit": "Give it more time, or a faster machine.",
    LOST: "Its process ended without a word: killed by the system for want of memory, or its "
    "machine went away. If it happens again, give it more memory or look at the scan alone.",
}
_FILES = ("FileNotFoundError", "PermissionError", "NotADirectoryError", "IsADirectoryError")
_OTHER = "What to do is in each sentence."


@dataclass(frozen=True)
class FailureKind:
    """Attempts that failed in the same way, ordered by their items' names."""

    kind: str
    attempts: tuple[Attempt, ...]

    @property
    def example(self) -> str:
        """The sentence of the first of them that has one."""
        return next((one.error for one in self.attempts if one.error), "Nothing is known of it.")

    @property
    def way_out(self) -> str:
        if self.kind in _FILES:
            return "Check that the file is there and may be read on every machine."
        if self.kind == "OSError":
            return "Check the disk: is it full, is it still there on every machine?"
        return _WAYS_OUT.get(self.kind, _OTHER)


def failure_kinds(state: CohortState) -> list[FailureKind]:
    """Failures and losses, the most frequent kind first."""
    kinds: dict[str, list[Attempt]] = {}
    for attempt in state.failed:
        kinds.setdefault(attempt.error_kind or "unknown", []).append(attempt)
    kinds.setdefault(LOST, []).extend(state.lost)
    found = [FailureKind(kind, tuple(some)) for kind, some in kinds.items() if some]
    return sorted(found, key=lambda one: (-len(one.attempts), one.kind))


def retry_words(attempts: Sequence[Attempt]) -> str:
    """The command that tries what failed once more."""
    command = attempts[0].kind if attempts else "segment"
    return f"liverview {command} ... --retry failed"
