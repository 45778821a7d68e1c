"""How pieces that meet are related: the ends at which they do, and what that looks like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from liverview.vasculature.centerlines import Chain, arms_of
from liverview.vasculature.pieces import Arm, Piece, angle_between, arm_at, bend_between, is_inner
from liverview.vasculature.voxel_graph import Lengths, Numbers

_GAP_MM = 15.0
_GAP_TURN = 1.2  # rad, between where an end points and what may lie beyond a gap
_GAP_COUNT = 3  # pieces that an end may go on to
_BEND = 0.5  # rad, that makes two arms as unlike as radii that differ by a factor of e
_MOST_RATIO = 1.5  # of the logarithm of two radii

RELATION_FEATURES = 9


@dataclass(frozen=True, eq=False)
class Relations:
    """Pairs of pieces that meet.

    Attributes
    ----------
    pieces : (n, 2) numbers.
    by_last : (n, 2), whether each meets the other by its last point rather than its first.
    features : (n, 2, RELATION_FEATURES), from the first to the second and back.
    """

    pieces: Numbers
    by_last: NDArray[np.bool_]
    features: Lengths


@dataclass(frozen=True, eq=False)
class _Pair:
    pieces: tuple[int, int]
    by_last: tuple[bool, bool]
    bend: float
    radii: tuple[float, float]
    arms: int = 2
    best: tuple[bool, bool] = (True, True)
    gap_mm: float = 0.0

    def features(self, back: bool) -> list[float]:
        (one, two), (best, other_best) = self.radii, self.best
        if back:
            one, two, best, other_best = two, one, other_best, best
        ratio = float(np.log(max(two, 0.3) / max(one, 0.3)))
        return [
            self.bend,
            self.bend**2,
            float(np.clip(ratio, -_MOST_RATIO, _MOST_RATIO)),
            float(np.log(max(one, 0.3))),
            float(self.arms == 3),
            float(self.arms > 3),
            float(best),
            float(other_best),
            self.gap_mm / 10,
        ]


def find_relations(
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    stands: Mapping[int, int],
    component: Numbers,
) -> Relations:
    """The relations of pieces that follow each other, meet at a crossing or over a gap."""
    found = [
        *_iter_along_chains(pieces),
        *_iter_at_crossings(chains, pieces, stands),
        *_iter_over_gaps(chains, pieces, component),
    ]
    shape = len(found), 2
    return Relations(
        np.array([p.pieces for p in found], np.intp).reshape(shape),
        np.array([p.by_last for p in found], np.bool_).reshape(shape),
        np.array([[p.features(False), p.features(True)] for p in found], np.float64).reshape(
            *shape, RELATION_FEATURES
        ),
    )


def _iter_along_chains(pieces: Sequence[Piece]) -> Iterator[_Pair]:
    for n in range(1, len(pieces)):
        before, piece = pieces[n - 1], pieces[n]
        if before.chain == piece.chain:
            bend = angle_between(before.direction, piece.direction)
            yield _Pair((n - 1, n), (True, False), bend, (before.radius_mm, piece.radius_mm))


def _iter_at_crossings(
    chains: Sequence[Chain], pieces: Sequence[Piece], stands: Mapping[int, int]
) -> Iterator[_Pair]:
    first_of: dict[int, int] = {}
    last_of: dict[int, int] = {}
    for n, piece in enumerate(pieces):
        first_of.setdefault(piece.chain, n)
        last_of[piece.chain] = n
    meeting: dict[int, list[tuple[Arm, bool]]] = {}
    for node, ends in sorted(arms_of(chains).items()):
        for number, begins in ends:
            if not is_inner(chains[number], stands):
                chain = chains[number] if begins else chains[number].reversed()
                arm = arm_at((first_of if begins else last_of)[number], chain)
                meeting.setdefault(stands[node], []).append((arm, not begins))
    for arms in meeting.values():
        yield from _iter_between_arms(arms)


def _iter_between_arms(arms: Sequence[tuple[Arm, bool]]) -> Iterator[_Pair]:
    count = len(arms)
    bend = np.zeros((count, count))
    unlike = np.full((count, count), np.inf)
    for a, b in combinations(range(count), 2):
        one, two = arms[a][0], arms[b][0]
        bend[a, b] = bend_between(one, two)
        ratio = max(one.radius_mm, 0.3) / max(two.radius_mm, 0.3)
        unlike[a, b] = unlike[b, a] = bend[a, b] / _BEND + abs(float(np.log(ratio)))
    best = unlike.argmin(axis=1)
    for a, b in combinations(range(count), 2):
        (one, by_last), (two, two_by_last) = arms[a], arms[b]
        if one.piece != two.piece:
            yield _Pair(
                (one.piece, two.piece),
                (by_last, two_by_last),
                float(bend[a, b]),
                (one.radius_mm, two.radius_mm),
                count,
                (bool(best[a] == b), bool(best[b] == a)),
            )


def _iter_over_gaps(
    chains: Sequence[Chain], pieces: Sequence[Piece], component: Numbers
) -> Iterator[_Pair]:
    """From ends to what they point at in another component."""
    from scipy.spatial import cKDTree

    spans = [chains[p.chain].places[p.first : p.last + 1] for p in pieces]
    places = np.concatenate(spans)
    owner = np.repeat(np.arange(len(pieces)), [len(s) for s in spans])
    tree = cKDTree(places)
    for n, at_last, place, outward in iter_loose_ends(chains, pieces):
        near = np.sort(np.asarray(tree.query_ball_point(place, _GAP_MM), np.intp))
        near = near[component[owner[near]] != component[n]]
        gaps = places[near] - place
        turn = np.array([angle_between(outward, gap) for gap in gaps])
        away = np.linalg.norm(gaps, axis=1)
        some = np.lexsort((near, away + 5 * turn))
        found: list[int] = []
        for at in some[turn[some] < _GAP_TURN].tolist():
            other = int(owner[near[at]])
            if other in found or len(found) == _GAP_COUNT:
                continue
            found.append(other)
            toward = places[near[at]]
            piece = pieces[other]
            ends = chains[piece.chain].places[[piece.first, piece.last]]
            by_last = bool(np.diff(np.linalg.norm(ends - toward, axis=1))[0] < 0)
            onward = piece.direction * (-1 if by_last else 1)
            bend = np.hypot(turn[at], angle_between(gaps[at], onward))
            radii = pieces[n].radius_mm, piece.radius_mm
            yield _Pair((n, other), (at_last, by_last), float(bend), radii, gap_mm=float(away[at]))


def iter_loose_ends(
    chains: Sequence[Chain], pieces: Sequence[Piece]
) -> Iterator[tuple[int, bool, Lengths, Lengths]]:
    """The ends that meet nothing: piece, whether it is its last point, place, direction outward."""
    arms = arms_of(chains)
    for n, piece in enumerate(pieces):
        chain = chains[piece.chain]
        if len(chain.places) == 1:
            continue
        if piece.first == 0 and len(arms[chain.nodes[0]]) == 1:
            yield n, False, chain.places[0], -piece.direction
        if piece.last == len(chain.places) - 1 and len(arms[chain.nodes[1]]) == 1:
            yield n, True, chain.places[-1], piece.direction
