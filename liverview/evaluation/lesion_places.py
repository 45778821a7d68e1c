"""Places in a liver: near the surface at the dome, at the rim or in a fissure, or deep inside.

A lesion is near the surface where one of its voxels lies within 5 mm of a voxel outside the liver.
There it lies in a fissure where most of these nearest voxels are in a gap of the liver, which is
what a closing by 10 mm fills; else at the dome, where its middle is in the upper quarter of the
liver's height, or at the rim. What lies farther than 5 mm from the liver is outside.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.evaluation.lesion_table import LesionPlace

NEAR_MM = 5.0
"""What is nearer to the surface is not deep."""
_GAP_MM = 10.0
_DOME_HEIGHT = 0.75
_STEP_MM = 3.0  # voxels are left out down to this distance: a place needs no finer one


class Placed(NamedTuple):
    """The place of a lesion, and the distance of its outermost voxel to the outside, mm."""

    place: LesionPlace
    depth_mm: float


class LiverPlaces:
    """Tells the places of lesions in one liver, from distances to its surface.

    Parameters
    ----------
    liver : (I, J, K) bool, the organ; where the scan ends there is no surface.
    spacing : mm.
    """

    def __init__(self, liver: NDArray[np.bool_], spacing: tuple[float, float, float]) -> None:
        found = Box.around(liver)
        self._start, self._empty = np.zeros(3, np.intp), found is None
        if found is None:
            return
        self._heights = found.k.start, found.k.stop - 1
        box = found.expanded(math.ceil(NEAR_MM / min(spacing)) + 1, liver.shape)
        self._start = np.asarray(box.start)
        self._steps = np.array([max(1, int(_STEP_MM / s)) for s in spacing])
        i, j, k = self._steps
        inside = liver[box][::i, ::j, ::k]
        sampling = self._steps * np.asarray(spacing)
        self._shape = inside.shape
        # Gaps do not end where the scan does: it goes on, without liver, for as far as they reach.
        pad = [math.ceil(2 * _GAP_MM / step) + 1 for step in sampling]
        padded = np.pad(inside, [(n, n) for n in pad])
        away = ndimage.distance_transform_edt(~padded, sampling)
        closed = ndimage.distance_transform_edt(away <= _GAP_MM, sampling) > _GAP_MM
        own = tuple(slice(n, n + size) for n, size in zip(pad, self._shape, strict=True))
        self._away = away[own]
        self._depth, nearest = _distance_inside(inside, sampling)
        self._beside_gap = (closed[own] & ~inside)[tuple(nearest)]

    def place_of(self, voxels: NDArray[np.intp]) -> Placed:
        """The place of a lesion by its voxels in the scan, (N, 3)."""
        if self._empty:
            return Placed(LesionPlace.OUTSIDE, 0.0)
        at = (voxels - self._start) // self._steps
        within = ((at >= 0) & (at < self._shape)).all(axis=1)
        i, j, k = at[within].T
        if not within.any() or self._away[i, j, k].min() > NEAR_MM:
            return Placed(LesionPlace.OUTSIDE, 0.0)
        depth = self._depth[i, j, k]
        least = float(depth.min()) if within.all() else 0.0
        near = depth <= NEAR_MM
        if least > NEAR_MM:
            return Placed(LesionPlace.DEEP, least)
        if self._beside_gap[i, j, k][near].mean() > 0.5:
            return Placed(LesionPlace.FISSURE, least)
        low, high = self._heights
        height = (float(voxels[:, 2].mean()) - low) / max(1, high - low)
        place = LesionPlace.DOME if height >= _DOME_HEIGHT else LesionPlace.RIM
        return Placed(place, least)


def _distance_inside(
    mask: NDArray[np.bool_], sampling: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Each voxel's distance to the nearest one outside a mask, and the index of that, (3, ...)."""
    if mask.all():  # no outside: the transform would take the array's corner for it
        return np.full(mask.shape, np.inf), np.indices(mask.shape, np.int32)
    distance, nearest = ndimage.distance_transform_edt(mask, sampling, return_indices=True)
    return distance, nearest
