"""Temporary files that a living process holds, told from those that a dead one left behind.

A process locks what it holds (on Windows, an open file cannot be removed), and the system lets go
of that however the process ends. Nothing else tells the two apart: a process number is given
again, and one on another machine or in a container means nothing here.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r"\.liverview-(?P<purpose>[a-z]+)-(?P<host>[0-9a-f]{8})-[a-z0-9_]{8}(\..*)?")
# Some network folders do not carry locks from machine to machine.
_OTHER_HOST_S = 24 * 3600
# Windows cannot rename an open file: it is let go of just before.
_CLOSED_S = 60
_TRIES = 100


class HeldFile:
    """A new, empty temporary file that is this process's until it lets go of it.

    Attributes
    ----------
    path : of the file.
    """

    def __init__(self, folder: Path, purpose: str, suffix: str = "") -> None:
        """Make and hold one in a folder; OSError where that cannot be."""
        for _ in range(_TRIES):
            self._handle, name = tempfile.mkstemp(
                suffix, f".liverview-{purpose}-{_host()}-", folder
            )
            self.path = Path(name)
            self._lock()
            # Another process may have taken it for a left one before it was locked.
            if os.path.lexists(name):
                return
            self.let_go()
        raise FileNotFoundError(f"temporary files in {folder} do not stay")

    @classmethod
    def take(cls, path: Path) -> HeldFile | None:
        """Hold a file of this person that a dead process left; None where another one holds it."""
        taken = cls.__new__(cls)
        taken.path, taken._handle = path, -1
        try:
            if sys.platform == "win32":
                # A file that is open cannot be renamed there, nor twice by two who want it.
                match = _NAME.fullmatch(path.name)
                begin = path.name[: match.end("host")] if match else path.name
                taken.path = path.with_name(f"{begin}-{secrets.token_hex(4)}")
                path.rename(taken.path)
                taken._handle = os.open(taken.path, os.O_RDWR | os.O_BINARY)
            else:
                taken._handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                fcntl.flock(taken._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                status = os.fstat(taken._handle)
                # It may have been removed by whoever held it until now.
                if status.st_uid != os.getuid() or not os.path.samestat(status, path.lstat()):
                    taken.let_go()
        except OSError:
            taken.let_go()
        return taken if taken.handle >= 0 else None

    @property
    def handle(self) -> int:
        """The open file; -1 once it is let go of."""
        return self._handle

    def make_renamable(self) -> None:
        """To be called before it is renamed; elsewhere than on Windows it stays held."""
        if sys.platform == "win32":
            os.utime(self.path)
            self.let_go()

    def let_go(self) -> None:
        """Hold it no longer; harmless if done already."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Let go of it and remove it where it is still there."""
        if sys.platform == "win32":
            self.let_go()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.let_go()

    def _lock(self) -> None:
        if sys.platform != "win32":
            # Where nothing can be locked, nothing is removed either.
            with contextlib.suppress(OSError):
                fcntl.flock(self._handle, fcntl.LOCK_EX)


def remove_left(folder: Path, purpose: str, *, renamed: bool = False) -> list[bytes]:
    """Remove the files of this purpose that no living process holds; returns how each began.

    Only regular files of this person with exactly such a name; those of another machine after a
    day. What cannot be removed stays. ``renamed`` where they are let go of to be renamed.
    """
    found = []
    for path, here in _iter_named(folder, purpose):
        with contextlib.suppress(OSError):
            age = time.time() - path.stat().st_mtime
            let_go = sys.platform == "win32" and renamed and age < _CLOSED_S
            if not let_go and (here or age > _OTHER_HOST_S):
                content = _remove_unheld(path)
                if content is not None:
                    found.append(content)
    return found


def take_left(folder: Path, purpose: str) -> list[HeldFile]:
    """Hold the files of this purpose that no living process holds; see `remove_left`."""
    found = []
    for path, here in _iter_named(folder, purpose):
        with contextlib.suppress(OSError):
            if here or time.time() - path.stat().st_mtime > _OTHER_HOST_S:
                taken = HeldFile.take(path)
                found += [] if taken is None else [taken]
    return found


def _iter_named(folder: Path, purpose: str) -> Iterator[tuple[Path, bool]]:
    """The files of a purpose in a folder, and whether this machine made them."""
    try:
        with os.scandir(folder) as entries:
            named = [(e, _NAME.fullmatch(e.name)) for e in entries if e.name.startswith(".live")]
            files = [(e, m) for e, m in named if m and e.is_file(follow_symlinks=False)]
    except OSError:
        return
    for entry, match in files:
        if match["purpose"] == purpose:
            yield Path(entry.path), match["host"] == _host()


def _remove_unheld(path: Path) -> bytes | None:
    """Remove a file unless it is held; returns its first bytes, None where it was not removed."""
    if sys.platform == "win32":
        content = path.read_bytes()[:64]
        path.unlink()
        return content
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_uid != os.getuid():
            return None
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        content = os.read(handle, 64)
        path.unlink()
        return content
    finally:
        os.close(handle)


def _host() -> str:
    return sha256(platform.node().encode(errors="replace")).hexdigest()[:8]
