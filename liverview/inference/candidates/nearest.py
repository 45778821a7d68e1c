"""The nearest of some cores, for voxels most of which lie right beside one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_MOST_ACROSS = 32  # voxels along j and k
_MOST_INT16 = 2**13  # four times as much must fit
_STEP_COST = 300  # of one step, in voxels that are looked at
Places = NDArray[Any]


def nearest_numbers(numbers: NDArray[np.uint16], asked: Places) -> NDArray[np.uint16]:
    """The number of the nearest voxel that has one, counted in voxels, for some that have none.

    Of several as near ones, that with the least k counts, then j, then i, which is the choice of
    SciPy's feature transform, too. Instead of going over the whole box, this goes over lines along
    i around each voxel, the nearest ones first, until none can hold a nearer voxel; if that takes
    longer than the whole box, the rest is left to SciPy.

    Parameters
    ----------
    numbers : (I, J, K), 0 where there is no core; i first in memory.
    asked : (n,), places in that memory.
    """
    nearest = np.zeros(len(asked), np.uint16)
    flat_numbers, along = numbers.ravel(order="F"), _nearest_along_i(numbers).ravel(order="F")
    i, j, k = np.unravel_index(asked, numbers.shape, order="F")
    wide, high, deep = numbers.shape
    active = np.arange(len(asked))
    best = np.full(len(asked), np.iinfo(np.int64).max)  # squared distance, then line
    spent = 0
    for (dj, dk), across in _steps(high, deep):
        still = best >= across * high * deep
        if not still.all():
            begin = best[~still] % (high * deep) * wide
            nearest[active[~still]] = flat_numbers[begin + along[begin + i[~still]]]
            active, best, i, j, k = (one[still] for one in (active, best, i, j, k))
        spent += len(active) + _STEP_COST
        if len(active) == 0 or spent > numbers.size:
            break
        to_j, to_k = j + dj, k + dk
        inside = (to_j >= 0) & (to_j < high) & (to_k >= 0) & (to_k < deep)
        line = np.where(inside, to_j + high * to_k, 0)
        away = along[line * wide + i] - i
        np.minimum(best, (away * away + across) * (high * deep) + line, where=inside, out=best)
    if len(active):
        nearest[active] = _by_feature_transform(numbers)[asked[active]]
    return nearest


def _nearest_along_i(numbers: NDArray[np.uint16]) -> NDArray[Any]:
    """Where the nearest voxel with a number lies on each voxel's line along i, the lower of two.

    Where there is none, it is farther away than the box is wide, high and deep.
    """
    far = sum(numbers.shape)
    dtype = np.int16 if far < _MOST_INT16 else np.int32
    i = np.arange(len(numbers), dtype=dtype)[:, None, None]
    present = numbers > 0
    before, nearest = np.where(present, i, dtype(-far)), np.where(present, i, dtype(2 * far))
    np.maximum.accumulate(before, axis=0, out=before)
    np.minimum.accumulate(nearest[::-1], axis=0, out=nearest[::-1])
    np.copyto(nearest, before, where=before + nearest >= 2 * i)
    return nearest


def _steps(high: int, deep: int) -> list[tuple[tuple[int, int], int]]:
    """Steps along j and k with their squared lengths, the shortest first."""
    j, k = np.mgrid[
        -min(high, _MOST_ACROSS) : min(high, _MOST_ACROSS) + 1,
        -min(deep, _MOST_ACROSS) : min(deep, _MOST_ACROSS) + 1,
    ].reshape(2, -1)
    lengths = j * j + k * k
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] <= _MOST_ACROSS**2]
    steps = zip(j[order].tolist(), k[order].tolist(), strict=True)
    return list(zip(steps, lengths[order].tolist(), strict=True))


def _by_feature_transform(numbers: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The nearest number of every voxel, in the order of memory, (I * J * K,)."""
    index = ndimage.distance_transform_edt(
        numbers == 0, return_distances=False, return_indices=True
    )
    nearest: NDArray[np.uint16] = numbers[tuple(index)].ravel(order="F")
    return nearest
