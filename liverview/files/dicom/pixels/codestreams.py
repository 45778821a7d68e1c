"""Checks of compressed images before a decoder sees them.

Decoders are written in C: what a damaged header makes them do is not a sentence. So the sizes that
a codestream states have to be those of the DICOM header, and its segments have to be whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from liverview.files.dicom.headers.slice_header import SliceHeader

_START, _END, _SCAN, _TABLES = 0xD8, 0xD9, 0xDA, 0xC4
_FRAMES = frozenset((0xC0, 0xC1, 0xC3))  # baseline, extended, lossless
_JPEG_LS = frozenset((0xF7,))
_JPEG_LS_SYNTAXES = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
_SINGLE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a segment
_J2K_SIZE = 0x51


def check_jpeg(data: bytes, header: SliceHeader) -> None:
    """Check the segments of JPEG and JPEG-LS up to the first scan.

    Raises
    ------
    ValueError : where they are not whole, or not of an image as the header has it.
    """
    if data[:2] != b"\xff\xd8" or b"\xff\xd9" not in data[-16:]:
        raise ValueError("no beginning or no end")
    frames = _JPEG_LS if header.transfer_syntax in _JPEG_LS_SYNTAXES else _FRAMES
    framed = False
    for marker, segment in _iter_segments(data):
        if marker in frames:
            _check_frame(segment, header, framed)
            framed = True
        elif marker == _TABLES:
            _check_tables(segment)
        elif marker == _SCAN:
            if not framed or segment[:1] != b"\1" or len(segment) != 6:
                raise ValueError("no scan of one component")
            return
        elif 0xC0 <= marker <= 0xCF or marker in (*_JPEG_LS, _START, _END):
            raise ValueError("another kind of JPEG")


def _iter_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and their segments, as long as they are whole."""
    at = 2
    while True:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF or marker in _SINGLE:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at + 4 : at + 2 + length]
        if length < 2 or len(segment) != length - 2:
            raise ValueError("a segment is cut off")
        yield marker, segment
        at += 2 + length


def _check_frame(segment: bytes, header: SliceHeader, framed: bool) -> None:
    """One component, of the header's size and no more bits than it has."""
    size = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    whole = len(segment) == 9 and segment[5] == 1 and segment[7] == 0x11
    if framed or not whole or size != (header.rows, header.columns):
        raise ValueError("another size")
    if not 2 <= segment[0] <= header.bits_allocated:
        raise ValueError("too many bits")


def _check_tables(segment: bytes) -> None:
    """Huffman tables that are whole, of codes that there can be."""
    at = 0
    while at < len(segment):
        counts = segment[at + 1 : at + 17]
        codes = sum(n << (15 - bits) for bits, n in enumerate(counts))
        if segment[at] & 0xEC or len(counts) < 16 or codes > 1 << 16 or sum(counts) > 256:
            raise ValueError("no Huffman table")
        at += 17 + sum(counts)
    if at != len(segment):
        raise ValueError("a Huffman table is cut off")


def check_jpeg_2000(data: bytes, header: SliceHeader) -> None:
    """Check the size that JPEG 2000 and HTJ2K state.

    Raises
    ------
    ValueError : where it is not that of the header.
    """
    if data[:3] != b"\xff\x4f\xff" or data[3] != _J2K_SIZE or len(data) < 51:
        raise ValueError("no codestream")
    numbers = [int.from_bytes(data[at : at + 4], "big") for at in range(8, 40, 4)]
    width, height, left, top = numbers[:4]
    components, bits = int.from_bytes(data[40:42], "big"), (data[42] & 0x7F) + 1
    tiles = numbers[4], numbers[5]
    if (height - top, width - left) != (header.rows, header.columns) or components != 1:
        raise ValueError("another size")
    if bits > header.bits_allocated or data[43:45] != b"\1\1" or 0 in tiles:
        raise ValueError("another kind of pixels")
