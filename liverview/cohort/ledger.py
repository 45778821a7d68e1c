"""What became of every item of a cohort: one small file per attempt, merged when read.

No file is ever written by two processes, so nothing is locked, and a file system that many
machines share will do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liverview.cohort.work import Attempt
from liverview.core.text import printable_values
from liverview.files.atomic import make_folder, write_json

LEDGER = "ledger"
"""The ledger's folder in that of the results."""
_LARGEST = 1 << 26  # bytes of one attempt's file
_FIELDS = {field.name for field in dataclasses.fields(Attempt)}


class Ledger:
    """The attempts of a cohort, in a folder of its own within that of the results."""

    def __init__(self, results: Path) -> None:
        self.folder = results / LEDGER

    def keep(self, attempt: Attempt) -> None:
        """Write an attempt, in place of what was known of the same one.

        Raises
        ------
        TargetError : where that is not possible.
        """
        folder = self._folder_of(attempt.item)
        make_folder(folder)
        write_json(folder / f"{_stem(attempt)}.json", dataclasses.asdict(attempt))

    def tries(self, item: str) -> int:
        """The number of attempts at an item so far."""
        return max((attempt.number for attempt in self.iter_attempts_at(item)), default=0)

    def iter_attempts(self) -> Iterator[Attempt]:
        """Yield all attempts, in no order; files that are none are passed over."""
        for path in self.folder.glob("??/*.json"):
            attempt = _read(path)
            if attempt is not None:
                yield attempt

    def iter_attempts_at(self, item: str) -> Iterator[Attempt]:
        """Yield the attempts at one item, in no order."""
        name = printable_values(item)
        for path in self._folder_of(item).glob(f"{_digest(item)}-*.json"):
            attempt = _read(path)
            if attempt is not None and attempt.item == name:
                yield attempt

    def _folder_of(self, item: str) -> Path:
        return self.folder / _digest(item)[:2]


def _digest(item: str) -> str:
    return hashlib.sha256(item.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _stem(attempt: Attempt) -> str:
    """Unique by item, machine, process and try."""
    where = hashlib.sha256(f"{attempt.host} {attempt.process} {attempt.began}".encode()).hexdigest()
    return f"{_digest(attempt.item)}-{attempt.number}-{where[:8]}"


def _read(path: Path) -> Attempt | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Attempt(**{name: content[name] for name in _FIELDS & content.keys()})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
