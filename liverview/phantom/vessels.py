"""Vessel trees inside the liver: portal vein and hepatic veins.

Branches grow towards points spread over the liver, each joined to the tree where the way
to it plus a share of the way back to the root is shortest, which trades wire length for
path length as real trees do (Cuntz et al. 2010, doi:10.1371/journal.pcbi.1000877). Radii
follow Murray's law: r_parent^g = sum of r_child^g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.phantom.anatomy import Body
from liverview.phantom.fields import Draw, Field, Grid, tubes
from liverview.phantom.frame import CANON, Organ

Points = NDArray[np.floating[Any]]

_STEP_MM = 5.0
THINNEST_MM = 0.9
"""Radius below which branches are left out: abdominal CT does not resolve them."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Straight pieces of vessel.

    Attributes
    ----------
    start, end : world mm of the ends of each piece, (n, 3).
    radius : mm at start and end, (n, 2).
    """

    start: Points
    end: Points
    radius: Points


def grow_trees(draw: Draw, body: Body, leaves: int | None = None) -> tuple[Tree, Tree]:
    """The portal tree and the hepatic venous tree of a body's liver.

    ``leaves`` is the number of end branches of each; by default it is drawn. A body
    without a liver gets two empty trees.
    """
    points = _liver_points(body)
    if len(points) < 50:
        empty = Tree(*(np.zeros((0, n), np.float32) for n in (3, 3, 2)))
        return empty, empty
    count = leaves if leaves is not None else draw.whole(70, 180)
    root_mm = draw.u(6, 9), draw.u(6, 9)
    rng = draw.numbers
    portal = _grow(rng, np.asarray(body.hilum, np.float32), points, count, root_mm[0])
    hepatic = _grow(rng, np.asarray(body.confluence, np.float32), points, count, root_mm[1])
    return portal, hepatic


def _liver_points(body: Body) -> Points:
    """World mm of the grid points at least 5 mm inside the liver, (n, 3)."""
    index = (body.organs[Organ.LIVER] < -5).nonzero().cpu().numpy()
    origin = np.asarray(CANON.origin, np.float32)
    return (origin + index * np.asarray(CANON.spacing, np.float32)).astype(np.float32)


def _grow(
    rng: np.random.Generator, root: Points, points: Points, count: int, root_mm: float
) -> Tree:
    root = _inside(root, points)
    targets = points[rng.choice(len(points), min(count, len(points)), replace=False)]
    targets = targets + rng.uniform(-2, 2, targets.shape).astype(np.float32)
    # Far targets first: they become the main branches, the rest joins them.
    away = np.linalg.norm(targets - root, axis=1)
    order = np.argsort(-away * rng.uniform(0.5, 1.5, len(away)))
    balance = float(rng.uniform(0.25, 0.6))
    capacity = 64 + int(np.sum(away) / _STEP_MM) + 2 * len(targets)
    position = np.zeros((capacity, 3), np.float32)
    path = np.zeros(capacity, np.float32)
    parent = np.full(capacity, -1, np.int64)
    position[0] = root
    size = 1
    for target in targets[order]:
        gap = np.linalg.norm(position[:size] - target, axis=1)
        near = int(np.argmin(gap + balance * path[:size]))
        steps = max(1, int(np.ceil(gap[near] / _STEP_MM)))
        wobble = rng.normal(0, 0.8, (steps, 3)).astype(np.float32)
        for step in range(1, steps + 1):
            way = position[near] + (target - position[near]) * np.float32(step / steps)
            position[size] = way + wobble[step - 1]
            parent[size] = near if step == 1 else size - 1
            length = np.linalg.norm(position[size] - position[parent[size]])
            path[size] = path[parent[size]] + length
            size += 1
    return _with_radii(rng, position[:size], parent[:size], root_mm)


def _inside(root: Points, points: Points) -> Points:
    """The point of the liver nearest to the root, so that the tree starts inside."""
    nearest: Points = points[int(np.argmin(np.linalg.norm(points - root, axis=1)))]
    return nearest


def _with_radii(
    rng: np.random.Generator, position: Points, parent: NDArray[np.int64], root_mm: float
) -> Tree:
    exponent = float(rng.uniform(2.5, 3.0))
    size = len(position)
    children = np.bincount(parent[1:], minlength=size)
    flow = (children == 0).astype(np.float64)
    for node in range(size - 1, 0, -1):  # children come after their parents
        flow[parent[node]] += flow[node]
    radius = (root_mm * (flow / flow[0]) ** (1 / exponent)).astype(np.float32)
    smooth = position.copy()
    for _ in range(2):  # round the corners, keep the root
        middle = np.zeros_like(smooth)
        np.add.at(middle, parent[1:], smooth[1:])
        middle = np.where(children[:, None] > 0, middle / np.maximum(children, 1)[:, None], smooth)
        smooth[1:] = 0.5 * smooth[1:] + 0.25 * (smooth[parent[1:]] + middle[1:])
    ends = np.arange(1, size)
    starts = parent[1:]
    # A branch starts as thick as itself, not as its parent: no cones at the forks.
    begin = np.minimum(radius[starts], radius[ends] * 1.25)
    kept = radius[ends] >= THINNEST_MM
    radii = np.stack([begin, radius[ends]], axis=1)
    return Tree(smooth[starts][kept], smooth[ends][kept], radii[kept])


def tree_distance(
    tree: Tree, grid: Grid, device: torch.device | str = "cpu", margin_mm: float = 2.0
) -> Field:
    """Signed distance to the vessels' walls, negative inside, far beyond ``margin_mm``.

    Branches much thinner than a voxel are left out: no voxel's center lies in them.
    """
    thick = tree.radius.max(axis=1, initial=0) > min(grid.spacing) / 4
    start, end, radius = (torch.from_numpy(a[thick]) for a in (tree.start, tree.end, tree.radius))
    return tubes(grid, start, end, radius, margin_mm, device)
