"""What procedural shapes are built with: body coordinates and drawn numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from liverview.phantom.fields import Field, Grid, Point, RandomSource, ellipsoid, smooth_noise, tube


class Pose:
    """The coordinates and the drawn numbers that one procedural body is made from.

    Attributes
    ----------
    x, y, z : body coordinates, mm; they broadcast to the grid's shape.
    dome : top of the right diaphragm; width, depth : half axes of the trunk; middle : its y.
    """

    def __init__(self, draw: RandomSource, grid: Grid) -> None:
        self.draw = draw
        self.grid = grid
        self.x, self.y, self.z = grid.axes(draw.device)
        self.u, self.n, self.chance = draw.uniform, draw.normal, draw.chance
        self.dome = self.u(66, 100)
        self.width = self.n(152, 11)
        self.depth = self.n(108, 9)
        self.middle = self.depth - 84  # the back stays at y = -84

    def noise(self, scale_mm: float, sd_mm: float) -> Field:
        return smooth_noise(self.draw, self.grid, scale_mm) * sd_mm

    def ball(self, center: Point, radii: Point, tilt: float = 0) -> Field:
        return ellipsoid(self.x, self.y, self.z, center, radii, tilt)

    def pipe(self, points: Sequence[Point], radius: float | Sequence[float]) -> Field:
        return tube(self.grid, points, radius, self.draw.device)

    def full(self, field: Field) -> Field:
        """A field that broadcasts, on the whole grid."""
        return torch.broadcast_to(field, self.grid.shape).contiguous()
