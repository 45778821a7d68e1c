"""Pieces of vessels divided between two trees at the least cost, as a minimum cut.

The roots are fixed. What it costs to divide two pieces that meet is how well they fit; besides,
a piece that points at one root rather than the other is pulled there a little, and, where the
scan shows that the trees differ in HU, by its own HU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverview.vasculature.graph import VesselTree
from liverview.vasculature.pieces import Fit, Piece
from liverview.vasculature.roots import FoundRoots
from liverview.vasculature.voxel_graph import Lengths

_SCALE = 2000  # capacities are whole numbers
_ROOT = 10**7
_POINTING = 0.08  # of a piece's radius, per piece length
_BY_HU = 0.5
_LEAST_SEPARATION = 0.8  # of the trees' HU, in standard deviations
_LEAST_PIECES = 8
_LARGE_MM = 1.5

Trees = NDArray[np.uint8]
"""By piece, the value of its tree."""


def pull_by_direction(
    pieces: Sequence[Piece], portal: FoundRoots, hepatic: FoundRoots
) -> Lengths:
    """By piece, how much it points at a root of the portal vein rather than of hepatic veins."""
    if not portal.pieces or not hepatic.pieces:
        return np.zeros(len(pieces))
    middles = np.array([piece.middle for piece in pieces])
    directions = np.array([piece.direction for piece in pieces])
    by_root = [
        np.max([_pointing(middles, directions, np.array(p)) for p in root.places], axis=0)
        for root in (portal, hepatic)
    ]
    size = np.array([piece.radius_mm * min(piece.length_mm, 8.0) / 8.0 for piece in pieces])
    pull: Lengths = _POINTING * size * (by_root[0] - by_root[1])
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
    pull = _BY_HU * radius * np.clip(share, -1, 1) * min(1.0, abs(separation) / 3)
    found: Lengths = np.where(known, pull, 0.0)
    return found


def divide(
    count: int, fits: Sequence[Fit], portal: FoundRoots, hepatic: FoundRoots, pull: Lengths
) -> Trees:
    """The tree of each piece; what nothing pulls to either is undecided."""
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    source, sink = count, count + 1
    rows, columns, costs = [], [], []
    for a, b, cost in fits:
        rows += [a, b]
        columns += [b, a]
        costs += [cost * _SCALE] * 2
    for n, by in enumerate(pull.tolist()):
        rows.append(source if by > 0 else n)
        columns.append(n if by > 0 else sink)
        costs.append(abs(by) * _SCALE)
    for root, towards in ((portal, source), (hepatic, sink)):
        for n in root.pieces:
            rows.append(source if towards == source else n)
            columns.append(n if towards == source else sink)
            costs.append(_ROOT)
    whole = np.rint(costs).astype(np.int64)
    kept = whole > 0
    capacity = csr_array(
        coo_array(
            (whole[kept], (np.array(rows)[kept], np.array(columns)[kept])),
            shape=(count + 2, count + 2),
        ),
        dtype=np.int32,
    )
    flow = maximum_flow(capacity, source, sink).flow
    left = csr_array(capacity - flow)
    left.data = np.where(left.data > 0, 1, 0)
    left.eliminate_zeros()
    from_source = breadth_first_order(left, source, return_predecessors=False)
    to_sink = breadth_first_order(left.T.tocsr(), sink, return_predecessors=False)
    trees = np.full(count + 2, VesselTree.UNDECIDED, np.uint8)
    trees[to_sink] = VesselTree.HEPATIC
    trees[from_source] = VesselTree.PORTAL
    return trees[:count]
