"""Pieces of vessels divided between two trees: each goes to the root with the cheaper way.

The cost of a way is that of its links. A piece that points at one root rather than the other is
pulled there a little, and, where the scan shows that the trees differ in HU, by its own HU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverview.vasculature.graph import VesselTree
from liverview.vasculature.pieces import Links, Piece
from liverview.vasculature.roots import FoundRoots
from liverview.vasculature.voxel_graph import Lengths

_POINTING = 1.5  # costs
_BY_HU = 3.0  # costs
_LEAST_SEPARATION = 0.8  # of the trees' HU, in standard deviations
_LEAST_PIECES = 8
_LARGE_MM = 1.5
_UNREACHED = 1e6  # costs

Trees = NDArray[np.uint8]
"""By piece, the value of its tree."""


def pull_by_direction(pieces: Sequence[Piece], portal: FoundRoots, hepatic: FoundRoots) -> Lengths:
    """By piece, how much it points at a root of the portal vein rather than of hepatic veins."""
    if not portal.pieces or not hepatic.pieces:
        return np.zeros(len(pieces))
    middles = np.array([piece.middle for piece in pieces])
    directions = np.array([piece.direction for piece in pieces])
    by_root = [
        np.max([_pointing(middles, directions, np.array(p)) for p in root.places], axis=0)
        for root in (portal, hepatic)
    ]
    pull: Lengths = _POINTING * (by_root[0] - by_root[1])
    return pull


def _pointing(middles: Lengths, directions: Lengths, root: Lengths) -> Lengths:
    to_root = root - middles
    length = np.maximum(np.linalg.norm(to_root, axis=1), 1e-6)
    cosine: Lengths = np.abs((directions * to_root).sum(axis=1)) / length
    return cosine


def pull_by_hu(pieces: Sequence[Piece], trees: Trees, hu: Lengths) -> Lengths:
    """By piece, how much its HU are those of the portal vein, where the two trees differ.

    Parameters
    ----------
    trees : by piece, as they were divided without HU.
    hu : by piece; NaN where it is not known.
    """
    radius = np.array([piece.radius_mm for piece in pieces])
    known = np.isfinite(hu) & (radius >= _LARGE_MM)
    groups = [hu[known & (trees == tree)] for tree in (VesselTree.PORTAL, VesselTree.HEPATIC)]
    if min(len(group) for group in groups) < _LEAST_PIECES:
        return np.zeros(len(pieces))
    portal, hepatic = (float(np.median(group)) for group in groups)
    spread = max(1.0, float(np.mean([1.5 * np.median(np.abs(g - np.median(g))) for g in groups])))
    separation = (portal - hepatic) / spread
    if abs(separation) < _LEAST_SEPARATION:
        return np.zeros(len(pieces))
    share = (hu - (portal + hepatic) / 2) / (portal - hepatic) * 2
    pull = _BY_HU * np.clip(share, -1, 1) * min(1.0, abs(separation) / 3)
    found: Lengths = np.where(known, pull, 0.0)
    return found


def way_costs(count: int, links: Links, root: FoundRoots) -> Lengths:
    """By piece, the cost of the cheapest way from a root; infinite where there is none."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    if not root.pieces:
        return np.full(count, np.inf)
    ends = np.array(list(links), np.intp).reshape(-1, 2)
    costs = np.array(list(links.values()))
    steps = csr_array((costs, (ends[:, 0], ends[:, 1])), shape=(count, count))
    found: Lengths = dijkstra(steps, directed=True, indices=list(root.pieces), min_only=True)
    return found


def divide(portal_cost: Lengths, hepatic_cost: Lengths, pull: Lengths) -> Trees:
    """The tree of each piece; what no way leads to is undecided."""
    costs = [np.minimum(cost, _UNREACHED) for cost in (portal_cost, hepatic_cost)]
    trees = np.where(costs[1] - costs[0] + pull >= 0, VesselTree.PORTAL, VesselTree.HEPATIC)
    reached = np.isfinite(portal_cost) | np.isfinite(hepatic_cost)
    decided: Trees = np.where(reached, trees, VesselTree.UNDECIDED).astype(np.uint8)
    return decided
