"""Pieces of chains, each of which is of one tree, and what it costs to go from one to the next.

Where vessels meet, arms that lead on straight and as thick as they came are of one vessel. What a
node's arms would rather go on to somewhere else costs more: of two vessels that cross, each goes
on in itself. Radii shrink away from the root: to go the other way costs much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations

import numpy as np

from liverview.vasculature.centerlines import Chain, arms_of
from liverview.vasculature.voxel_graph import Lengths, Numbers

Links = dict[tuple[int, int], float]
"""What it costs to go from one piece to the next one, away from the root."""

_PIECE_MM = 8.0
_BEND = 0.5  # rad, at each of two corners, that costs half
_GROWTH = 4.0  # of the logarithm by which a radius grows away from the root,
_FREE_GROWTH = 0.1  # but for so much
_POWER = 1.5  # one bad link counts more than many that are not perfect
_WORST = 8.0  # what a link costs at most: radii and directions are noisy where vessels meet
_EVERY = 0.01  # costs of each link
_CROSSING = 0.6  # of the radii of two nodes, up to which they are one crossing,
_CROSSING_MM = 6.0  # but no farther apart
_AWAY_MM = 7.0  # over which an arm's direction is taken
_GAP_MM = 15.0
_GAP_FALL_MM = 5.0
_GAP = 1.0  # what a gap costs at least


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
    return [piece for n, chain in enumerate(chains) for piece in _iter_pieces(n, chain)]


def _iter_pieces(number: int, chain: Chain) -> Iterator[Piece]:
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


def find_crossings(chains: Sequence[Chain], kept: frozenset[int]) -> dict[int, int]:
    """By node, the node that stands for all of its crossing: those that lie in one another.

    Two nodes with more than two arms each are one where the chain between them does not leave
    the spheres of the vessels there; ``kept`` are chains that stay.
    """
    arms = arms_of(chains)
    stands = {node: node for chain in chains for node in chain.nodes}

    def find(node: int) -> int:
        while stands[node] != node:
            node = stands[node]
        return node

    for number, chain in enumerate(chains):
        a, b = chain.nodes
        if number not in kept and a != b and len(arms[a]) > 2 and len(arms[b]) > 2:
            reach = _CROSSING * float(chain.radii[0] + chain.radii[-1])
            if chain.length_mm <= min(reach, _CROSSING_MM):
                low, high = sorted((find(a), find(b)))
                stands[high] = low
    return {node: find(node) for node in stands}


def is_inner(chain: Chain, stands: Mapping[int, int]) -> bool:
    """True for a chain within a crossing, which no arm leaves by."""
    return len(chain.places) > 1 and stands[chain.nodes[0]] == stands[chain.nodes[1]]


def find_links(
    chains: Sequence[Chain], pieces: Sequence[Piece], stands: Mapping[int, int]
) -> Links:
    """The links of pieces that follow each other or meet at a crossing, in both directions."""
    links: Links = {}
    first_of: dict[int, int] = {}
    last_of: dict[int, int] = {}
    for n, piece in enumerate(pieces):
        if piece.chain in first_of:
            bend = _angle(pieces[n - 1].direction, piece.direction) ** 2 / 2
            radii = pieces[n - 1].radius_mm, piece.radius_mm
            _put(links, n - 1, n, _cost(bend, *radii))
            _put(links, n, n - 1, _cost(bend, *radii[::-1]))
        first_of.setdefault(piece.chain, n)
        last_of[piece.chain] = n
    meeting: dict[int, list[Arm]] = {}
    for node, ends in sorted(arms_of(chains).items()):
        for number, begins in ends:
            if not is_inner(chains[number], stands):
                chain = chains[number] if begins else chains[number].reversed()
                arm = _arm((first_of if begins else last_of)[number], chain)
                meeting.setdefault(stands[node], []).append(arm)
    for arms in meeting.values():
        _link_arms(links, arms)
    return links


def _put(links: Links, first: int, second: int, cost: float) -> None:
    links[first, second] = min(cost, links.get((first, second), np.inf))


def _cost(bend: float, parent_mm: float, child_mm: float, rival: float = 0.0) -> float:
    """Of a child: it goes on straight unless it is thin, and is no thicker than its parent."""
    ratio = child_mm / max(parent_mm, 1e-3)
    growth = max(0.0, float(np.log(max(ratio, 1e-3))) - _FREE_GROWTH)
    cost = (bend / (2 * _BEND**2) * min(1.0, ratio) + _GROWTH * growth + rival) ** _POWER
    return float(min(cost, _WORST) + _EVERY)


def _link_arms(links: Links, arms: Sequence[Arm]) -> None:
    """Links between all arms; where there are four or more, one that fits better is a rival."""
    count = len(arms)
    bend = np.zeros((count, count))
    unlike = np.full((count, count), np.inf)
    for a, b in combinations(range(count), 2):
        bend[a, b] = bend[b, a] = _bend(arms[a], arms[b])
        ratio = max(arms[a].radius_mm, 1e-3) / max(arms[b].radius_mm, 1e-3)
        unlike[a, b] = unlike[b, a] = bend[a, b] / (2 * _BEND**2) + abs(float(np.log(ratio)))
    best = unlike.min(axis=1)
    for a, b in permutations(range(count), 2):
        rival = float(unlike[a, b] - min(best[a], best[b])) if count > 3 else 0.0
        cost = _cost(bend[a, b], arms[a].radius_mm, arms[b].radius_mm, rival)
        _put(links, arms[a].piece, arms[b].piece, cost)


def _arm(piece: int, chain: Chain) -> Arm:
    """The arm at the first point of a chain: from where it leaves the vessels that meet there."""
    along = np.append(0, np.cumsum(chain.steps_mm))
    leaves = min(float(chain.radii[0]), 0.4 * float(along[-1]))
    first = int(np.searchsorted(along, leaves))
    last = int(np.clip(np.searchsorted(along, leaves + _AWAY_MM), first + 1, len(along) - 1))
    first = min(first, last - 1)
    radius = float(np.median(chain.radii[first : last + 1]))
    return Arm(piece, chain.places[first], _unit(chain.places[last] - chain.places[first]), radius)


def _bend(one: Arm, two: Arm) -> float:
    """The sum of squares of both corners on the way from one arm to the other, rad."""
    between = two.place - one.place
    if np.linalg.norm(between) < 0.5:
        return _angle(-one.away, two.away) ** 2 / 2
    return _angle(-one.away, between) ** 2 + _angle(between, two.away) ** 2


def _angle(one: Lengths, two: Lengths) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(np.arccos(np.clip(one @ two / length, -1, 1))) if length > 0 else 0.0


def add_gaps(
    links: Links,
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    component: Numbers,
    rooted: Iterable[int],
) -> None:
    """Add links over gaps, from the ends of components without a root to what they point at.

    Parameters
    ----------
    component : of each piece.
    rooted : the components in which a tree begins.
    """
    from scipy.spatial import cKDTree

    spans = [chains[p.chain].places[p.first : p.last + 1] for p in pieces]
    places = np.concatenate(spans)
    owner = np.repeat(np.arange(len(pieces)), [len(s) for s in spans])
    tree = cKDTree(places)
    for piece, place, outward in _iter_loose_ends(chains, pieces, component, set(rooted)):
        near = np.asarray(tree.query_ball_point(place, _GAP_MM), np.intp)
        near = np.sort(near[component[owner[near]] != component[piece]])
        gap = places[near] - place
        turn = np.array([_angle(outward, one) for one in gap])
        cost = np.linalg.norm(gap, axis=1) / _GAP_FALL_MM + turn**2 / (2 * _BEND**2) + _GAP
        for other in np.unique(owner[near]).tolist():
            least = float(cost[owner[near] == other].min())
            _put(links, other, piece, least)
            _put(links, piece, other, least)


def _iter_loose_ends(
    chains: Sequence[Chain], pieces: Sequence[Piece], component: Numbers, rooted: set[int]
) -> Iterator[tuple[int, Lengths, Lengths]]:
    """The ends of chains in components without a root: piece, place and direction outward."""
    arms = arms_of(chains)
    for n, piece in enumerate(pieces):
        if int(component[n]) in rooted:
            continue
        chain = chains[piece.chain]
        if len(chain.places) == 1:
            yield n, chain.places[0], np.zeros(3)
            continue
        if piece.first == 0 and len(arms[chain.nodes[0]]) == 1:
            yield n, chain.places[0], -piece.direction
        if piece.last == len(chain.places) - 1 and len(arms[chain.nodes[1]]) == 1:
            yield n, chain.places[-1], piece.direction
