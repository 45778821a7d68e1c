"""What stands in the records of a journal: a header, and entries."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.errors import LiverviewError
from liverview.core.text import quoted

FORMAT = "liverview-journal"
VERSION = 1
_LEVEL = 1  # of zlib: labels become small at once
_SIZE = struct.Struct("<I")
_LONGEST_JSON = 64 << 20
_LONGEST_AXIS = 1 << 15
_MOST_VOXELS = 1 << 33
_EXPECTED = (KeyError, TypeError, ValueError, OverflowError, RecursionError, struct.error)

Part = tuple[Box, NDArray[np.uint8]]


class JournalError(LiverviewError):
    """A journal that cannot be written or read; the message names it and the way out."""


@dataclass(frozen=True)
class Header:
    """The first record.

    Attributes
    ----------
    journal : the same for all files of one journal.
    generation : the file with the highest one takes the place of the others.
    shape : of the label map.
    scan : JSON values by which whoever reads finds the scan.
    """

    journal: str
    generation: int
    shape: tuple[int, int, int]
    scan: Mapping[str, Any]

    def pack(self) -> bytes:
        content = {
            "format": FORMAT,
            "version": VERSION,
            "journal": self.journal,
            "generation": self.generation,
            "shape": list(self.shape),
            "scan": self.scan,
        }
        return _json_bytes(content)

    @classmethod
    def parse(cls, content: bytes, name: str) -> Header:
        """Read what `pack` made.

        Raises
        ------
        JournalError : where it is something else, or a newer liverview made it.
        """
        try:
            found = json.loads(content[:_LONGEST_JSON])
            if found["format"] != FORMAT:
                raise ValueError(f"a file of the format {quoted(found['format'])}")
            version = _whole(found["version"], 1, 1 << 31)
        except _EXPECTED as error:
            raise JournalError(damaged(name)) from error
        if version > VERSION:
            raise JournalError(
                f"{name} was written by a newer liverview (journal version {version}, this one "
                f"reads {VERSION}): open it with that one."
            )
        try:
            i, j, k = (_whole(n, 1, _LONGEST_AXIS) for n in found["shape"])
            if i * j * k > _MOST_VOXELS:
                raise ValueError(f"a label map of {i} x {j} x {k} voxels")
            generation = _whole(found["generation"], 0, 1 << 31)
            return cls(_text(found["journal"]), generation, (i, j, k), _mapping(found["scan"]))
        except _EXPECTED as error:
            raise JournalError(damaged(name)) from error


def damaged(name: str) -> str:
    """A sentence about a journal that nothing can be read from."""
    return f"{name} is damaged from its beginning on, and nothing can be restored: discard it."


@dataclass(frozen=True, eq=False)
class Entry:
    """All that has changed since the entry before; whole or not there.

    Attributes
    ----------
    time : seconds since 1970.
    edits : changes since the labels were last saved.
    unsaved : whether there is something that would be lost.
    clears : whether every voxel outside of the parts becomes background.
    parts : boxes and their labels, uint8; of two that overlap, the later one holds.
    sections : JSON values by name; they take the place of those of earlier entries.
    """

    time: float
    edits: int
    unsaved: bool
    clears: bool = False
    parts: tuple[Part, ...] = ()
    sections: Mapping[str, Any] = field(default_factory=dict)

    def pack(self) -> bytes:
        """As the content of a record, compressed."""
        blobs = [zlib.compress(np.asfortranarray(v).tobytes("F"), _LEVEL) for _, v in self.parts]
        about = {
            "time": self.time,
            "edits": self.edits,
            "unsaved": self.unsaved,
            "clears": self.clears,
            "parts": [
                [*box.start, *box.stop, len(blob)]
                for (box, _), blob in zip(self.parts, blobs, strict=True)
            ],
            "sections": self.sections,
        }
        text = zlib.compress(_json_bytes(about), _LEVEL)
        return b"".join([_SIZE.pack(len(text)), text, *blobs])


@dataclass(frozen=True, eq=False)
class PackedEntry:
    """An entry as it was read: its parts are unpacked when they are asked for.

    Attributes
    ----------
    entry : the entry, without its parts.
    boxes, blobs : its parts, compressed.
    """

    entry: Entry
    boxes: tuple[Box, ...]
    blobs: tuple[memoryview, ...]

    @classmethod
    def parse(cls, content: bytes, shape: tuple[int, int, int]) -> PackedEntry | None:
        """Read what `Entry.pack` made, for labels of this shape; None where it is not that."""
        try:
            return cls._parse(content, shape)
        except (*_EXPECTED, zlib.error):
            return None

    @classmethod
    def _parse(cls, content: bytes, shape: tuple[int, int, int]) -> PackedEntry:
        (size,) = _SIZE.unpack_from(content)
        view = memoryview(content)[_SIZE.size :]
        about = _mapping(json.loads(_inflate(view[:size], _LONGEST_JSON)))
        boxes, blobs, place = [], [], size
        for *bounds, count in about["parts"]:
            boxes.append(_read_box(bounds, shape))
            blobs.append(view[place : place + _whole(count, 0, len(view) - place)])
            place += count
        time = float(about["time"])
        if not math.isfinite(time) or place != len(view):
            raise ValueError("no time, or bytes that belong to no part")
        entry = Entry(
            time,
            _whole(about["edits"], 0, 1 << 53),
            about["unsaved"] is True,
            about["clears"] is True,
            sections=_mapping(about["sections"]),
        )
        return cls(entry, tuple(boxes), tuple(blobs))

    def apply(self, voxels: NDArray[np.uint8]) -> bool:
        """Change labels, (I, J, K), as the entry says; False, and nothing, where it cannot be."""
        unpacked = []
        for box, blob in zip(self.boxes, self.blobs, strict=True):
            count = math.prod(box.shape)
            try:
                flat = np.frombuffer(_inflate(blob, count), np.uint8)
            except (zlib.error, ValueError):
                return False
            if flat.size != count:
                return False
            unpacked.append(flat.reshape(box.shape, order="F"))
        if self.entry.clears:
            voxels[...] = 0
        for box, part in zip(self.boxes, unpacked, strict=True):
            voxels[box] = part
        return True


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode()  # ASCII: names that are no text come back as they were


def _inflate(packed: bytes | memoryview, most: int) -> bytes:
    """Decompress at most so many bytes; ValueError where there are more, or some are missing."""
    stream = zlib.decompressobj()
    found = stream.decompress(packed, most + 1)
    if len(found) > most or not stream.eof:
        raise ValueError("of another length than it says")
    return found


def _read_box(bounds: list[Any], shape: tuple[int, int, int]) -> Box:
    first, last = bounds[:3], bounds[3:]
    for start, stop, n in zip(first, last, shape, strict=True):
        _whole(stop, _whole(start, 0, n), n)
    return Box.from_bounds(first, last)


def _whole(value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"a whole number from {low} to {high} is needed, not {quoted(value)}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is needed, not {quoted(value)}")
    return value


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"names and values are needed, not {quoted(value)}")
    return value
