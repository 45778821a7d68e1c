"""Pieces of chains, each of which is of one tree, and the arms with which they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from liverview.vasculature.centerlines import Chain, arms_of
from liverview.vasculature.voxel_graph import Lengths

_PIECE_MM = 8.0
_CROSSING = 0.6  # of the radii of two nodes, up to which they are one crossing,
_CROSSING_MM = 6.0  # but no farther apart
_AWAY_MM = 7.0  # over which an arm's direction is taken


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a chain.

    Attributes
    ----------
    chain : its number.
    first, last : points of the chain.
    radius_mm, length_mm : of it.
    middle : world mm.
    direction : a unit vector along it; zeros for a point.
    """

    chain: int
    first: int
    last: int
    radius_mm: float
    length_mm: float
    middle: Lengths
    direction: Lengths


@dataclass(frozen=True, eq=False)
class Arm:
    """The end of a chain at a node: where it leaves the node, which way, and how thick."""

    piece: int
    place: Lengths
    away: Lengths
    radius_mm: float


def cut_pieces(chains: Sequence[Chain]) -> list[Piece]:
    """The pieces of all chains, in order."""
    return [piece for n, chain in enumerate(chains) for piece in _iter_pieces_of(n, chain)]


def _iter_pieces_of(number: int, chain: Chain) -> Iterator[Piece]:
    along = np.append(0, np.cumsum(chain.steps_mm))
    count = max(1, min(round(along[-1] / _PIECE_MM), len(along) - 1))
    cuts = np.searchsorted(along, np.linspace(0, along[-1], count + 1)[1:-1])
    ends = np.unique([0, *cuts.tolist(), len(along) - 1])
    for first, last in pairwise(ends) if len(ends) > 1 else [(0, 0)]:
        some = slice(int(first), int(last) + 1)
        yield Piece(
            number,
            int(first),
            int(last),
            float(np.median(chain.radii[some])),
            float(along[last] - along[first]),
            chain.places[some].mean(axis=0),
            _unit(chain.places[last] - chain.places[first]),
        )


def _unit(vector: Lengths) -> Lengths:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else np.zeros(3)


def find_crossings(chains: Sequence[Chain]) -> dict[int, int]:
    """By node, the node that stands for all of its crossing: those that lie in one another.

    Two nodes with more than two arms each are one where the chain between them does not leave
    the spheres of the vessels there.
    """
    arms = arms_of(chains)
    stands = {node: node for chain in chains for node in chain.nodes}

    def find(node: int) -> int:
        while stands[node] != node:
            node = stands[node]
        return node

    for chain in chains:
        a, b = chain.nodes
        if a != b and len(arms[a]) > 2 and len(arms[b]) > 2:
            reach = _CROSSING * float(chain.radii[0] + chain.radii[-1])
            if chain.length_mm <= min(reach, _CROSSING_MM):
                low, high = sorted((find(a), find(b)))
                stands[high] = low
    return {node: find(node) for node in stands}


def is_inner(chain: Chain, stands: Mapping[int, int]) -> bool:
    """True for a chain within a crossing, which no arm leaves by."""
    return len(chain.places) > 1 and stands[chain.nodes[0]] == stands[chain.nodes[1]]


def arm_at(piece: int, chain: Chain) -> Arm:
    """The arm at the first point of a chain: from where it leaves the vessels that meet there."""
    along = np.append(0, np.cumsum(chain.steps_mm))
    leaves = min(float(chain.radii[0]), 0.4 * float(along[-1]))
    first = int(np.searchsorted(along, leaves))
    last = int(np.clip(np.searchsorted(along, leaves + _AWAY_MM), first + 1, len(along) - 1))
    first = min(first, last - 1)
    radius = float(np.median(chain.radii[first : last + 1]))
    return Arm(piece, chain.places[first], _unit(chain.places[last] - chain.places[first]), radius)


def bend_between(one: Arm, two: Arm) -> float:
    """The sum of squares of both corners on the way from one arm to the other, rad."""
    between = two.place - one.place
    if np.linalg.norm(between) < 0.5:
        return angle_between(-one.away, two.away) ** 2 / 2
    return angle_between(-one.away, between) ** 2 + angle_between(between, two.away) ** 2


def angle_between(one: Lengths, two: Lengths) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(np.arccos(np.clip(one @ two / length, -1, 1))) if length > 0 else 0.0
