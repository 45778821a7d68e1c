"""Connected components of a mask that is read slab by slab, so that memory is a slab's.

Each slab is labeled alone; components of two slabs that touch across their border are one::

        slices     mask             ids in the slab    components of the whole
         0 ..  9   ##    ###        1, 2               A, B
        10 .. 19       #####  ##    1, 2               B, C

`iter_map_components` goes over the slabs again, in the same order. It does not keep the ids of the
first time but reads the mask and labels it again, so the mask of a slab must be the same in both
rounds: a caller may change it in slabs that were yielded, never in one that is still to come.
"""

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
Ids = NDArray[Any]


def iter_slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the slices of a block in pieces of bounded size."""
    depth = max(1, _VOXELS // max(1, shape[0] * shape[1]))
    for start in range(0, shape[2], depth):
        yield slice(start, min(start + depth, shape[2]))


@dataclass(frozen=True, eq=False)
class SlabComponents:
    """The components of one slab.

    Attributes
    ----------
    slices : its slices.
    component_ids : (I, J, slices), 0 outside the mask, each component's own id from 1 on.
    voxel_counts : voxels of each component of the slab, by its id less 1.
    """

    slices: slice
    component_ids: Ids
    voxel_counts: NDArray[np.int64]


class SlabwiseComponents:
    """The components of a mask, collected slab by slab and joined across their borders.

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
        self._touching: list[NDArray[np.int64]] = []
        self._slab_counts: list[NDArray[np.int64]] = []
        self._component_of: NDArray[Any] = np.zeros(0, np.intp)

    def iter_labeled_slabs(self) -> Iterator[SlabComponents]:
        """Yield the slabs with their components; the other methods need all of them yielded."""
        count = 0
        below: Ids | None = None  # ids in the whole block, of the slice under the slab
        for slices in iter_slabs(self._shape):
            ids, slab_count = self._label_slab(slices)
            slab = SlabComponents(slices, ids, _count_voxels(ids, slab_count))
            self._slab_counts.append(slab.voxel_counts)
            if below is not None:
                self._connect_slices(below, slab.component_ids[:, :, 0].astype(np.int64), count)
            top = slab.component_ids[:, :, -1].astype(np.int64)
            below = np.where(top > 0, top + count, 0)
            count += len(slab.voxel_counts)
            yield slab
        pairs = np.concatenate([np.zeros((0, 2), np.int64), *self._touching])
        edges = np.ones(len(pairs), bool)
        graph = coo_array((edges, (pairs[:, 0], pairs[:, 1])), (count, count))
        self._component_of = connected_components(graph, directed=False)[1]

    def _label_slab(self, slices: slice) -> tuple[Ids, int]:
        """The ids of a slab's components, 0 outside the mask, and their count."""
        mask = np.asfortranarray(self._mask_of(slices))
        if not mask.any():
            return np.zeros(mask.shape, np.uint8, order="F"), 0
        ids, count = cc3d.connected_components(mask, connectivity=self._connectivity, return_N=True)
        return ids, int(count)

    def _connect_slices(self, below: Ids, above: Ids, count: int) -> None:
        """Note the components of two adjacent slices that touch.

        ``count`` components lie in the slabs below; ids of ``above`` begin after them.
        """
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
                self._touching.append(pairs[new])  # neighbors mostly say the same

    def sum_per_component(self, values: list[NDArray[Any]]) -> NDArray[Any]:
        """Sum ``values``, an array per slab with one value per component, by whole component."""
        flat = np.concatenate([np.zeros(0), *values])
        count = int(self._component_of.max()) + 1 if len(self._component_of) else 0
        return np.bincount(self._component_of, weights=flat, minlength=count)

    @property
    def voxel_counts(self) -> NDArray[Any]:
        """Voxels of every whole component."""
        return self.sum_per_component(self._slab_counts)

    def iter_map_components(
        self, marks: NDArray[np.uint8]
    ) -> Iterator[tuple[slice, NDArray[np.uint8] | None]]:
        """Yield each voxel's mark by its whole component, slab by slab, 0 outside the mask.

        None stands for a slab of zeros. The mask may be changed in the slab that was yielded,
        and in none that is still to come.
        """
        count = 0
        for slices, slab_counts in zip(iter_slabs(self._shape), self._slab_counts, strict=True):
            slab_marks = marks[self._component_of[count : count + len(slab_counts)]]
            count += len(slab_counts)
            if not slab_marks.any():
                yield slices, None
            elif (slab_marks == slab_marks[0]).all():
                yield slices, self._mask_of(slices) * slab_marks[0]
            else:
                ids = self._label_slab(slices)[0]
                by_id = np.append(np.uint8(0), slab_marks)
                yield slices, by_id[ids.ravel(order="F")].reshape(ids.shape, order="F")


def _count_voxels(ids: Ids, count: int) -> NDArray[np.int64]:
    """Voxels of every component, (count,); the ids begin with 1."""
    if count == 0:
        return np.zeros(0, np.int64)
    flat = ids.ravel(order="K")  # as they lie in memory: another order takes many times as long
    rest = flat[flat > 1]  # mostly few: a histogram is slow
    counts = np.bincount(rest, minlength=count + 1)[1:].astype(np.int64)
    counts[0] = np.count_nonzero(flat) - len(rest)
    return counts
