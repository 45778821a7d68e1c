"""The brush: the voxels that it covers on its way from one place to another.

Places are in voxels of the grid, whole numbers at centers; sizes are mm, also on grids whose axes
are unlike, turned or sheared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Grid

MIN_RADIUS_MM, MAX_RADIUS_MM = 0.5, 150.0
_ROUNDING_MM = 1e-6  # what lies on the rim to within this is covered
_STEP = 1.2  # from one radius to the next

Place = Sequence[float]


class BrushShape(Enum):
    """Shapes of a brush."""

    ROUND = "Round"
    SQUARE = "Square"


@dataclass(frozen=True)
class Brush:
    """Shape and size of a brush.

    Attributes
    ----------
    radius_mm : of the round one; half a side of the square one.
    shape : round: what lies within the radius; square: along the axes of the voxels.
    ball : ball or cube through the slices; else it covers one slice.
    """

    radius_mm: float = 8.0
    shape: BrushShape = BrushShape.ROUND
    ball: bool = False

    def next_radius(self, steps: int) -> float:
        """The radius in mm that is so many steps larger, or smaller where they are negative."""
        radius = self.radius_mm * _STEP**steps
        rounded = round(radius, 1)
        if rounded == self.radius_mm and steps:
            rounded += 0.1 if steps > 0 else -0.1
        return limit_radius(rounded)

    def sweep(
        self, grid: Grid, start: Place, end: Place, axis: int
    ) -> tuple[Box, NDArray[np.bool_]] | None:
        """The voxels that the brush covers on a straight way; None where it misses the grid.

        The voxel that holds the end is always covered, however small the brush is.

        Parameters
        ----------
        grid : the voxels.
        start, end : the brush's middle, in voxels.
        axis : the one across the slice that is drawn in: what is no ball stays in that of the end.

        Returns
        -------
        A box of the grid, and the mask of its shape.
        """
        a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
        under = np.floor(b + 0.5)
        if not self.ball:
            a[axis] = b[axis] = under[axis]
        box = self._sweep_box(grid, a, b, axis, under)
        if box is None:
            return None
        from_start = [
            np.arange(side.start, side.stop, dtype=np.float64) - a[n] for n, side in enumerate(box)
        ]
        if self.shape is BrushShape.ROUND:
            mask = self._round_sweep(grid, from_start, b - a)
        else:
            mask = self._square_sweep(grid, from_start, b - a)
        voxel = [int(v) for v in under]
        if box.contains(voxel):
            i, j, k = (v - first for v, first in zip(voxel, box.start, strict=True))
            mask[i, j, k] = True
        return box, mask

    def half_sides(self, grid: Grid) -> NDArray[np.float64]:
        """Half the sides of the box around the brush, in voxels along i, j, k."""
        if self.shape is BrushShape.SQUARE:
            return self.radius_mm / np.asarray(grid.spacing)
        inverse = np.linalg.inv(metric(grid))
        half: NDArray[np.float64] = self.radius_mm * np.sqrt(np.diag(inverse))
        return half

    def _sweep_box(
        self,
        grid: Grid,
        a: NDArray[np.float64],
        b: NDArray[np.float64],
        axis: int,
        under: NDArray[np.float64],
    ) -> Box | None:
        half = self.half_sides(grid) + 1e-6
        if not self.ball:
            half[axis] = 0.0
        first = np.minimum(np.ceil(np.minimum(a, b) - half), under)
        last = np.maximum(np.floor(np.maximum(a, b) + half), under)
        first, last = np.maximum(first, 0), np.minimum(last + 1, grid.shape)
        return Box.from_bounds(first.tolist(), last.tolist()) if (first < last).all() else None

    def _round_sweep(
        self, grid: Grid, from_start: list[NDArray[np.float64]], way: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """What lies within the radius of a line: |p|^2 - 2 t (p . way) + t^2 |way|^2."""
        g = metric(grid)
        i, j, k = np.ix_(*from_start)
        squared = (g[0, 0] * i * i + g[1, 1] * j * j + 2 * g[0, 1] * i * j) + g[2, 2] * k * k
        if g[0, 2] or g[1, 2]:
            squared = squared + 2 * (g[0, 2] * i + g[1, 2] * j) * k
        length = float(way @ g @ way)
        if length > 0:
            u, v, w = g @ way
            along = u * i + v * j + w * k
            t = np.clip(along / length, 0, 1)
            squared = squared + t * (t * length - 2 * along)
        inside: NDArray[np.bool_] = squared <= (self.radius_mm + _ROUNDING_MM) ** 2
        return inside

    def _square_sweep(
        self, grid: Grid, from_start: list[NDArray[np.float64]], way: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """What a box holds at any time of its way: the times along every axis have one in common.

        Along an axis with offset x, the box holds it while |x - t way| is at most half a side.
        """
        enter, leave = [], []
        for x, step, mm in zip(from_start, way, grid.spacing, strict=True):
            half = (self.radius_mm + _ROUNDING_MM) / mm
            if abs(step) < 1e-9:
                held = np.abs(x) <= half
                enter.append(np.where(held, 0.0, 2.0))  # never, as times end at 1
                leave.append(np.ones_like(x))
            else:
                times = np.stack([(x - half) / step, (x + half) / step])
                enter.append(times.min(axis=0))
                leave.append(times.max(axis=0))
        i0, j0, k0 = np.ix_(*enter)
        i1, j1, k1 = np.ix_(*leave)
        begin = np.maximum(np.maximum(np.maximum(i0, j0), k0), 0.0)
        stop = np.minimum(np.minimum(np.minimum(i1, j1), k1), 1.0)
        inside: NDArray[np.bool_] = begin <= stop
        return inside


def metric(grid: Grid) -> NDArray[np.float64]:
    """The symmetric (3, 3) by which an offset v in voxels is sqrt(v . metric . v) mm long."""
    axes = grid.affine[:3, :3]
    found: NDArray[np.float64] = axes.T @ axes
    found[np.abs(found) < 1e-9 * np.trace(found)] = 0.0  # right angles but for rounding
    return found


def limit_radius(radius_mm: float) -> float:
    """A radius in mm that a brush can have."""
    return float(np.clip(radius_mm, MIN_RADIUS_MM, MAX_RADIUS_MM))
