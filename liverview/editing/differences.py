"""Differences of labels: boxes of what changed, packed, exact to the bit either way.

What is kept of a change is ``before ^ after``, the same for both ways: to apply it to either gives
the other, and differences of several changes may be applied in any order.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.errors import LiverviewError

_AT_ONCE = 4 << 20  # voxels that are looked at together
_LEAST_SHARE = 0.7  # of a box that a smaller one must be, to be packed anew
_RUN_BYTES = 5  # of a run: its length, and its value
_SHORT = 4096  # voxels, of which no runs are too many
_LEVEL = 1  # of zlib: what is packed is short, and waited for


class HistoryError(LiverviewError):
    """A history that cannot be used: damaged, of other labels, or not to be read any more."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is otherwise in a block of labels.

    Attributes
    ----------
    box : of the volume.
    in_runs : whether runs of equal values were packed, or the values one by one.
    packed : of ``before ^ after``, the first axis fastest.
    """

    box: Box
    in_runs: bool
    packed: bytes

    def unpack(self) -> NDArray[np.uint8]:
        """``before ^ after``, of the box's shape.

        Raises
        ------
        HistoryError : where the bytes are not those of such a block.
        """
        shape = self.box.shape
        size = int(np.prod(shape))
        try:
            opened = zlib.decompressobj()
            raw = opened.decompress(self.packed, _RUN_BYTES * size)
            if not opened.eof:
                raise ValueError
            values = _from_runs(raw, size) if self.in_runs else np.frombuffer(raw, np.uint8)
            return values.reshape(shape, order="F")
        except (zlib.error, ValueError) as error:
            raise HistoryError(
                "a step of the history is damaged: the labels stay as they are."
            ) from error


def find_differences(
    before: NDArray[np.uint8], after: NDArray[np.uint8], start: Sequence[int] = (0, 0, 0)
) -> tuple[Difference, ...]:
    """The differences of two blocks, none where they are equal.

    Parameters
    ----------
    before, after : (i, j, k) uint8.
    start : the first voxel of the block in the volume.
    """
    found = []
    for part in _iter_parts(before.shape) if before.size else ():
        changed = np.bitwise_xor(before[part], after[part], order="F")
        one = _pack(changed, part.shifted(start))
        if one is not None:
            found.append(one)
    return tuple(found)


def apply_differences(voxels: NDArray[np.uint8], differences: Iterable[Difference]) -> None:
    """Bring labels, (I, J, K), from before a change to after it, or back.

    Raises
    ------
    HistoryError : where one is damaged or reaches beyond the labels; they are as they were then.
    """
    whole, done = Box.of_shape(voxels.shape), list[Difference]()
    try:
        for one in differences:
            if one.box.union(whole) != whole:
                raise HistoryError("a step of the history reaches beyond the scan.")
            _flip(voxels, one)
            done.append(one)
    except HistoryError:
        for one in done:
            _flip(voxels, one)
        raise


def join_differences(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Differences that together do what many do one after the other, where that is less work."""
    if len(differences) < 2:
        return tuple(differences)
    box = joint_box(differences)
    if np.prod(box.shape) > max(_AT_ONCE, sum(np.prod(one.box.shape) for one in differences)):
        return tuple(differences)
    total = np.zeros(box.shape, np.uint8, order="F")
    back = [-n for n in box.start]
    for one in differences:
        total[one.box.shifted(back)] ^= one.unpack()
    return find_differences(np.zeros_like(total), total, box.start)


def joint_box(differences: Iterable[Difference]) -> Box:
    """The box that holds those of all; an empty one of none."""
    found: Box | None = None
    for one in differences:
        found = one.box.union(found)
    return found or Box.of_shape((0, 0, 0))


def _flip(voxels: NDArray[np.uint8], one: Difference) -> None:
    block = voxels[one.box]
    np.bitwise_xor(block, one.unpack(), out=block)


def _iter_parts(shape: Sequence[int]) -> Iterator[Box]:
    """Parts of a block that are whole slices, together all of it."""
    i, j, k = shape
    thick = max(1, _AT_ONCE // max(1, i * j))
    for first in range(0, k, thick):
        yield Box.from_bounds((0, 0, first), (i, j, min(k, first + thick)))


def _pack(changed: NDArray[np.uint8], box: Box) -> Difference | None:
    """Pack what changed in a box, (i, j, k) with the first axis fastest, as tightly as may be."""
    runs = _find_runs(changed)
    if runs is not None:
        tight = _box_of_runs(*runs, changed.shape)
        if tight is None:
            return None
        if np.prod(tight.shape) < _LEAST_SHARE * changed.size:
            changed, box = np.asfortranarray(changed[tight]), tight.shifted(box.start)
            runs = _find_runs(changed)
    if runs is not None:
        starts, values = runs
        lengths = np.diff(starts, append=changed.size).astype("<u4")
        return Difference(box, True, zlib.compress(lengths.tobytes() + values.tobytes(), _LEVEL))
    # Without runs there is nothing for zlib to find but that few values are frequent.
    packer = zlib.compressobj(_LEVEL, strategy=zlib.Z_HUFFMAN_ONLY)
    return Difference(box, False, packer.compress(changed.tobytes(order="F")) + packer.flush())


def _find_runs(changed: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.uint8]] | None:
    """The first index and the value of every run of equal values; None where there are too many."""
    flat = changed.ravel(order="K")
    ends = flat[1:] != flat[:-1]
    if _RUN_BYTES * (np.count_nonzero(ends) + 1) >= max(flat.size, _SHORT):
        return None
    starts = np.concatenate((np.zeros(1, np.intp), np.flatnonzero(ends) + 1))
    return starts, flat[starts]


def _from_runs(raw: bytes, size: int) -> NDArray[np.uint8]:
    count = len(raw) // _RUN_BYTES
    lengths = np.frombuffer(raw, "<u4", count)
    if int(lengths.sum(dtype=np.int64)) != size:
        raise ValueError("the runs are not as long as the box")
    return np.repeat(np.frombuffer(raw, np.uint8, offset=4 * count), lengths)


def _box_of_runs(
    starts: NDArray[np.intp], values: NDArray[np.uint8], shape: Sequence[int]
) -> Box | None:
    """The box of what is not zero in a block of which the runs are known."""
    stops = np.append(starts[1:], int(np.prod(shape)))
    first, last = starts[values != 0], stops[values != 0] - 1
    if not len(first):
        return None
    (i, j, k), (to_i, to_j, to_k) = (np.unravel_index(n, shape, order="F") for n in (first, last))
    low, high = [int(i.min()), int(j.min()), int(k.min())], [to_i.max(), to_j.max(), to_k.max()]
    if (to_k > k).any():  # a run that goes on in the next slice, or row, fills this one
        low[1], high[1] = 0, shape[1] - 1
    if ((to_j > j) | (to_k > k)).any():
        low[0], high[0] = 0, shape[0] - 1
    return Box.from_bounds(low, [int(n) + 1 for n in high])
