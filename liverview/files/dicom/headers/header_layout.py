"""Where the elements of a header are, for files whose headers are laid out as those before.

Most headers of a series differ in values alone: each element stands where it stood in the file
before. That is checked, not taken for granted: whatever says where elements are, and of which kind
and length, has the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverview.files.dicom.headers.element_scanner import (
    SYNTAX_OF_META,
    UNDEFINED,
    ElementWalk,
    ScannedElements,
    scan_elements,
)
from liverview.files.dicom.places.sources import DicomSource

_MOST = 8  # layouts that are kept
_PATIENCE = 16  # files of unknown layouts in a row, after which few of them are learned
_FEW = 32
_PREAMBLE = 128


@dataclass(frozen=True, repr=False, eq=False)
class _Layout:
    """Of a header: what is the same in all that have this layout, and where the values are.

    Attributes
    ----------
    telling : (bytes,) 255 where a byte tells of the layout, 0 in values.
    told : (bytes,) those bytes, 0 in values.
    places : tag, begin and end of each wanted value.
    found : of the file that it was learned from.
    """

    telling: NDArray[np.uint8]
    told: NDArray[np.uint8]
    places: tuple[tuple[int, int, int], ...]
    found: ScannedElements

    def fits(self, data: NDArray[np.uint8]) -> bool:
        size = len(self.told)
        return len(data) >= size and np.array_equal(data[:size] & self.telling, self.told)

    def values(self, data: bytes) -> dict[int, bytes]:
        return {tag: data[begin:end] for tag, begin, end in self.places}


class LayoutCache:
    """The layouts of the last headers; threads may share it."""

    def __init__(self, wanted: frozenset[int]) -> None:
        self._wanted = wanted
        self._layouts: tuple[_Layout, ...] = ()
        self._unknown = 0  # files in a row

    def scan(self, source: DicomSource) -> ScannedElements:
        """As `scan_elements`, with the same result, and sooner for a layout that is known.

        Raises
        ------
        NotDicomError, ImageFileError, OSError : as `scan_elements` does.
        """
        walk = ElementWalk(source)
        start = walk.data
        as_numbers = np.frombuffer(start, np.uint8)
        for layout in self._layouts:
            if layout.fits(as_numbers):
                self._unknown = 0
                return replace(layout.found, values=layout.values(start))
        found = scan_elements(source, self._wanted, walk)
        self._unknown += 1
        at_hand = walk.data is start and walk.source is source and found.pixel_start >= 0
        if at_hand and (self._unknown <= _PATIENCE or self._unknown % _FEW == 0):
            layout_of_it = _learn(walk, found)
            if layout_of_it is not None:
                self._layouts = (layout_of_it, *self._layouts[: _MOST - 1])
        return found


def _learn(walk: ElementWalk, found: ScannedElements) -> _Layout | None:
    """The layout of a header that was walked and lies in one piece; None of an odd one."""
    data = walk.data
    end = found.pixel_start
    if not found.little or data[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        return None
    telling = np.full(end, 255, np.uint8)
    telling[:_PREAMBLE] = 0
    places: dict[int, tuple[int, int, int]] = {}
    at, explicit, in_meta = _PREAMBLE + 4, True, True
    while at < end:
        if in_meta and data[at : at + 2] != b"\2\0":
            in_meta, explicit = False, walk.find_encoding(at, found.transfer_syntax)[0]
        tag, vr, value, length = walk.read_element(at, explicit)
        if value == end:
            break
        if length == UNDEFINED:  # a sequence is the same as a whole
            at = walk.pass_sequence(value, explicit and vr != b"UN", 0)
            continue
        at = value + length
        if tag in found.values:
            places[tag] = tag, value, at
        if tag != SYNTAX_OF_META:
            telling[value:at] = 0
    layout = _Layout(
        telling, np.frombuffer(data, np.uint8, end) & telling, tuple(places.values()), found
    )
    same = walk.data is data and layout.values(data) == found.values
    return layout if same else None
