"""A quick look at the first bytes of a NIfTI file: thousands of scans are told from label maps."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_FIRST = 512  # bytes of a file, packed, that hold the intent of any header that packs as others do
_LABELS = 1002  # NIFTI_INTENT_LABEL
_INTENT = {348: ("h", 68, b"n+1\0", 344), 540: ("i", 504, b"n+2\0", 4)}
"""By the size of a header: format and place of its intent, and the mark of NIfTI and its place."""


def is_surely_no_label_map(path: Path) -> bool:
    """True for a NIfTI file in whose header labels are not the intent; all else must be read.

    Raises
    ------
    OSError : where the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(_FIRST)
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head, _FIRST + 64)
        except zlib.error:
            return False
    for order in "<>":
        size = struct.unpack_from(f"{order}i", head)[0] if len(head) >= 4 else 0
        if size in _INTENT:
            form, place, mark, mark_place = _INTENT[size]
            known = head[mark_place : mark_place + 4] == mark
            if known and len(head) >= place + 4:
                return bool(struct.unpack_from(order + form, head, place)[0] != _LABELS)
    return False
