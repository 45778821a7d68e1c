"""The graph of branches from chains whose pieces have been given to trees."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from liverview.vasculature.centerlines import Chain
from liverview.vasculature.graph import VesselBranch, VesselGraph, VesselNode, VesselTree
from liverview.vasculature.partition import Trees
from liverview.vasculature.pieces import Piece, is_inner
from liverview.vasculature.voxel_graph import Lengths

Key = tuple[int, ...]
"""A node: of the chains' nodes, or a cut through a chain, and the tree's value."""


@dataclass(eq=False)
class _Run:
    """A stretch of one tree, between two nodes."""

    tree: VesselTree
    nodes: tuple[Key, Key]
    places: Lengths
    radii: Lengths
    volume_ml: float
    begins: bool

    def reversed(self) -> _Run:
        return replace(
            self, nodes=self.nodes[::-1], places=self.places[::-1], radii=self.radii[::-1]
        )

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.diff(self.places, axis=0), axis=1).sum())

    @property
    def radius_mm(self) -> float:
        """Of a cylinder; where a branch begins inside of its parent, it has no volume."""
        along = np.linalg.norm(np.diff(self.places, axis=0), axis=1)
        if len(along) == 0 or along.sum() == 0:
            return float(np.median(self.radii))
        middle = (self.radii[1:] + self.radii[:-1]) / 2
        return float(np.sqrt((along * middle**2).sum() / along.sum()))


def assemble_graph(
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    trees: Trees,
    stands: Mapping[int, int],
    volume_ml: Sequence[Lengths],
    roots: frozenset[int],
) -> VesselGraph:
    """The graph: at a crossing of two trees, each tree has a node of its own.

    Parameters
    ----------
    trees : by piece.
    stands : by node, the node of its crossing.
    volume_ml : by chain, of each of its points.
    roots : the pieces at which trees begin.
    """
    runs = _runs(chains, pieces, trees, stands, volume_ml, roots)
    return _numbered(_oriented(_joined(runs)))


def _runs(
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    trees: Trees,
    stands: Mapping[int, int],
    volume_ml: Sequence[Lengths],
    roots: frozenset[int],
) -> list[_Run]:
    mixed = _mixed_crossings(chains, pieces, trees, stands)
    of_chain: dict[int, list[int]] = defaultdict(list)
    for n, piece in enumerate(pieces):
        of_chain[piece.chain].append(n)
    found = []
    for number, chain in enumerate(chains):
        if is_inner(chain, stands) and stands[chain.nodes[0]] in mixed:
            continue
        for group in _equal(of_chain[number], trees):
            first, last = pieces[group[0]].first, pieces[group[-1]].last
            tree = VesselTree(int(trees[group[0]]))
            ends = [_key(chain, number, at, tree, stands, mixed) for at in (first, last)]
            some = slice(first, last + 1)
            volume = float(volume_ml[number][some].sum())
            found.append(
                _Run(
                    tree,
                    (ends[0], ends[1]),
                    chain.places[some],
                    chain.radii[some],
                    volume,
                    bool(roots.intersection(group)),
                )
            )
    return found


def _mixed_crossings(
    chains: Sequence[Chain], pieces: Sequence[Piece], trees: Trees, stands: Mapping[int, int]
) -> set[int]:
    met: dict[int, set[int]] = defaultdict(set)
    for n, piece in enumerate(pieces):
        chain = chains[piece.chain]
        for at, node in ((0, chain.nodes[0]), (len(chain.places) - 1, chain.nodes[1])):
            if at in (piece.first, piece.last) and not is_inner(chain, stands):
                met[stands[node]].add(int(trees[n]))
    return {node for node, values in met.items() if len(values) > 1}


def _equal(numbers: Sequence[int], trees: Trees) -> list[list[int]]:
    groups: list[list[int]] = []
    for n in numbers:
        if groups and trees[groups[-1][-1]] == trees[n]:
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def _key(
    chain: Chain,
    number: int,
    at: int,
    tree: VesselTree,
    stands: Mapping[int, int],
    mixed: set[int],
) -> Key:
    if 0 < at < len(chain.places) - 1:
        return -1, number, at, int(tree)
    node = chain.nodes[0] if at == 0 else chain.nodes[1]
    return (stands[node] if stands[node] in mixed else node), int(tree)


def _met(runs: Mapping[int, _Run]) -> dict[Key, list[int]]:
    met: dict[Key, list[int]] = defaultdict(list)
    for n, run in runs.items():
        for node in run.nodes:
            met[node].append(n)
    return met


def _joined(found: Sequence[_Run]) -> list[_Run]:
    """The runs, two that alone meet at a node joined to one."""
    runs = dict(enumerate(found))
    met = _met(runs)
    for node in sorted(met):
        if len(met[node]) != 2 or len(set(met[node])) != 2:
            continue
        a, b = met[node]
        first = runs[a] if runs[a].nodes[1] == node else runs[a].reversed()
        second = runs[b] if runs[b].nodes[0] == node else runs[b].reversed()
        if first.begins or second.begins:
            continue
        runs[a] = _Run(
            first.tree,
            (first.nodes[0], second.nodes[1]),
            np.concatenate([first.places, second.places]),
            np.concatenate([first.radii, second.radii]),
            first.volume_ml + second.volume_ml,
            False,
        )
        del runs[b]
        met[second.nodes[1]] = [a if n == b else n for n in met[second.nodes[1]]]
        met[node] = []
    return list(runs.values())


def _oriented(
    runs: Sequence[_Run],
) -> list[tuple[_Run, int | None, int | None]]:
    """Each run away from its root, with its parent and generation, parents first."""
    met = _met(dict(enumerate(runs)))
    queue: list[tuple[float, int, Key, int | None, int]] = []
    for n, run in enumerate(runs):
        if run.begins:
            start, end = run.nodes
            begin = start if len(met[start]) <= len(met[end]) else end
            heapq.heappush(queue, (0.0, n, begin, None, 0))
    done: dict[int, tuple[_Run, int | None, int | None]] = {}
    while queue:
        mm, n, node, parent, generation = heapq.heappop(queue)
        if n in done:
            continue
        run = runs[n] if runs[n].nodes[0] == node else runs[n].reversed()
        done[n] = run, parent, generation
        end, mm = run.nodes[1], mm + run.length_mm
        for other in met[end]:
            if other not in done:
                heapq.heappush(queue, (mm, other, end, n, generation + 1))
    order = list(done)
    number = {n: at for at, n in enumerate(order)}
    oriented = [
        (run, None if parent is None else number[parent], generation)
        for run, parent, generation in done.values()
    ]
    for n, run in enumerate(runs):
        if n not in done:
            half = len(run.radii) // 2
            thicker_first = run.radii[: half + 1].mean() >= run.radii[half:].mean()
            oriented.append((run if thicker_first else run.reversed(), None, None))
    return oriented


def _numbered(oriented: Sequence[tuple[_Run, int | None, int | None]]) -> VesselGraph:
    nodes: dict[Key, int] = {}
    places: dict[Key, list[Lengths]] = defaultdict(list)
    branches: dict[Key, list[int]] = defaultdict(list)
    root_nodes: set[Key] = set()
    found = []
    for at, (run, parent, generation) in enumerate(oriented):
        for key, place in zip(run.nodes, (run.places[0], run.places[-1]), strict=True):
            nodes.setdefault(key, len(nodes) + 1)
            places[key].append(place)
            if at + 1 not in branches[key]:
                branches[key].append(at + 1)
        if generation == 0:
            root_nodes.add(run.nodes[0])
        found.append(
            VesselBranch(
                at + 1,
                run.tree,
                (nodes[run.nodes[0]], nodes[run.nodes[1]]),
                run.places,
                run.radii,
                run.length_mm,
                run.radius_mm,
                run.volume_ml,
                None if parent is None else parent + 1,
                generation,
            )
        )
    made = []
    for key, number in nodes.items():
        x, y, z = (float(mm) for mm in np.mean(places[key], axis=0))
        made.append(VesselNode(number, (x, y, z), tuple(branches[key]), key in root_nodes))
    return VesselGraph(tuple(made), tuple(found))
