"""Volumes and label maps: an (I, J, K) array with its place in patient space.

Arrays are always RAS+: i grows to the patient's right, j anterior, k superior; an axial
slice is ``voxels[:, :, k]``. World coordinates (x, y, z) are millimeters, RAS+.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine, OnGrid, Voxel

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
        """A view of slice ``index``, rows along `vertical_axis`, columns `horizontal_axis`."""
        picked: list[Any] = [slice(None)] * 3
        picked[self.axis] = index
        return array[tuple(picked)].T

    @classmethod
    def least_contiguous(cls, array: NDArray[Any]) -> Plane:
        """The plane whose slices are scattered most over memory: across the fastest axis."""
        return cls(int(np.argmin(np.abs(array.strides))))


def iter_slice_contiguous_copy(array: NDArray[Any]) -> Iterator[NDArray[Any] | None]:
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
class Volume(OnGrid):
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
        _check_axes(self)

    def hu_at(self, voxel: Voxel) -> float:
        """HU at a voxel."""
        return float(self.voxels[voxel]) + self.intercept


@dataclass(frozen=True, eq=False)
class LabelMap(OnGrid):
    """A label per voxel, (I, J, K) uint8, RAS+; see `liverview.core.labels.Label`."""

    voxels: NDArray[np.uint8]
    affine: Affine
    name: str = "labels"

    def __post_init__(self) -> None:
        _check_axes(self)
        if self.voxels.dtype != np.uint8:
            raise TypeError(f"labels must be uint8, got {self.voxels.dtype}")


def _check_axes(array: OnGrid) -> None:
    if array.voxels.ndim != 3:
        raise ValueError(f"voxels must have three axes, got {array.voxels.shape}")
    _ = array.grid  # checks itself
