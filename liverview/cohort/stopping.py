"""When a run stops as a whole: no result can be written any more, whatever the scan."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from liverview.core.errors import LiverviewError
from liverview.files.atomic import reason_of

GOES_ON = "The run is stopped; what is done stays, and the same command goes on from there."
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_ROOM = 16 << 20  # bytes that have to find room: more than the files of most scans


class RunStoppedError(LiverviewError):
    """A disk that is full, or a folder that is gone: no scan's fault, and no scan can be done."""


def reason_to_stop(error: BaseException, results: Path) -> RunStoppedError | None:
    """Why no scan can be done after this error of one; None where it is the scan's own.

    Parameters
    ----------
    results : the folder that everything goes to.
    """
    if isinstance(error, RunStoppedError):
        return error
    full = any(isinstance(e, OSError) and e.errno in _FULL for e in _chain(error))
    reason = _why_not_writable(results, _ROOM if full else 0)
    return RunStoppedError(f"{results} cannot be written: {reason}. {GOES_ON}") if reason else None


def folder_check(folder: Path) -> Callable[[], None]:
    """A function that raises RunStoppedError once a folder is another one, as when it is unmounted."""
    before = _identity(folder)

    def check() -> None:
        if _identity(folder) != before:
            raise RunStoppedError(
                f"{folder} is not the folder any more that it was, as when a disk is taken away: "
                f"bring it back. {GOES_ON}"
            )

    return check


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and those that it came from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _why_not_writable(folder: Path, room: int) -> str:
    """In words, why a file of so many bytes cannot be written there; empty where it can."""
    path = None
    try:
        handle, path = tempfile.mkstemp(prefix=".liverview-room-", dir=folder)
        try:
            _take_room(handle, room)
        finally:
            os.close(handle)
    except OSError as error:
        return reason_of(error)
    finally:
        if path is not None:
            with contextlib.suppress(OSError):
                Path(path).unlink()
    return ""


def _take_room(handle: int, room: int) -> None:
    if room and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, room)
        return
    for _ in range(room >> 20):
        os.write(handle, bytes(1 << 20))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
