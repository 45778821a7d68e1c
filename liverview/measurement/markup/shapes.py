"""Markups on a slice: rulers and ellipses, and their measurements.

Places are voxel coordinates (i, j, k) of the volume in RAS+, whole numbers at voxel centers;
lengths and areas are taken after the affine, so that they are right on anisotropic, oblique
and sheared grids.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine
from liverview.core.volume import Plane, Volume

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Ruler:
    """A straight line in a slice.

    Attributes
    ----------
    plane : of the slice it was drawn on.
    start, end : (i, j, k), both in that slice.
    """

    plane: Plane
    start: Point
    end: Point

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (*self.start, *self.end)):
            raise ValueError(f"a ruler needs finite ends, got {self.start} and {self.end}")
        if self.start[self.plane.axis] != self.end[self.plane.axis]:
            raise ValueError(f"a ruler lies in one slice, got {self.start} and {self.end}")

    @property
    def index(self) -> int:
        """The slice that shows it."""
        return round(self.start[self.plane.axis])

    @property
    def points(self) -> dict[str, Point]:
        """Its points, by name."""
        return {"start": self.start, "end": self.end}

    def length_mm(self, affine: Affine) -> float:
        return float(np.linalg.norm(affine[:3, :3] @ np.subtract(self.end, self.start)))

    def words(self, volume: Volume) -> str:
        """Its measurement in words, for the image."""
        return f"{self.length_mm(volume.affine):.1f} mm"

    def to_dict(self, volume: Volume) -> dict[str, Any]:
        """For JSON: place and length; the unit is in every key."""
        return {
            "kind": "ruler",
            **_located(self, volume),
            "length_mm": round(self.length_mm(volume.affine), 2),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Ruler:
        return cls(_plane(stored), _point(stored, "start"), _point(stored, "end"))


@dataclass(frozen=True)
class EllipseStats:
    """Statistics of the voxels in an ellipse.

    Attributes
    ----------
    voxel_count : voxels whose centers lie in it, of those that the volume has.
    mean, sd, lowest, highest : of their values, HU where the volume is in HU; the standard
        deviation is that of all of them (not of a sample). NaN where there are none.
    area_mm2 : of the ellipse itself, not of its voxels.
    """

    voxel_count: int
    mean: float
    sd: float
    lowest: float
    highest: float
    area_mm2: float


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in a slice, its axes along the slice's two grid directions.

    On a sheared grid it is sheared with the picture: an ellipse as drawn, not one in mm.

    Attributes
    ----------
    plane : of the slice it was drawn on.
    index : of the slice.
    center : along `Plane.horizontal_axis` and `Plane.vertical_axis`, in voxels.
    half_axes : likewise, above 0.
    """

    plane: Plane
    index: int
    center: tuple[float, float]
    half_axes: tuple[float, float]

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in self.center):
            raise ValueError(f"an ellipse needs a finite center, got {self.center}")
        if not all(math.isfinite(v) and v > 0 for v in self.half_axes):
            raise ValueError(f"half axes must be finite and above 0, got {self.half_axes}")

    @property
    def points(self) -> dict[str, Point]:
        """Its points, by name."""
        place = [float(self.index)] * 3
        place[self.plane.horizontal_axis], place[self.plane.vertical_axis] = self.center
        return {"center": (place[0], place[1], place[2])}

    def area_mm2(self, affine: Affine) -> float:
        """The area of the ellipse: pi a b times that of the parallelogram of one pixel."""
        across, up = affine[:3, self.plane.horizontal_axis], affine[:3, self.plane.vertical_axis]
        pixel = float(np.linalg.norm(np.cross(across, up)))
        return math.pi * self.half_axes[0] * self.half_axes[1] * pixel

    def stats(self, volume: Volume) -> EllipseStats:
        """Measure what it holds of a volume."""
        values = self._values(volume)
        area = self.area_mm2(volume.affine)
        if not len(values):
            return EllipseStats(0, math.nan, math.nan, math.nan, math.nan, area)
        return EllipseStats(
            voxel_count=len(values),
            mean=float(values.mean()),
            sd=float(values.std()),
            lowest=float(values.min()),
            highest=float(values.max()),
            area_mm2=area,
        )

    def words(self, volume: Volume) -> str:
        """Its measurement in words, for the image."""
        found = self.stats(volume)
        unit = " HU" if volume.in_hu else ""
        mean = "–" if math.isnan(found.mean) else f"{found.mean:.1f} ± {found.sd:.1f}{unit}"
        return f"{mean}\n{found.area_mm2:,.0f} mm²"

    def to_dict(self, volume: Volume) -> dict[str, Any]:
        """For JSON: place and figures; the unit is in every key."""
        found = self.stats(volume)
        a, b = self.half_axes
        unit = "hu" if volume.in_hu else "value"
        values = {name: getattr(found, name) for name in ("mean", "sd", "lowest", "highest")}
        return {
            "kind": "ellipse",
            **_located(self, volume),
            "half_axes_voxels": [a, b],
            "half_axes_mm": [
                round(a * volume.spacing[self.plane.horizontal_axis], 2),
                round(b * volume.spacing[self.plane.vertical_axis], 2),
            ],
            "area_mm2": round(found.area_mm2, 2),
            "voxel_count": found.voxel_count,
            **{
                f"{name}_{unit}": None if math.isnan(value) else round(value, 2)
                for name, value in values.items()
            },
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Ellipse:
        plane, center = _plane(stored), _point(stored, "center")
        a, b = stored["half_axes_voxels"]
        return cls(
            plane,
            round(center[plane.axis]),
            (center[plane.horizontal_axis], center[plane.vertical_axis]),
            (float(a), float(b)),
        )

    def _values(self, volume: Volume) -> NDArray[np.float64]:
        """The values of the voxels whose centers lie inside, (n,)."""
        axis, shape = self.plane.axis, volume.shape
        if not 0 <= self.index < shape[axis]:
            return np.zeros(0)
        (x, y), (a, b) = self.center, self.half_axes
        columns = _within(x, a, shape[self.plane.horizontal_axis])
        rows = _within(y, b, shape[self.plane.vertical_axis])
        inside = ((columns - x) / a) ** 2 + ((rows[:, None] - y) / b) ** 2 <= 1
        part = self.plane.slice_of(volume.voxels, self.index)[np.ix_(rows, columns)]
        values: NDArray[np.float64] = part[inside].astype(np.float64) + volume.intercept
        return values


Markup: TypeAlias = Ruler | Ellipse


def _located(markup: Markup, volume: Volume) -> dict[str, Any]:
    return {
        "plane": markup.plane.name.lower(),
        **{f"{name}_voxel_ras": list(point) for name, point in markup.points.items()},
        **{
            f"{name}_mm": [round(float(x), 3) for x in volume.voxel_to_world(point)]
            for name, point in markup.points.items()
        },
    }


def _plane(stored: Mapping[str, Any]) -> Plane:
    return Plane[str(stored["plane"]).upper()]


def _point(stored: Mapping[str, Any], name: str) -> Point:
    i, j, k = (float(value) for value in stored[f"{name}_voxel_ras"])
    return i, j, k


def _within(center: float, half_axis: float, count: int) -> NDArray[np.int64]:
    """The voxels of an axis that an ellipse can reach."""
    first, last = math.ceil(center - half_axis), math.floor(center + half_axis)
    return np.arange(max(0, first), min(count - 1, last) + 1)
