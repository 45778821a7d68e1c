"""Items that failed, by the kind of error, with the way out of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liverview.cohort.page.cohort_state import LOST, CohortState
from liverview.cohort.work import Attempt

_MORE_MEMORY = (
    "Give it more memory: fewer processes on a machine (--processes), a higher --memory-limit, or "
    "a larger machine."
)
_KINDS = {
    "ImageFileError": (
        "file that cannot be read",
        "Export or copy it again, or take it off the list.",
    ),
    "ModalityError": ("no CT", "Take it off the list."),
    "ExtentError": ("larger than any body", "Check the spacing in its header."),
    "GridMismatchError": (
        "scan and labels on different voxels",
        "Give the pair that belongs together, or --resample.",
    ),
    "TargetError": ("result that cannot be written", "Make room, or give another folder."),
    "MemoryError": ("not enough memory", _MORE_MEMORY),
    "memory limit": ("memory limit", _MORE_MEMORY),
    "time limit": ("time limit", "Give it more time (--time-limit), or a faster machine."),
    LOST: (
        "lost, or under way elsewhere",
        "Its process ended without a word: killed by the system for want of memory, or its "
        "machine went away. If it happens again, give it more memory or look at the scan alone.",
    ),
    "OSError": (
        "disk or network",
        "Check the disk: is it full, is it still there on every machine?",
    ),
    **dict.fromkeys(
        ("FileNotFoundError", "PermissionError", "NotADirectoryError", "IsADirectoryError"),
        (
            "file that is not there or may not be read",
            "Check that the file is there and may be read on every machine.",
        ),
    ),
}
"""What a person calls a kind of error, and the way out of it."""
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
    def title(self) -> str:
        """What a person calls it."""
        return _KINDS.get(self.kind, (self.kind, _OTHER))[0]

    @property
    def way_out(self) -> str:
        return _KINDS.get(self.kind, (self.kind, _OTHER))[1]


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
