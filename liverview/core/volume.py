"""Volumes and label maps: an (I, J, K) array with its place in patient space.

Arrays are always RAS+: i grows to the patient's right, j anterior, k superior; an axial
slice is ``voxels[:, :, k]``. World coordinates (x, y, z) are millimeters, RAS+.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]
Voxel = tuple[int, int, int]
_CACHE_LINE = 64  # bytes


class Sliceable(Protocol):
    """An array, or what computes its slices when they are looked at."""

    def __getitem__(self, index: Any, /) -> NDArray[Any]: ...


class Plane(Enum):
    """A slice orientation; the value is the axis that it cuts."""

    SAGITTAL = 0
    CORONAL = 1
    AXIAL = 2

    @property
    def axis(self) -> int:
        return int(self.value)

    @property
    def horizontal_axis(self) -> int:
        """The axis that runs horizontally on the screen."""
        return 1 if self is Plane.SAGITTAL else 0

    @property
    def vertical_axis(self) -> int:
        """The axis that runs vertically on the screen."""
        return 1 if self is Plane.AXIAL else 2

    def slice_of(self, array: Sliceable, index: int) -> NDArray[Any]:
        """Slice ``index`` as a view: rows along `vertical_axis`, columns along `horizontal_axis`."""
        picked: list[Any] = [slice(None)] * 3
        picked[self.axis] = index
        return array[tuple(picked)].T

    @classmethod
    def least_contiguous(cls, array: NDArray[Any]) -> Plane:
        """The plane whose slices are scattered most over memory: across the fastest axis."""
        return cls(int(np.argmin(np.abs(array.strides))))


def slice_contiguous_copy(array: NDArray[Any]) -> Iterator[NDArray[Any] | None]:
    """Make a copy whose n-th part is slice n of the `Plane.least_contiguous`, in one piece.

    Slices of that plane touch every cache line of the array; of the copy, one run of memory.
    Yields None between steps of some milliseconds, then the copy as the last value.
    """
    plane = Plane.least_contiguous(array)
    source = array.transpose(plane.axis, plane.vertical_axis, plane.horizontal_axis)
    out = np.empty(source.shape, array.dtype)
    step = max(1, _CACHE_LINE // array.itemsize)
    for row in range(source.shape[1]):
        for first in range(0, len(source), step):  # what shares cache lines, together
            out[first : first + step, row] = source[first : first + step, row]
        if row % 8 == 7:
            yield None
    yield out


@dataclass(frozen=True, eq=False)
class SourceGrid:
    """How the file stored the voxels, so that label maps can be written back on its grid.

    Attributes
    ----------
    shape : voxels along the stored axes.
    orientation : (3, 2) from stored to canonical axes, as in nibabel: row n holds the
        canonical axis and the direction (1 or -1) of stored axis n.
    header : the file's header, byte for byte.
    repaired : the stored affine could not be used as it was.
    unit_mm : millimeters in the unit of the file's header.
    extensions : of the header, each its code and its content as stored.
    """

    shape: tuple[int, int, int]
    orientation: NDArray[np.float64]
    header: bytes
    repaired: bool = False
    unit_mm: float = 1.0
    extensions: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT volume; never changed after it was made.

    Attributes
    ----------
    voxels : (I, J, K), in the type the file stored where that is exact, else float32.
    affine : (4, 4) float64, voxel index -> world mm.
    intercept : HU are ``voxels + intercept``.
    name : what to call it in the window and in file names.
    source : the stored grid; None for a volume that was never a file.
    notes : what a person should know about this file, one sentence each.
    in_hu : False where the values can be no HU, as in 0..1 or 0..255.
    """

    voxels: NDArray[Any]
    affine: Affine
    intercept: int = 0
    name: str = "volume"
    source: SourceGrid | None = None
    warnings: tuple[str, ...] = field(default=())
    in_hu: bool = True

    def __post_init__(self) -> None:
        _check_array(self.voxels, self.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        i, j, k = self.voxels.shape
        return i, j, k

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres per voxel along i, j, k."""
        return affine_spacing(self.affine)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @cached_property
    def oblique_deg(self) -> float:
        """Largest angle between a voxel axis and the nearest patient axis, in degrees."""
        return oblique_deg(self.affine)

    def voxel_to_world(self, voxel: Sequence[float]) -> NDArray[np.float64]:
        """World mm of a voxel's center, (3,)."""
        point: NDArray[np.float64] = self.affine[:3, :3] @ np.asarray(voxel) + self.affine[:3, 3]
        return point

    def world_to_voxel(self, world: Sequence[float]) -> Voxel:
        """The voxel whose center is nearest to a point in world mm; may lie outside."""
        inverse = np.linalg.inv(self.affine)
        i, j, k = np.rint(inverse[:3, :3] @ np.asarray(world) + inverse[:3, 3]).astype(int)
        return int(i), int(j), int(k)

    def hu_at(self, voxel: Voxel) -> float:
        """HU at a voxel."""
        return float(self.voxels[voxel]) + self.intercept

    def contains(self, voxel: Sequence[int]) -> bool:
        return all(0 <= v < n for v, n in zip(voxel, self.shape, strict=True))


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label per voxel, (I, J, K) uint8, RAS+; see `liverview.core.labels.Label`."""

    voxels: NDArray[np.uint8]
    affine: Affine
    name: str = "labels"

    def __post_init__(self) -> None:
        _check_array(self.voxels, self.affine)
        if self.voxels.dtype != np.uint8:
            raise TypeError(f"labels must be uint8, got {self.voxels.dtype}")

    @property
    def voxel_ml(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def spacing(self) -> tuple[float, float, float]:
        return affine_spacing(self.affine)


def is_usable_affine(affine: NDArray[Any]) -> bool:
    """Whether a matrix is (4, 4), finite, and far enough from singular to be an affine."""
    if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
        return False
    spacing = affine_spacing(affine)
    if min(spacing) < 1e-6 or max(spacing) > 1e6:
        return False
    return bool(np.linalg.cond(affine[:3, :3] / spacing) < 1e4)


def affine_spacing(affine: Affine) -> tuple[float, float, float]:
    """Millimetres per voxel along i, j, k: the lengths of the affine's columns."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)


def oblique_deg(affine: Affine) -> float:
    """Largest angle between a voxel axis and the nearest patient axis, in degrees."""
    direction = np.abs(affine[:3, :3] / affine_spacing(affine))
    return float(np.degrees(np.arccos(np.clip(direction.max(axis=0), 0, 1)).max()))


def same_grid(first: Volume | LabelMap, second: Volume | LabelMap, tolerance: float = 0.01) -> bool:
    """Whether voxels coincide: equal shape, corners within ``tolerance`` mm."""
    return (
        first.voxels.shape == second.voxels.shape and corner_distance_mm(first, second) <= tolerance
    )


def corner_distance_mm(first: Volume | LabelMap, second: Volume | LabelMap) -> float:
    """How far the corners of two grids of one shape lie apart along an axis at most, mm."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in first.voxels.shape], [1])).reshape(4, -1)
    return float(np.abs((first.affine - second.affine) @ corners).max())


def _check_array(voxels: NDArray[Any], affine: Affine) -> None:
    if voxels.ndim != 3 or 0 in voxels.shape:
        raise ValueError(f"voxels must have three axes, none empty, got {voxels.shape}")
    if not is_usable_affine(affine):
        raise ValueError(f"the affine must be (4, 4), finite and not singular, got {affine}")
