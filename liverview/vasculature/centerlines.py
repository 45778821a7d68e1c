"""Centerlines of a mask as chains of points between branching points, in world mm."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from liverview.vasculature.minimal_paths import find_lines
from liverview.vasculature.voxel_graph import Lengths, Places, VoxelGraph

_SPUR = 1.3  # radii of the vessel it leaves, up to which a chain that ends is no branch
_LEAST_SPUR_MM = 1.5
_ROUNDS = 4
_SMOOTHINGS = 4


@dataclass(eq=False)
class Chain:
    """A line between two nodes, or from a node to an end.

    Attributes
    ----------
    nodes : numbers of the nodes at its ends, the same one for a loop.
    places : of its points, the ends included, (n, 3) world mm.
    radii : of the vessel there, (n,) mm.
    """

    nodes: tuple[int, int]
    places: Places
    radii: Lengths

    @property
    def steps_mm(self) -> Lengths:
        """The distances from point to point, (n - 1,)."""
        steps: Lengths = np.linalg.norm(np.diff(self.places, axis=0), axis=1)
        return steps

    @property
    def length_mm(self) -> float:
        return float(self.steps_mm.sum())

    def reversed(self) -> Chain:
        """The same line from its other end."""
        return Chain(self.nodes[::-1], self.places[::-1], self.radii[::-1])


def find_chains(graph: VoxelGraph) -> list[Chain]:
    """The centerlines of a mask, in an order that depends on the mask alone."""
    chains = _trace(_neighbors(find_lines(graph)), graph)
    for _ in range(_ROUNDS):
        kept = _without_spurs(chains)
        if len(kept) == len(chains):
            break
        chains = _joined(kept)
    return [Chain(c.nodes, _smooth(c.places), c.radii) for c in chains]


def _neighbors(lines: Sequence[Sequence[int]]) -> dict[int, dict[int, None]]:
    """For each voxel on a line, its neighbors on lines, in a fixed order."""
    around: dict[int, dict[int, None]] = {}
    for line in lines:
        around.setdefault(line[0], {})
        for a, b in itertools.pairwise(line):
            around.setdefault(a, {})[b] = None
            around.setdefault(b, {})[a] = None
    return around


def _trace(around: dict[int, dict[int, None]], graph: VoxelGraph) -> list[Chain]:
    """The chains between voxels with one neighbor or more than two."""
    chains: list[Chain] = []
    seen: set[tuple[int, int]] = set()
    passed: set[int] = set()

    def add(line: list[int]) -> None:
        passed.update(line)
        chains.append(Chain((line[0], line[-1]), graph.places[line], graph.depth_mm[line]))

    def follow(start: int, second: int) -> None:
        line = [start, second]
        while len(around[line[-1]]) == 2 and line[-1] != start:
            line.append(next(n for n in around[line[-1]] if n != line[-2]))
        seen.update(((line[0], line[1]), (line[-1], line[-2])))
        add(line)

    for start, near in around.items():
        for second in near if len(near) != 2 else ():
            if (start, second) not in seen:
                follow(start, second)
        if not near:  # a component of one voxel
            add([start])
    for start, near in around.items():  # what is left are loops without a branch
        if start not in passed:
            follow(start, next(iter(near)))
    return chains


def arms_of(chains: Iterable[Chain]) -> dict[int, list[tuple[int, bool]]]:
    """By node, the chains that meet there: their numbers, and whether they begin there."""
    found: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for n, chain in enumerate(chains):
        if len(chain.places) > 1:
            found[chain.nodes[0]].append((n, True))
            found[chain.nodes[1]].append((n, False))
    return found


def _without_spurs(chains: list[Chain]) -> list[Chain]:
    """The chains without those that end inside the vessel that they leave, shortest first."""
    arms = {node: len(met) for node, met in arms_of(chains).items()}
    gone: set[int] = set()
    for n in sorted(range(len(chains)), key=lambda n: (chains[n].length_mm, n)):
        chain = chains[n]
        first, last = (arms.get(node, 0) for node in chain.nodes)
        if min(first, last) != 1 or max(first, last) < 3:
            continue
        joint = 0 if first > 1 else -1
        if chain.length_mm <= max(_SPUR * chain.radii[joint], _LEAST_SPUR_MM):
            gone.add(n)
            for node in chain.nodes:
                arms[node] -= 1
    return [chain for n, chain in enumerate(chains) if n not in gone]


def _joined(chains: list[Chain]) -> list[Chain]:
    """The chains, those that meet at a node of two joined to one."""
    joined: dict[int, Chain] = dict(enumerate(chains))
    arms = arms_of(chains)
    for node in sorted(arms):
        if len(arms[node]) != 2:
            continue
        (a, a_begins), (b, b_begins) = arms[node]
        if a == b:
            continue  # a loop
        first = joined[a].reversed() if a_begins else joined[a]
        second = joined[b] if b_begins else joined.pop(b).reversed()
        joined.pop(b, None)
        joined[a] = Chain(
            (first.nodes[0], second.nodes[1]),
            np.concatenate([first.places, second.places[1:]]),
            np.concatenate([first.radii, second.radii[1:]]),
        )
        for end in joined[a].nodes:
            arms[end] = [
                (a, joined[a].nodes[0] == end) if number in (a, b) else (number, begins)
                for number, begins in arms[end]
            ]
    return list(joined.values())


def _smooth(places: Places) -> Places:
    """Points moved to the middle of their neighbors, some times: steps of voxels are no length."""
    smooth = places.copy()
    for _ in range(_SMOOTHINGS if len(places) > 2 else 0):
        smooth[1:-1] = 0.5 * smooth[1:-1] + 0.25 * (smooth[:-2] + smooth[2:])
    return smooth
