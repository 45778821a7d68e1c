"""Blocks of labels that a person edited, each with the labels of the result beneath."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.review import LesionMark, Verdict, put_back
from liverview.core.volume import LabelMap

BLOCK_SIDE = 32
"""Voxels along each side of a block, fewer at the far ends of the volume."""

Place: TypeAlias = tuple[int, int, int]
"""The number of a block along each axis."""


@dataclass(frozen=True, eq=False)
class PaintedVoxels:
    """Voxels of a box that a person edited, with what they were made.

    Attributes
    ----------
    box : of the volume.
    mask : bool, of the box's shape.
    values : uint8, of the box's shape; they say something where the mask is set.
    result : uint8, of the box's shape, the labels beneath.
    """

    box: Box
    mask: NDArray[np.bool_]
    values: NDArray[np.uint8]
    result: NDArray[np.uint8]

    @property
    def taken_off(self) -> PaintedVoxels:
        """The same voxels with the result's labels."""
        return replace(self, values=self.result)

    def find_news(self, labels: LabelMap) -> NDArray[np.bool_]:
        """The voxels of the box that labels do not have like this yet, what was ruled out aside."""
        now = without_marks(labels.voxels[self.box], self.box, labels.marks)
        return self.mask & (now != self.values)


@dataclass(frozen=True, eq=False)
class EditedBlock:
    """A block that was edited.

    Attributes
    ----------
    box : of the volume.
    result : the result's labels, uint8; a view of one value where all are the same.
    held : bool, the voxels that no segmentation may change; None where none is under way.
    """

    box: Box
    result: NDArray[np.uint8]
    held: NDArray[np.bool_] | None = None

    def find_edited(self, now: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The voxels that a person edited, those held included that agree with the result."""
        edited = now != self.result
        return edited if self.held is None else edited | self.held

    @cached_property
    def content(self) -> dict[str, Any]:
        """The block for JSON; made once, for it never changes."""
        held = None if self.held is None else _packed(np.packbits(self.held.ravel(order="F")))
        return {
            "first_voxel_ras": list(self.box.start),
            "result_zlib_base64": _packed(self.result.ravel(order="F")),
            "held_zlib_base64": held,
        }

    @classmethod
    def read(cls, content: Any, shape: Sequence[int]) -> EditedBlock:
        """The block that has such a content, of a volume of a shape.

        Raises
        ------
        KeyError, TypeError, ValueError, zlib.error : where it is none.
        """
        first, held = content["first_voxel_ras"], content["held_zlib_base64"]
        if len(first) != 3 or any(type(n) is not int or n < 0 or n % BLOCK_SIDE for n in first):
            raise ValueError(f"no block begins at {first}")
        stop = [min(n + BLOCK_SIDE, most) for n, most in zip(first, shape, strict=True)]
        box = Box.from_bounds(first, stop)
        count = int(np.prod(box.shape))
        if not count:
            raise ValueError(f"a block at {first} lies outside of {shape}")
        result = content["result_zlib_base64"]
        voxels = _unpacked(result, count).reshape(box.shape, order="F")
        mask = None
        if held is not None:
            bits = np.unpackbits(_unpacked(held, -(-count // 8)), count=count)
            mask = bits.view(bool).reshape(box.shape, order="F")
        return cls(box, compact(voxels), mask)


def make_block(whole: Box, at: Box, before: NDArray[np.uint8], labels: LabelMap) -> EditedBlock:
    """A block that had no edits before a part of it was changed: the rest is as it was found."""
    result = without_marks(labels.voxels[whole], whole, labels.marks).copy(order="F")
    result[at] = before
    return EditedBlock(whole, compact(result))


def iter_blocks(box: Box, shape: Sequence[int]) -> Iterator[tuple[Place, Box]]:
    """Places and boxes of the blocks that a box of the volume touches."""
    i, j, k = (range(side.start // BLOCK_SIDE, -(-side.stop // BLOCK_SIDE)) for side in box)
    for place in ((a, b, c) for a in i for b in j for c in k):
        start = [BLOCK_SIDE * n for n in place]
        stop = [min(first + BLOCK_SIDE, n) for first, n in zip(start, shape, strict=True)]
        yield place, Box.from_bounds(start, stop)


def overlap(first: Box, second: Box) -> Box:
    """What two boxes share; it has no voxels where they do not meet."""
    start = np.maximum(first.start, second.start)
    stop = np.maximum(start, np.minimum(first.stop, second.stop))
    return Box.from_bounds(start.tolist(), stop.tolist())


def compact(block: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The block itself, or a view of one value where it has no other."""
    value = block[0, 0, 0]
    return block if (block != value).any() else np.broadcast_to(value.copy(), block.shape)


def without_marks(
    voxels: NDArray[np.uint8], box: Box, marks: Sequence[LesionMark]
) -> NDArray[np.uint8]:
    """Labels of a box with what was ruled out put back: the array itself where nothing was."""
    for mark in marks:
        part = overlap(mark.box, box)
        if mark.verdict is not Verdict.RULED_OUT or 0 in part.shape:
            continue
        voxels = voxels.copy(order="K")
        put_back(voxels, mark.within(part, box.start))
    return voxels


def _packed(values: NDArray[np.uint8]) -> str:
    return b64encode(zlib.compress(values.tobytes(), 1)).decode("ascii")


def _unpacked(text: str, count: int) -> NDArray[np.uint8]:
    raw = zlib.decompressobj().decompress(b64decode(text, validate=True), count + 1)
    if len(raw) != count:
        raise ValueError(f"{len(raw)} bytes where {count} are needed")
    return np.frombuffer(raw, np.uint8)
