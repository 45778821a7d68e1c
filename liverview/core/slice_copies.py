"""Copies of volumes whose slices lie in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.volume import Plane

_CACHE_LINE = 64  # bytes


def iter_slice_contiguous_copy(
    array: NDArray[Any], plane: Plane | None = None
) -> Iterator[NDArray[Any] | None]:
    """Make a copy whose n-th part is slice n of a plane, by default `Plane.least_contiguous`.

    Slices of that plane touch every cache line of the array; of the copy, one run of memory.
    Yields None between steps of some milliseconds, then the copy as the last value.
    """
    plane = Plane.least_contiguous(array) if plane is None else plane
    source = array.transpose(plane.axis, plane.vertical_axis, plane.horizontal_axis)
    out = np.empty(source.shape, array.dtype)
    step = max(1, _CACHE_LINE // array.itemsize)
    for row in range(source.shape[1]):
        for first in range(0, len(source), step):  # what shares cache lines, together
            out[first : first + step, row] = source[first : first + step, row]
        if row % 8 == 7:
            yield None
    yield out
