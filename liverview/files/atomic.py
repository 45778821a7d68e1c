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
from liverview.core.text import ESCAPING, printable_values
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
        _temporary_beside(resolved(path)).remove()
    except OSError as error:
        raise TargetError(f"{path} could not be saved: {reason_of(error)}.") from error


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary file that takes the target's name if the block succeeds, else vanishes.

    A link stays a link: what it points to is replaced. Temporary files in the folder whose
    process was killed are removed.
    """
    _check_kind(path)
    target = resolved(path)
    remove_left(target.parent, _PURPOSE, renamed=True)
    temporary: HeldFile | None = None
    try:
        temporary = _temporary_beside(target)
        yield temporary.path
        _share_mode(temporary.path)
        temporary.make_renamable()
        temporary.path.replace(target)
    except OSError as error:
        raise TargetError(f"{path} could not be saved: {reason_of(error)}.") from error
    finally:
        if temporary is not None:
            temporary.remove()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all; names in it become `printable`."""
    write_text(path, json.dumps(printable_values(content), indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; what is no UTF-8 is escaped."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=ESCAPING)


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write a table as RFC 4180 has it, whole or not at all; None becomes an empty cell."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", errors=ESCAPING, newline="") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files in a folder whose writers were killed."""
    remove_left(folder, _PURPOSE, renamed=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it; one that is there is taken.

    Raises
    ------
    TargetError : where it cannot be one.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"{path} is no folder ({error.strerror}): choose another name."
        ) from error


def resolved(path: Path) -> Path:
    """The path that links lead to, of a file that need not be there.

    Raises
    ------
    TargetError : where links lead in a circle, or no file can have such a name.
    """
    try:
        return path.resolve()
    except RuntimeError as error:
        raise TargetError(
            f"{path} is a link that leads back to itself: choose another name."
        ) from error
    except OSError as error:
        raise TargetError(f"{path} cannot be used: {reason_of(error)}.") from error


def _check_kind(path: Path) -> None:
    """A file takes the place of a file only: never that of a folder or a device."""
    try:
        folder, other = path.is_dir(), path.exists() and not path.is_file()
    except OSError as error:
        raise TargetError(f"{path} cannot be used: {reason_of(error)}.") from error
    if folder:
        raise TargetError(f"{path} is a folder: choose a name for a file in it.")
    if other:
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


def reason_of(error: OSError) -> str:
    """Why a file could not be written, and the way out, in words."""
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space or choose another folder"
    if error.errno == errno.ENOENT:
        return "its folder is not there; choose another one"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "its folder may not be written to; choose another one"
    if error.errno == errno.ENAMETOOLONG:
        return "its name is too long; choose a shorter one"
    return error.strerror or str(error)
