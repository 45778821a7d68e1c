"""Pieces of vessels divided between two trees, by what is believed of each of them.

Where the scan shows that the trees differ in HU, a piece is pulled by its own HU, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverview.vasculature.graph import VesselTree
from liverview.vasculature.pieces import Piece
from liverview.vasculature.roots import RootPlace
from liverview.vasculature.voxel_graph import Lengths

_BY_HU = 3.0  # logits
_LEAST_SEPARATION = 0.8  # of the trees' HU, in standard deviations
_LEAST_PIECES = 8
_LARGE_MM = 1.5
_SURE = 0.505  # probability, below which a piece is of neither
_BOUND = 50.0  # logits
_STATES_OF = (slice(0, 2), slice(2, 4))

Trees = NDArray[np.uint8]
"""By piece, the value of its tree."""


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


def divide(beliefs: Lengths) -> Trees:
    """The tree of each piece by the logarithms of its states' probabilities, (n, STATES)."""
    portal, hepatic = (np.exp(beliefs[:, some]).sum(axis=1) for some in _STATES_OF)
    trees = np.where(portal >= hepatic, VesselTree.PORTAL, VesselTree.HEPATIC)
    unsure = np.maximum(portal, hepatic) < _SURE
    decided: Trees = np.where(unsure, VesselTree.UNDECIDED, trees).astype(np.uint8)
    return decided


def leads_along(beliefs: Lengths) -> NDArray[np.bool_]:
    """By piece, whether its tree leads from its first point to its last, rather than back."""
    best = beliefs.argmax(axis=1)
    along: NDArray[np.bool_] = best % 2 == 0
    return along


def keep_seeds(scores: Lengths, roots: Sequence[RootPlace]) -> Lengths:
    """The scores of pieces' states, with those of seeds bound to the trees of these."""
    kept = scores.copy()
    for root, others in zip(roots, _STATES_OF[::-1], strict=True):
        if root.piece is not None:
            kept[root.piece, others] -= _BOUND
    return kept


def pulled(scores: Lengths, pull: Lengths) -> Lengths:
    """The scores of pieces' states, with a pull of each piece to the portal vein."""
    return scores + np.column_stack([pull, pull, -pull, -pull]) / 2
