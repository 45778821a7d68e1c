"""Where a body lies: its drawn size, turn and warp, and what shapes are built with."""

from __future__ import annotations

import numpy as np

from liverview.phantom.fields import Field, Grid, Point, ellipsoid, smooth_noise, tube


class Pose:
    """The drawn numbers and the coordinate arrays that one body is made from.

    Attributes
    ----------
    x, y, z : body coordinates of every point of the grid, mm.
    dome : top of the right diaphragm; width, depth : half axes of the trunk; middle : its y.
    """

    def __init__(self, rng: np.random.Generator, grid: Grid, odd: bool) -> None:
        self.rng = rng
        self.grid = grid
        self.odd = odd
        self.x, self.y, self.z = self._pose()
        self.dome = self.u(66, 100)  # top of the right diaphragm
        self.width = self.n(152, 11)
        self.depth = self.n(108, 9)
        self.middle = self.depth - 84  # the back stays at y = -84

    def u(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def n(self, mean: float, sd: float) -> float:
        return mean + sd * float(np.clip(self.rng.standard_normal(), -2.5, 2.5))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def noise(self, scale_mm: float, sd_mm: float) -> Field:
        return smooth_noise(self.rng, self.grid, scale_mm) * np.float32(sd_mm)

    def ball(self, center: Point, radii: Point, tilt: float = 0) -> Field:
        return ellipsoid(self.x, self.y, self.z, center, radii, tilt)

    def pipe(self, points: list[Point], radius: float | list[float]) -> Field:
        return tube(self.x, self.y, self.z, points, radius)

    def _pose(self) -> tuple[Field, Field, Field]:
        """Body coordinates of every grid point: scale, turn, shift, two-scale warp."""
        angles = [self.n(0, 0.05), self.n(0, 0.05), self.n(0, 0.08)]
        if self.odd and self.chance(0.04):
            angles[2] += self.u(-0.6, 0.6)  # lying on the side
        turn = np.eye(3, dtype=np.float32)
        for (a, b), angle in zip(((1, 2), (0, 2), (0, 1)), angles, strict=True):
            one = np.eye(3, dtype=np.float32)
            one[a, a] = one[b, b] = np.cos(angle)
            one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
            turn = turn @ one
        size = 1 / self.u(0.84, 1.14)
        scale = [size * self.u(0.93, 1.07) for _ in range(3)]
        axes = self.grid.axes()
        large, small = self.u(70, 110), self.u(28, 45)
        large_mm, small_mm = (self.u(2, 8), self.u(0.5, 3)) if self.odd else (3.0, 1.0)
        out = []
        for row, factor in zip(turn, scale, strict=True):
            coordinate = (row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2]) * factor
            coordinate = coordinate + (self.n(0, 10) if self.odd else 0)
            out.append(coordinate + self.noise(large, large_mm) + self.noise(small, small_mm))
        return out[0], out[1], out[2]

    def locate(self, point: Point) -> tuple[float, float, float]:
        """World mm of the grid point that lies at ``point`` in body coordinates."""
        away = (self.x - point[0]) ** 2 + (self.y - point[1]) ** 2 + (self.z - point[2]) ** 2
        index = np.unravel_index(int(np.argmin(away)), away.shape)
        x, y, z = (float(self.grid.axis(axis)[index[axis]]) for axis in range(3))
        return x, y, z
