"""Maps between voxels of a slice and the coordinates of its view.

In the view's coordinates, the center of voxel (a, b) of the slice lies at (a * da, b * db)
mm; the view box flips axes, never the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from liverview.core.grid import Voxel
from liverview.core.volume import Plane, Volume

_FEWEST, _FARTHEST = 4, 10  # voxels seen at the closest, widths of the slice at the farthest


@dataclass(frozen=True)
class SliceGeometry:
    """Maps voxels of a plane's slices to a view's coordinates in mm, and back.

    Attributes
    ----------
    shape, spacing : of the volume, (3,) voxels and mm.
    """

    plane: Plane
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, plane: Plane, volume: Volume) -> SliceGeometry:
        """The geometry of a volume's slices."""
        return cls(plane, volume.shape, volume.spacing)

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Millimeters per voxel across and up."""
        return self.spacing[self.plane.horizontal_axis], self.spacing[self.plane.vertical_axis]

    def view_point(self, place: Sequence[float]) -> QPointF:
        """The point in mm of a place in voxels, or of the center of a voxel."""
        across, up = place[self.plane.horizontal_axis], place[self.plane.vertical_axis]
        return QPointF(across * self.pixel_mm[0], up * self.pixel_mm[1])

    def voxel_place(self, point: QPointF, crosshair: Voxel) -> tuple[float, float, float]:
        """The place in voxels of a point in mm, in the slice of the crosshair."""
        place = [float(index) for index in crosshair]
        place[self.plane.horizontal_axis] = point.x() / self.pixel_mm[0]
        place[self.plane.vertical_axis] = point.y() / self.pixel_mm[1]
        return place[0], place[1], place[2]

    def block_rect(self, shape: tuple[int, ...], corner: tuple[int, int]) -> QRectF:
        """The area of a block of voxels, whole ones; ``corner`` is its first row and column."""
        da, db = self.pixel_mm
        (rows, columns), (row, column) = shape, corner
        return QRectF((column - 0.5) * da, (row - 0.5) * db, columns * da, rows * db)

    @property
    def extent(self) -> QRectF:
        """The area of the slice with its outermost voxels whole."""
        rows, columns = self.shape[self.plane.vertical_axis], self.shape[self.plane.horizontal_axis]
        return self.block_rect((rows, columns), (0, 0))

    def limit_scale(self, scale: float, shown_mm: float) -> float:
        """A scale for what is seen, ``shown_mm`` wide now: neither too few voxels nor too far."""
        widest = max(self.extent.width(), self.extent.height())
        least = min(1.0, _FEWEST * max(self.pixel_mm) / shown_mm)
        most = max(1.0, _FARTHEST * widest / shown_mm)
        return float(np.clip(scale, least, most))


def nearest_voxel(place: Sequence[float]) -> Voxel:
    """The voxel that holds a place in voxels, whole numbers at centers; also outside a volume."""
    i, j, k = (int(np.floor(value + 0.5)) for value in place)
    return i, j, k
