"""Candidates for lesions as JSON, for sessions, journals and the undo history."""

from __future__ import annotations

import math
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate
from liverview.core.labels import Label

MOST_CANDIDATES = 10_000
DAMAGED = (KeyError, TypeError, ValueError, OverflowError, zlib.error)
"""Raised by `read_candidates` where something else was written."""


def candidates_content(parts: Sequence[LesionCandidate]) -> list[dict[str, Any]]:
    """Candidates for JSON, to the bit."""
    return [
        {
            "certainty": part.certainty,
            "first_voxel_ras": list(part.box.start),
            "shape_voxels": list(part.box.shape),
            "mask_zlib_base64": _packed(np.packbits(part.mask.ravel(order="F"))),
            "otherwise_zlib_base64": _packed(part.otherwise.ravel(order="F")),
        }
        for part in parts
    ]


def read_candidates(items: Any, shape: Sequence[int] | None = None) -> tuple[LesionCandidate, ...]:
    """Read what `candidates_content` made, of a volume of a shape, where it is known.

    Raises what `DAMAGED` lists where it is something else, or reaches beyond the volume.
    """
    if not isinstance(items, list) or len(items) > MOST_CANDIDATES:
        raise ValueError("no list of candidates")
    return tuple(_read_one(item, shape) for item in items)


def _read_one(item: Any, shape: Sequence[int] | None) -> LesionCandidate:
    first, sides = (_wholes(item[key]) for key in ("first_voxel_ras", "shape_voxels"))
    box = Box.from_bounds(first, [a + n for a, n in zip(first, sides, strict=True)])
    if min(first) < 0 or min(sides) < 1:
        raise ValueError("no box of a volume")
    if shape is not None and box.union(Box.of_shape(shape)) != Box.of_shape(shape):
        raise ValueError("the box lies outside of the volume")
    certainty = float(item["certainty"])
    if not 0 <= certainty <= 1:
        raise ValueError("no certainty from 0 to 1")
    count = math.prod(sides)
    bits = np.unpackbits(_unpacked(item["mask_zlib_base64"], -(-count // 8)), count=count)
    mask = bits.view(bool).reshape(box.shape, order="F")
    otherwise = _unpacked(item["otherwise_zlib_base64"], count).reshape(box.shape, order="F")
    if not mask.any() or not np.isin(otherwise[mask], [int(label) for label in Label]).all():
        raise ValueError("the voxels are those of no candidate")
    return LesionCandidate(box, mask, otherwise, certainty)


def _wholes(values: Any) -> list[int]:
    if len(values) != 3 or any(type(n) is not int for n in values):
        raise TypeError("three whole numbers are needed")
    return list(values)


def _packed(values: NDArray[np.uint8]) -> str:
    return b64encode(zlib.compress(values.tobytes(), 1)).decode("ascii")


def _unpacked(text: str, count: int) -> NDArray[np.uint8]:
    raw = zlib.decompressobj().decompress(b64decode(text, validate=True), count + 1)
    if len(raw) != count:
        raise ValueError(f"{len(raw)} bytes where {count} are needed")
    return np.frombuffer(raw, np.uint8)
