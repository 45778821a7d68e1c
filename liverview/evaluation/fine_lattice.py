"""A lattice twice as fine as the voxels, on which every thickness of a mask is odd.

Voxel n of an axis is point 2 n, and between two voxels lies one more point: n voxels are 2 n - 1
points thick, which have one in their middle, whether n is even or odd. A point between voxels
belongs to a mask where two voxels on opposite sides of it do, so that voxels which touch by an
edge or a corner hang together on the lattice and components stay as they are.

A point's key is its place in the array of the whole lattice, whose bytes hold several flags.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Keys = NDArray[np.intp]
"""Points, each by its key."""
Bits = NDArray[np.uint32]
"""Neighborhoods: bit n says whether neighbor n, at ``DIRECTIONS[n]``, is there."""

DIRECTIONS = np.array([d for d in product((-1, 0, 1), repeat=3) if any(d)])
"""The steps to the 26 neighbors of a point."""
THERE, LINE, GOING, _MASK = (np.uint8(1 << n) for n in range(4))
"""Flags: of the shape, of a line for good, about to be taken away; of the mask as it was."""
_REACHES = (1, 2, 3, 5, 8, 13, 21)  # points, how far it is looked for the mask around a point
_EDGE = 22  # empty points around, so that all of these have a key
_ROWS = 2**16  # points whose neighborhoods are looked up together
_RUN = 2**20  # points that are looked for together


class FineLattice:
    """The flags of a mask's points; eight bytes for every voxel of its block."""

    def __init__(self, mask: Mask) -> None:
        whole = np.zeros([2 * n - 1 + 2 * _EDGE for n in mask.shape], np.uint8)
        inner = whole[_EDGE:-_EDGE, _EDGE:-_EDGE, _EDGE:-_EDGE]
        for parity in product((0, 1), repeat=3):
            inner[tuple(slice(p, None, 2) for p in parity)] = _between(mask, parity) * (
                THERE | _MASK
            )
        self._shape = whole.shape
        self._flags = whole.ravel()
        strides = np.array([self._shape[1] * self._shape[2], self._shape[2], 1])
        self.steps: Keys = DIRECTIONS @ strides
        """From the key of a point to those of its neighbors."""

    def has(self, keys: Keys, flag: np.uint8 = THERE) -> Mask:
        """Which of these points have a flag."""
        return self._flags[keys] & flag > 0

    def set(self, keys: Keys, flag: np.uint8) -> None:
        self._flags[keys] |= flag

    def clear(self, keys: Keys, flag: np.uint8) -> None:
        self._flags[keys] &= ~flag

    def neighborhoods(self, keys: Keys, flag: np.uint8 = THERE) -> Bits:
        """Which of the 26 neighbors of each point have a flag."""
        found = np.empty(len(keys), np.uint32)
        padded = np.append(self.steps, [0] * (32 - len(DIRECTIONS)))
        for first in range(0, len(keys), _ROWS):
            some = self._flags[keys[first : first + _ROWS, None] + padded]
            bits = np.packbits(some & flag, axis=1, bitorder="little").view("<u4")
            found[first : first + _ROWS] = bits[:, 0]
        return found & np.uint32((1 << len(DIRECTIONS)) - 1)

    def depths(self, keys: Keys) -> NDArray[np.int64]:
        """By how much of the mask points are surrounded, nearby first, in whole numbers.

        Whole numbers, since sums of others differ by their order, and so between mirror images.
        """
        found = np.zeros(len(keys), np.int64)
        for reach in _REACHES:
            count = np.zeros(len(keys), np.uint8)
            for step in self.steps:
                count += self._flags[keys + reach * step] & _MASK > 0
            found = found << 5 | count  # 26 at most
        return found

    def surface(self) -> Keys:
        """The points that lack a neighbor beyond a face."""
        beside = self.steps[np.abs(DIRECTIONS).sum(axis=1) == 1]
        found = []
        for first in range(0, len(self._flags), _RUN):
            last = min(first + _RUN, len(self._flags))
            keys = first + np.flatnonzero(self._flags[first:last] & THERE)
            found.append(keys[~np.logical_and.reduce([self.has(keys + s) for s in beside])])
        return np.concatenate(found)

    def all_keys(self) -> Keys:
        """The keys of all points."""
        runs = range(0, len(self._flags), _RUN)
        found = [n + np.flatnonzero(self._flags[n : n + _RUN] & THERE) for n in runs]
        return np.concatenate(found)

    def places(self, keys: Keys) -> NDArray[np.intp]:
        """Where points are, in half voxels of the mask, (N, 3)."""
        return np.stack(np.unravel_index(keys, self._shape), axis=1) - _EDGE


def _between(mask: Mask, parity: tuple[int, ...]) -> Mask:
    """The points half a voxel beyond along some axes: those between opposite voxels that are."""
    corners = list(product(*(range(p + 1) for p in parity)))
    shape = tuple(n - p for n, p in zip(mask.shape, parity, strict=True))
    found = np.zeros(shape, bool)
    for corner in corners[: (len(corners) + 1) // 2]:
        opposite = tuple(p - c for p, c in zip(parity, corner, strict=True))
        first, second = (
            mask[tuple(slice(c, c + n) for c, n in zip(start, shape, strict=True))]
            for start in (corner, opposite)
        )
        found |= first & second
    return found
