"""Zip archives of DICOM files, read inside: nothing is unpacked to the disk.

The directory of an archive is read once; a member is then read like a file, from any place on, so
that threads need not wait for each other. An archive cannot make more of itself than it says: no
more of a member is inflated than the size in the directory, and these sizes have bounds.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from liverview.files.dicom.places.sources import DicomSource
from liverview.files.opening import ImageFileError

LARGEST_MEMBER = 4 << 30
"""Bytes of one file in an archive, unpacked."""
LARGEST_ARCHIVE = 64 << 30
"""Bytes of all files of an archive, unpacked."""
LARGEST_RATIO = 100
"""Of the unpacked size to that of the archive, where it is above `UNSUSPECTED`; CT has 2 to 4."""
UNSUSPECTED = 1 << 30
"""Bytes, unpacked, that an archive may have whatever its size."""
MOST_MEMBERS = 200_000
_LOCAL_HEADER = 30  # bytes before the name
_AT_ONCE = 1 << 17
_ENCRYPTED = 1  # a flag of a member
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".bz2", ".xz")


class DamagedMemberError(OSError):
    """A file of an archive that cannot be read; the message says why."""


@dataclass(frozen=True)
class ZipMember(DicomSource):
    """A file in a zip archive."""

    path: Path
    member: str
    header: int = field(repr=False)
    stored: bool = field(repr=False)
    packed: int = field(repr=False)
    size: int = field(repr=False)
    crc: int = field(repr=False)

    @property
    def name(self) -> str:  # type: ignore[override]
        return str(self.path / self.member)

    def read(self, start: int = 0, size: int = -1) -> bytes:
        """Bytes of the file, unpacked; of a packed one all before them are unpacked, too.

        Raises
        ------
        DamagedMemberError : where what is stored is not what the archive's directory says.
        OSError : where the archive cannot be read.
        """
        end = self.size if size < 0 else min(start + size, self.size)
        if start >= end:
            return b""
        with self.path.open("rb") as file:
            file.seek(self.header)
            head = file.read(_LOCAL_HEADER)
            if head[:4] != b"PK\x03\x04" or len(head) < _LOCAL_HEADER:
                raise DamagedMemberError("it is not where the archive's directory says")
            names = (int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
            begin = self.header + _LOCAL_HEADER + sum(names)
            if self.stored:
                return self._read_stored(file, begin, start, end)
            file.seek(begin)
            return self._inflate(file, start, end)

    def _read_stored(self, file: BinaryIO, begin: int, start: int, end: int) -> bytes:
        file.seek(begin + start)
        found = file.read(end - start)
        if len(found) < end - start:
            raise DamagedMemberError("the archive ends within it")
        if end - start == self.size and zlib.crc32(found) != self.crc:
            raise DamagedMemberError("its checksum in the archive is another")
        return found

    def _inflate(self, file: BinaryIO, start: int, end: int) -> bytes:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        left, at, crc = self.packed, 0, 0
        parts = []
        while at < end:
            data = inflater.unconsumed_tail or file.read(min(_AT_ONCE, left))
            left -= 0 if inflater.unconsumed_tail else len(data)
            try:
                more = inflater.decompress(data, min(_AT_ONCE * 8, end - at))
            except zlib.error as error:
                raise DamagedMemberError("its packed data in the archive are damaged") from error
            if not data and not more:
                raise DamagedMemberError("its data in the archive end too early")
            crc = zlib.crc32(more, crc)
            if at + len(more) > start:
                parts.append(more[max(start - at, 0) :])
            at += len(more)
        if end == self.size and crc != self.crc:
            raise DamagedMemberError("its checksum in the archive is another")
        return b"".join(parts)


def is_zip(head: bytes) -> bool:
    """True where a file's first bytes are those of a zip archive."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def iter_members(path: Path) -> Iterator[ZipMember | ImageFileError]:
    """The files of an archive; what cannot be read of them, in one sentence each.

    Raises
    ------
    ImageFileError : where it is no archive, is damaged, or is larger than the bounds.
    """
    refused: dict[str, list[Path]] = {}
    for info in _directory(path):
        name = PurePosixPath(info.filename)
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
        if info.is_dir() or hidden or not info.file_size:
            continue
        reason = _refusal(info)
        if reason:
            refused.setdefault(reason, []).append(path / info.filename)
            continue
        yield ZipMember(
            path,
            info.filename,
            info.header_offset,
            info.compress_type == zipfile.ZIP_STORED,
            info.compress_size,
            info.file_size,
            info.CRC,
        )
    for reason, members in refused.items():
        others = f" and {len(members) - 1:,} others" if len(members) > 1 else ""
        yield ImageFileError(
            f"{members[0]}{others} cannot be read inside the archive ({reason}): unpack it and "
            "open the folder."
        )


def _directory(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        size = path.stat().st_size
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise ImageFileError(
            f"{path} is a damaged zip archive ({error}): copy or download it again."
        ) from error
    except OSError as error:
        raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    whole = sum(info.file_size for info in members)
    suspected = whole > UNSUSPECTED and whole > LARGEST_RATIO * size
    if len(members) > MOST_MEMBERS or whole > LARGEST_ARCHIVE or suspected:
        raise ImageFileError(
            f"{path} would unpack to {len(members):,} files of {whole / 1e9:,.1f} GB from "
            f"{size / 1e6:,.1f} MB, more than is read inside an archive: if you trust it, unpack "
            "it and open the folder."
        )
    return members


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why a file of the archive cannot be read, in words; empty where it can."""
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    if info.filename.lower().endswith(_ARCHIVES):
        return "an archive in an archive"
    if info.file_size > LARGEST_MEMBER:
        return f"of more than {LARGEST_MEMBER / 1e9:.1f} GB"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by method {info.compress_type} of zip"
    return ""
