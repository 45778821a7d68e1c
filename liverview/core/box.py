"""Boxes: axis-aligned blocks of voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """An axis-aligned block of voxels, which also indexes arrays: ``array[box]``.

    Attributes
    ----------
    i, j, k : the block's voxels along each axis, as slices with a start and a stop and no step.

    Examples
    --------
    >>> import numpy as np
    >>> from liverview.core.box import Box
    >>> mask = np.zeros((8, 8, 8), bool)
    >>> mask[2:5, 3, 4:6] = True
    >>> box = Box.around(mask)
    >>> box.start, box.shape
    ((2, 3, 4), (3, 1, 2))
    >>> int(mask[box].sum())
    6
    """

    i: slice
    j: slice
    k: slice

    @classmethod
    def from_bounds(cls, start: Sequence[int], stop: Sequence[int]) -> Box:
        """The box of the voxels from ``start`` up to, without, ``stop``."""
        i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        return cls(i, j, k)

    @classmethod
    def of_shape(cls, shape: Sequence[int]) -> Box:
        """The box of a whole array."""
        return cls.from_bounds((0, 0, 0), shape)

    @classmethod
    def from_profiles(cls, *profiles: NDArray[Any] | np.bool_) -> Box | None:
        """The box from what is set along each axis, three arrays (n,); None where nothing is."""
        hits = [np.flatnonzero(profile) for profile in profiles]
        if any(len(hit) == 0 for hit in hits):
            return None
        return cls.from_bounds([hit[0] for hit in hits], [hit[-1] + 1 for hit in hits])

    @classmethod
    def around(cls, mask: NDArray[Any]) -> Box | None:
        """The bounding box of what is not zero in an array (I, J, K); None where all is zero."""
        others = ((1, 2), (0, 2), (0, 1))
        return cls.from_profiles(*(mask.any(axis=axes) for axes in others))

    @property
    def start(self) -> tuple[int, int, int]:
        """The first voxel."""
        return self.i.start, self.j.start, self.k.start

    @property
    def stop(self) -> tuple[int, int, int]:
        """The voxel after the last one along each axis."""
        return self.i.stop, self.j.stop, self.k.stop

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each axis."""
        i, j, k = (max(0, side.stop - side.start) for side in self)
        return i, j, k

    @property
    def size(self) -> int:
        """How many voxels it has."""
        i, j, k = self.shape
        return i * j * k

    def contains(self, voxel: Sequence[int]) -> bool:
        """True where a voxel lies in the box."""
        return all(side.start <= v < side.stop for side, v in zip(self, voxel, strict=True))

    def shifted(self, by: Sequence[int]) -> Box:
        """The box moved by some voxels along each axis."""
        start, stop = np.add(self.start, by), np.add(self.stop, by)
        return Box.from_bounds(start.tolist(), stop.tolist())

    def expanded(self, margin: int, shape: Sequence[int]) -> Box:
        """The box with ``margin`` more voxels on every side, inside an array of ``shape``."""
        start = [max(0, first - margin) for first in self.start]
        stop = [min(n, last + margin) for last, n in zip(self.stop, shape, strict=True)]
        return Box.from_bounds(start, stop)

    def union(self, other: Box | None) -> Box:
        """The smallest box that holds both."""
        if other is None:
            return self
        start = np.minimum(self.start, other.start)
        return Box.from_bounds(start.tolist(), np.maximum(self.stop, other.stop).tolist())

    def intersection(self, other: Box) -> Box | None:
        """The box of the voxels that both hold; None where there are none."""
        start = np.maximum(self.start, other.start)
        both = Box.from_bounds(start.tolist(), np.minimum(self.stop, other.stop).tolist())
        return None if 0 in both.shape else both
