"""Records of a journal: framed so that what a kill, a full disk or a bad disk spoiled shows.

A file is the line `MAGIC` and records, one after the other: the length of its content (8 bytes,
little-endian), a CRC-32 (4 bytes) and the content. The CRC goes on from that of the record before
it, so that each vouches for all that comes before. Nothing is read after one that does not fit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = b"liverview journal\n"
UNBEGUN = bytes(len(MAGIC))
"""In the place of `MAGIC` until the records that a file begins with are whole."""

_LENGTH = struct.Struct("<Q")
_CHECK = struct.Struct("<I")
_FRAME = _LENGTH.size + _CHECK.size


class RecordChain:
    """Frames records; one chain for each file."""

    def __init__(self) -> None:
        self._crc = zlib.crc32(MAGIC)

    def frame(self, content: bytes) -> bytes:
        """The bytes of the next record."""
        length = _LENGTH.pack(len(content))
        self._crc = zlib.crc32(content, zlib.crc32(length, self._crc))
        return length + _CHECK.pack(self._crc) + content


def iter_records(file: BinaryIO) -> Iterator[bytes]:
    """The contents of the records of an open file, up to the first one that is not whole."""
    if file.read(len(MAGIC)) != MAGIC:
        return
    crc = zlib.crc32(MAGIC)
    left = _size_from_here(file)
    while left >= _FRAME:
        length = file.read(_LENGTH.size)
        check = file.read(_CHECK.size)
        if len(check) < _CHECK.size:
            return
        (count,) = _LENGTH.unpack(length)
        left -= _FRAME
        if count > left:
            return
        content = file.read(count)
        crc = zlib.crc32(content, zlib.crc32(length, crc))
        if len(content) < count or (crc,) != _CHECK.unpack(check):
            return
        left -= count
        yield content


def was_never_begun(file: BinaryIO) -> bool:
    """True where whoever made an open file had not finished its beginning: see `UNBEGUN`."""
    begin = file.read(len(UNBEGUN))
    return UNBEGUN.startswith(begin)


def _size_from_here(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end - here
