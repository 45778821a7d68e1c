"""Minimal paths through a mask, in its middle, and where two of them meet from afar.

From the thickest voxel of every component, the cheapest way leads to every other voxel; a step
costs the more, the nearer it is to the wall. All ways together are a tree. A way is a centerline
where it leads on beyond the wall of the vessel that it leaves (as in Sato et al. 2000, TEASAR,
without the search that is made anew for each line). Where a vessel is a loop, or two vessels touch,
ways meet that have come from afar: they are joined at the widest place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liverview.vasculature.voxel_graph import Lengths, Numbers, VoxelGraph

_CENTERING_MM = 0.4  # added to depths: how much the middle is preferred
_CENTERING_POWER = 2
_SPUR = 1.5  # depths of the vessel that it leaves, beyond which a way is a branch,
_DEPTH_MM = 0.5  # which are too small by about this, and beyond mm more than a step may have
_SPUR_MM = 1.0
_LOOP = 3.0  # depths of both ways that meet, beyond which they make a loop,
_LOOP_MM = 10.0  # and mm more


@dataclass(frozen=True, eq=False)
class PathTree:
    """The cheapest ways to all voxels of a graph.

    Attributes
    ----------
    before : (n,) the voxel before each on its way; a source's is itself.
    way_mm : (n,) the length of the way.
    order : (n,) voxels, each after the one before it.
    """

    before: Numbers
    way_mm: Lengths
    order: Numbers


def find_lines(graph: VoxelGraph) -> list[list[int]]:
    """The centerlines, each as the numbers of its voxels.

    Lines share the voxel at which one leaves the other, or at which they meet.
    """
    tree = _grow_paths(graph)
    lines, line_of = _long_paths(graph, tree)
    return lines + _meetings(graph, tree, lines, line_of)


def _grow_paths(graph: VoxelGraph) -> PathTree:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, dijkstra

    size = len(graph.voxels)
    middle = (graph.depth_mm[graph.first] + graph.depth_mm[graph.second]) / 2
    cost = graph.step_mm / (middle + _CENTERING_MM) ** _CENTERING_POWER
    steps = csr_array((cost, (graph.first, graph.second)), shape=(size, size))
    _, component = connected_components(steps, directed=False)
    thickest = np.lexsort((np.arange(size), -graph.depth_mm))
    _, at = np.unique(component[thickest], return_index=True)
    sources = thickest[at]
    spent, before, _ = dijkstra(
        steps, directed=False, indices=sources, min_only=True, return_predecessors=True
    )
    parent: Numbers = np.where(before < 0, np.arange(size), before)
    way = np.linalg.norm(graph.places - graph.places[parent], axis=1)
    ancestor = parent
    while not np.array_equal(ancestor, further := ancestor[ancestor]):
        way = way + way[ancestor]
        ancestor = further
    return PathTree(parent, way, np.argsort(spent, kind="stable"))


def _long_paths(graph: VoxelGraph, tree: PathTree) -> tuple[list[list[int]], Numbers]:
    """The lines, and by voxel the number of the line that it lies on; -1 for none."""
    farthest, onward, leaving = _onward(tree)
    least = _SPUR_MM + graph.coarsest_mm
    spur = _SPUR * (graph.depth_mm + _DEPTH_MM) + least
    size = len(tree.order)
    starts = tree.order[tree.before[tree.order] == tree.order].tolist()
    lines = [_led_on([start], onward) for start in starts]
    line_of = np.full(size, -1, np.intp)
    for number, line in enumerate(lines):
        line_of[line] = number
    at = 0
    while at < len(lines):  # which grows
        line = lines[at]
        wanted = [
            (tree.way_mm[voxel] - farthest[child], child, voxel)
            for voxel in (line if at < len(starts) else line[1:])
            for child in leaving.get(voxel, ())
            if farthest[child] - tree.way_mm[voxel] > spur[voxel]
        ]
        near = list(line)
        for _, child, voxel in sorted(wanted):
            way = _led_on([voxel, child], onward)
            if _outside_mm(graph, way, near) >= least:
                line_of[way[1:]] = len(lines)
                lines.append(way)
                near.extend(way[1:])
        at += 1
    return lines, line_of


def _onward(tree: PathTree) -> tuple[list[float], list[int], dict[int, list[int]]]:
    """By voxel, how long the longest way through it is, its next voxel, and all others after it."""
    before, farthest = tree.before.tolist(), tree.way_mm.tolist()
    onward = [-1] * len(before)
    leaving: dict[int, list[int]] = {}
    for voxel in reversed(tree.order.tolist()):
        parent = before[voxel]
        if parent == voxel:
            continue
        first = onward[parent]
        if first < 0 or farthest[voxel] > farthest[parent]:
            farthest[parent], onward[parent] = farthest[voxel], voxel
        if first >= 0:
            leaving.setdefault(parent, []).append(first if onward[parent] == voxel else voxel)
    return farthest, onward, leaving


def _led_on(line: list[int], onward: list[int]) -> list[int]:
    while onward[line[-1]] >= 0:
        line.append(onward[line[-1]])
    return line


def _outside_mm(graph: VoxelGraph, way: list[int], near: list[int]) -> float:
    """How much of a way lies outside of the spheres around the voxels of lines beside it."""
    places = graph.places[way]
    apart = np.linalg.norm(places[:, None] - graph.places[near], axis=2)
    reach = graph.depth_mm[near] + _DEPTH_MM + graph.coarsest_mm / 2
    outside = (apart > reach).all(axis=1)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    return float(steps[outside[1:]].sum())


def _meetings(
    graph: VoxelGraph, tree: PathTree, lines: list[list[int]], line_of: Numbers
) -> list[list[int]]:
    """The ways between two lines whose voxels touch, though they parted long before."""
    origin = np.where(line_of >= 0, np.arange(len(line_of)), tree.before)
    while not np.array_equal(origin, further := origin[origin]):
        origin = further
    one, two = line_of[origin[graph.first]], line_of[origin[graph.second]]
    apart = np.flatnonzero(one != two)
    a, b = graph.first[apart], graph.second[apart]
    swap = one[apart] > two[apart]
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    pairs, which = np.unique(
        line_of[origin[a]] * len(lines) + line_of[origin[b]], return_inverse=True
    )
    parted = np.array(
        [_parted_mm(int(p) // len(lines), int(p) % len(lines), lines, tree, line_of) for p in pairs]
    ).reshape(-1, 2)[which]
    way_a, way_b = tree.way_mm[origin[a]], tree.way_mm[origin[b]]
    common = np.minimum(np.minimum(parted[:, 0], way_a), np.minimum(parted[:, 1], way_b))
    depth_a, depth_b = graph.depth_mm[a], graph.depth_mm[b]
    loop = tree.way_mm[a] + tree.way_mm[b] - 2 * common
    wide = graph.depth_mm[origin[a]] + graph.depth_mm[origin[b]]
    far = np.flatnonzero(loop > _LOOP * wide + _LOOP_MM)
    narrow = np.minimum(depth_a, depth_b)[far]
    best = far[np.lexsort((far, loop[far], -narrow))]
    _, at = np.unique(which[best], return_index=True)
    found = []
    for n in best[np.sort(at)].tolist():
        to_a, to_b = (_way_back(int(voxel), tree, line_of) for voxel in (a[n], b[n]))
        found.append(to_a[::-1] + to_b)
    return found


def _parted_mm(
    one: int, two: int, lines: list[list[int]], tree: PathTree, line_of: Numbers
) -> tuple[float, float]:
    """How far from the source two lines are on the line that both come from.

    Infinite for a line that is itself the one that the other comes from.
    """
    left: dict[int, float] = {}
    line, mm = one, np.inf
    while line >= 0:
        left[line] = mm
        line, mm = _leaves(line, lines, tree, line_of)
    line, mm = two, np.inf
    while line >= 0 and line not in left:
        line, mm = _leaves(line, lines, tree, line_of)
    return left.get(line, 0.0), mm


def _leaves(
    line: int, lines: list[list[int]], tree: PathTree, line_of: Numbers
) -> tuple[int, float]:
    """The line that a line leaves, -1 for none, and how far from the source."""
    start = lines[line][0]
    onto = int(line_of[start])
    return (-1, 0.0) if onto == line else (onto, float(tree.way_mm[start]))


def _way_back(voxel: int, tree: PathTree, line_of: Numbers) -> list[int]:
    way = [voxel]
    while line_of[way[-1]] < 0:
        way.append(int(tree.before[way[-1]]))
    return way
