"""Voxels as formats with a text header store them: in one or more files, packed or as text."""

from __future__ import annotations

import bz2
import os
import re
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.stream import Progress
from liverview.files.opening import ImageFileError, open_file

isal_zlib: Any
try:
    from isal import isal_zlib
except ImportError:  # no wheel for this machine
    isal_zlib = None

RAW, GZIP, ZLIB, BZIP2, TEXT, HEX = "raw", "gzip", "zlib", "bzip2", "text", "hex"
_PIECE = 1 << 20
_UNPACKED = 4 << 20  # bytes at most, of a piece
_MOST_SHRUNK = 1040  # times; Deflate cannot do more
_MOST_OF_BZIP2 = 8 << 30  # bytes; it can shrink empty space a million times, and so can a trap
DATA_ERRORS = (
    zlib.error, OSError, ValueError, EOFError,
    *((isal_zlib.IsalError,) if isal_zlib else ()),
)  # fmt: skip
_AGAIN = "copy or export it again"
Pieces: TypeAlias = Iterator[bytes]


@dataclass(frozen=True)
class VoxelData:
    """Voxels on the disk.

    Attributes
    ----------
    path : the header's file, which sentences name.
    files : those that hold the voxels, in their order; each of them as many.
    encoding : RAW, GZIP, ZLIB, BZIP2, TEXT (numbers) or HEX.
    dtype : byte order included.
    count : of values in all.
    start : where the data begin in each file; -1 where they end with the file.
    skip : bytes, after unpacking, that are none of the voxels.
    lines : lines to leave out before the data.
    size : bytes that the data have in a file; None where nothing says.
    """

    path: Path
    files: tuple[Path, ...]
    encoding: str
    dtype: np.dtype[Any]
    count: int
    start: int = 0
    skip: int = 0
    lines: int = 0
    size: int | None = None


def numbered_name(pattern: str, number: int) -> str:
    """The file name of a pattern with %d, %03d or the like."""
    return re.sub(r"%(0?)(\d{0,3})d", lambda m: format(number, f"{m[1]}{m[2]}d"), pattern, count=1)


def file_beside(header: Path, name: str) -> Path:
    """The file that a header names, which must lie in the header's folder or below it.

    A header is the text of a stranger: it leads to no other file of the person's.

    Raises
    ------
    ImageFileError : for any other place.
    """
    parts = PurePosixPath(name.strip().replace("\\", "/"))
    windows = PureWindowsPath(name.strip())
    elsewhere = parts.is_absolute() or ".." in parts.parts or windows.drive or windows.root
    if not parts.name or elsewhere or "\0" in name:
        raise ImageFileError(
            f"{header} says that its voxels are in {name.strip()!r:.200}, which does not lie in "
            "its own folder: put that file beside the header, and its bare name into it."
        )
    return header.parent / parts


def iter_read_array(data: VoxelData) -> Generator[Progress, None, NDArray[Any]]:
    """Yields progress; returns the values, (count,), in native byte order.

    Raises
    ------
    ImageFileError : where a file is missing, damaged or too short.
    """
    each, rest = divmod(data.count, max(1, len(data.files)))
    if rest or not data.files:
        raise ImageFileError(
            f"{data.path} names {len(data.files)} files for {data.count} voxels, which are not as "
            f"many in each: {_AGAIN}."
        )
    for file in data.files:
        _refuse_impossible(data, file, each)
    try:
        values = np.empty(data.count, data.dtype)
    except (MemoryError, ValueError) as error:
        raise ImageFileError(
            f"{data.path} needs {data.count * data.dtype.itemsize / 2**30:.1f} GiB of memory for "
            f"{data.count} voxels, more than there is; crop it or store it as int16."
        ) from error
    for n, path in enumerate(data.files):
        part = values[n * each : (n + 1) * each]
        for share in _iter_fill(data, path, part):
            yield Progress("Reading", min(1.0, (n + share) / len(data.files)))
    if not data.dtype.isnative:
        return values.byteswap(inplace=True).view(data.dtype.newbyteorder("="))
    return values


def _refuse_impossible(data: VoxelData, file: Path, count: int) -> None:
    """Sizes that the file cannot hold, before memory is asked for."""
    with open_file(file, "the file that its header names") as opened:
        stored = os.fstat(opened.fileno()).st_size
    size = count * data.dtype.itemsize
    most = {
        RAW: stored, GZIP: stored * _MOST_SHRUNK, ZLIB: stored * _MOST_SHRUNK,
        TEXT: stored * data.dtype.itemsize, HEX: stored // 2,
        BZIP2: max(stored * _MOST_SHRUNK, _MOST_OF_BZIP2),
    }[data.encoding]  # fmt: skip
    if size > most:
        where = "the file" if file == data.path else file.name
        raise ImageFileError(
            f"{data.path} is incomplete: the header promises {count} voxels, {size} bytes, but "
            f"{where} has {stored} bytes; {_AGAIN}."
        )


def _iter_fill(data: VoxelData, path: Path, values: NDArray[Any]) -> Iterator[float]:
    """Fill the values of one file; yields the share of it that is read."""
    total = max(path.stat().st_size, 1)
    with open_file(path, "the file that its header names") as file:
        try:
            if data.start < 0:
                file.seek(-min(total, values.nbytes), os.SEEK_END)
            else:
                file.seek(data.start)
            for _ in range(data.lines):
                file.readline(_PIECE)
            pieces = _iter_pieces(file, data.encoding, data.size)
            fill = _iter_fill_numbers if data.encoding == TEXT else _iter_fill_bytes
            filled = 0
            for done in fill(pieces, values, data.skip):
                filled = done
                yield min(1.0, file.tell() / total)
        except DATA_ERRORS as error:
            if isinstance(error, ImageFileError):
                raise
            raise ImageFileError(
                f"{data.path} is incomplete or damaged: its {data.encoding} data cannot be read "
                f"({error}); {_AGAIN}."
            ) from error
    if filled < values.size:
        raise ImageFileError(
            f"{data.path} is incomplete: the header promises {values.size} voxels, and there are "
            f"{filled}; {_AGAIN}."
        )


def _iter_fill_bytes(pieces: Pieces, values: NDArray[Any], skip: int) -> Iterator[int]:
    """Yields how many values are whole so far."""
    target = memoryview(values.view(np.uint8))  # type: ignore[arg-type]
    filled = 0
    yield 0
    for piece in pieces:
        left = piece[skip:]
        skip = max(0, skip - len(piece))
        used = min(len(left), len(target) - filled)
        target[filled : filled + used] = left[:used]
        filled += used
        yield filled // values.itemsize
        if filled == len(target):
            return


def _iter_fill_numbers(pieces: Pieces, values: NDArray[Any], skip: int) -> Iterator[int]:
    filled, cut = 0, b""
    yield 0
    for piece in _iter_with_end(pieces):
        text = cut + (piece or b"")
        end = len(text) if piece is None else max(text.rfind(mark) for mark in (b" ", b"\n")) + 1
        cut = text[end:]
        if len(cut) > _PIECE:
            raise ValueError("it is no text of numbers")
        words = text[:end].replace(b",", b" ").split()[: values.size - filled]
        values[filled : filled + len(words)] = _numbers(words, values.dtype)
        filled += len(words)
        yield filled
        if filled == values.size:
            return


def _numbers(words: list[bytes], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values of words; refuses those that the type has no room for."""
    if dtype.kind == "f":
        return np.array(words, "S").astype(np.float64) if words else np.empty(0)
    whole = [int(word) for word in words]
    limits = np.iinfo(dtype)
    if whole and not limits.min <= min(whole) <= max(whole) <= limits.max:
        raise ValueError(f"a number is no {dtype.name}")
    return np.array(whole, dtype)


def _iter_with_end(pieces: Pieces) -> Iterator[bytes | None]:
    yield from pieces
    yield None


def _iter_pieces(file: BinaryIO, encoding: str, size: int | None) -> Pieces:
    """The unpacked bytes of a file from where it is; ``size`` bytes of the file at most."""
    if encoding in (GZIP, ZLIB, BZIP2):
        return iter_unpacked(file, encoding, size)
    stored = _iter_stored(file, size)
    return _iter_from_hex(stored) if encoding == HEX else stored


def _iter_stored(file: BinaryIO, size: int | None) -> Pieces:
    while size is None or size > 0:
        piece = file.read(_PIECE if size is None else min(size, _PIECE))
        if not piece:
            return
        size = None if size is None else size - len(piece)
        yield piece


def _iter_from_hex(stored: Pieces) -> Pieces:
    odd = b""
    for piece in stored:
        digits = odd + re.sub(rb"\s+", b"", piece)
        end = len(digits) // 2 * 2
        odd = digits[end:]
        yield bytes.fromhex(digits[:end].decode("ascii"))


def iter_unpacked(file: BinaryIO, encoding: str, size: int | None = None) -> Pieces:
    """What is packed in a file from where it is, in pieces; several parts in a row are one.

    Raises
    ------
    One of `DATA_ERRORS` : where it is damaged or ends too early.
    """
    library = isal_zlib or zlib
    make: Callable[[], Any] = {
        GZIP: lambda: library.decompressobj(wbits=31),
        ZLIB: lambda: library.decompressobj(wbits=15),
        BZIP2: bz2.BZ2Decompressor,
    }[encoding]
    unpacker, fresh = make(), True
    for data in _iter_stored(file, size):
        while data or not getattr(unpacker, "needs_input", True):
            if unpacker.eof:
                unpacker, fresh = make(), True
            elif fresh:
                fresh = False
            out = unpacker.decompress(data, _UNPACKED)
            if out:
                yield out
            if unpacker.eof:
                data = unpacker.unused_data.lstrip(b"\0\r\n")
            else:
                data = getattr(unpacker, "unconsumed_tail", b"")
                if not out and not data and getattr(unpacker, "needs_input", True):
                    break
    if not unpacker.eof and not fresh:
        raise EOFError("the packed data end too early")
