"""Files that appear whole or not at all: written beside the target, then renamed."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from liverview.core.errors import LiverviewError
from liverview.files.held import HeldFile, remove_left

_PURPOSE = "saving"


class TargetError(LiverviewError):
    """A file that may not or cannot be written; the message names it and the way out."""


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Raise `TargetError` now if a file could not be written there, before long work."""
    _check_kind(path)
    if os.path.lexists(path) and not overwrite:
        raise TargetError(
            f"{path} exists already: choose another name, or allow it to be replaced."
        )
    try:
        _temporary_beside(path.resolve()).remove()
    except OSError as error:
        raise TargetError(f"{path} could not be saved: {_reason_of(error)}.") from error


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary file that takes the target's name if the block succeeds, else vanishes.

    A link stays a link: what it points to is replaced. Temporary files in the folder whose
    process was killed are removed.
    """
    _check_kind(path)
    target = path.resolve()
    remove_left(target.parent, _PURPOSE, renamed=True)
    temporary: HeldFile | None = None
    try:
        temporary = _temporary_beside(target)
        yield temporary.path
        _share_mode(temporary.path)
        temporary.make_renamable()
        temporary.path.replace(target)
    except OSError as error:
        raise TargetError(f"{path} could not be saved: {_reason_of(error)}.") from error
    finally:
        if temporary is not None:
            temporary.remove()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write a table as RFC 4180 has it, whole or not at all; None becomes an empty cell."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _check_kind(path: Path) -> None:
    """A file takes the place of a file only: never that of a folder or a device."""
    if path.is_dir():
        raise TargetError(f"{path} is a folder: choose a name for a file in it.")
    if path.exists() and not path.is_file():
        raise TargetError(f"{path} is no regular file: choose another name.")


def _temporary_beside(path: Path) -> HeldFile:
    """A new empty file in the same folder, with the same suffix."""
    return HeldFile(path.parent, _PURPOSE, path.suffix)


def _share_mode(path: Path) -> None:
    """Temporary files are private; give the result the rights any new file gets."""
    mask = os.umask(0)
    os.umask(mask)
    with contextlib.suppress(OSError):
        path.chmod(0o666 & ~mask)


def _reason_of(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space or choose another folder"
    if error.errno == errno.ENOENT:
        return "its folder is not there; choose another one"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "its folder may not be written to; choose another one"
    return error.strerror or str(error)
