"""The grid on which the frames of a segmentation lie: by their positions alone.

Frames that are empty are often left out, so that a grid has slices without any.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import SAME_WITHIN, Affine, Grid, is_usable_affine
from liverview.core.orientation import Orientation, find_orientation, stored_affine
from liverview.files.opening import ImageFileError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
UNEVEN = "Its frames lie at uneven distances: each slice has the nearest of them."
_SAME_PLANE_MM = 0.01
_EVEN = 0.1  # of a step, by which places may be off one that is even
_DIVIDED = 0.02  # the same for a step that no two frames are apart
_MOST_SLICES = 20_000


@dataclass(frozen=True, eq=False)
class FramePlanes:
    """Frames as their headers place them; lengths are mm, LPS.

    Attributes
    ----------
    positions : (n, 3), of the center of the first pixel of each frame.
    axes : (3, 2), steps from one pixel to the next along a row, and along a column.
    columns, rows : of a frame.
    step : between slices, where the file says it; else 0.
    thickness : of a slice, in the same way.
    """

    positions: NDArray[np.float64]
    axes: NDArray[np.float64]
    columns: int
    rows: int
    step: float = 0.0
    thickness: float = 0.0

    @property
    def normal(self) -> NDArray[np.float64]:
        across = np.cross(self.axes[:, 0], self.axes[:, 1])
        unit: NDArray[np.float64] = across / np.linalg.norm(across)
        return unit


@dataclass(frozen=True, eq=False)
class FrameGrid:
    """A grid with the places of frames.

    Attributes
    ----------
    shape : columns, rows, slices.
    affine : (4, 4), column, row, slice -> world mm, RAS+.
    orientation : of its axes.
    places : of each frame, the slices that it is in: one, or none or more at uneven distances.
    column, row : of the grid, where the first pixel of a frame is.
    uneven : frames lie at uneven distances.
    """

    shape: tuple[int, int, int]
    affine: Affine
    orientation: Orientation
    places: tuple[tuple[int, ...], ...]
    column: int = 0
    row: int = 0
    uneven: bool = False


def recorded_grid(
    planes: FramePlanes, shape: tuple[int, int, int], affine_lps: Affine
) -> FrameGrid | None:
    """The grid that a file says it was made on; None where its frames do not lie on it."""
    apart = np.abs(affine_lps[:3, :2] - planes.axes) * [planes.columns, planes.rows]
    spacing = np.linalg.norm(planes.axes, axis=0).min()
    if shape[:2] != (planes.columns, planes.rows) or apart.max() > _EVEN * spacing:
        return None
    inverse = np.linalg.inv(affine_lps)
    found = planes.positions @ inverse[:3, :3].T + inverse[:3, 3]
    places = np.rint(found[:, 2]).astype(int)
    off = np.abs(found - np.stack([0 * places, 0 * places, places], axis=1)).max()
    if off > _EVEN or places.min() < 0 or places.max() >= shape[2]:
        return None
    affine = LPS_TO_RAS @ affine_lps
    return FrameGrid(shape, affine, find_orientation(affine), _single(places))


def scan_grid(planes: FramePlanes, scan: Grid) -> FrameGrid | None:
    """The grid of the scan, along the axes of the frames; None where frames do not lie on it."""
    inverse = np.linalg.inv(scan.affine)
    linear = inverse[:3, :3] @ LPS_TO_RAS[:3, :3]
    axes, start = linear @ planes.axes, planes.positions @ linear.T + inverse[:3, 3]
    whole = np.rint(axes)
    apart = np.abs(axes - whole) * [planes.columns, planes.rows]
    if apart.max() > SAME_WITHIN or not np.array_equal(np.abs(whole).sum(axis=0), [1, 1]):
        return None
    across, down = (int(axis) for axis in np.abs(whole).argmax(axis=0))
    if across == down:
        return None
    through = 3 - across - down
    signs = whole[across, 0], whole[down, 1]
    orientation = np.array([(across, signs[0]), (down, signs[1]), (through, 1)], np.float64)
    shape = scan.shape[across], scan.shape[down], scan.shape[through]
    first = [
        start[:, axis] if sign > 0 else scan.shape[axis] - 1 - start[:, axis]
        for axis, sign in ((across, signs[0]), (down, signs[1]))
    ]
    corner = [round(float(values[0])) for values in first]
    if max(np.abs(v - c).max() for v, c in zip(first, corner, strict=True)) > SAME_WITHIN:
        return None
    if (
        min(corner) < 0
        or corner[0] + planes.columns > shape[0]
        or corner[1] + planes.rows > shape[1]
    ):
        return None
    places, uneven = _places_in(start[:, through], shape[2])
    if places is None:
        return None
    affine = stored_affine(scan.affine, orientation, shape)
    return FrameGrid(shape, affine, orientation, places, corner[0], corner[1], uneven)


def own_grid(path: Path, planes: FramePlanes) -> FrameGrid:
    """The grid that frames span by themselves.

    Raises
    ------
    ImageFileError : where they span none.
    """
    depth = planes.positions @ planes.normal
    order = np.argsort(depth, kind="stable")
    first = planes.positions[order[0]]
    depths = depth - depth[order[0]]
    step, uneven = _find_step(np.unique(np.round(depths / _SAME_PLANE_MM)) * _SAME_PLANE_MM, planes)
    found = depths / step
    last = round(float(found.max()))
    if last >= _MOST_SLICES:
        raise ImageFileError(
            f"{path} has frames {step:.3g} mm apart over {depths.max():.0f} mm, more slices than "
            "a scan has; export it again."
        )
    along = planes.normal * step
    if last:  # tilted series go sideways with every step
        weights = found / (found @ found)
        along = weights @ (planes.positions - first)
    affine = np.eye(4)
    affine[:3, :2], affine[:3, 2], affine[:3, 3] = planes.axes, along, first
    if not is_usable_affine(affine):
        raise ImageFileError(f"{path} has frames whose positions span no volume; export it again.")
    places, _ = _places_in(found, last + 1) if uneven else (_single(np.rint(found)), False)
    assert places is not None
    ras = LPS_TO_RAS @ affine
    shape = planes.columns, planes.rows, last + 1
    return FrameGrid(shape, ras, find_orientation(ras), places, uneven=uneven)


def _find_step(depths: NDArray[np.float64], planes: FramePlanes) -> tuple[float, bool]:
    """The step, mm, on whose multiples depths lie, ascending from 0; and whether none is."""
    if len(depths) < 2:
        return planes.step or planes.thickness or 1.0, False
    gaps = np.diff(depths)
    smallest = float(gaps.min())
    for guess, within in (
        (planes.step, _EVEN), (smallest, _EVEN), *((smallest / n, _DIVIDED) for n in range(2, 5)),
    ):  # fmt: skip
        if guess <= _SAME_PLANE_MM or depths[-1] / guess > _MOST_SLICES:
            continue
        count = np.rint(depths / guess)
        if not count[1:].all():
            continue
        step = float(count @ depths / (count @ count))
        if np.abs(depths - count * step).max() <= within * step and len(set(count)) == len(count):
            return step, False
    return smallest, True


def _places_in(
    found: NDArray[np.float64], slices: int
) -> tuple[tuple[tuple[int, ...], ...] | None, bool]:
    """Places of frames, given in slices; None where one lies outside. And whether uneven."""
    places = np.rint(found).astype(int)
    if places.min() < 0 or places.max() >= slices:
        return None, False
    if np.abs(found - places).max() <= SAME_WITHIN:
        return _single(places), False
    known = np.unique(np.round(found, 3))
    gap = float(np.median(np.diff(known))) if len(known) > 1 else 1.0
    nearest = np.abs(np.arange(slices)[:, None] - known[None]).argmin(axis=1)
    near = np.abs(np.arange(slices) - known[nearest]) <= max(gap, 1.0) / 2 + SAME_WITHIN
    index = np.searchsorted(known, np.round(found, 3))
    return tuple(tuple(np.flatnonzero(near & (nearest == i)).tolist()) for i in index), True


def _single(places: NDArray[np.generic]) -> tuple[tuple[int, ...], ...]:
    return tuple((int(place),) for place in places)
