"""Where the slices of a DICOM volume lie: the even grid of their true places.

Places come from ImagePositionPatient and ImageOrientationPatient alone. Lengths are mm, LPS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine
from liverview.files.dicom.headers.slice_header import SliceHeader

SAME_PLACE = 0.01
"""Millimeters within which two slices lie at one place."""
_EXACT = 0.01  # mm, or share of a step, by which a slice may be off its place on the grid
_ROUNDED = (1e-3, 1e-2, 1e-1)  # mm; what positions may be rounded to
_MOST = 4  # slices of the even grid for one of the series, where it has steps of several lengths
_SKEWED = 0.02  # cosine between rows and columns that is no rounding

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class SliceGrid:
    """The even grid that the slices of a volume are put on, along the normal of their planes.

    Attributes
    ----------
    affine : (4, 4), column, row, slice of the grid -> world mm, LPS; sheared where the gantry
        was tilted.
    count : slices of the grid.
    places : where the series' slices lie on it, in slices, ascending; whole where they are exact.
    filled : slices of the grid that the series lacks, ascending.
    tilt_deg : between the normal and the line through the slices.
    steps_mm : the shortest and the longest step between neighbors along the normal.
    """

    affine: Affine
    count: int
    places: Vector
    filled: tuple[int, ...] = ()
    tilt_deg: float = 0.0
    steps_mm: tuple[float, float] = (0.0, 0.0)

    @property
    def exact(self) -> bool:
        """True where every slice lies on the grid: none has to be resampled."""
        return bool(np.array_equal(self.places, np.rint(self.places)))


def problem_of(header: SliceHeader) -> str:
    """What is wrong with an image's place, as "has no position"; empty where nothing is."""
    if header.position is None:
        return "has no position (ImagePositionPatient)"
    if header.orientation is None:
        return "has no orientation (ImageOrientationPatient)"
    if header.pixel_spacing is None:
        return "has no pixel spacing"
    numbers = (*header.position, *header.orientation, *header.pixel_spacing)
    if not all(math.isfinite(number) for number in numbers):
        return "has a position, orientation or spacing that is no number"
    if min(header.pixel_spacing) <= 0:
        rows, columns = header.pixel_spacing
        return f"has a pixel spacing of {rows:g} x {columns:g} mm"
    row, column = header.orientation[:3], header.orientation[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if min(lengths) < 0.5 or max(lengths) > 2:
        return f"has the orientation {_plain(header.orientation)}, which is no direction"
    cosine = sum(a * b for a, b in zip(row, column, strict=True)) / (lengths[0] * lengths[1])
    if abs(cosine) > _SKEWED:
        return (
            f"has the orientation {_plain(header.orientation)}, whose axes are not at right angles"
        )
    return ""


def _plain(numbers: Sequence[float]) -> str:
    return "\\".join(f"{number:g}" for number in numbers)


def directions_of(header: SliceHeader) -> tuple[Vector, Vector, Vector]:
    """Unit vectors along a row, along a column, and across both; of a header without problem."""
    cosines = np.asarray(header.orientation, np.float64)
    row, column = cosines[:3], cosines[3:]
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    normal = np.cross(row, column)
    return row, column, normal / np.linalg.norm(normal)


def positions_of(headers: Sequence[SliceHeader]) -> Vector:
    """The positions, (slices, 3)."""
    return np.array([header.position for header in headers], np.float64)


def heights_of(headers: Sequence[SliceHeader]) -> Vector:
    """How far slices of one orientation lie along their normal, (slices,)."""
    heights: Vector = positions_of(headers) @ directions_of(headers[0])[2]
    return heights


def grid_of(headers: Sequence[SliceHeader]) -> SliceGrid:
    """The even grid for slices of one orientation, ascending along their normal, none twice."""
    row, column, normal = directions_of(headers[0])
    spacing = headers[0].pixel_spacing
    assert spacing is not None
    positions = positions_of(headers)
    filled: tuple[int, ...] = ()
    if len(headers) == 1:
        places, count = np.zeros(1), 1
        step, start = normal * stated_step(headers[0]), positions[0]
        steps = np.zeros(1)
    else:
        heights = positions @ normal
        steps = np.diff(heights)
        places, count, length, filled = _even_places(heights)
        line = (positions[-1] - positions[0]) / (heights[-1] - heights[0])  # 1 mm along the normal
        step, start = line * length, positions[0] - line * length * places[0]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * spacing[1], column * spacing[0]
    affine[:3, 2], affine[:3, 3] = step, start
    tilt = math.degrees(math.acos(min(1.0, float(step @ normal / np.linalg.norm(step)))))
    drift = np.linalg.norm(step - normal * (step @ normal)) * (count - 1)
    tilt = tilt if drift > max(0.1, _quantum(positions.ravel())) else 0.0
    return SliceGrid(affine, count, places, filled, tilt, (float(steps.min()), float(steps.max())))


def stated_step(header: SliceHeader) -> float:
    """The distance of slices that a header states, for one that is alone; 1 without any."""
    stated = (header.thickness, header.spacing_between)
    return next((mm for mm in stated if mm is not None and 0 < mm < 1e4), 1.0)


def off_line_mm(headers: Sequence[SliceHeader]) -> float:
    """How far slices lie beside the line through the first and the last one, at most."""
    positions = positions_of(headers)
    heights = positions @ directions_of(headers[0])[2]
    if len(headers) < 3:
        return 0.0
    share = (heights - heights[0]) / (heights[-1] - heights[0])
    on_line = positions[0] + share[:, None] * (positions[-1] - positions[0])
    return float(np.linalg.norm(positions - on_line, axis=1).max())


def is_even(heights: Vector) -> bool:
    """True where ascending heights lie on an even grid, though some may be missing on it."""
    if len(heights) < 3:
        return True
    places, count, _, _ = _even_places(heights)
    return bool(np.array_equal(places, np.rint(places))) and count < 2 * len(heights)


def _even_places(heights: Vector) -> tuple[Vector, int, float, tuple[int, ...]]:
    """Places of heights on an even grid, its slices, its step, and the slices that are missing."""
    count, steps = len(heights), np.diff(heights)
    tolerance = max(_EXACT, _EXACT * float(steps.min()), _quantum(heights))
    for step in (np.mean(steps), steps.min(), np.median(steps[steps < 1.5 * steps.min()])):
        numbers = np.concatenate([[0.0], np.cumsum(np.maximum(np.rint(steps / step), 1))])
        if numbers[-1] >= _MOST * count:
            continue
        length = float((heights[-1] - heights[0]) / numbers[-1])
        if np.abs(heights - heights[0] - numbers * length).max() <= tolerance:
            there = set(numbers.astype(int).tolist())
            total = int(numbers[-1]) + 1
            return numbers, total, length, tuple(sorted(set(range(total)) - there))
    return _resampled_places(heights, tolerance)


def _resampled_places(
    heights: Vector, tolerance: float
) -> tuple[Vector, int, float, tuple[int, ...]]:
    """As `_even_places`, where no even grid has them all: that of the longest run of steps."""
    steps = np.diff(heights)
    length = float(steps.min())
    if length < (heights[-1] - heights[0]) / (2 * (len(heights) - 1)):
        length = float(np.median(steps))
    alike = np.abs(steps - length) <= tolerance
    anchor, stop = _longest_run(alike)
    if stop > anchor:
        length = float((heights[stop] - heights[anchor]) / (stop - anchor))
    places = (heights - heights[anchor]) / length
    near = np.abs(places - np.rint(places)) * length <= tolerance
    places = np.where(near, np.rint(places), places)
    first, last = int(np.rint(places[0])), int(np.rint(places[-1]))
    grid = np.arange(first, last + 1)
    away = np.abs(grid[:, None] - places[None, :]).min(axis=1)
    filled = tuple(np.flatnonzero(away > 0.5 + tolerance / length).tolist())
    return places - first, len(grid), length, filled


def _longest_run(alike: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last slice of the longest run of steps that are alike."""
    best, start = (0, 0), 0
    for index, same in enumerate(alike):
        if not same:
            start = index + 1
        elif index + 1 - start > best[1] - best[0]:
            best = start, index + 1
    return best


def _quantum(numbers: Vector) -> float:
    """What numbers are rounded to: positions to a tenth of a mm may be off by that."""
    for step in reversed(_ROUNDED):
        if np.abs(numbers / step - np.rint(numbers / step)).max() < 1e-6:
            return step
    return 0.0
