"""Files of other kinds, refused in one sentence: what each is and what to do with it.

Looked at are the first bytes as stored, and unpacked where they are gzipped or packed by bzip2 or
xz; names count only for kinds whose bytes say nothing.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liverview.files.foreign_kinds import is_dicom, is_nifti, kind_of
from liverview.files.opening import ImageFileError

_HEAD = 2048
_FILES_LOOKED_AT = 50  # of a folder
_LZMA_MEMORY = 1 << 28
_TOOLS = {"bzip2": "bunzip2", "xz": "unxz"}
_USUALLY_GZIPPED = ("gzipped twice", "a tar archive", "a FreeSurfer file (MGH or MGZ)")


def refuse_foreign(path: Path) -> None:
    """Raise `ImageFileError` for a file, or a folder of files, of a kind that is known by sight.

    A path that cannot be read is of no kind: the reader says why.
    """
    with contextlib.suppress(OSError):  # of a name that is too long
        if path.is_dir():
            _refuse_folder(path)
            return
    raw = _first_bytes(path)
    packing, data = _unpack(raw)
    if packing == "gzip" and data == b"":
        raise ImageFileError(f"{path} is gzip with nothing in it (0 bytes): copy it again.")
    kind = kind_of(data or b"", path.name)
    if packing in _TOOLS:
        inside = kind.what if kind else "NIfTI" if is_nifti(data or b"") else "a file"
        then = f"then {kind.way}" if kind else "and open what that gives"
        raise ImageFileError(
            f"{path} is {inside}, packed by {packing}: unpack it with {_TOOLS[packing]}, {then}."
        )
    if kind is not None:
        packed = ", gzipped" if packing and kind.what not in _USUALLY_GZIPPED else ""
        unpacked = "unpack it with gunzip, and " if packed and is_dicom(data or b"", "") else ""
        raise ImageFileError(f"{path} is {kind.what}{packed}: {unpacked}{kind.way}.")


def _refuse_folder(folder: Path) -> None:
    for path in _iter_files(folder):
        data = _unpack(_first_bytes(path))[1] or b""
        if is_dicom(data, path.name):
            raise ImageFileError(
                f"{folder} holds DICOM files, and no volume that could be read of them: choose "
                "the folder of a scan."
            )
        kind = kind_of(data, path.name)
        if kind is not None and not kind.vague:
            raise ImageFileError(
                f"{folder} is a folder, and {path.name} in it is {kind.what}: {kind.way}."
            )


def _iter_files(folder: Path) -> Iterator[Path]:
    """Some files of a folder and of those in it, as a DICOM disc has them."""
    found = 0
    for above, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names)[:_FILES_LOOKED_AT]:
            yield Path(above, name)
            found += 1
            if found >= _FILES_LOOKED_AT:
                return


def _first_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _unpack(raw: bytes) -> tuple[str, bytes | None]:
    """How the bytes are packed, and the first ones inside; None where that cannot be told."""
    opener: Any
    for packing, mark, opener in (
        ("gzip", b"\x1f\x8b", lambda: zlib.decompressobj(31)),
        ("bzip2", b"BZh", bz2.BZ2Decompressor),
        ("xz", b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)),
    ):
        if raw.startswith(mark):
            unpacker = opener()
            try:
                data = unpacker.decompress(raw, _HEAD)
            except (zlib.error, lzma.LZMAError, OSError, ValueError):
                return packing, None
            return packing, data if data or unpacker.eof else None
    return "", raw
