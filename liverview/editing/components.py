"""Components of masks by their runs: what touches is found among runs, not among voxels.

A run is a row of set voxels along the first axis. An organ of ten million voxels has some fifty
thousand of them, so that its components are known as soon as its mask is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Numbers = NDArray[np.intp]
_ALL = ((1, 0, 1), (0, 1, 1), (1, 1, 1), (1, -1, 1))
_NEIGHBORS = {26: _ALL, 6: ((1, 0, 0), (0, 1, 0)), 4: ((1, 0, 0),)}


class Components:
    """The components of a mask, (i, j, k), numbered from 1 on in no order that means something.

    Parameters
    ----------
    mask : bool; fastest where it lies in memory as Fortran has it.
    connectivity : 26, 6, or 4: within axial slices alone.

    Attributes
    ----------
    count : of the components.
    sizes : (count + 1,) voxels of each, by its number.
    """

    def __init__(self, mask: Mask, connectivity: int = 26) -> None:
        self._mask = mask.T
        padded = np.pad(self._mask, ((0, 0), (0, 0), (1, 1)))
        edges = np.flatnonzero(padded[:, :, 1:] != padded[:, :, :-1])
        width = mask.shape[0] + 1
        self._row, self._start = np.divmod(edges[::2], width)
        self._stop = edges[1::2] - self._row * width
        pairs = [self._touching(*step) for step in _NEIGHBORS[connectivity]]
        self._number = join(np.concatenate(pairs, axis=1), len(self._row))
        self.count = int(self._number.max(initial=0))
        lengths = (self._stop - self._start).astype(np.float64)
        self.sizes = np.bincount(self._number, lengths, self.count + 1).astype(np.intp)

    def at(self, voxel: tuple[int, ...] | Numbers) -> int:
        """The number of the component at a voxel; 0 where none is."""
        i, j, k = (int(v) for v in voxel)
        runs = np.flatnonzero(self._row == k * self._mask.shape[1] + j)
        hit = runs[(self._start[runs] <= i) & (i < self._stop[runs])]
        return int(self._number[hit[0]]) if len(hit) else 0

    def firsts(self) -> Numbers:
        """A voxel of each component, (count, 3)."""
        _, first = np.unique(self._number, return_index=True)
        k, j = np.divmod(self._row[first], self._mask.shape[1])
        return np.column_stack([self._start[first], j, k])

    def mask_of(self, chosen: Mask) -> Mask:
        """The voxels of some components.

        Parameters
        ----------
        chosen : (count + 1,) bool, by number.
        """
        return self._spread(chosen[self._number])

    def numbers(self) -> NDArray[np.int32]:
        """The number of every voxel, 0 outside the mask."""
        return self._spread(self._number.astype(np.int32))

    def bounds(self) -> tuple[Numbers, Numbers]:
        """First voxel, and the one after the last, of each component's box: twice (count, 3)."""
        k, j = np.divmod(self._row, self._mask.shape[1])
        first = np.full((self.count + 1, 3), np.iinfo(np.intp).max)
        last = np.zeros((self.count + 1, 3), np.intp)
        np.minimum.at(first, self._number, np.column_stack([self._start, j, k]))
        np.maximum.at(last, self._number, np.column_stack([self._stop, j + 1, k + 1]))
        return first[1:], last[1:]

    def _spread(self, values: NDArray[np.generic]) -> NDArray:  # type: ignore[type-arg]
        """A value per run as one per voxel, (i, j, k)."""
        out = np.zeros(self._mask.shape, values.dtype)
        out[self._mask] = np.repeat(values, self._stop - self._start)
        return out.T

    def _touching(self, j: int, k: int, reach: int) -> Numbers:
        """Pairs of runs that touch, (2, n), of rows that lie a step apart.

        Parameters
        ----------
        j, k : the step; negative for the other diagonal.
        reach : 1 where runs also touch by an edge or a corner, else 0.
        """
        depth, rows = self._mask.shape[:2]
        row_k, row_j = np.divmod(self._row, rows)
        there = (row_j + j >= 0) & (row_j + j < rows) & (row_k + k >= 0) & (row_k + k < depth)
        ones = np.flatnonzero(there)
        other = self._row[ones] + k * rows + j
        width = self._mask.shape[2] + 3
        starts, stops = self._row * width + self._start, self._row * width + self._stop
        # Runs of the other row that end after this one begins, and begin before it ends.
        low = np.searchsorted(stops, other * width + self._start[ones] - reach, "right")
        high = np.searchsorted(starts, other * width + self._stop[ones] + reach, "left")
        counts = np.maximum(high - low, 0)
        first = np.repeat(ones, counts)
        within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.stack([first, np.repeat(low, counts) + within])


def join(pairs: Numbers, count: int) -> Numbers:
    """The number of each of so many things, from 1 on, where pairs of them are of one group.

    Parameters
    ----------
    pairs : (2, n) of the things, counted from 0.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if count == 0:
        return np.zeros(0, np.intp)
    ones = np.ones(pairs.shape[1], np.bool_)
    graph = coo_array((ones, (pairs[0], pairs[1])), (count, count))
    return connected_components(graph, directed=False)[1].astype(np.intp) + 1
