"""Writing a journal: entries at the end of a file, and a shorter file in its place in time."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from liverview.core.text import shown
from liverview.files.held import HeldFile
from liverview.files.journal.entry import Entry, Header, JournalError
from liverview.files.journal.records import MAGIC, UNBEGUN, RecordChain

PURPOSE = "journal"
"""Of the files, by which `liverview.files.held` tells those that were left behind."""
_LEAST_LIMIT = 32 << 20  # bytes of a file, until a new one takes its place
_GROWTH = 4  # times its size after the first entry, which it may reach before


class JournalWriter:
    """A journal of one case in a folder of the person's; nobody else may read it.

    Nothing is made before the first entry. A kill at any moment leaves every entry that was
    appended; so does a full disk.

    Attributes
    ----------
    folder : that of the file.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], scan: Mapping[str, Any]) -> None:
        self.folder = folder
        self._header = Header(secrets.token_hex(16), 0, shape, scan)
        self._file: HeldFile | None = None
        self._chain = RecordChain()
        self._size = 0  # of the file, up to its last whole record
        self._limit = 0
        self._broken = False  # what is appended would not be found

    @property
    def wants_everything(self) -> bool:
        """True where the next entry must clear the labels and have all of them, and all sections.

        It begins a new file.
        """
        return self._file is None or self._broken or self._size > self._limit

    @property
    def path(self) -> Path | None:
        """The file; None before the first entry."""
        return self._file.path if self._file is not None else None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def append(self, entry: Entry) -> None:
        """Write an entry; once this returns, a kill does not lose it.

        Raises
        ------
        JournalError : where it cannot be written; what was written before is there still.
        """
        try:
            if self.wants_everything:
                self._begin(entry)
            else:
                assert self._file is not None
                self._write(self._file, self._chain.frame(entry.pack()))
        except OSError as error:
            raise JournalError(_not_kept(self.folder, error)) from error

    def duplicate_handle(self) -> int | None:
        """Another handle of the file, for `os.fsync` and to be closed; None where there is none."""
        try:
            return os.dup(self._file.handle) if self._file is not None else None
        except OSError:  # too many are open
            return None

    def remove(self) -> None:
        """Remove it: nothing of it is needed any more."""
        if self._file is not None:
            self._file.remove()
            self._file = None

    def let_go(self) -> None:
        """Leave it to whoever looks for it next."""
        if self._file is not None:
            self._file.let_go()
            self._file = None

    def _begin(self, entry: Entry) -> None:
        """A new file with an entry that needs none before it, then away with the old one."""
        assert entry.clears
        header = replace(self._header, generation=self._header.generation + 1)
        chain = RecordChain()
        content = b"".join([UNBEGUN, chain.frame(header.pack()), chain.frame(entry.pack())])
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        file = HeldFile(self.folder, PURPOSE)
        try:
            _write_all(file.handle, content)
            os.lseek(file.handle, 0, os.SEEK_SET)
            _write_all(file.handle, MAGIC)
            os.lseek(file.handle, 0, os.SEEK_END)
            if self._file is not None:
                os.fsync(file.handle)  # before the one that has it goes
        except OSError:
            file.remove()
            raise
        old, self._file, self._header = self._file, file, header
        self._chain, self._size, self._broken = chain, len(content), False
        self._limit = max(_LEAST_LIMIT, _GROWTH * self._size)
        if old is not None:
            old.remove()

    def _write(self, file: HeldFile, record: bytes) -> None:
        self._broken = True  # until it is whole: the chain has gone on
        try:
            _write_all(file.handle, record)
        except OSError:
            # Half a record at the end is passed over, but not what would come after it.
            with contextlib.suppress(OSError):
                os.ftruncate(file.handle, self._size)
                os.lseek(file.handle, 0, os.SEEK_END)
            raise
        self._size += len(record)
        self._broken = False


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def _not_kept(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "its disk is full: free some space"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = "it may not be written to: give yourself the right to"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
        reason = "it is no folder: make it one"
    else:
        reason = f"{error.strerror or error}"
    return shown(f"What you do is not kept against a crash in {folder}, {reason}; save often.")
