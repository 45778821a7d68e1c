"""Scalar fields in millimeters: sampling grids, smooth noise, implicit shapes.

A shape is a function of position that is negative inside and grows about one per
millimeter outside, so that shapes can be offset, blended and compared with each other.
Every field is a float32 tensor on a `Grid`, indexed (i, j, k) along x (to the patient's
right), y (anterior) and z (superior), on the device that its numbers were drawn on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from liverview.core.deferred_imports import import_waiting
from liverview.networks.resampling import apply_along_axis

Field = Tensor
Point = Sequence[float]

FAR_MM = 99.0
"""The distance, mm, that fields are cut at."""


class RandomSource:
    """A source of random numbers: single ones, and fields on one device.

    The same seed gives the same numbers on every device, and the same fields on devices of
    one kind.
    """

    def __init__(self, seed: int | Sequence[int], device: torch.device | str = "cpu") -> None:
        self.numbers = np.random.default_rng(seed)
        self.device = torch.device(device)
        import_waiting("torch._meta_registrations")  # it completes the class of generators
        self._fields = torch.Generator(self.device)
        self._fields.manual_seed(int(self.numbers.integers(2**63)))

    def uniform(self, low: float, high: float) -> float:
        """Draw a number uniformly from [low, high)."""
        return float(self.numbers.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Draw a number whose logarithm is uniform."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def normal(self, mean: float, sd: float) -> float:
        """Draw a normal number, cut at 2.5 standard deviations."""
        return mean + sd * float(np.clip(self.numbers.standard_normal(), -2.5, 2.5))

    def chance(self, p: float) -> bool:
        """Draw True with probability ``p``."""
        return bool(self.numbers.random() < p)

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number, ``low`` included, ``high`` not."""
        return int(self.numbers.integers(low, high))

    def choice(self, weights: Sequence[float]) -> int:
        """Draw an index in proportion to its weight."""
        total = sum(weights)
        return int(self.numbers.choice(len(weights), p=[w / total for w in weights]))

    def white_noise(self, shape: Sequence[int]) -> Field:
        """Draw a field of independent standard normal numbers."""
        return torch.randn(tuple(shape), generator=self._fields, device=self.device)


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
        return cls(_triple(origin), _triple(spacing), (shape[0], shape[1], shape[2]))

    def axis(self, axis: int, device: torch.device | str = "cpu") -> Field:
        """World mm of the points along one axis, (n,)."""
        steps = torch.arange(self.shape[axis], dtype=torch.float32, device=device)
        return self.origin[axis] + self.spacing[axis] * steps

    def axes(self, device: torch.device | str = "cpu") -> tuple[Field, Field, Field]:
        """World coordinates as three tensors that broadcast to the grid's shape."""
        x, y, z = (self.axis(a, device) for a in range(3))
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def point(self, index: Point) -> tuple[float, float, float]:
        """World mm of a point given in samples along each axis."""
        return _triple(
            [o + i * s for o, i, s in zip(self.origin, index, self.spacing, strict=True)]
        )

    def crop(self, start: Sequence[int], stop: Sequence[int]) -> Grid:
        """The grid of the points [start, stop) in index space."""
        size = [b - a for a, b in zip(start, stop, strict=True)]
        return Grid(self.point(start), self.spacing, (size[0], size[1], size[2]))

    def coarser(self, factor: int) -> Grid:
        """A grid over the same extent with every ``factor``-th point, and one beyond."""
        shape = [-(-(n - 1) // factor) + 1 for n in self.shape]
        return Grid(
            self.origin,
            _triple([s * factor for s in self.spacing]),
            (shape[0], shape[1], shape[2]),
        )


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))


def interpolation_matrix(positions: Field, count: int) -> Field:
    """Cubic interpolation (Keys 1981, a = -1/2) as a matrix, (len(positions), count).

    ``positions`` are in samples; beyond the ends the last sample is repeated.
    """
    base = positions.floor()
    matrix = positions.new_zeros(len(positions), count)
    for tap in (-1, 0, 1, 2):
        t = (positions - (base + tap)).abs()
        near = (1.5 * t - 2.5) * t * t + 1
        far = ((-0.5 * t + 2.5) * t - 4) * t + 2
        column = (base.long() + tap).clamp(0, count - 1)
        matrix.scatter_add_(1, column[:, None], torch.where(t <= 1, near, far)[:, None])
    return matrix


def resample(field: Field, source: Grid, target: Grid) -> Field:
    """Resample a field to another grid: one small matrix product per axis, z first."""
    if source == target:
        return field
    out = field
    for axis in (2, 1, 0):
        out = apply_along_axis(out, _cached_matrix(source, target, axis, field.device), axis)
    return out.contiguous()


@lru_cache(maxsize=48)
def _cached_matrix(source: Grid, target: Grid, axis: int, device: torch.device) -> Field:
    """The interpolation matrix of one axis, kept because many fields share it."""
    positions = target.axis(axis, device) - source.origin[axis]
    return interpolation_matrix(positions / source.spacing[axis], source.shape[axis])


def smooth_noise(draw: RandomSource, grid: Grid, scale_mm: float) -> Field:
    """Draw Gaussian noise of about unit variance that varies over ``scale_mm``."""
    extent = [s * (n - 1) for s, n in zip(grid.spacing, grid.shape, strict=True)]
    shape = [math.ceil(e / scale_mm) + 4 for e in extent]
    knots = draw.white_noise(shape)
    # The lattice starts between one and two knots outside.
    origin = [o - draw.uniform(1, 2) * scale_mm for o in grid.origin]
    lattice = Grid(_triple(origin), (scale_mm,) * 3, (shape[0], shape[1], shape[2]))
    # Interpolation averages: 1.4 brings the standard deviation back to about one.
    return resample(knots, lattice, grid) * 1.4


def gaussian(field: Field, sigmas: Sequence[float]) -> Field:
    """Gaussian blur of a block along its three axes, sigmas in samples; edges repeat."""
    out = field
    for axis, sigma in enumerate(sigmas):
        if sigma < 0.15:
            continue
        reach = max(1, math.ceil(3 * sigma))
        steps = torch.arange(-reach, reach + 1, dtype=torch.float32, device=field.device)
        kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
        kernel /= kernel.sum()
        line = out.movedim(axis, -1)
        shape = line.shape
        padded = torch.nn.functional.pad(
            line.reshape(1, -1, shape[-1]), (reach, reach), mode="replicate"
        )[0]
        smooth = sum(
            weight * padded[:, offset : offset + shape[-1]]
            for offset, weight in enumerate(kernel.tolist())
        )
        assert isinstance(smooth, Tensor)
        out = smooth.reshape(shape).movedim(-1, axis)
    return out.contiguous()


def ellipsoid(x: Field, y: Field, z: Field, center: Point, radii: Point, tilt: float = 0) -> Field:
    """The signed distance to an ellipsoid, tilted in the coronal plane by ``tilt`` rad."""
    x, y, z = x - center[0], y - center[1], z - center[2]
    if tilt:
        c, s = math.cos(tilt), math.sin(tilt)
        x, z = c * x - s * z, s * x + c * z
    norm = torch.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2)
    return (norm - 1) * min(radii)


def tubes(
    grid: Grid,
    start: Field,
    end: Field,
    radius: Field,
    margin_mm: float,
    device: torch.device | str = "cpu",
) -> Field:
    """The signed distance to straight pieces of tube, `FAR_MM` beyond ``margin_mm`` of them.

    Parameters
    ----------
    start, end : world mm of the ends of each piece, (n, 3).
    radius : mm at start and end, (n, 2).
    """
    out = torch.full(grid.shape, FAR_MM, device=device)
    spacing = torch.tensor(grid.spacing)
    ends = torch.stack([start, end]).cpu()
    radii = radius.cpu()
    reach = radii.amax(dim=1, keepdim=True) + margin_mm
    low = ((ends.amin(dim=0) - reach - torch.tensor(grid.origin)) / spacing).ceil()
    high = ((ends.amax(dim=0) + reach - torch.tensor(grid.origin)) / spacing).floor() + 1
    first = low.clamp(min=0).long()
    last = torch.minimum(high.long(), torch.tensor(grid.shape))
    axes = [grid.axis(axis, device) for axis in range(3)]
    for piece in (first < last).all(dim=1).nonzero()[:, 0].tolist():
        box = tuple(
            slice(a, b) for a, b in zip(first[piece].tolist(), last[piece].tolist(), strict=True)
        )
        p, d = ends[0, piece].tolist(), (ends[1, piece] - ends[0, piece]).tolist()
        x = (axes[0][box[0]] - p[0])[:, None, None]
        y = (axes[1][box[1]] - p[1])[None, :, None]
        z = (axes[2][box[2]] - p[2])[None, None, :]
        squared = max(sum(c * c for c in d), 1e-6)
        t = ((x * (d[0] / squared) + y * (d[1] / squared)) + z * (d[2] / squared)).clamp_(0, 1)
        away = (x - t * d[0]).square_() + (y - t * d[1]).square_() + (z - t * d[2]).square_()
        begin, stop = radii[piece].tolist()
        distance = away.sqrt_() - (begin + t * (stop - begin))
        out[box] = torch.minimum(out[box], distance)
    return out


def tube(
    grid: Grid,
    points: Sequence[Point],
    radius: float | Sequence[float],
    device: torch.device | str = "cpu",
) -> Field:
    """The signed distance to a tube along a polyline, with one radius or one per point, in mm.

    The distance is right up to 24 mm from the tube, `FAR_MM` beyond: that saves most of
    the work.
    """
    radii = [radius] * len(points) if isinstance(radius, int | float) else list(radius)
    if len(points) < 2:
        raise ValueError(f"a tube needs at least two points, got {len(points)}")
    line = torch.tensor([[float(c) for c in point] for point in points])
    pairs = torch.tensor([[float(a), float(b)] for a, b in itertools.pairwise(radii)])
    return tubes(grid, line[:-1], line[1:], pairs, 24.0, device)


def slices_with(shape: Field) -> list[int]:
    """Indices of the axial slices that a shape reaches."""
    indices: list[int] = (shape < 0).any(dim=0).any(dim=0).nonzero()[:, 0].tolist()
    return indices


def intersection(*fields: Any) -> Field:
    """The intersection of shapes: the largest distance."""
    return reduce(torch.maximum, fields)


def union(*fields: Any) -> Field:
    """The union of shapes: the smallest distance."""
    return reduce(torch.minimum, fields)
