"""Resampling by nearest neighbor: every voxel of a grid takes the value of the one it lies in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Grid

_TIE = 1e-6  # voxels; what lies half-way but for rounding goes to the higher index, too


def iter_nearest(
    array: NDArray[Any], grid: Grid, target: Grid
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Resample an array onto another grid, one slice of it after the other.

    A value is that of the voxel whose center is nearest along each axis of the array, and half-way
    that of the higher index; outside of all voxels it is 0. Needs the memory of a few slices, and
    of the array once more where its first axis is not the fastest.

    Parameters
    ----------
    array : (I, J, K) on ``grid``, of any type.
    target : the grid to resample onto, turned and spaced in any way.

    Yields
    ------
    k, values : a slice's index along the third axis of the target, and the slice, (I', J').
    """
    step = np.linalg.solve(grid.affine, target.affine)  # index on the target -> on the array
    rows, columns = np.arange(target.shape[0])[:, None], np.arange(target.shape[1])[None, :]
    flat, strides = array.ravel(order="F"), np.cumprod((1, *array.shape[:2]))
    within = [step[axis, 0] * rows + step[axis, 1] * columns for axis in range(3)]
    for k in range(target.shape[2]):
        inside = np.ones(target.shape[:2], bool)
        where = np.zeros(target.shape[:2])  # in the flat array
        for axis, size in enumerate(array.shape):
            place = within[axis] + (step[axis, 2] * k + step[axis, 3] + 0.5 + _TIE)
            np.floor(place, out=place)
            inside &= (place >= 0) & (place < size)
            where += place * strides[axis]
        where[~inside] = 0
        values = flat.take(where.astype(np.intp))
        values[~inside] = 0
        yield k, values
