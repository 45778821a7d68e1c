"""Pieces of chains, each of which is of one tree, and how well each fits those beside it.

Where vessels meet, arms that lead on straight and as thick as they came are of one vessel. What a
node's arms would rather fit to somewhere else fits the less: of two vessels that cross, each goes
on in itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from liverview.vasculature.centerlines import Chain, arms_of
from liverview.vasculature.voxel_graph import Lengths, Numbers, Places

Fit = tuple[int, int, float]
"""Two pieces, and what it would cost to give them to two trees."""

_PIECE_MM = 8.0
_BEND = 0.5  # rad, at each of two corners
_CROSSING = 0.8  # of the radii of two nodes, up to which they are one crossing
_WITHOUT_PARTNER = 0.25  # how well a third arm fits at least
_AWAY_MM = 7.0  # over which an arm's direction is taken
_GAP_MM = 15.0
_GAP_FALL_MM = 7.0
_FLOOR = 0.01


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
    return [piece for n, chain in enumerate(chains) for piece in _pieces_of(n, chain)]


def _pieces_of(number: int, chain: Chain) -> Iterator[Piece]:
    along = np.append(0, np.cumsum(chain.steps_mm))
    count = max(1, min(round(along[-1] / _PIECE_MM), len(along) - 1))
    cuts = np.searchsorted(along, np.linspace(0, along[-1], count + 1)[1:-1])
    ends = np.unique([0, *cuts.tolist(), len(along) - 1])
    for first, last in zip(ends[:-1], ends[1:], strict=True) if len(ends) > 1 else [(0, 0)]:
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
            reach = float(chain.radii[0] + chain.radii[-1])
            if chain.length_mm <= _CROSSING * reach:
                low, high = sorted((find(a), find(b)))
                stands[high] = low
    return {node: find(node) for node in stands}


def find_fits(
    chains: Sequence[Chain], pieces: Sequence[Piece], stands: Mapping[int, int]
) -> list[Fit]:
    """How well the pieces fit that follow each other or meet at a crossing."""
    found: list[Fit] = []
    first_of: dict[int, int] = {}
    last_of: dict[int, int] = {}
    for n, piece in enumerate(pieces):
        if piece.chain not in first_of:
            first_of[piece.chain] = n
        else:
            found.append((n - 1, n, _along(chains[piece.chain], pieces[n - 1], piece)))
        last_of[piece.chain] = n
    meeting: dict[int, list[Arm]] = {}
    for node, ends in sorted(arms_of(chains).items()):
        for number, begins in ends:
            if is_inner(chains[number], stands):
                continue
            chain = chains[number] if begins else chains[number].reversed()
            piece = (first_of if begins else last_of)[number]
            meeting.setdefault(stands[node], []).append(_arm(piece, chain))
    for arms in meeting.values():
        found.extend(_fits_at(arms))
    return found


def is_inner(chain: Chain, stands: Mapping[int, int]) -> bool:
    """True for a chain within a crossing, which no arm leaves by."""
    return len(chain.places) > 1 and stands[chain.nodes[0]] == stands[chain.nodes[1]]


def _along(chain: Chain, before: Piece, after: Piece) -> float:
    thin = float(chain.radii[max(0, after.first - 2) : after.first + 3].min())
    bend = _angle(before.direction, after.direction)
    return thin * np.exp(-(bend**2) / (4 * _BEND**2)) * _alike(before.radius_mm, after.radius_mm)


def _arm(piece: int, chain: Chain) -> Arm:
    """The arm at the first point of a chain: from where it leaves the vessels that meet there."""
    along = np.append(0, np.cumsum(chain.steps_mm))
    leaves = min(float(chain.radii[0]), 0.4 * float(along[-1]))
    first = int(np.searchsorted(along, leaves))
    last = int(np.clip(np.searchsorted(along, leaves + _AWAY_MM), first + 1, len(along) - 1))
    first = min(first, last - 1)
    radius = float(np.median(chain.radii[first : last + 1]))
    return Arm(piece, chain.places[first], _unit(chain.places[last] - chain.places[first]), radius)


def _fits_at(arms: Sequence[Arm]) -> Iterator[Fit]:
    if len(arms) < 2:
        return
    fit = np.zeros((len(arms), len(arms)))
    for a, b in combinations(range(len(arms)), 2):
        fit[a, b] = fit[b, a] = _fit(arms[a], arms[b])
    best = np.maximum(fit.max(axis=1), 1e-9)
    for a, b in combinations(range(len(arms)), 2):
        rival = max(best[a], best[b])
        share = fit[a, b] * (fit[a, b] / rival) ** 2
        if len(arms) == 3 and fit[a, b] >= min(best[a], best[b]):
            share = max(share, _WITHOUT_PARTNER)
        weight = min(arms[a].radius_mm, arms[b].radius_mm)
        yield arms[a].piece, arms[b].piece, weight * max(share, _FLOOR)


def _fit(one: Arm, two: Arm) -> float:
    between = two.place - one.place
    if np.linalg.norm(between) < 0.5:
        corners = [_angle(-one.away, two.away) / 2] * 2
    else:
        corners = [_angle(-one.away, between), _angle(between, two.away)]
    bend = corners[0] ** 2 + corners[1] ** 2
    return float(np.exp(-bend / (2 * _BEND**2)) * _alike(one.radius_mm, two.radius_mm))


def _angle(one: Lengths, two: Lengths) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(np.arccos(np.clip(one @ two / length, -1, 1))) if length > 0 else 0.0


def _alike(one: float, two: float) -> float:
    low, high = sorted((one, two))
    return low / high if high > 0 else 1.0


def bridge_gaps(
    chains: Sequence[Chain], pieces: Sequence[Piece], component: Numbers, rooted: Iterable[int]
) -> list[Fit]:
    """Fits over gaps, from the ends of components without a root to what they point at.

    Parameters
    ----------
    component : of each piece.
    rooted : the components in which a tree begins.
    """
    from scipy.spatial import cKDTree

    rooted = set(rooted)
    places, owner = _points_of(chains, pieces)
    tree = cKDTree(places)
    found: list[Fit] = []
    for piece, place, outward in _loose_ends(chains, pieces, component, rooted):
        near = np.asarray(tree.query_ball_point(place, _GAP_MM), np.intp)
        near = np.sort(near[component[owner[near]] != component[piece]])
        if not len(near):
            continue
        gap = places[near] - place
        mm = np.linalg.norm(gap, axis=1)
        turn = np.array([_angle(outward, one) for one in gap])
        strength = np.exp(-mm / _GAP_FALL_MM - turn**2 / (4 * _BEND**2))
        for other in np.unique(owner[near]).tolist():
            best = float(strength[owner[near] == other].max())
            thin = min(pieces[piece].radius_mm, pieces[other].radius_mm)
            if best > _FLOOR:
                found.append((piece, other, 0.5 * best * thin))
    return found


def _points_of(
    chains: Sequence[Chain], pieces: Sequence[Piece]
) -> tuple[Places, Numbers]:
    spans = [chains[p.chain].places[p.first : p.last + 1] for p in pieces]
    return np.concatenate(spans), np.repeat(np.arange(len(pieces)), [len(s) for s in spans])


def _loose_ends(
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
