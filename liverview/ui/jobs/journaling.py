"""Generators that write and read journals, for the window's jobs."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.candidates import LesionCandidate
from liverview.core.errors import LiverviewError
from liverview.core.grid import Voxel
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.editing.edited_blocks import EditedBlock
from liverview.files.candidate_record import candidates_content
from liverview.files.journal.entry import Entry, JournalError
from liverview.files.journal.masks import pack_mask
from liverview.files.journal.reading import LeftJournal, Restored, find_left
from liverview.files.journal.writing import JournalWriter

EDITS = "edits"
"""The first word of the sections of a journal that hold a block of what was edited by hand."""
CANDIDATES = "candidates"
"""The section of a journal that holds the candidates for lesions."""
Blocks = Mapping[Voxel, EditedBlock | None]


def iter_append(
    writer: JournalWriter,
    entry: Entry,
    ignored: NDArray[np.bool_] | None,
    blocks: Blocks,
    candidates: Sequence[LesionCandidate] | None = None,
) -> Iterator[JournalError | None]:
    """Append an entry to a journal; yields what went wrong, or None.

    With one that clears the labels go the voxels that nobody judged, (I, J, K), or None; with any,
    the blocks of edits by hand that are others, by their first voxels; None for one that is gone.
    Candidates for lesions are those of a new run; None for those of before.
    """
    sections: dict[str, Any] = {
        f"{EDITS} {i} {j} {k}": None if block is None else block.content
        for (i, j, k), block in blocks.items()
    }
    if candidates is not None:
        sections[CANDIDATES] = candidates_content(candidates)
    entry = replace(entry, sections={**entry.sections, **sections})
    if entry.clears:
        packed = None if ignored is None else pack_mask(ignored)
        entry = replace(entry, sections={**entry.sections, "ignored": packed})
    try:
        writer.append(entry)
    except JournalError as error:
        yield error
    else:
        yield None


def iter_sync(handle: int) -> Iterator[None]:
    """Bring an open file to the disk itself, for a power cut; the handle is closed then."""
    try:
        os.fsync(handle)
    except OSError:  # of a disk that is gone: the next entry will say so
        pass
    finally:
        os.close(handle)
    yield None


def iter_find_left(folder: Path) -> Iterator[list[LeftJournal]]:
    """Find the journals that a crash has left."""
    yield find_left(folder)


def iter_read_left(journal: LeftJournal) -> Iterator[Restored | JournalError]:
    """Read a journal; yields the case, or why it cannot be read."""
    try:
        yield journal.read()
    except JournalError as error:
        yield error


def iter_identify(volume: Volume, path: Path | None) -> Iterator[str | None]:
    """A text that tells a scan from others: by its file, or, where it was none, by its voxels.

    A DICOM series is many files, among which others come and go: it is told by its voxels too.

    Yields None for each step, and for a file that cannot be read.
    """
    from liverview.files.file_hash import iter_hash

    if path is None or volume.study is not None:
        crc = 0
        for k in range(volume.shape[2]):
            crc = zlib.crc32(volume.voxels[:, :, k].tobytes("F"), crc)
            yield None
        yield f"crc32 {crc:08x}"
        return
    try:
        for item in iter_hash(path):
            yield None if isinstance(item, Progress) else f"sha256 {item}"
    except LiverviewError:
        yield None
