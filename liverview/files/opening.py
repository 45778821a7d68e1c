"""Paths that are given and files that are opened: every way to fail is one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from liverview.core.errors import LiverviewError

PathLike: TypeAlias = str | os.PathLike[str]


class ImageFileError(LiverviewError):
    """A file that cannot be used; the message names it, the value and the way out."""


def as_path(path: PathLike) -> Path:
    """The path as a `Path`.

    Raises
    ------
    TypeError : where it is neither text nor a path.
    ImageFileError : where no file can have such a name.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise TypeError(f"a path must be a str or a Path, not {type(path).__name__}: {path!r}")
    text = os.fspath(path)
    if not text or "\0" in text:
        raise ImageFileError(f"{text!r} can be no path: give the name of a file.")
    return Path(text)


@contextlib.contextmanager
def open_file(path: Path, wanted: str) -> Iterator[BinaryIO]:
    """The file, opened to read its bytes; ``wanted`` says in words what to choose instead.

    Raises
    ------
    ImageFileError : where it is no regular file, not there, not readable or empty.
    """
    try:
        if path.is_dir():
            raise ImageFileError(
                f"{path} is a folder: choose {wanted}, or a folder with DICOM files."
            )
        if not stat.S_ISREG(path.stat().st_mode):
            raise ImageFileError(f"{path} is not a regular file: copy the scan into one.")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise ImageFileError(f"{path} does not exist: check the name.") from error
    except PermissionError as error:
        raise ImageFileError(f"{path} may not be read: ask for read permission.") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ImageFileError(
                f"{path} is a link that leads back to itself: give the file that it is for."
            ) from error
        raise ImageFileError(f"{path} cannot be opened: {error.strerror or error}.") from error
    with file:
        if os.fstat(file.fileno()).st_size == 0:
            raise ImageFileError(f"{path} is empty (0 bytes): copy or export it again.")
        yield file
