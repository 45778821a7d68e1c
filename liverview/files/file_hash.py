"""SHA-256 of files and folders, taken in steps and known again while they stay as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from liverview.core.errors import LiverviewError
from liverview.core.stream import Progress

_CHUNK = 4 << 20
_MOST_KNOWN = 200
_known: dict[tuple[str, int, int], str] = {}


class UnreadableFileError(LiverviewError):
    """A file or folder that cannot be read to its end; the message names it."""


def iter_hash(path: Path) -> Iterator[Progress | str]:
    """Take the SHA-256 of a file's bytes; yields progress, then hexadecimal digits.

    Of a folder, that of the sorted lines ``DIGITS  NAME`` of the files in it and below, as
    ``sha256sum`` prints them. A file whose path, size and time are those of one that was taken
    before is not read again.

    Raises
    ------
    UnreadableFileError : where it is not there, or cannot be read.
    """
    try:
        if path.is_dir():
            yield from _iter_hash_folder(path)
        else:
            yield from _iter_hash_file(path)
    except OSError as error:
        raise UnreadableFileError(
            f"{path} cannot be read ({error.strerror or error}): check that it is still there."
        ) from error


def _iter_hash_folder(folder: Path) -> Iterator[Progress | str]:
    whole = sha256()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for number, path in enumerate(files):
        for item in _iter_hash_file(path):
            if isinstance(item, str):
                name = os.fsencode(path.relative_to(folder).as_posix())
                whole.update(item.encode() + b"  " + name + b"\n")
        yield Progress("Checking the scan", (number + 1) / len(files))
    yield whole.hexdigest()


def _iter_hash_file(path: Path) -> Iterator[Progress | str]:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
        if key not in _known:
            digest, done = sha256(), 0
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                yield Progress("Checking the scan", min(done / max(status.st_size, 1), 1.0))
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[key] = digest.hexdigest()
    yield _known[key]
