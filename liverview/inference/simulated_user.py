"""A simulated user: the marks that a person with a reference in mind would make.

Training and evaluation both ask it, so that a network is measured by what it was trained for.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.grid import Affine
from liverview.measurement.diameters import longest_axial

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]
_TOUCHING = np.ones((3, 3, 3), bool)


class Draws(Protocol):
    """A source of random numbers."""

    def normal(self, mean: float, sd: float, /) -> float:
        """A normal number."""
        ...

    def uniform(self, low: float, high: float, /) -> float:
        """A number from an interval."""
        ...

    def integer(self, low: int, high: int, /) -> int:
        """A whole number, ``low`` included, ``high`` not."""
        ...


class Click(NamedTuple):
    """One click: its voxel, and whether it says that it is not of the label."""

    voxel: tuple[int, int, int]
    negative: bool


def interior_point(mask: Mask, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """The voxel of a mask that lies deepest in it; of equally deep ones the first.

    Raises
    ------
    ValueError : where the mask is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no interior point")
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), spacing)
    i, j, k = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return int(i) - 1, int(j) - 1, int(k) - 1


def largest_error(proposed: Mask, truth: Mask) -> tuple[Mask, bool] | None:
    """The largest connected error, and True where it is too much; None where there is none."""
    best: tuple[int, Mask, bool] | None = None
    for error, negative in ((truth & ~proposed, False), (proposed & ~truth, True)):
        parts, count = ndimage.label(error, _TOUCHING)
        if not count:
            continue
        sizes = np.bincount(parts.ravel())[1:]
        largest = int(np.argmax(sizes)) + 1
        if best is None or sizes[largest - 1] > best[0]:
            best = int(sizes[largest - 1]), parts == largest, negative
    return None if best is None else best[1:]


def next_click(proposed: Mask, truth: Mask, spacing: tuple[float, float, float]) -> Click | None:
    """The click in the middle of the largest error; None where all is right."""
    error = largest_error(proposed, truth)
    return None if error is None else Click(interior_point(error[0], spacing), error[1])


def any_point(draw: Draws, mask: Mask) -> tuple[int, int, int]:
    """A voxel of a mask by chance: the click of somebody who does not aim."""
    voxels = np.argwhere(mask)
    i, j, k = voxels[draw.integer(0, len(voxels))].tolist()
    return i, j, k


def scribble(
    draw: Draws, mask: Mask, spacing: tuple[float, float, float], count: int = 12
) -> Points:
    """Points of a stroke within one slice of a mask, in a plane by chance, (n, 3) in voxels.

    It goes from the deepest voxel of the slice to one by chance, where it stays inside.
    """
    start = interior_point(mask, spacing)
    axis = draw.integer(0, 3)
    inside: list[slice | int] = [slice(None)] * 3
    inside[axis] = start[axis]
    voxels = np.argwhere(mask[tuple(inside)])
    end = np.insert(voxels[draw.integer(0, len(voxels))], axis, start[axis])
    points = np.asarray(start) + np.linspace(0, 1, count)[:, None] * (end - np.asarray(start))
    whole = np.rint(points).astype(int)
    return points[mask[tuple(whole.T)]]


def diameter_line(mask: Mask, affine: Affine) -> Points:
    """The line of the longest axial diameter, (2, 3) in voxels, as RECIST asks for it."""
    return longest_axial(mask, affine).ends


def misplaced_line(draw: Draws, line: Points, affine: Affine, error_mm: float) -> Points:
    """The line with both ends ``error_mm`` away, in directions of its slice by chance."""
    ends = []
    to_voxels = np.linalg.inv(affine[:3, :3])
    first, second = np.linalg.qr(affine[:3, :2])[0].T
    for end in line:
        angle = draw.uniform(0, 2 * np.pi)
        ends.append(end + to_voxels @ (error_mm * (np.cos(angle) * first + np.sin(angle) * second)))
    return np.array(ends)
