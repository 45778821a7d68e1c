"""Runs of a mask: its voxels along i, each run told by the positions where it begins and ends.

Positions count the voxels of a block as they lie in memory, i first, with an empty voxel behind
each line and an empty line behind each slice::

                 positions          mask
        line 0    0 ..  4      . # # . |        runs  1..3
        line 1    5 ..  9      # # . # |              5..7, 8..9
        empty    10 .. 14      | | | | |

So neighbors along an axis are the same number of positions apart everywhere, and no run touches
another one around the end of its line or slice. An organ has a run or two in a line: much less to
go through than its voxels, whatever is asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.inference.components import Mask

_MOST_INT32 = 2**30
Positions = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of a mask in the order of their positions.

    Attributes
    ----------
    starts, stops : (n,), a run's first position and the one behind its last.
    """

    starts: Positions
    stops: Positions

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, which: slice | NDArray[Any]) -> Runs:
        """Some of the runs."""
        return Runs(self.starts[which], self.stops[which])

    def moved(self, by: int) -> Runs:
        """The same some positions further."""
        return Runs(self.starts + by, self.stops + by)

    def touching(self, other: Runs, shift: int, reach: int) -> tuple[Positions, Positions]:
        """Pairs of runs that overlap once these are moved on by ``shift``, and made longer.

        Returns
        -------
        own, theirs : (pairs,) each, numbers of runs; the own ones ascend.
        """
        first = np.searchsorted(other.stops, self.starts + (shift - reach), side="right")
        behind = np.searchsorted(other.starts, self.stops + (shift + reach), side="left")
        counts = behind - first
        own = np.repeat(np.arange(len(self)), counts)
        before = np.cumsum(counts) - counts
        return own, np.arange(len(own)) + np.repeat(first - before, counts)

    def painted(self, values: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """One value per run at all of its positions of ``size``, (size,), 0 elsewhere."""
        bounds = np.empty(2 * len(self) + 2, np.int64)
        bounds[0], bounds[-1] = 0, size
        bounds[1:-1:2], bounds[2:-1:2] = self.starts, self.stops
        levels = np.zeros(2 * len(self) + 1, np.uint8)
        levels[1::2] = values
        return np.repeat(levels, np.diff(bounds))


@dataclass(frozen=True)
class RunLayout:
    """Where the voxels of a block of ``shape``, (I, J, K), lie among positions."""

    shape: tuple[int, ...]

    @property
    def line(self) -> int:
        """Positions from a voxel to the next one along j."""
        return self.shape[0] + 1

    @property
    def plane(self) -> int:
        """Positions from a voxel to the next one along k."""
        return self.line * (self.shape[1] + 1)

    def buffer(self, depth: int) -> Mask:
        """An empty mask of some slices with the empty voxels around, for `find`."""
        return np.zeros((self.shape[0] + 1, self.shape[1] + 1, depth), np.bool_, order="F")

    def find(self, mask: Mask, first: int, buffer: Mask) -> Runs:
        """The runs of the mask of some slices, (I, J, slices), from slice ``first`` on.

        ``buffer`` has as many slices at least, and is written into.
        """
        used = buffer[:, :, : mask.shape[2]]
        used[:-1, :-1] = mask
        flat = used.ravel(order="F")
        turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        if len(flat) and flat[0]:
            turns = np.concatenate([[0], turns])
        last = self.plane * self.shape[2]
        turns = (turns + first * self.plane).astype(np.int32 if last < _MOST_INT32 else np.int64)
        return Runs(np.ascontiguousarray(turns[::2]), np.ascontiguousarray(turns[1::2]))

    def paint(self, runs: Runs, values: NDArray[np.uint8], slices: slice) -> NDArray[np.uint8]:
        """The voxels of some slices, (I, J, slices), with the value of their run, or 0."""
        depth = slices.stop - slices.start
        flat = runs.moved(-slices.start * self.plane).painted(values, depth * self.plane)
        i, j, _ = self.shape
        return flat.reshape((i + 1, j + 1, depth), order="F")[:-1, :-1]

    def reaching_border(self, runs: Runs) -> NDArray[np.bool_]:
        """True for the runs that reach a side of the block, (n,)."""
        i, j, k = self.voxels(runs.starts)
        at_end = i + (runs.stops - runs.starts) == self.shape[0]
        beside = (j == 0) | (j == self.shape[1] - 1) | (k == 0) | (k == self.shape[2] - 1)
        reaching: NDArray[np.bool_] = beside | (i == 0) | at_end
        return reaching

    def voxels(self, positions: Positions) -> tuple[Positions, Positions, Positions]:
        """The voxels at positions, along i, j and k, (n,) each."""
        lines, i = np.divmod(positions, self.line)
        k, j = np.divmod(lines, self.shape[1] + 1)
        return i, j, k

    def cut(self, runs: Runs) -> tuple[Box, Mask]:
        """The smallest box around some runs, one at least, and their mask in it, i first."""
        i, j, k = self.voxels(runs.starts)
        ends = i + (runs.stops - runs.starts)
        start = int(i.min()), int(j.min()), int(k.min())
        box = Box.from_bounds(start, (int(ends.max()), int(j.max()) + 1, int(k.max()) + 1))
        wide, high, _ = box.shape
        lines = (j - start[1]) + np.int64(high) * (k - start[2])
        inside = Runs(lines * wide + (i - start[0]), lines * wide + (ends - start[0]))
        flat = inside.painted(np.ones(len(runs), np.uint8), box.size)
        return box, flat.view(np.bool_).reshape(box.shape, order="F")
