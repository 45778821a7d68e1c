"""All attempts that are final in one file, which saves readers from opening thousands.

It is made from the attempts' own files and says nothing that they do not: any reader may write it,
whoever does so last wins, and where it is damaged the files are read. A line is the name of a file
and its content.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from liverview.cohort.attempt_files import LARGEST, item_digest, parse_attempt
from liverview.cohort.work import Attempt
from liverview.files.atomic import TargetError, atomic_write

_NAME = "merged.tsv.gz"
_LEVEL = 3  # of compression: the disk is slower than this


def iter_merged(folder: Path) -> Iterator[tuple[str, Attempt]]:
    """Yield the attempts in a ledger's merged file with the names of theirs; damaged ones not."""
    for name, data in _iter_lines(folder / _NAME):
        attempt = _final(name, data)
        if attempt is not None:
            yield name, attempt


def extend(folder: Path, files: Mapping[str, Path], *, least: int) -> bool:
    """Write the merged file anew where at least so many files are not in it; True if it was.

    Parameters
    ----------
    folder : of the ledger.
    files : of the attempts, by name.
    """
    path = folder / _NAME
    known = {name for name, _ in _iter_lines(path)}
    if len(files.keys() - known) < least:
        return False
    with contextlib.suppress(TargetError, OSError), atomic_write(path) as temporary:
        with gzip.open(temporary, "wb", compresslevel=_LEVEL) as target:
            written: set[str] = set()
            for name, data in _iter_lines(path):
                if name in files and name not in written and _final(name, data) is not None:
                    written.add(name)
                    target.write(name.encode() + b"\t" + data + b"\n")
            for name in sorted(files.keys() - written):
                data = _one_line(files[name])
                if data and _final(name, data) is not None:
                    target.write(name.encode() + b"\t" + data + b"\n")
        return True
    return False


def _iter_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents, as far as the file is sound."""
    try:
        if not path.is_file():
            return
        with gzip.open(path, "rb") as source:
            while line := source.readline(LARGEST + 64):
                name, _, data = line.rstrip(b"\n").partition(b"\t")
                yield name.decode("ascii", "replace"), data
    except (OSError, EOFError, zlib.error):
        return


def _one_line(path: Path) -> bytes:
    """The content of an attempt's file; empty where it is none that may stand in a line."""
    with contextlib.suppress(OSError):
        if path.stat().st_size <= LARGEST:
            data = path.read_bytes().strip()
            return b"" if b"\n" in data or b"\r" in data else data
    return b""


def _final(name: str, data: bytes) -> Attempt | None:
    """The attempt, where nothing more will become of it."""
    with contextlib.suppress(ValueError):
        attempt = parse_attempt(data)
        if attempt.outcome != "begun" and name[:16] == item_digest(attempt.item):
            return attempt
    return None
