"""Gzip in both directions: isal where it has a wheel, zlib elsewhere."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from liverview.core.errors import LiverviewError

igzip: Any
isal_zlib: Any
try:
    from isal import igzip, isal_zlib
except ImportError:  # no wheel for this machine
    igzip = isal_zlib = None

_ERRORS = (zlib.error, ValueError, *((isal_zlib.IsalError,) if isal_zlib else ()))
_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


class GzipError(LiverviewError):
    """Compressed data that is broken; the message says how."""


class GzipReader:
    """Reads a plain or gzipped file forward, in pieces, and checks it to its end.

    Attributes
    ----------
    compressed : whether the file is gzipped.
    trailing : bytes found after the end of the compressed data.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head = file.read(2)
        file.seek(0)
        self.compressed = head == _MAGIC
        self.trailing = 0
        self._pending = memoryview(b"")
        self._inflate: Any = self._new_inflater() if self.compressed else None

    @staticmethod
    def _new_inflater() -> Any:
        library = isal_zlib or zlib
        return library.decompressobj(wbits=31)

    def position(self) -> int:
        """Bytes taken from the file so far, for progress."""
        return self._file.tell()

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes; fewer only at the end."""
        buffer = bytearray(count)
        filled = self.read_into(memoryview(buffer))
        return bytes(buffer[:filled])

    def read_into(self, target: memoryview) -> int:
        """Fill ``target``; returns how many bytes there were."""
        filled = 0
        while filled < len(target):
            if not self._pending:
                found = self._next(len(target) - filled)
                if not found:
                    break
                self._pending = memoryview(found)
            piece = self._pending[: len(target) - filled]
            target[filled : filled + len(piece)] = piece
            self._pending = self._pending[len(piece) :]
            filled += len(piece)
        return filled

    def matches(self, expected: NDArray[np.uint8]) -> bool:
        """Take the next ``len(expected)`` bytes and compare them with these; copies nothing."""
        done = 0
        while done < len(expected):
            if not self._pending:
                self._pending = memoryview(self._next(len(expected) - done))
            piece = self._pending[: len(expected) - done]
            here = slice(done, done + len(piece))
            if not piece or not np.array_equal(np.frombuffer(piece, np.uint8), expected[here]):
                return False
            self._pending = self._pending[len(piece) :]
            done += len(piece)
        return True

    def iter_finish(self) -> Iterator[None]:
        """Read compressed data on to its end, in steps, so that its checksum is checked."""
        self._pending = memoryview(b"")
        while self.compressed and self._next(_CHUNK):
            yield

    def _next(self, wanted: int) -> bytes:
        if self._inflate is None:
            return self._file.read(min(wanted, _CHUNK))
        while True:
            if self._inflate.eof and not self._start_next_member():
                return b""
            data = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            if not data:
                raise GzipError("the compressed data ends too early")
            try:
                out: bytes = self._inflate.decompress(data, max_length=4 * _CHUNK)
            except _ERRORS as error:
                raise GzipError(f"the compressed data is damaged ({error})") from error
            if out:
                return out

    def _start_next_member(self) -> bool:
        """Gzip files may be several in a row; anything else after the end is garbage."""
        rest = self._inflate.unused_data
        rest = rest + self._file.read(_CHUNK) if len(rest) < 2 else rest
        if rest[:2] == _MAGIC:
            self._inflate = self._new_inflater()
            self._file.seek(self._file.tell() - len(rest))
            return True
        if rest.strip(b"\0"):
            self.trailing = len(rest)
        return False


@contextlib.contextmanager
def open_writer(path: Path) -> Iterator[Any]:
    """A file that compresses what is written to it; the same content gives the same bytes."""
    kind, level = (gzip.GzipFile, 4) if igzip is None else (igzip.IGzipFile, 1)
    with path.open("wb") as file, kind("", "wb", level, file, mtime=0) as compressing:
        yield compressing
