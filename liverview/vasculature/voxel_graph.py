"""The voxels of a mask as a graph of neighbors, in mm, with their distances to the wall."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine, affine_spacing

Mask = NDArray[np.bool_]
Numbers = NDArray[np.intp]
Lengths = NDArray[np.float64]
Places = NDArray[np.float64]
"""(n, 3), world mm."""

_HALF_OF_DIRECTIONS = np.array([d for d in product((-1, 0, 1), repeat=3) if d > (0, 0, 0)])
"""One of each two opposite steps to the 26 neighbors."""


@dataclass(frozen=True, eq=False)
class VoxelGraph:
    """A mask's voxels and the steps between neighbors, also over edges and corners.

    Attributes
    ----------
    voxels : (n, 3) of the mask.
    places : of their centers.
    depth_mm : (n,), to the nearest face of the wall.
    first, second : (m,) voxels at both ends of a step, by number.
    step_mm : (m,).
    voxel_ml : volume of a voxel.
    coarsest_mm : the largest of the spacings.
    """

    voxels: Numbers
    places: Places
    depth_mm: Lengths
    first: Numbers
    second: Numbers
    step_mm: Lengths
    voxel_ml: float
    coarsest_mm: float


def build_voxel_graph(mask: Mask, affine: Affine) -> VoxelGraph:
    """The graph of a mask with at least one voxel; ``affine`` leads from its voxels to mm."""
    from scipy.spatial import cKDTree

    voxels = np.argwhere(mask)
    places = _to_world(voxels, affine)
    depth, _ = cKDTree(_wall_places(voxels, mask.shape, affine)).query(places)
    steps = _steps_between(voxels, mask.shape, places)
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    coarsest = max(affine_spacing(affine))
    return VoxelGraph(voxels, places, np.asarray(depth, np.float64), *steps, voxel_ml, coarsest)


def _to_world(voxels: NDArray[np.floating | np.integer], affine: Affine) -> Places:
    world: Places = voxels @ affine[:3, :3].T + affine[:3, 3]
    return world


def _numbered(
    voxels: Numbers, shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], Numbers, Numbers]:
    """An array of all voxels, one more on every side, flat: their numbers, -1 for none.

    With the place of each voxel in it, and the strides of its axes.
    """
    number = np.full(int(np.prod([n + 2 for n in shape])), -1, np.int32)
    strides = np.array([(shape[1] + 2) * (shape[2] + 2), shape[2] + 2, 1])
    keys = (voxels + 1) @ strides
    number[keys] = np.arange(len(voxels))
    return number, keys, strides


def _wall_places(voxels: Numbers, shape: tuple[int, ...], affine: Affine) -> Places:
    """The middles of all faces between a mask's voxels and what is none of it."""
    number, keys, strides = _numbered(voxels, shape)
    found = []
    for axis, side in product(range(3), (-1, 1)):
        bare = number[keys + side * strides[axis]] < 0
        faces = voxels[bare].astype(np.float64)
        faces[:, axis] += side / 2
        found.append(faces)
    return _to_world(np.concatenate(found), affine)


def _steps_between(
    voxels: Numbers, shape: tuple[int, ...], places: Places
) -> tuple[Numbers, Numbers, Lengths]:
    number, keys, strides = _numbered(voxels, shape)
    none = np.zeros(0, np.intp)
    firsts, seconds, lengths = [none], [none], [np.zeros(0)]
    for step in _HALF_OF_DIRECTIONS:
        other = number[keys + int(step @ strides)]
        some = np.flatnonzero(other >= 0)
        if len(some):
            mm = float(np.linalg.norm(places[other[some[0]]] - places[some[0]]))
            firsts.append(some)
            seconds.append(other[some].astype(np.intp))
            lengths.append(np.full(len(some), mm))
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(lengths)
