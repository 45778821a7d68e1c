"""Connected parts of a mask that is looked at slab by slab, so that memory is a slab's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from liverview.inference.components import Mask

_VOXELS = 4_000_000  # of one slab: well under a tenth of a second
Numbers = NDArray[Any]


def iter_slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """The slices of a block in pieces of bounded size."""
    depth = max(1, _VOXELS // max(1, shape[0] * shape[1]))
    for start in range(0, shape[2], depth):
        yield slice(start, min(start + depth, shape[2]))


@dataclass(frozen=True, eq=False)
class SlabComponents:
    """The parts of one slab.

    Attributes
    ----------
    where : its slices.
    numbers : (I, J, slices), 0 outside the mask, each part's own number from 1 on.
    size : voxels of each part of the slab, by its number less 1.
    """

    where: slice
    component_ids: Numbers
    voxel_counts: NDArray[np.int64]


class SlabwiseComponents:
    """Collects the parts of a mask, slab after slab, and tells which of them are one.

    Parameters
    ----------
    mask_of : the mask of some slices of the block.
    shape : of the block, (I, J, K).
    connectivity : 6 or 26.
    """

    def __init__(
        self, mask_of: Callable[[slice], Mask], shape: tuple[int, ...], connectivity: int
    ) -> None:
        self._mask_of = mask_of
        self._shape = shape
        self._connectivity = connectivity
        self._pairs: list[NDArray[np.int64]] = []
        self._sizes: list[NDArray[np.int64]] = []
        self._component_of: NDArray[Any] = np.zeros(0, np.intp)

    def iter_labeled_slabs(self) -> Iterator[SlabComponents]:
        """The slabs with their parts; once all were seen, the rest can be asked."""
        count = 0
        last: Numbers | None = None
        for where in iter_slabs(self._shape):
            numbers, parts = self._label_slab(where)
            slab = SlabComponents(where, numbers, _count_voxels(numbers, parts))
            self._sizes.append(slab.voxel_counts)
            if last is not None:
                self._connect_slices(last, slab.component_ids[:, :, 0].astype(np.int64), count)
            top = slab.component_ids[:, :, -1].astype(np.int64)
            last = np.where(top > 0, top + count, 0)
            count += len(slab.voxel_counts)
            yield slab
        pairs = np.concatenate([np.zeros((0, 2), np.int64), *self._pairs])
        graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
        self._component_of = connected_components(graph, directed=False)[1]

    def _label_slab(self, where: slice) -> tuple[Numbers, int]:
        mask = np.asfortranarray(self._mask_of(where))
        if not mask.any():
            return np.zeros(mask.shape, np.uint8, order="F"), 0
        numbers, count = cc3d.connected_components(
            mask, connectivity=self._connectivity, return_N=True
        )
        return numbers, int(count)

    def _connect_slices(self, below: Numbers, above: Numbers, count: int) -> None:
        """Note which parts of two slices that lie on one another are one."""
        shifts = (0,) if self._connectivity == 6 else (-1, 0, 1)
        for di in shifts:
            for dj in shifts:
                under = below[max(di, 0) : len(below) + min(di, 0)]
                over = above[max(-di, 0) : len(above) + min(-di, 0)]
                width = below.shape[1]
                under = under[:, max(dj, 0) : width + min(dj, 0)]
                over = over[:, max(-dj, 0) : width + min(-dj, 0)]
                both = (under > 0) & (over > 0)
                pairs = np.stack([under[both] - 1, over[both] - 1 + count], axis=1)
                new = (np.diff(pairs, axis=0, prepend=-1) != 0).any(axis=1)
                self._pairs.append(pairs[new])  # neighbors mostly say the same

    def sum_per_component(self, values: list[NDArray[Any]]) -> NDArray[Any]:
        """What was counted for the parts of each slab, summed over every whole part."""
        flat = np.concatenate([np.zeros(0), *values])
        count = int(self._component_of.max()) + 1 if len(self._component_of) else 0
        return np.bincount(self._component_of, weights=flat, minlength=count)

    @property
    def voxel_counts(self) -> NDArray[Any]:
        """Voxels of every whole part."""
        return self.sum_per_component(self._sizes)

    def map_components(
        self, marks: NDArray[np.uint8]
    ) -> Iterator[tuple[slice, NDArray[np.uint8] | None]]:
        """Each voxel's mark by its whole part, slab by slab, 0 outside the mask.

        None stands for a slab of zeros. The mask may be changed in the slab that was yielded,
        and in none that is still to come.
        """
        count = 0
        for where, size in zip(iter_slabs(self._shape), self._sizes, strict=True):
            mine = marks[self._component_of[count : count + len(size)]]
            count += len(size)
            if not mine.any():
                yield where, None
            elif (mine == mine[0]).all():
                yield where, self._mask_of(where) * mine[0]
            else:
                yield where, np.append(np.uint8(0), mine)[self._label_slab(where)[0]]


def _count_voxels(numbers: Numbers, parts: int) -> NDArray[np.int64]:
    """Voxels of every part, the first numbered 1."""
    if parts == 0:
        return np.zeros(0, np.int64)
    rest = numbers[numbers > 1]  # mostly few: a histogram is slow
    counts = np.bincount(rest, minlength=parts + 1)[1:].astype(np.int64)
    counts[0] = np.count_nonzero(numbers) - len(rest)
    return counts
