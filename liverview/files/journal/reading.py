"""Reading journals that a crash has left: which there are, and the case as it was last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.files.held import HeldFile, take_left
from liverview.files.journal.entry import Header, JournalError, PackedEntry, damaged
from liverview.files.journal.records import iter_records, was_never_begun
from liverview.files.journal.writing import PURPOSE


@dataclass(frozen=True, eq=False)
class Summary:
    """What a journal says of its case, without the labels.

    Attributes
    ----------
    header : of the file.
    time : of the last entry, in seconds since 1970.
    edits : changes since the labels were last saved.
    unsaved : whether there is something that would be lost.
    """

    header: Header
    time: float
    edits: int
    unsaved: bool


@dataclass(frozen=True, eq=False)
class Restored:
    """A case as its journal has it last.

    Attributes
    ----------
    summary : of the journal.
    voxels : the labels, (I, J, K) uint8 in RAS+.
    sections : JSON values by name.
    """

    summary: Summary
    voxels: NDArray[np.uint8]
    sections: Mapping[str, Any]


@dataclass(eq=False)
class LeftJournal:
    """A journal that a process which is gone has left; it is this process's until it is let go.

    Attributes
    ----------
    files : all of it, the one that counts first.
    summary : of it; None where it cannot be read.
    problem : why it cannot be read, as a sentence.
    """

    files: list[HeldFile]
    summary: Summary | None = None
    problem: str = ""
    time: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.time = self.summary.time if self.summary else 0.0

    @property
    def path(self) -> Path:
        return self.files[0].path

    def read(self) -> Restored:
        """The case as it was; JournalError where that cannot be."""
        return read_journal(self.path)

    def remove(self) -> None:
        """Remove it for good."""
        for file in self.files:
            file.remove()

    def let_go(self) -> None:
        """Leave it to the next start."""
        for file in self.files:
            file.let_go()


def read_journal(path: Path) -> Restored:
    """Read the labels and sections of a journal, up to the last entry that is whole.

    Raises
    ------
    JournalError : where it cannot be read; the sentence says what to do.
    """
    try:
        return _read(path)
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise JournalError(f"{path} needs more memory than there is: close something.") from error


def summarize(path: Path) -> Summary:
    """Say what a journal holds; JournalError where it cannot be read."""
    try:
        last = None
        for header, packed in _iter_entries(path):
            last = Summary(header, packed.entry.time, packed.entry.edits, packed.entry.unsaved)
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror or error}.") from error
    if last is None:
        raise JournalError(damaged(str(path)))
    return last


def find_left(folder: Path) -> list[LeftJournal]:
    """The journals in a folder that no living process holds, the newest first.

    Those that hold nothing that would be lost are removed.
    """
    found: dict[str, list[LeftJournal]] = {}
    for file in take_left(folder, PURPOSE):
        left = _look_at(file)
        if left is not None:
            name = left.summary.header.journal if left.summary else str(file.path)
            found.setdefault(name, []).append(left)
    journals = []
    for parts in found.values():
        # Killed between two files: the one with the higher generation has taken the place.
        parts.sort(key=lambda part: part.summary.header.generation if part.summary else 0)
        newest = parts.pop()
        newest.files += [file for part in parts for file in part.files]
        if newest.summary is not None and not newest.summary.unsaved:
            newest.remove()
        else:
            journals.append(newest)
    return sorted(journals, key=lambda journal: -journal.time)


def _look_at(file: HeldFile) -> LeftJournal | None:
    """A file that was left; None, and it is removed, where nothing was written into it yet."""
    try:
        return LeftJournal([file], summarize(file.path))
    except JournalError as error:
        if _never_begun(file.path):
            file.remove()
            return None
        return LeftJournal([file], problem=str(error))


def _never_begun(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return was_never_begun(file)
    except OSError:
        return False


def _read(path: Path) -> Restored:
    voxels, summary = None, None
    sections: dict[str, Any] = {}
    for header, packed in _iter_entries(path):
        if voxels is None:
            voxels = np.zeros(header.shape, np.uint8, order="F")
        if not packed.apply(voxels):
            break
        entry = packed.entry
        summary = Summary(header, entry.time, entry.edits, entry.unsaved)
        sections.update(entry.sections)
    if voxels is None or summary is None:
        raise JournalError(damaged(str(path)))
    return Restored(summary, voxels, sections)


def _iter_entries(path: Path) -> Iterator[tuple[Header, PackedEntry]]:
    """The entries of a journal up to the last one that is whole, each with the file's header."""
    with path.open("rb") as file:
        records = iter_records(file)
        first = next(records, None)
        if first is None:
            raise JournalError(damaged(str(path)))
        header = Header.parse(first, str(path))
        for content in records:
            packed = PackedEntry.parse(content, header.shape)
            if packed is None:
                return
            yield header, packed
