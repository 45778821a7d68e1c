"""What the shape of a piece says of the tree that it is of, and which way that tree goes there.

Branches lead away from their root and become thinner. All is measured to the two roots, so that
nothing depends on where they lie in the patient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liverview.vasculature.centerlines import Chain
from liverview.vasculature.pieces import Piece
from liverview.vasculature.relations import iter_loose_ends
from liverview.vasculature.voxel_graph import Lengths, Places

EVIDENCE_FEATURES = 15
STATES = 4
"""Portal vein along the piece and against it, hepatic veins along it and against it."""

_SCALE_MM = 50.0
_NEAR_MM = 15.0


def find_evidence(
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    portal: Places,
    hepatic: Places,
) -> Lengths:
    """The features of each piece in each state, (n, STATES, EVIDENCE_FEATURES).

    Parameters
    ----------
    portal, hepatic : the place of each root, (3,) world mm.
    """
    count = len(pieces)
    middles = np.array([p.middle for p in pieces]).reshape(count, 3)
    directions = np.array([p.direction for p in pieces]).reshape(count, 3)
    radius = np.log(np.maximum([p.radius_mm for p in pieces], 0.3))
    length = np.array([p.length_mm for p in pieces]) / 10
    own, whole = _tapers(chains, pieces)
    loose = np.zeros((count, 2))
    for n, at_last, *_ in iter_loose_ends(chains, pieces):
        loose[n, int(at_last)] = 1
    away = [middles - root for root in (portal, hepatic)]
    apart = [np.maximum(np.linalg.norm(a, axis=1), 1e-6) for a in away]
    cosine = [(directions * a).sum(axis=1) / d for a, d in zip(away, apart, strict=True)]
    between = np.asarray(hepatic, np.float64) - np.asarray(portal, np.float64)
    span = max(float(np.linalg.norm(between)), 1e-6)
    found = np.zeros((count, STATES, EVIDENCE_FEATURES))
    for state in range(STATES):
        tree, sign = state // 2, 1 - 2 * (state % 2)
        other = 1 - tree
        upstream = loose[:, 0 if sign > 0 else 1]
        downstream = loose[:, 1 if sign > 0 else 0]
        along = (away[tree] @ between) / span * (1 - 2 * tree)
        found[:, state] = np.column_stack(
            [
                sign * cosine[tree],
                sign * cosine[other],
                np.abs(cosine[tree]) - np.abs(cosine[other]),
                apart[tree] / _SCALE_MM,
                apart[other] / _SCALE_MM,
                np.exp(-apart[tree] / _NEAR_MM),
                np.exp(-apart[other] / _NEAR_MM),
                along / _SCALE_MM,
                radius,
                radius * apart[tree] / _SCALE_MM,
                sign * own,
                sign * whole,
                length,
                upstream,
                downstream,
            ]
        )
    return found


def _tapers(chains: Sequence[Chain], pieces: Sequence[Piece]) -> tuple[Lengths, Lengths]:
    """How the logarithm of the radius falls along each piece, and along its chain."""
    of_chain = np.array([_fall(chain.radii) for chain in chains])
    own = [_fall(chains[p.chain].radii[p.first : p.last + 1]) for p in pieces]
    return np.array(own), of_chain[[p.chain for p in pieces]]


def _fall(radii: Lengths) -> float:
    third = max(1, len(radii) // 3)
    first, last = np.median(radii[:third]), np.median(radii[-third:])
    return float(np.clip(np.log(max(first, 0.3) / max(last, 0.3)), -1.5, 1.5))
