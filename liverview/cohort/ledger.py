"""What became of every item of a cohort: one small file per attempt, merged when read.

No file is ever written by two processes, so nothing is locked, and a file system that many
machines share will do: a file appears whole by being renamed, and two machines that take the same
item by mistake leave two files. Listings that are a little old only show a little less.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from liverview.cohort import merged_attempts
from liverview.cohort.attempt_files import (
    LARGEST,
    NAME,
    NewerFormatError,
    attempt_text,
    file_name,
    item_digest,
    parse_attempt,
)
from liverview.cohort.work import Attempt
from liverview.core.text import printable
from liverview.files.atomic import make_folder, remove_unfinished, write_text

LEDGER = "ledger"
"""The ledger's folder in that of the results."""
_SHARD = re.compile("[0-9a-f]{2}")
_UNFINISHED = ".liverview-"
_MERGE_FROM = 500  # new files, from which one file with all of them saves more than it costs


@dataclass(frozen=True)
class LedgerContent:
    """The attempts of a ledger.

    Attributes
    ----------
    attempts : by item, the oldest first.
    passed_over : how many files are no attempts, by the reason in words.
    folder : of the ledger.
    """

    attempts: Mapping[str, tuple[Attempt, ...]]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def warning(self) -> str:
        """What was passed over, as a sentence; empty where nothing was."""
        count = sum(self.passed_over.values())
        if not count:
            return ""
        listed = ", ".join(f"{n:,} {reason}" for reason, n in sorted(self.passed_over.items()))
        files = "1 file is" if count == 1 else f"{count:,} files are"
        return f"{self.folder}: {files} passed over ({listed}); what they were of is done again."


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
        folder = self._shard(attempt.item)
        make_folder(folder)
        write_text(folder / file_name(attempt), attempt_text(attempt))

    def withdraw(self, attempt: Attempt) -> None:
        """Take back an attempt that was begun by this process and stopped by a person."""
        with contextlib.suppress(OSError):
            (self._shard(attempt.item) / file_name(attempt)).unlink()

    def tries(self, item: str) -> int:
        """The number of attempts at an item so far, by its name."""
        key = printable(item)
        names = (NAME.fullmatch(name) for name in _names_in(self._shard(key)))
        digest = item_digest(key)
        return max((int(n["number"]) for n in names if n and n["digest"] == digest), default=0)

    def attempts_at(self, item: str) -> tuple[Attempt, ...]:
        """The attempts at one item, by its name; the oldest first."""
        return self.read([item]).attempts.get(printable(item), ())

    def read(self, items: Collection[str] | None = None) -> LedgerContent:
        """Read what is there; other machines may be writing meanwhile.

        Parameters
        ----------
        items : names of those that are wanted; None is all.
        """
        keys = None if items is None else {printable(item) for item in items}
        digests = None if keys is None else {item_digest(key) for key in keys}
        passed: Counter[str] = Counter()
        found: dict[str, list[Attempt]] = {}
        for attempt in self._iter_read(digests, passed):
            if keys is None or attempt.item in keys:
                found.setdefault(attempt.item, []).append(attempt)
        ordered = {item: tuple(sorted(found[item], key=_order)) for item in sorted(found)}
        return LedgerContent(ordered, passed, self.folder)

    def tidy(self) -> None:
        """Remove what killed writers left, and merge what is final into one file for readers.

        Every attempt keeps its file; readers take those that the merged file has from there.
        Where that is not possible, nothing is lost but time.
        """
        shards = list(self._iter_shards())
        for folder in shards:
            if any(name.startswith(_UNFINISHED) for name in _names_in(folder)):
                remove_unfinished(folder)
        paths = {path.name: path for folder in shards for path in _iter_files(folder)}
        merged_attempts.extend(self.folder, paths, least=_MERGE_FROM)

    def _iter_read(self, digests: set[str] | None, passed: Counter[str]) -> Iterator[Attempt]:
        shards = None if digests is None else {digest[:2] for digest in digests}
        files = {
            path.name: path
            for folder in self._iter_shards(passed)
            if shards is None or folder.name in shards
            for path in _iter_files(folder, passed)
            if digests is None or path.name[:16] in digests
        }
        if digests is None:  # for a few, their own files are sooner read
            for name, attempt in merged_attempts.iter_merged(self.folder):
                # A file that is gone was taken away by a person.
                if files.pop(name, None) is not None:
                    yield attempt
        for path in files.values():
            attempt_or_reason = _read(path)
            if isinstance(attempt_or_reason, Attempt):
                yield attempt_or_reason
            elif attempt_or_reason:
                passed[attempt_or_reason] += 1

    def _iter_shards(self, passed: Counter[str] | None = None) -> Iterator[Path]:
        for name in sorted(_names_in(self.folder, passed)):
            if _SHARD.fullmatch(name):
                yield self.folder / name

    def _shard(self, item: str) -> Path:
        return self.folder / item_digest(item)[:2]


def _names_in(folder: Path, passed: Counter[str] | None = None) -> list[str]:
    """The names in a folder; none where it is not there."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, no paths
    except FileNotFoundError:
        return []
    except OSError:
        if passed is not None:
            passed["cannot be read"] += 1
        return []


def _iter_files(folder: Path, passed: Counter[str] | None = None) -> Iterator[Path]:
    """The files of attempts in a shard; a pipe of such a name would never end."""
    passed = Counter() if passed is None else passed
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)
                elif not entry.name.startswith("."):
                    passed["of another kind"] += 1
    except FileNotFoundError:
        return
    except OSError:
        passed["cannot be read"] += 1


def _read(path: Path) -> Attempt | str:
    """The attempt in a file, or why it is none; empty where it was taken back meanwhile."""
    try:
        data = read_bytes(path)
        attempt = parse_attempt(data)
    except FileNotFoundError:
        return ""
    except OSError:
        return "cannot be read"
    except NewerFormatError:
        return "of a newer version"
    except ValueError:
        return "damaged"
    # A file that was copied under the name of another item says nothing of that.
    return attempt if path.name[:16] == item_digest(attempt.item) else "damaged"


def read_bytes(path: Path) -> bytes:
    """A file's bytes; on a network folder, one that another machine has just replaced, too."""
    for last in (False, True):
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)
            break
        except OSError as error:
            if last or error.errno != errno.ESTALE:
                raise
    if len(data) > LARGEST:
        raise ValueError("too large")
    return data


def _order(attempt: Attempt) -> tuple[int, str, str]:
    return attempt.number, attempt.began, attempt.token
