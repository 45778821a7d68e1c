"""A lock beside a session file, so that no two windows save over each other's work.

The system lets go of it however a process ends, so that a lock that was left behind is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from liverview.core.text import printable
from liverview.files.atomic import resolved
from liverview.files.sessions.container import SessionFileError

if sys.platform != "win32":
    import fcntl

_TRIES = 10
_LONGEST = 4096


class SessionLockedError(SessionFileError):
    """A session that is open in another window; the message says which."""


class SessionLock:
    """Held from when it is made until it is released, by this process alone.

    Where the folder cannot be written to, or the system cannot lock, nothing is held: `held` is
    False, and a save will say what is the matter.

    Attributes
    ----------
    session : the file that it is for, where links lead.

    Raises
    ------
    SessionLockedError : where another window has it.
    """

    def __init__(self, session: Path) -> None:
        self.session = resolved(session)
        self._path = lock_path(self.session)
        self._handle = -1
        for _ in range(_TRIES):
            if self._take():
                break

    @property
    def held(self) -> bool:
        return self._handle >= 0

    def release(self) -> None:
        """Let go of it; harmless if done already."""
        if not self.held:
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(self._handle)
        with contextlib.suppress(OSError):
            self._path.unlink()
        if sys.platform != "win32":
            os.close(self._handle)
        self._handle = -1

    def _take(self) -> bool:
        """Whether there is nothing more to try: it is held, or cannot be."""
        if sys.platform == "win32" and _is_held_on_windows(self._path):
            raise self._refusal()
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | _NO_LINKS, 0o600)
        except OSError:  # the folder may not be written to
            return True
        if sys.platform != "win32":
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(handle)
                raise self._refusal() from error
            except OSError:  # nothing can be locked here
                os.close(handle)
                return True
            if not _is_at(handle, self._path):  # who had it has just removed it
                os.close(handle)
                return False
        self._handle = handle
        self._write_holder()
        return True

    def _write_holder(self) -> None:
        holder = {"host": platform.node(), "pid": os.getpid(), "since": time.strftime("%H:%M")}
        with contextlib.suppress(OSError):
            os.ftruncate(self._handle, 0)
            os.write(self._handle, json.dumps(holder).encode())

    def _refusal(self) -> SessionLockedError:
        return SessionLockedError(
            f"{self.session} is open in another window{self._holder()}: close it there, or open a "
            "copy, which is saved under another name."
        )

    def _holder(self) -> str:
        """Who has it, in words; nothing where that cannot be read."""
        try:
            with self._path.open("rb") as file:
                content = json.loads(file.read(_LONGEST))
            host, since = (printable(str(content[key]))[:60] for key in ("host", "since"))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""
        where = "" if host == platform.node() else f" on {host}"
        return f"{where} since {since}"


def lock_path(session: Path) -> Path:
    """The file beside a session that says that it is open."""
    return session.with_name(f".{session.name}.lock")


_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _is_held_on_windows(path: Path) -> bool:
    """Whether a living process has the file open: then it cannot be removed there."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return path.exists()
    return False
