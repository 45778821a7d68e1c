"""Thinning of a mask to the lines along its middle, the same however it is turned or mirrored.

Layer after layer, all points of the surface that can go do so at once: no order of directions
decides what stays. Points that could each go alone can tear a shape when they go together; of
each set that would, its points stay. A point that alone holds parts of the shape together is on a
line, and stays from then on, with the end of that line. This is the parallel and symmetric
thinning by isthmuses of Bertrand and Couprie 2015 (Graphical Models 80), by critical kernels, for
lines alone: what is as thin as a plate is taken away from its rim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.evaluation.fine_lattice import (
    DIRECTIONS,
    GOING,
    LINE,
    THERE,
    Bits,
    FineLattice,
    Keys,
    Mask,
)

_NUMBER_OF = {tuple(step): n for n, step in enumerate(DIRECTIONS.tolist())}
_LOW_BITS = 13  # of 26; neighborhoods are looked up by these and by the others
_AXES_AWAY = np.abs(DIRECTIONS).sum(axis=1)
_FACES = np.flatnonzero(_AXES_AWAY == 1)


def iter_centerline_points(mask: Mask) -> Iterator[NDArray[np.intp] | None]:
    """Find the points of a mask's lines, (N, 3), in half voxels; even ones are a voxel's center.

    Every 26-connected component keeps a point at least, and its loops; a plate becomes the line
    along its middle. Yields None after each layer, then the points as the last value.
    """
    lattice = FineLattice(mask)
    surface = lattice.surface()
    while len(surface):
        yield None
        surface = _take_layer_away(lattice, surface)
    yield lattice.places(lattice.all_keys())


def _take_layer_away(lattice: FineLattice, surface: Keys) -> Keys:
    """Take away what can go of the points of a surface; returns those to be looked at next.

    Points that are not at the surface may be among them. None are next once nothing went.
    """
    around = lattice.neighborhoods(surface)
    bare = around & _bits(_FACES) != _bits(_FACES)
    surface, around = surface[bare], around[bare]
    simple = _find_lines(lattice, surface, around)
    keys, around = surface[simple], around[simple]
    lattice.set(keys, GOING)
    near = lattice.neighborhoods(keys, GOING)
    for cliques in _cliques_by_size():
        torn = np.logical_or.reduce([clique.is_torn(around, near) for clique in cliques])
        asked = torn & lattice.has(keys, GOING)
        _keep_torn(lattice, keys[asked], around[asked], cliques)
    gone = keys[lattice.has(keys, GOING)]
    lattice.clear(gone, THERE | GOING)
    if not len(gone):
        return gone
    left = np.concatenate([surface, *(gone + step for step in lattice.steps[_FACES])])
    left = np.sort(left[lattice.has(left) & ~lattice.has(left, LINE)])
    return left[np.diff(left, prepend=-1) > 0]


def _find_lines(lattice: FineLattice, surface: Keys, around: Bits) -> Mask:
    """Add isthmuses and ends to the lines; returns where the other points are simple."""
    whole = _flooded(_lowest(around), around, _spread_26()) == around
    lattice.set(surface[~whole], LINE)
    end = np.zeros(len(surface), bool)
    alone = np.flatnonzero((around > 0) & (around & (around - np.uint32(1)) == 0))
    for n, step in enumerate(lattice.steps):
        some = alone[around[alone] == 1 << n]
        end[some] = lattice.has(surface[some] + step, LINE)
    lattice.set(surface[end], LINE)
    outside = ~around & _bits(np.flatnonzero(_AXES_AWAY <= 2))
    beside = outside & _bits(_FACES)
    reached = _flooded(_lowest(beside), outside, _spread_6())
    return whole & ~end & (around > 0) & (beside > 0) & (beside & ~reached == 0)


# ---- neighborhoods as bits -----------------------------------------------------------------


def _bits(numbers: Iterable[int]) -> np.uint32:
    return np.uint32(sum(1 << int(n) for n in set(numbers)))


def _lowest(bits: Bits) -> Bits:
    """The lowest bit that is set."""
    return bits & (~bits + np.uint32(1))


def _flooded(seed: Bits, within: Bits, spread: tuple[Bits, Bits]) -> Bits:
    """All that hangs together with a seed within a neighborhood."""
    low, high = spread
    reached = seed
    while True:
        grown = low[reached & ((1 << _LOW_BITS) - 1)] | high[reached >> np.uint32(_LOW_BITS)]
        grown = (grown & within) | reached
        if np.array_equal(grown, reached):
            return reached
        reached = grown


def _spread(adjacent: NDArray[np.bool_]) -> tuple[Bits, Bits]:
    """Bits adjacent to any of the 13 low ones, and of the 13 high ones, by their value."""
    by_bit = [_bits(np.flatnonzero(row)) for row in adjacent]
    values = np.arange(1 << _LOW_BITS, dtype=np.uint32)
    halves = []
    for some in (by_bit[:_LOW_BITS], by_bit[_LOW_BITS:]):
        table = np.zeros(len(values), np.uint32)
        for n, bits in enumerate(some):
            table[values >> np.uint32(n) & 1 > 0] |= bits
        halves.append(table)
    return halves[0], halves[1]


@cache
def _spread_26() -> tuple[Bits, Bits]:
    """Steps within the mask: over faces, edges and corners."""
    apart = np.abs(DIRECTIONS[:, None] - DIRECTIONS).max(axis=2)
    return _spread(apart == 1)


@cache
def _spread_6() -> tuple[Bits, Bits]:
    """Steps outside of it: over faces."""
    apart = np.abs(DIRECTIONS[:, None] - DIRECTIONS).sum(axis=2)
    near = _AXES_AWAY <= 2
    return _spread((apart == 1) & near & near[:, None])


# ---- points that cannot go together --------------------------------------------------------


class _Clique(NamedTuple):
    """Points around a face, an edge or a corner of a point, without that one.

    Attributes
    ----------
    others : their bits.
    is_critical : of neighborhoods, whether the shape is torn where all of them go.
    """

    others: np.uint32
    is_critical: Callable[[Bits], Mask]

    def is_torn(self, around: Bits, going: Bits) -> Mask:
        """Where all points of the clique that are there go, and must not."""
        return (around & self.others & ~going == 0) & self.is_critical(around)


def _keep_torn(lattice: FineLattice, keys: Keys, around: Bits, cliques: Sequence[_Clique]) -> None:
    """Let a point of every clique that would be torn stay, or several that nothing tells apart."""
    near = lattice.neighborhoods(keys, GOING)
    kept = [keys[:0]]
    for clique in cliques:
        torn = clique.is_torn(around, near)
        first, there = keys[torn], around[torn]
        others = [n for n in range(len(DIRECTIONS)) if clique.others >> np.uint32(n) & 1]
        members = first[:, None] + np.append(lattice.steps[others], 0)
        present = np.ones(members.shape, bool)
        for column, n in enumerate(others):
            present[:, column] = there >> np.uint32(n) & 1 > 0
        some, places = np.unique(members, return_inverse=True)
        depths = lattice.depths(some)[places.reshape(members.shape)]
        kept.append(members[_pick(np.where(present, depths, -1))])
    lattice.clear(np.concatenate(kept), GOING)


def _pick(depths: NDArray[np.int64]) -> Mask:
    """The deepest of the points of each row that no other is as deep as; else all the deepest.

    Points of a row whose depth is -1 are none of it.
    """
    same = (depths[:, :, None] == depths[:, None, :]).sum(axis=2)
    single = np.where(same == 1, depths, -1)
    wanted = np.where((single >= 0).any(axis=1, keepdims=True), single, depths)
    return wanted == wanted.max(axis=1, keepdims=True, initial=0)


@cache
def _cliques_by_size() -> tuple[tuple[_Clique, ...], ...]:
    """Those around faces, then around edges, then around corners: larger ones come first."""
    units = np.eye(3, dtype=int)
    pairs = [_pair(units[a], units[(a + 1) % 3], units[(a + 2) % 3]) for a in range(3)]
    edges = [
        _around_edge(units[a], units[(a + 1) % 3], sign * units[(a + 2) % 3])
        for a in range(3)
        for sign in (-1, 1)
    ]
    corners = [_around_corner(np.array(signs)) for signs in product((-1, 1), repeat=3)]
    return tuple(pairs), tuple(edges), tuple(corners)


def _pair(a: NDArray[np.intp], b: NDArray[np.intp], c: NDArray[np.intp]) -> _Clique:
    """Two points that share a face: what else touches it hangs together, without a loop."""
    ring = [_steps(d, a + d) for d in (b, c, -b, -c)]
    turns = [
        ring[n] | ring[m] | _steps(d, a + d)
        for n, m, d in ((0, 1, b + c), (1, 2, c - b), (2, 3, -b - c), (3, 0, b - c))
    ]

    def is_critical(around: Bits) -> Mask:
        sides = sum(_has(around, side).view(np.int8) for side in ring)
        return _has(around, _steps(a)) & (
            sum(_has(around, turn).view(np.int8) for turn in turns) - sides != 1
        )

    return _Clique(_steps(a), is_critical)


def _around_edge(a: NDArray[np.intp], b: NDArray[np.intp], c: NDArray[np.intp]) -> _Clique:
    """Up to four points around an edge along ``a``: it hangs on at one of its ends."""
    four = (0 * a, b, c, b + c)
    ends = [_steps(*(s + d for d in four)) for s in (a, -a)]

    def is_critical(around: Bits) -> Mask:
        return _has(around, _steps(b + c)) & (_has(around, ends[0]) == _has(around, ends[1]))

    return _Clique(_steps(b, c, b + c), is_critical)


def _around_corner(signs: NDArray[np.intp]) -> _Clique:
    """Up to eight points around a corner that no edge or face of theirs has in common."""
    steps = [signs * d for d in product((0, 1), repeat=3) if any(d)]
    beyond = [_steps(*(s for s in steps if s[axis])) for axis in range(3)]

    def is_critical(around: Bits) -> Mask:
        return _has(around, beyond[0]) & _has(around, beyond[1]) & _has(around, beyond[2])

    return _Clique(_steps(*steps), is_critical)


def _steps(*steps: NDArray[np.intp]) -> np.uint32:
    return _bits(_NUMBER_OF[tuple(step.tolist())] for step in steps)


def _has(around: Bits, bits: np.uint32) -> Mask:
    return (around & bits) > 0
