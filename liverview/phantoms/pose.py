"""The coordinates and drawn numbers that procedural shapes are built with."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from liverview.phantoms.fields import (
    Field,
    Grid,
    Point,
    RandomSource,
    ellipsoid,
    smooth_noise,
    tube,
)


class Pose:
    """The coordinates and the drawn numbers that one procedural body is made from.

    Attributes
    ----------
    x, y, z : body coordinates, mm; they broadcast to the grid's shape.
    dome : z of the top of the right diaphragm, mm.
    width, depth : half axes of the trunk, mm.
    middle : y of the trunk's axis, mm.
    """

    def __init__(self, draw: RandomSource, grid: Grid) -> None:
        self.draw = draw
        self.grid = grid
        self.x, self.y, self.z = grid.axes(draw.device)
        self.uniform, self.normal, self.chance = draw.uniform, draw.normal, draw.chance
        self.dome = self.uniform(66, 100)
        self.width = self.normal(152, 11)
        self.depth = self.normal(108, 9)
        self.middle = self.depth - 84  # the back stays at y = -84

    def draw_noise(self, scale_mm: float, sd_mm: float) -> Field:
        """Draw smooth noise in mm, on the whole grid."""
        return smooth_noise(self.draw, self.grid, scale_mm) * sd_mm

    def ellipsoid_field(self, center: Point, radii: Point, tilt: float = 0) -> Field:
        """The signed distance to an ellipsoid, tilted in the coronal plane by ``tilt`` rad."""
        return ellipsoid(self.x, self.y, self.z, center, radii, tilt)

    def tube_field(self, points: Sequence[Point], radius: float | Sequence[float]) -> Field:
        """The signed distance to a tube along a polyline, with radii in mm."""
        return tube(self.grid, points, radius, self.draw.device)

    def expand_field(self, field: Field) -> Field:
        """Copy a field that broadcasts to the whole grid."""
        return torch.broadcast_to(field, self.grid.shape).contiguous()
