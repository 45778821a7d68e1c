"""Which point of a centerline a voxel of a mask belongs to, and how thick the vessel is there.

A voxel belongs to the point whose sphere, of the vessel's radius, is the nearest on a way through
the mask. So a thick vessel keeps its wall where a thin one leaves it, and vessels that touch part
between them. Radii come from the volume that belongs to a stretch of line: a distance to the wall
measured in voxels is too small by half of one, a volume is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liverview.vasculature.centerlines import Chain
from liverview.vasculature.voxel_graph import Lengths, Numbers, VoxelGraph

_LEAST_MM = 1e-3  # a way of no length would be none for the search
_MOST = 1.5  # depths of a point, and that depths are too small by this:
_DEPTH_MM = 0.5
_WINDOW = 4  # points on each side whose volume gives a point's radius


@dataclass(frozen=True, eq=False)
class Territories:
    """The voxels of a mask by the points that they belong to.

    Attributes
    ----------
    point : by voxel of the graph, the number of its point, counted through all chains.
    chain : by point, the number of its chain.
    volume_ml : by point, of its voxels.
    """

    point: Numbers
    chain: Numbers
    volume_ml: Lengths


def find_territories(graph: VoxelGraph, chains: Sequence[Chain]) -> Territories:
    """Assign every voxel of a mask to a point of its centerlines, which are in every component."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    size = len(graph.voxels)
    points = np.concatenate([chain.places for chain in chains])
    radii = np.concatenate([chain.radii for chain in chains])
    owner = np.repeat(np.arange(len(chains)), [len(chain.places) for chain in chains])
    away, nearest = cKDTree(graph.places).query(points)
    start_mm = away + radii.max() - radii + _LEAST_MM
    best = np.lexsort((np.arange(len(points)), start_mm))
    seeds, which = np.unique(np.asarray(nearest)[best], return_index=True)
    point_of = np.full(size, -1, np.intp)
    point_of[seeds] = best[which]
    # The search begins at one more node, whose steps to the seeds are their heads start.
    top = np.full(len(seeds), size)
    steps = csr_array(
        (
            np.concatenate([graph.step_mm, start_mm[best[which]]]),
            (np.concatenate([graph.first, top]), np.concatenate([graph.second, seeds])),
        ),
        shape=(size + 1, size + 1),
    )
    _, before, _ = dijkstra(
        steps, directed=False, indices=np.array([size]), min_only=True, return_predecessors=True
    )
    own = np.arange(size)
    origin: Numbers = np.where((before[:-1] < 0) | (before[:-1] == size), own, before[:-1])
    while not np.array_equal(origin, further := origin[origin]):
        origin = further
    point = point_of[origin]
    counts = np.bincount(point[point >= 0], minlength=len(points))
    volume = counts.astype(np.float64) * graph.voxel_ml
    return Territories(point, owner, volume)


def with_radii(chains: Sequence[Chain], territories: Territories) -> list[Chain]:
    """The chains with the radii of cylinders of the volume and length around each point."""
    found, begin = [], 0
    for chain in chains:
        end = begin + len(chain.places)
        volume = territories.volume_ml[begin:end] * 1000
        begin = end
        found.append(Chain(chain.nodes, chain.places, _radii(chain, volume)))
    return found


def _radii(chain: Chain, volume_mm3: Lengths) -> Lengths:
    if len(chain.places) == 1:  # of a sphere
        return np.cbrt(volume_mm3 * 0.75 / np.pi)
    steps = chain.steps_mm
    along = (np.append(steps, 0) + np.append(0, steps)) / 2
    # Where a branch begins within the vessel that it leaves, no volume is its own.
    own = np.flatnonzero(volume_mm3)
    along[: own[0] if len(own) else len(along)] = 0
    along[own[-1] + 1 if len(own) else 0 :] = 0
    ends = np.clip(np.arange(len(along))[:, None] + (-_WINDOW, _WINDOW + 1), 0, len(along))
    sums = [np.append(0, np.cumsum(values)) for values in (volume_mm3, along)]
    volume, length = (one[ends[:, 1]] - one[ends[:, 0]] for one in sums)
    radii = np.sqrt(volume / (np.pi * np.maximum(length, _LEAST_MM)))
    # A short chain where vessels meet has more than its own volume.
    most = _MOST * (chain.radii + _DEPTH_MM)
    return np.where(length > 0, np.minimum(radii, most), chain.radii)
