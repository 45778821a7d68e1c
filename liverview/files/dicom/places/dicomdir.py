"""A DICOMDIR, the directory of a disc: the files that it names, where they are.

Discs are often copied with names in lower case, or with the version of ISO 9660 (IM1;1), while the
DICOMDIR still says IM1: names are looked for without regard to either.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from liverview.files.dicom.headers.element_scanner import (
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    SYNTAX_OF_META,
    UNDEFINED,
    ElementWalk,
)
from liverview.files.dicom.headers.text_values import text_of
from liverview.files.dicom.places.sources import FileSource
from liverview.files.opening import ImageFileError

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
"""The SOP class of a DICOMDIR."""
_RECORDS, _FILE = 0x00041220, 0x00041500


def is_dicomdir(head: bytes) -> bool:
    """True where the first bytes of a file are those of a DICOMDIR."""
    mark = b"UI" + (20).to_bytes(2, "little") + MEDIA_DIRECTORY.encode()
    return head[128:132] == b"DICM" and mark in head[132:600]


def iter_listed(path: Path) -> Iterator[FileSource | ImageFileError]:
    """The files that a DICOMDIR names; in one sentence each, those missing and those outside.

    Raises
    ------
    ImageFileError : where it is damaged or cannot be read.
    """
    disc = _Disc(path.parent)
    missing, outside = [], []
    for parts in _file_names(path):
        try:
            found = disc.find(parts)
        except _OutsideError:
            outside.append("/".join(parts))
            continue
        if found is None:
            missing.append("/".join(parts))
        else:
            yield FileSource(found)
    if missing:
        yield ImageFileError(
            f"{path} names {len(missing):,} files that are not there, the first {missing[0]}: copy "
            "the disc again, or open its folder."
        )
    if outside:
        yield ImageFileError(
            f"{path} names {len(outside):,} files outside of its folder, the first {outside[0]}, "
            "which are not read: open them by themselves."
        )


class _OutsideError(Exception):
    """A name leads out of the folder."""


class _Disc:
    """The folders of a disc, whose names are looked for without regard to case."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = Path(os.path.realpath(root))
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, parts: tuple[str, ...]) -> Path | None:
        path = self._root
        for part in parts:
            if part in ("", ".", "..") or set(part) & set("/\\:\0"):
                raise _OutsideError
            name = self._names_in(path).get(_plain(part))
            if name is None:
                return None
            path = path / name
        if path.is_symlink():
            self._check_inside(path)
        return path

    def _names_in(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            self._check_inside(folder)
            try:
                names = sorted(path.name for path in folder.iterdir())
                self._names[folder] = {_plain(name): name for name in names}
            except OSError:
                self._names[folder] = {}
        return self._names[folder]

    def _check_inside(self, path: Path) -> None:
        if not Path(os.path.realpath(path)).is_relative_to(self._real_root):
            raise _OutsideError


def _plain(name: str) -> str:
    return name.lower().split(";", 1)[0].rstrip(". ")


def _file_names(path: Path) -> list[tuple[str, ...]]:
    """The names of the records, in parts, each once."""
    try:
        walk = ElementWalk(FileSource(path))
        start = walk.walk(132, frozenset((SYNTAX_OF_META,)), explicit=True, last_group=2)
        syntax = text_of(walk.values.get(SYNTAX_OF_META, b""))
        explicit, _ = walk.find_encoding(start, syntax)
        names = dict.fromkeys(_iter_file_ids(walk, start, explicit))
    except OSError as error:
        raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    texts = [text_of(name) for name in names]
    return [tuple(part.strip() for part in text.split("\\")) for text in texts if text]


def _iter_file_ids(walk: ElementWalk, at: int, explicit: bool) -> Iterator[bytes]:
    """The file names of all records, as stored; ``at`` is where the data set begins."""
    while not walk.is_end(at):
        tag, vr, at, length = walk.read_element(at, explicit)
        if tag == _RECORDS:
            end = None if length == UNDEFINED else at + length
            yield from _iter_of_records(walk, at, end, explicit)
            return
        at = (
            walk.pass_sequence(at, explicit and vr != b"UN", 0)
            if length == UNDEFINED
            else at + length
        )


def _iter_of_records(
    walk: ElementWalk, at: int, end: int | None, explicit: bool
) -> Iterator[bytes]:
    while end is None or at < end:
        tag, _, at, length = walk.read_element(at, False)
        if tag == SEQUENCE_END:
            return
        if tag != ITEM:
            raise walk.damaged(at - 8, "a record of the directory should begin")
        at, name = _read_record(walk, at, None if length == UNDEFINED else at + length, explicit)
        if name:
            yield name


def _read_record(walk: ElementWalk, at: int, end: int | None, explicit: bool) -> tuple[int, bytes]:
    """The place after a record, and the file name in it."""
    name = b""
    while end is None or at < end:
        tag, vr, at, length = walk.read_element(at, explicit)
        if tag == ITEM_END:
            break
        if length == UNDEFINED:
            at = walk.pass_sequence(at, explicit and vr != b"UN", 0)
            continue
        if tag == _FILE and length < 1 << 10:
            name = walk.take(at, length)
        at += length
    return at, name
