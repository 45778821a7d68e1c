"""Grids: how many voxels there are, and where they lie in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liverview.core.errors import LiverviewError

Affine = NDArray[np.float64]
Voxel = tuple[int, int, int]
SAME_WITHIN = 0.15
"""Parts of a voxel by which the corners of one grid may lie apart.

Affines are written with six digits or with four: .7031 for .703125 moves the last of 512 columns by
.02 voxels, four decimals of .39 mm the last of 1,024 columns by .13. It stays far below the half of
a voxel at which another voxel would be the nearest.
"""


class GridMismatchError(LiverviewError):
    """Two arrays that should lie on the same voxels and do not."""


@dataclass(frozen=True, eq=False, repr=False)
class Grid:
    """Voxels in the patient: world coordinates are mm, RAS+; whole indices are voxel centers.

    Attributes
    ----------
    shape : voxels along i, j, k.
    affine : (4, 4) float64, voxel index -> world mm.

    Raises
    ------
    LiverviewError : where a side is empty, or the affine is not finite or singular.

    Examples
    --------
    >>> import numpy as np
    >>> from liverview.core.grid import Grid
    >>> grid = Grid((512, 512, 120), np.diag([0.75, 0.75, 2.5, 1.0]))
    >>> grid.spacing
    (0.75, 0.75, 2.5)
    >>> grid.world_to_voxel((75.0, 7.5, 25.0))
    (100, 10, 10)
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or 0 in self.shape:
            raise LiverviewError(f"voxels must have three axes, none empty, got {self.shape}")
        if not is_usable_affine(self.affine):
            raise LiverviewError(
                f"the affine must be (4, 4), finite and not singular: {self.affine}"
            )

    def __repr__(self) -> str:
        return f"Grid {self.describe()}"

    def describe(self) -> str:
        """Shape, spacing and axes in a few words: ``512x512x120, 0.75x0.75x2.50 mm, RAS+``."""
        shape = "x".join(str(n) for n in self.shape)
        return f"{shape}, {'x'.join(f'{mm:.2f}' for mm in self.spacing)} mm, RAS+"

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Millimeters per voxel along i, j, k."""
        return affine_spacing(self.affine)

    @cached_property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @cached_property
    def oblique_deg(self) -> float:
        """Largest angle between a voxel axis and the nearest patient axis, in degrees."""
        return oblique_deg(self.affine)

    def contains(self, voxel: Sequence[int]) -> bool:
        """True for a voxel of the grid."""
        return all(0 <= v < n for v, n in zip(voxel, self.shape, strict=True))

    def voxel_to_world(self, voxel: Sequence[float]) -> NDArray[np.float64]:
        """World mm of a place in voxels, (3,)."""
        point: NDArray[np.float64] = self.affine[:3, :3] @ np.asarray(voxel) + self.affine[:3, 3]
        return point

    def world_to_voxel(self, world: Sequence[float]) -> Voxel:
        """The voxel whose center is nearest to a point in world mm; may lie outside."""
        i, j, k = np.rint(self.world_to_place(world)).astype(int)
        return int(i), int(j), int(k)

    def world_to_place(self, world: ArrayLike) -> NDArray[np.float64]:
        """Places in voxels, whole numbers at centers, of world mm, (3,) or (n, 3)."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(np.asarray(world, float) @ inverse[:3, :3].T + inverse[:3, 3])

    def corner_distance_mm(self, other: Grid) -> float:
        """The largest distance along an axis between the corners of two grids of one shape."""
        return float(np.abs((self.affine - other.affine) @ self.corners()).max())

    def corner_distance_voxels(self, other: Grid) -> float:
        """The same in voxels of this grid, along its axes."""
        apart = np.linalg.solve(self.affine, other.affine) - np.eye(4)
        return float(np.abs(apart @ self.corners()).max())

    def corners(self) -> NDArray[np.float64]:
        """The indices of the eight voxels at the corners, with a row of ones: (4, 8)."""
        ends = [(0.0, n - 1.0) for n in self.shape]
        return np.array(np.meshgrid(*ends, [1.0])).reshape(4, -1)

    def same_as(self, other: Grid) -> bool:
        """True where voxels coincide: equal shape, corners within `SAME_WITHIN` of a voxel."""
        return self.shape == other.shape and self.corner_distance_voxels(other) <= SAME_WITHIN


class OnGrid:
    """An array (I, J, K) with its place in the patient, as `Volume` and `LabelMap` are."""

    voxels: NDArray[Any]
    affine: Affine
    name: str

    @cached_property
    def grid(self) -> Grid:
        """Shape and affine as one value."""
        i, j, k = self.voxels.shape
        return Grid((i, j, k), self.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.grid.shape

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimeters per voxel along i, j, k."""
        return self.grid.spacing

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return self.grid.voxel_ml

    @property
    def oblique_deg(self) -> float:
        """Largest angle between a voxel axis and the nearest patient axis, in degrees."""
        return self.grid.oblique_deg

    def contains(self, voxel: Sequence[int]) -> bool:
        """True for a voxel of the array."""
        return self.grid.contains(voxel)

    def voxel_to_world(self, voxel: Sequence[float]) -> NDArray[np.float64]:
        """World mm of a place in voxels, (3,)."""
        return self.grid.voxel_to_world(voxel)

    def world_to_voxel(self, world: Sequence[float]) -> Voxel:
        """The voxel whose center is nearest to a point in world mm; may lie outside."""
        return self.grid.world_to_voxel(world)


def is_usable_affine(affine: NDArray[Any]) -> bool:
    """True for a matrix (4, 4) that is finite and far enough from singular to be an affine."""
    if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
        return False
    spacing = affine_spacing(affine)
    if min(spacing) < 1e-6 or max(spacing) > 1e6:
        return False
    return bool(np.linalg.cond(affine[:3, :3] / spacing) < 1e4)


def affine_spacing(affine: Affine) -> tuple[float, float, float]:
    """Millimeters per voxel along i, j, k: the lengths of the affine's columns."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)


def oblique_deg(affine: Affine) -> float:
    """Largest angle between a voxel axis and the nearest patient axis, in degrees."""
    direction = np.abs(affine[:3, :3] / affine_spacing(affine))
    return float(np.degrees(np.arccos(np.clip(direction.max(axis=0), 0, 1)).max()))


def same_grid(first: OnGrid, second: OnGrid) -> bool:
    """True where the voxels of two arrays coincide, see `Grid.same_as`."""
    return first.grid.same_as(second.grid)


def check_same_grid(first: OnGrid, second: OnGrid) -> None:
    """Refuse arrays whose voxels do not coincide.

    Raises
    ------
    GridMismatchError : where shapes or affines differ; it names both and says how far.
    """
    if same_grid(first, second):
        return
    told = f"they have {first.shape} and {second.shape} voxels"
    if first.shape == second.shape:
        apart = first.grid.corner_distance_mm(second.grid)
        told = f"by their affines, corners lie up to {apart:.3g} mm apart"
    raise GridMismatchError(
        f"{first.name} and {second.name} do not lie on the same voxels: {told}; "
        "save both on the grid of the scan."
    )
