"""Places that hold DICOM, known by a look at some of their files, without any DICOM library."""

from __future__ import annotations

import itertools
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from liverview.files.foreign_kinds import is_dicom

_HEAD = 2048
_RESULTS = tuple(
    b"1.2.840.10008.5.1.4.1.1." + kind for kind in (b"66.4", b"66.7", b"88.", b"481.3")
)
"""Beginnings of the SOP classes of segmentations, structured reports and contours."""
_FILES = 200  # of a place that are looked at: a disc has programs and pictures, too


def holds_dicom(place: Path, *, below: bool = True, results: bool = True) -> bool:
    """True for a folder or a zip archive with DICOM files among its first ones.

    With ``below``, those in folders of the folder count, as on a disc; with ``results``, those that
    are made of scans: segmentations, structured reports, contours.
    """
    if place.is_dir():
        heads = _iter_folder(place, below)
    elif _first_bytes(place, 2) == b"PK":
        heads = _iter_archive(place)
    else:
        return False
    return any(
        is_dicom(head, "") and (results or not any(kind in head for kind in _RESULTS))
        for head in itertools.islice(heads, _FILES)
    )


def folders_with_dicom(folder: Path) -> list[Path]:
    """The folders in a folder that hold DICOM, themselves or in folders of their own, sorted."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []
    return [path for path in inside if path.name[0] != "." and holds_dicom(path)]


def _iter_folder(folder: Path, below: bool) -> Iterator[bytes]:
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != ".") if below else []
        for name in sorted(names):
            yield _first_bytes(Path(above, name), _HEAD)


def _first_bytes(path: Path, count: int) -> bytes:
    """None of what is no file, or cannot be read: another one may tell."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def _iter_archive(place: Path) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(place) as archive:
            for member in archive.infolist():
                if not member.is_dir() and not member.flag_bits & 1:
                    with archive.open(member) as file:
                        yield file.read(_HEAD)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return
