"""What a segmentation says of each of its frames, as bytes.

There are hundreds of frames, each with a dozen elements, which pydicom takes longer to write than
all pixels. They are always the same elements; explicit VR, little endian.
"""

from __future__ import annotations

from typing import Any

from liverview.files.dicom.segmentations.frames import Frame
from liverview.files.dicom.segmentations.segmentation_header import SeriesGrid, numbers_text
from liverview.files.dicom.series.source_header import SourceSlice

_LONG = (b"SQ", b"OB", b"UT")  # with a length of four bytes


def encode_frame_items(data: Any, grid: SeriesGrid, frames: tuple[Frame, ...]) -> bytes:
    """The sequence of all frames: place, segment, and the slice that a frame was made from.

    Parameters
    ----------
    data : the segmentation's data set, with a first frame as highdicom describes it.
    """
    by_place: dict[int, SourceSlice] = {each.place: each for each in grid.header.slices}
    places = sorted({frame.place for frame in frames})
    order = {place: number for number, place in enumerate(places, 1)}
    pattern = _Derivation(data.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0])
    of_place = {
        place: (_element(0x0020_0032, b"DS", numbers_text(grid.position(place))),
                pattern.encode(by_place.get(place)))
        for place in places
    }  # fmt: skip
    per_frame = "SegmentIdentificationSequence" not in data.SharedFunctionalGroupsSequence[0]
    items = []
    for segment, place in frames:
        position, derivation = of_place[place]
        index = order[place].to_bytes(4, "little")
        if segment:
            index = segment.to_bytes(4, "little") + index
        item = derivation
        item += _sequence(0x0020_9111, _element(0x0020_9157, b"UL", index))
        item += _sequence(0x0020_9113, position)
        if segment and per_frame:
            number = _element(0x0062_000B, b"US", segment.to_bytes(2, "little"))
            item += _sequence(0x0062_000A, number)
        items.append(item)
    return _sequence(0x5200_9230, *items)


class _Derivation:
    """Encodes the slice that a frame was made from, with the codes of highdicom's item."""

    def __init__(self, pattern: Any) -> None:
        image = pattern.SourceImageSequence[0]
        self._purpose = _code(image.PurposeOfReferenceCodeSequence[0])
        self._derivation = _code(pattern.DerivationCodeSequence[0])

    def encode(self, source: SourceSlice | None) -> bytes:
        """The sequence; empty where the series has no such slice."""
        if source is None:
            return _sequence(0x0008_9124)
        image = _element(0x0008_1150, b"UI", _uid(source.sop_class))
        image += _element(0x0008_1155, b"UI", _uid(source.sop_instance))
        if source.frame:
            image += _element(0x0008_1160, b"IS", _even(str(source.frame)))
        image += _element(0x0028_135A, b"CS", b"YES ")
        image += _sequence(0x0040_A170, self._purpose)
        inside = _sequence(0x0008_2112, image) + _sequence(0x0008_9215, self._derivation)
        return _sequence(0x0008_9124, inside)


def _code(item: Any) -> bytes:
    return (
        _element(0x0008_0100, b"SH", _even(item.CodeValue))
        + _element(0x0008_0102, b"SH", _even(item.CodingSchemeDesignator))
        + _element(0x0008_0104, b"LO", _even(item.CodeMeaning))
    )


def _uid(uid: str) -> bytes:
    return uid.encode("ascii") + b"\0" * (len(uid) % 2)


def _even(text: str) -> bytes:
    return text.encode("ascii") + b" " * (len(text) % 2)


def _element(tag: int, kind: bytes, value: bytes) -> bytes:
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + kind
    if kind in _LONG:
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def _sequence(tag: int, *items: bytes) -> bytes:
    parts = [b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in items]
    return _element(tag, b"SQ", b"".join(parts))
