"""A quick walk over the elements of a DICOM file, up to its pixels.

Few values of a header are wanted of very many files: all others are passed over by their length,
nothing is built of them, and no more of the file is read than it takes to get there. What is
taken for granted of a file is nothing: each length is checked against what is really there.

Where files and their transfer syntax disagree the file is believed: a data set that is said to be
explicit VR and is implicit, single elements without a VR, and the other way around (PS3.5, 7.1 and
6.2.2; the same liberties that pydicom takes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from liverview.files.dicom.headers.inflated_source import InflatedSource
from liverview.files.dicom.places.sources import DicomSource
from liverview.files.foreign_kinds import is_dicom
from liverview.files.opening import ImageFileError

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
SOP_CLASS_OF_META, SOP_INSTANCE_OF_META, SYNTAX_OF_META = 0x00020002, 0x00020003, 0x00020010
_META = frozenset((SOP_CLASS_OF_META, SOP_INSTANCE_OF_META, SYNTAX_OF_META))
_PIXELS = 0x7FE00010
_PIXEL_GROUP = 0x7FE0
_ENDS = frozenset((_PIXELS, 0x7FE00008, 0x7FE00009))  # pixels, as whole numbers or as floats
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_ITEM_GROUP = 0xFFFE
UNDEFINED = 0xFFFFFFFF
_NOTHING: frozenset[int] = frozenset()
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR"))
_LONG |= frozenset((b"UT", b"UV"))  # 32 bits of length, after two bytes that are reserved
_SHORT = frozenset((b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"))
_SHORT |= frozenset((b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"))
_LONG_CODES = frozenset(int.from_bytes(vr, "little") for vr in _LONG)
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in _SHORT)
_READ_HEAD, _READ_LENGTH = struct.Struct("<HHHH").unpack_from, struct.Struct("<L").unpack_from
_FIRST, _NEXT = 1 << 14, 1 << 16  # bytes that are read at once
_LONGEST_VALUE = 1 << 16  # of those that are wanted; real ones have 64 letters
_DEEPEST = 64  # sequences in sequences


class NotDicomError(ImageFileError):
    """A file that is no DICOM."""


@dataclass(frozen=True, repr=False)
class ScannedElements:
    """The elements that were found in a file.

    Attributes
    ----------
    values : of the wanted elements that there are, as stored, by tag; those of group 2, too.
    transfer_syntax : as stored, or, where the file says none, the one that it was read by.
    little : of the bytes of a number, the lowest stands first.
    pixel_start, pixel_bytes : as of `SliceHeader`.
    """

    values: dict[int, bytes]
    transfer_syntax: str
    little: bool
    pixel_start: int
    pixel_bytes: int


def scan_elements(
    source: DicomSource, wanted: frozenset[int], walk: ElementWalk | None = None
) -> ScannedElements:
    """Find the wanted elements of the data set, not of its sequences, up to the pixels.

    Parameters
    ----------
    wanted : tags, each ``group << 16 | element``.
    walk : of the source, at its beginning, where there is one already.

    Raises
    ------
    NotDicomError : where the file is none.
    ImageFileError : where it is damaged within the header.
    OSError : where it cannot be read.
    """
    scan = walk or ElementWalk(source)
    with_preamble = scan.data[128:132] == b"DICM"
    if not with_preamble and not is_dicom(scan.data, ""):
        raise NotDicomError(f"{source.name} is no DICOM file: choose one that is.")
    try:
        return _scan_file(scan, 132 if with_preamble else 0, wanted)
    except ImageFileError as error:
        if with_preamble or 0x00080016 in scan.values:
            raise
        # Without the mark of DICOM, this was a guess from a few bytes.
        raise NotDicomError(f"{source.name} is no DICOM file: choose one that is.") from error


def _scan_file(scan: ElementWalk, at: int, wanted: frozenset[int]) -> ScannedElements:
    start = scan.walk(at, _META, explicit=True, last_group=2)
    syntax = scan.values.get(SYNTAX_OF_META, b"").strip(b"\0 ").decode("ascii", "replace")
    if syntax == DEFLATED:
        scan.inflate(start)
    explicit, guessed = scan.find_encoding(start, syntax)
    at = scan.walk(start, wanted, explicit=explicit)
    found = scan.pixel_start >= 0
    return ScannedElements(
        scan.values,
        syntax or guessed,
        scan.little,
        scan.pixel_start,
        scan.pixel_bytes if found else -1,
    )


class ElementWalk:
    """The bytes of a file, as many of them as were looked at, and what was found in them."""

    def __init__(self, source: DicomSource) -> None:
        self.source = source
        self.data, self.start = source.read(0, _FIRST), 0
        self.values: dict[int, bytes] = {}
        self.pixel_start = self.pixel_bytes = -1
        self.little = True

    # ---- bytes

    def load(self, at: int, size: int = 0) -> None:
        """Have the bytes from ``at`` on, so many at least where the file has them."""
        self.data, self.start = self.source.read(at, max(size, _NEXT)), at

    def take(self, at: int, size: int) -> bytes:
        """Bytes of the file, all of them."""
        begin = at - self.start
        if not 0 <= begin <= len(self.data) - size:
            self.load(at, size)
            begin = 0
            if len(self.data) < size:
                raise self.cut_off()
        return self.data[begin : begin + size]

    def cut_off(self) -> ImageFileError:
        return ImageFileError(
            f"{self.source.name} is cut off: it ends within its header; copy or export it again."
        )

    def damaged(self, at: int, why: str) -> ImageFileError:
        return ImageFileError(
            f"{self.source.name} is damaged: at byte {at:,} {why}; copy or export it again."
        )

    def inflate(self, start: int) -> None:
        """Go on in the deflated data set, as if it were stored inflated from ``start`` on."""
        self.source = InflatedSource(self.source, start)
        self.load(start)

    # ---- elements

    def find_encoding(self, at: int, syntax: str) -> tuple[bool, str]:
        """Tell by its first element if the data set is explicit VR; sets the order of bytes.

        The second is the transfer syntax that this is.
        """
        self.little = syntax != BIG_ENDIAN
        begin = at - self.start
        if len(self.data) - begin < 8:
            self.load(at)
            begin = 0
        explicit = _is_vr(self.data[begin + 4 : begin + 6])
        if not syntax and explicit and self.data[begin : begin + 1] == b"\0":
            # Of the groups below 256, the first byte is 0 where the higher one stands first.
            self.little = False
        if not explicit:
            return False, IMPLICIT
        return True, EXPLICIT if self.little else BIG_ENDIAN

    def walk(
        self, at: int, wanted: frozenset[int], *, explicit: bool, last_group: int = 0xFFFF
    ) -> int:
        """Keep wanted values from ``at`` on; returns where the first element is that stopped it.

        That is the pixel data, one beyond the last group, or the end of the file.
        """
        while True:
            if self.little:
                at = self._pass_plain(at, wanted, explicit, min(last_group, _PIXEL_GROUP - 1))
            if self.is_end(at):
                return at
            tag, vr, value, length = self.read_element(at, explicit)
            if tag >> 16 > last_group or not tag | length:  # a file is filled up with zeros
                return at
            if tag in _ENDS:
                if tag == _PIXELS:
                    self.pixel_start = value
                    self.pixel_bytes = -1 if length == UNDEFINED else length
                return at
            if length == UNDEFINED:
                at = self.pass_sequence(value, explicit and vr != b"UN", 0)
                continue
            at = value + length
            if tag in wanted and length <= _LONGEST_VALUE:
                self.values[tag] = self.take(value, length)

    def _pass_plain(self, at: int, wanted: frozenset[int], explicit: bool, last_group: int) -> int:
        """Keep wanted values as long as all is plain, little-endian and at hand.

        Returns where the first element is that is not, or is beyond the last group. It is in this
        loop that a folder's reading is spent.
        """
        data, values, start = self.data, self.values, self.start
        begin, size = at - start, len(data)
        while 0 <= begin <= size - 12:
            group, element, vr, length = _READ_HEAD(data, begin)
            value = begin + 8
            if not explicit:
                length = vr | length << 16
            elif vr not in _SHORT_CODES:
                if vr not in _LONG_CODES:
                    break
                (length,) = _READ_LENGTH(data, value)
                value += 4
            after = value + length
            if after > size or not 0 < group <= last_group:  # of an undefined length, too
                break
            tag = group << 16 | element
            if tag in wanted:
                values[tag] = data[value:after]
            begin = after
        return start + begin

    def read_element(self, at: int, explicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, VR, place and length of the value of an element; no VR where it is implicit."""
        head = self.take(at, 8)
        group, element, length = struct.unpack("<HHL" if self.little else ">HHL", head)
        vr = head[4:6] if explicit and _is_vr(head[4:6]) else b""
        at += 8
        if vr in _LONG:
            length = int.from_bytes(self.take(at, 4), self.byte_order)
            at += 4
        elif vr:
            length = int.from_bytes(head[6:8], self.byte_order)
        return group << 16 | element, vr, at, length

    def is_end(self, at: int) -> bool:
        """True where the file ends at ``at``, but for zeros; else an element has to fit there."""
        begin = at - self.start
        if begin < 0 or len(self.data) - begin < 8:
            self.load(at)
            begin = 0
        if len(self.data) - begin >= 8:
            return False
        if not self.data and at > 0 and not self.source.read(at - 1, 1):
            raise self.cut_off()  # a value promised more than there is
        if self.data.strip(b"\0"):
            raise self.cut_off()
        return True

    def pass_sequence(self, at: int, explicit: bool, depth: int) -> int:
        """The place after a sequence, or fragments, of undefined length; ``at`` is its first."""
        if depth > _DEEPEST:
            raise self.damaged(at, f"more than {_DEEPEST} sequences are nested")
        while True:
            tag, _, at, length = self.read_element(at, False)
            if tag == SEQUENCE_END:
                return at
            if tag != ITEM:
                raise self.damaged(at - 8, "an item of a sequence should begin")
            if length == UNDEFINED:
                at = self._pass_elements(at, explicit, depth)
            else:
                at += length

    def _pass_elements(self, at: int, explicit: bool, depth: int) -> int:
        """The place after an item of undefined length."""
        # What a sequence of an explicit data set holds may be implicit.
        explicit = explicit and _is_vr(self.take(at, 8)[4:6])
        while True:
            if self.little:
                at = self._pass_plain(at, _NOTHING, explicit, _ITEM_GROUP - 1)
            tag, vr, at, length = self.read_element(at, explicit)
            if tag == ITEM_END:
                return at
            if length == UNDEFINED:
                at = self.pass_sequence(at, explicit and vr != b"UN", depth + 1)
            else:
                at += length

    @property
    def byte_order(self) -> Literal["little", "big"]:
        return "little" if self.little else "big"


def _is_vr(letters: bytes) -> bool:
    return len(letters) == 2 and b"A" <= letters[:1] <= b"Z" and b"A" <= letters[1:] <= b"Z"
