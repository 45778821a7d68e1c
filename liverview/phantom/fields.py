"""Scalar fields in millimetres: sampling grids, smooth noise, implicit shapes.

A shape is a function of position that is negative inside and grows about one per
millimetre outside, so that shapes can be offset, blended and compared with each other.
Every array is float32 and lies on a `Grid`, indexed (i, j, k) along x (to the patient's
right), y (anterior) and z (superior).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
Point = Sequence[float]

FAR_MM = 99.0
"""The distance that stands for "nowhere near"."""


@dataclass(frozen=True)
class Grid:
    """A regular grid of points along the patient's axes.

    Attributes
    ----------
    origin : world mm of point (0, 0, 0).
    spacing : mm between neighbors along each axis.
    shape : points along each axis.
    """

    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]

    @classmethod
    def centered(cls, center: Point, spacing: Point, shape: Sequence[int]) -> Grid:
        """A grid whose middle lies at ``center`` (world mm)."""
        origin = [c - (n - 1) / 2 * s for c, s, n in zip(center, spacing, shape, strict=True)]
        return cls(_three(origin), _three(spacing), (shape[0], shape[1], shape[2]))

    def axis(self, axis: int) -> Field:
        """World mm of the points along one axis, (n,)."""
        steps = np.arange(self.shape[axis], dtype=np.float32)
        return np.float32(self.origin[axis]) + np.float32(self.spacing[axis]) * steps

    def axes(self) -> tuple[Field, Field, Field]:
        """World coordinates as three arrays that broadcast to the grid's shape."""
        x, y, z = (self.axis(a) for a in range(3))
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def crop(self, start: Sequence[int], stop: Sequence[int]) -> Grid:
        """The part [start, stop) in index space."""
        origin = [o + a * s for o, a, s in zip(self.origin, start, self.spacing, strict=True)]
        size = [b - a for a, b in zip(start, stop, strict=True)]
        return Grid(_three(origin), self.spacing, (size[0], size[1], size[2]))


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))


def interpolation_matrix(positions: Field, count: int) -> Field:
    """Cubic interpolation (Keys 1981, a = -1/2) as a matrix, (len(positions), count).

    ``positions`` are in samples; beyond the ends the last sample is repeated.
    """
    base = np.floor(positions).astype(np.int64)
    matrix = np.zeros((len(positions), count), np.float32)
    rows = np.arange(len(positions))
    for tap in (-1, 0, 1, 2):
        t = np.abs(positions - (base + tap))
        near = (1.5 * t - 2.5) * t * t + 1
        far = ((-0.5 * t + 2.5) * t - 4) * t + 2
        weight = np.where(t <= 1, near, far).astype(np.float32)
        np.add.at(matrix, (rows, np.clip(base + tap, 0, count - 1)), weight)
    return matrix


def resample(field: Field, source: Grid, target: Grid) -> Field:
    """The field on another grid: one small matrix product per axis, z first."""
    out = field
    for axis in (2, 1, 0):
        positions = (target.axis(axis) - source.origin[axis]) / source.spacing[axis]
        matrix = interpolation_matrix(positions.astype(np.float32), field.shape[axis])
        out = np.moveaxis(np.tensordot(matrix, out, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(out)


def smooth_noise(rng: np.random.Generator, grid: Grid, scale_mm: float) -> Field:
    """Gaussian noise of about unit variance that varies over ``scale_mm``."""
    extent = [s * (n - 1) for s, n in zip(grid.spacing, grid.shape, strict=True)]
    shape = [int(np.ceil(e / scale_mm)) + 4 for e in extent]
    knots = rng.standard_normal(shape, np.float32)
    shift = rng.random(3) + 1.0  # the lattice starts between one and two knots outside
    origin = [o - float(s) * scale_mm for o, s in zip(grid.origin, shift, strict=True)]
    lattice = Grid(_three(origin), (scale_mm,) * 3, (shape[0], shape[1], shape[2]))
    # Interpolation averages: 1.4 brings the standard deviation back to about one.
    return resample(knots, lattice, grid) * np.float32(1.4)


def ellipsoid(x: Field, y: Field, z: Field, center: Point, radii: Point, tilt: float = 0) -> Field:
    """An ellipsoid, tilted in the coronal plane by ``tilt`` rad."""
    x, y, z = x - center[0], y - center[1], z - center[2]
    if tilt:
        c, s = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        x, z = c * x - s * z, s * x + c * z
    norm = np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2)
    return (norm - 1) * np.float32(min(radii))


def tube(
    x: Field, y: Field, z: Field, points: Sequence[Point], radius: float | Sequence[float]
) -> Field:
    """A tube along a polyline, with one radius or one radius per point, in mm.

    The distance is right up to 24 mm from the tube, `FAR_MM` beyond: that saves most of
    the work. ``x``, ``y`` and ``z`` are contiguous arrays of one shape.
    """
    radii = [radius] * len(points) if isinstance(radius, int | float) else list(radius)
    if len(points) < 2:
        raise ValueError(f"a tube needs at least two points, got {len(points)}")
    out = np.full(x.size, FAR_MM, np.float32)
    flat = x.ravel(), y.ravel(), z.ravel()
    for a, b, ra, rb in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        reach = max(ra, rb) + 24.0
        near = np.ones(x.size, bool)
        for axis, low, high in zip(flat, np.minimum(a, b), np.maximum(a, b), strict=True):
            near &= np.abs(axis - np.float32((low + high) / 2)) < (high - low) / 2 + reach
        index = np.flatnonzero(near)
        px, py, pz = (axis[index] - np.float32(c) for axis, c in zip(flat, a, strict=True))
        d = np.asarray(b, np.float32) - np.asarray(a, np.float32)
        t = np.clip((px * d[0] + py * d[1] + pz * d[2]) / np.float32(d @ d), 0, 1)
        away = np.sqrt((px - t * d[0]) ** 2 + (py - t * d[1]) ** 2 + (pz - t * d[2]) ** 2)
        piece = away - (np.float32(ra) + t * np.float32(rb - ra))
        out[index] = np.minimum(out[index], piece)
    return out.reshape(x.shape)


def inside_all(*fields: Field) -> Field:
    """Intersection."""
    out = fields[0]
    for field in fields[1:]:
        out = np.maximum(out, field)
    return out


def inside_any(*fields: Field) -> Field:
    """Union."""
    out = fields[0]
    for field in fields[1:]:
        out = np.minimum(out, field)
    return out
