"""Connected components of a mask that is read slab by slab, so that memory is that of its runs.

Each slab is labeled alone; components of two slabs that touch across their border are one::

        slices     mask             ids in the slab    components of the whole
         0 ..  9   ##    ###        1, 2               A, B
        10 .. 19       #####  ##    1, 2               B, C

The mask is read once. What is kept of it are its runs (see `runs`), each with its component.
Components are numbered by their first voxels, as voxels lie in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from liverview.core.box import Box
from liverview.inference.components import Mask
from liverview.inference.runs import Positions, RunLayout, Runs

_VOXELS = 1_000_000  # of one slab: little enough for the caches of a processor
Numbers = NDArray[Any]
MaskOf = Callable[[slice], Mask]


def iter_slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the slices of a block in pieces of bounded size."""
    depth = max(1, _VOXELS // max(1, shape[0] * shape[1]))
    for start in range(0, shape[2], depth):
        yield slice(start, min(start + depth, shape[2]))


class SlabwiseComponents:
    """The components of a mask, collected slab by slab and joined across their borders.

    Parameters
    ----------
    mask_of : the mask of some slices of the block.
    shape : of the block, (I, J, K).
    connectivity : 6 or 26.
    inner_of : a mask of some slices within that mask, whose voxels are counted, too.
    """

    def __init__(
        self,
        mask_of: MaskOf,
        shape: tuple[int, ...],
        connectivity: int,
        inner_of: MaskOf | None = None,
    ) -> None:
        self._mask_of, self._inner_of = mask_of, inner_of
        self._shape, self._layout = shape, RunLayout(shape)
        line, plane = self._layout.line, self._layout.plane
        # From a line to the neighbors of its in the next slice; how far over its ends one may be.
        self._across = (plane,) if connectivity == 6 else (plane - line, plane, plane + line)
        self._reach = 0 if connectivity == 6 else 1
        self._slabs: list[Runs] = []
        self._slab_ids: list[Positions] = []  # of every run, in the whole block
        self._inner: list[tuple[Positions, Positions]] = []
        self._touching: list[Positions] = []
        self._component_of: Numbers = np.zeros(0, np.intp)

    def iter_labeled_slabs(self) -> Iterator[slice]:
        """Read the mask, yielding each slab's slices; all else needs all of them yielded."""
        buffer: Mask | None = None
        count = 0
        for slices in iter_slabs(self._shape):
            if buffer is None:
                buffer = self._layout.buffer(slices.stop - slices.start)
            runs = self._layout.find(self._mask_of(slices), slices.start, buffer)
            ids, slab_count = self._label_runs(runs)
            self._slab_ids.append(ids + count)
            self._slabs.append(runs)
            self._connect_to_slab_below(slices.start)
            if self._inner_of is not None:
                inner = self._layout.find(self._inner_of(slices), slices.start, buffer)
                self._count_inner(runs, self._slab_ids[-1], inner)
            count += slab_count
            yield slices
        pairs = np.concatenate([np.zeros((0, 2), np.intp), *self._touching])
        self._component_of = _joined(pairs[:, 0], pairs[:, 1], count)

    def _label_runs(self, runs: Runs) -> tuple[Positions, int]:
        """The ids of a slab's runs, from 0 on in the order of first runs, and their count."""
        if len(runs) == 0:
            return np.zeros(0, np.int32), 0
        shifts = (self._layout.line, *self._across)
        pairs = [runs.touching(runs, shift, self._reach) for shift in shifts]
        own, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        ids = _joined(own, other, len(runs))
        return ids, int(ids.max()) + 1

    def _connect_to_slab_below(self, first: int) -> None:
        """Note the components of the last slab that touch those under its ``first`` slice."""
        if len(self._slabs) < 2:
            return
        plane = self._layout.plane
        top = slice(int(np.searchsorted(self._slabs[-2].starts, (first - 1) * plane)), None)
        bottom = slice(None, int(np.searchsorted(self._slabs[-1].starts, (first + 1) * plane)))
        under, over = self._slabs[-2].part(top), self._slabs[-1].part(bottom)
        under_ids, over_ids = self._slab_ids[-2][top], self._slab_ids[-1][bottom]
        for shift in self._across:
            one, other = under.touching(over, shift, self._reach)
            pairs = np.stack([under_ids[one], over_ids[other]], axis=1)
            new = (np.diff(pairs, axis=0, prepend=-1) != 0).any(axis=1)
            self._touching.append(pairs[new])  # neighbors mostly say the same

    def _count_inner(self, runs: Runs, ids: Positions, inner: Runs) -> None:
        """Note how many voxels the runs within others have, by the ids of those."""
        around = np.searchsorted(runs.starts, inner.starts, side="right") - 1
        self._inner.append((ids[around], inner.stops - inner.starts))

    @property
    def count(self) -> int:
        """How many components there are."""
        return int(self._component_of.max()) + 1 if len(self._component_of) else 0

    def _sum(self, ids: list[Positions], values: list[Numbers]) -> Numbers:
        """Sums of values that lie at slabs' ids, by component."""
        joined = self._component_of[np.concatenate([np.zeros(0, np.int32), *ids])]
        flat = np.concatenate([np.zeros(0), *values])
        return np.bincount(joined, weights=flat, minlength=self.count)

    @property
    def voxel_counts(self) -> Numbers:
        """Voxels of every component, (C,)."""
        return self._sum(self._slab_ids, [runs.stops - runs.starts for runs in self._slabs])

    @property
    def inner_counts(self) -> Numbers:
        """Voxels of ``inner_of`` in every component, (C,)."""
        return self._sum([ids for ids, _ in self._inner], [voxels for _, voxels in self._inner])

    @property
    def reaches_border(self) -> NDArray[np.bool_]:
        """True for each component that reaches a side of the block, (C,)."""
        reaching = [self._layout.reaching_border(runs) for runs in self._slabs]
        return self._sum(self._slab_ids, reaching) > 0

    def iter_map_components(
        self, marks: NDArray[np.uint8]
    ) -> Iterator[tuple[slice, NDArray[np.uint8] | None]]:
        """Yield each voxel's mark by its component, slab by slab, 0 outside the mask.

        None stands for a slab of zeros.
        """
        for slices, runs, ids in zip(
            iter_slabs(self._shape), self._slabs, self._slab_ids, strict=True
        ):
            values = marks[self._component_of[ids]]
            yield slices, self._layout.paint(runs, values, slices) if values.any() else None

    def cut(self, components: Numbers) -> list[tuple[Box, Mask]]:
        """The box and the mask in it of some components, in the order in which they are asked."""
        ids = self._component_of[np.concatenate([np.zeros(0, np.int32), *self._slab_ids])]
        wanted = np.zeros(self.count, np.bool_)
        wanted[components] = True
        asked = np.flatnonzero(wanted[ids])
        starts, stops = (
            np.concatenate([np.zeros(0, np.int32), *side])[asked]
            for side in ([r.starts for r in self._slabs], [r.stops for r in self._slabs])
        )
        order = np.argsort(ids[asked], kind="stable")
        first, behind = (
            np.searchsorted(ids[asked], components, side=side, sorter=order)
            for side in ("left", "right")
        )
        runs = Runs(starts, stops)
        own = [order[a:b] for a, b in zip(first, behind, strict=True)]
        return [self._layout.cut(runs.part(which)) for which in own]


def components_of(mask: Mask, connectivity: int) -> SlabwiseComponents:
    """The components of a mask that is there as a whole, (I, J, K)."""
    components = SlabwiseComponents(lambda slices: mask[:, :, slices], mask.shape, connectivity)
    for _ in components.iter_labeled_slabs():
        pass
    return components


def holes_of(mask: Mask) -> Mask | None:
    """What the mask encloses, (I, J, K): the rest's 6-connected components inside; None if none."""
    rest = components_of(~mask, 6)
    enclosed = ~rest.reaches_border
    if not enclosed.any():
        return None
    holes = np.zeros(mask.shape, np.bool_, order="F")
    for slices, marked in rest.iter_map_components(enclosed.view(np.uint8)):
        if marked is not None:
            holes[:, :, slices] = marked
    return holes


def _joined(one: Positions, other: Positions, count: int) -> Positions:
    """The component of each of ``count`` nodes, by edges; numbered by their first nodes."""
    if len(one) == 0:
        return np.arange(count)
    graph: Any = coo_array((np.ones(len(one), np.bool_), (one, other)), (count, count))
    joined: Positions = connected_components(graph, directed=False)[1]
    return joined
