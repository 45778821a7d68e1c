"""Vessel trees inside the liver: portal vein and hepatic veins, grown or real.

Real ones are those of another liver, bent into this one. Grown branches grow towards points spread
over the liver, each joined to the tree where the way to it plus a share of the way back to the
root is shortest, which trades wire length for path length as real trees do (Cuntz et al. 2010,
doi:10.1371/journal.pcbi.1000877). Radii follow Murray's law: r_parent^g = sum of r_child^g.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.phantoms import bank
from liverview.phantoms.body import Body
from liverview.phantoms.fields import (
    FAR_MM,
    Field,
    Grid,
    Point,
    RandomSource,
    resample,
    smooth_noise,
    tubes,
)
from liverview.phantoms.frame import CANONICAL_GRID, Organ

Points = NDArray[np.floating[Any]]

_STEP_MM = 5.0
_MARGIN_MM = 2.0
_LATTICE = CANONICAL_GRID.coarser(3)
THINNEST_MM = 0.9
"""Radius below which branches are left out: abdominal CT does not resolve them."""

_MIN_CONTRAST_HU = 7.0
_MIN_CONTRAST_TO_NOISE = 0.5


def min_visible_contrast(noise_hu: float) -> float:
    """The HU by which a vessel must differ from the liver to be seen; noise as SD in HU.

    A reader sees it in many pixels and several slices at once, so less than the noise suffices.
    """
    return max(_MIN_CONTRAST_HU, _MIN_CONTRAST_TO_NOISE * noise_hu)


Obstacle = tuple[Point, Point]
"""Center and radii of an ellipsoid that vessels run around, mm."""


class Vessels(Protocol):
    """Some vessels of one liver."""

    def distance(self, grid: Grid, device: torch.device | str = "cpu") -> Field:
        """The distance to the vessels, negative inside; in mm where it is small."""

    def around(self, obstacles: Sequence[Obstacle]) -> Vessels:
        """The same vessels pushed aside by obstacles, such as lesions that grew between them.

        What was in the center comes to lie on the surface, and far away nothing moves: the
        volume of a shell stays what it was.
        """


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

    @classmethod
    def empty(cls) -> Tree:
        """A tree without pieces."""
        return cls(*(np.zeros((0, n), np.float32) for n in (3, 3, 2)))

    def distance(self, grid: Grid, device: torch.device | str = "cpu") -> Field:
        """The signed distance in mm, `FAR_MM` beyond `_MARGIN_MM` of the walls.

        Branches much thinner than a voxel are left out: no voxel's center lies in them.
        """
        thick = self.radius.max(axis=1, initial=0) > min(grid.spacing) / 4
        start, end, radius = (
            torch.from_numpy(a[thick]) for a in (self.start, self.end, self.radius)
        )
        return tubes(grid, start, end, radius, _MARGIN_MM, device)

    def around(self, obstacles: Sequence[Obstacle]) -> Tree:
        """The tree with the ends of its pieces pushed out of the obstacles."""
        start, end = (_displace_around(points, obstacles) for points in (self.start, self.end))
        return Tree(start, end, self.radius)


@dataclass(frozen=True, eq=False)
class RealVessels:
    """The vessels of a liver of the bank, stretched to the box of another one and bent.

    Attributes
    ----------
    name : in the bank.
    corner, stretch : world mm of the corner of the bank's box, and mm per mm of it.
    bend : displacement of every point, mm, (3, i, j, k) on `_LATTICE`.
    obstacles : ellipsoids that the vessels run around.
    """

    name: str
    corner: Point
    stretch: Point
    bend: Field
    obstacles: tuple[Obstacle, ...] = ()

    def distance(self, grid: Grid, device: torch.device | str = "cpu") -> Field:
        """The signed distance in mm, cut at half a mm of the walls; `FAR_MM` in obstacles."""
        mask = bank.vessels(self.name)
        bend = torch.stack([resample(axis, _LATTICE, grid) for axis in self.bend], dim=-1)
        points = torch.stack([a.expand(grid.shape) for a in grid.axes(bend.device)], dim=-1)
        inside_obstacle = torch.zeros(grid.shape, dtype=torch.bool, device=points.device)
        for center, radii in reversed(self.obstacles):
            away = points - points.new_tensor(center)
            distance = (away / away.new_tensor(radii)).norm(dim=-1, keepdim=True).clamp(min=1e-3)
            points = points.new_tensor(center) + away * (1 - distance**-3).clamp(min=0).pow(1 / 3)
            inside_obstacle |= distance[..., 0] < 1
        points = (points + bend - points.new_tensor(self.corner)) / points.new_tensor(self.stretch)
        unit = points / points.new_tensor(mask.shape) * 2 - 1  # 0 is the first voxel's edge
        # Between two voxels of 1 mm, one inside and one outside, the share falls by 1 per mm.
        inside = torch.nn.functional.grid_sample(
            mask.to(unit)[None, None], unit.flip(-1)[None], align_corners=False
        )[0, 0]
        return (0.5 - inside).masked_fill_(inside_obstacle, FAR_MM).to(device)

    def around(self, obstacles: Sequence[Obstacle]) -> RealVessels:
        """The same vessels, sampled around the obstacles."""
        return replace(self, obstacles=(*self.obstacles, *obstacles))


def _displace_around(points: Points, obstacles: Sequence[Obstacle]) -> Points:
    moved = points.astype(np.float64)
    for center, radii in obstacles:
        away = moved - np.asarray(center)
        distance = np.linalg.norm(away / np.asarray(radii), axis=1, keepdims=True)
        moved = np.asarray(center) + away * np.cbrt(1 + np.maximum(distance, 1e-3) ** -3.0)
    return moved.astype(np.float32)


def borrow_vessels(draw: RandomSource, body: Body) -> RealVessels | None:
    """Draw vessels of the bank for a body's liver; None where the body has no liver."""
    inside = (body.organs[Organ.LIVER] < 0).nonzero()
    if len(inside) == 0:
        return None
    names = bank.vessel_names()
    name = names[draw.integer(0, len(names))]
    low, high = (
        CANONICAL_GRID.point([float(n) for n in end])
        for end in (inside.amin(dim=0), inside.amax(dim=0))
    )
    stretch = [
        (b - a + mm) / n * draw.uniform(0.94, 1.06)
        for a, b, mm, n in zip(
            low, high, CANONICAL_GRID.spacing, bank.vessels(name).shape, strict=True
        )
    ]
    corner = [
        a - mm / 2 + draw.normal(0, 3) for a, mm in zip(low, CANONICAL_GRID.spacing, strict=True)
    ]
    bend = [
        smooth_noise(draw, _LATTICE, 60) * draw.uniform(0, 5)
        + smooth_noise(draw, _LATTICE, 28) * draw.uniform(0, 2)
        for _ in range(3)
    ]
    return RealVessels(name, corner, stretch, torch.stack(bend))


def grow_trees(draw: RandomSource, body: Body, leaves: int | None = None) -> tuple[Tree, Tree]:
    """Grow the portal tree and the hepatic venous tree of a body's liver.

    ``leaves`` is the number of end branches of each; by default it is drawn. A body
    without a liver gets two empty trees.
    """
    points = _liver_points(body)
    if len(points) < 50:
        return Tree.empty(), Tree.empty()
    count = leaves if leaves is not None else draw.integer(70, 180)
    root_mm = draw.uniform(6, 9), draw.uniform(6, 9)
    rng = draw.numbers
    portal = _grow_tree(rng, np.asarray(body.hilum, np.float32), points, count, root_mm[0])
    hepatic = _grow_tree(rng, np.asarray(body.confluence, np.float32), points, count, root_mm[1])
    return portal, hepatic


def _liver_points(body: Body) -> Points:
    """World mm of the grid points at least 5 mm inside the liver, (n, 3)."""
    index = (body.organs[Organ.LIVER] < -5).nonzero().cpu().numpy()
    origin = np.asarray(CANONICAL_GRID.origin, np.float32)
    return (origin + index * np.asarray(CANONICAL_GRID.spacing, np.float32)).astype(np.float32)


def _grow_tree(
    rng: np.random.Generator, root: Points, points: Points, count: int, root_mm: float
) -> Tree:
    """Grow one tree from the root to ``count`` of the points."""
    root = _nearest_root(root, points)
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
        joint = int(np.argmin(gap + balance * path[:size]))
        steps = max(1, int(np.ceil(gap[joint] / _STEP_MM)))
        wobble = rng.normal(0, 0.8, (steps, 3)).astype(np.float32)
        for step in range(1, steps + 1):
            on_line = position[joint] + (target - position[joint]) * np.float32(step / steps)
            position[size] = on_line + wobble[step - 1]
            parent[size] = joint if step == 1 else size - 1
            length = np.linalg.norm(position[size] - position[parent[size]])
            path[size] = path[parent[size]] + length
            size += 1
    return _assign_radii(rng, position[:size], parent[:size], root_mm)


def _nearest_root(root: Points, points: Points) -> Points:
    """The point of the liver nearest to the root, so that the tree starts inside."""
    nearest: Points = points[int(np.argmin(np.linalg.norm(points - root, axis=1)))]
    return nearest


def _assign_radii(
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
