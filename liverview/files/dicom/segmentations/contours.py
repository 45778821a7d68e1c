"""Contours in planes, filled on the voxels of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Grid
from liverview.files.opening import ImageFileError

_FLAT = 0.5  # of a slice, as far as a contour may leave its plane
_SAME_PLANE = 0.02  # of a slice
_APART = 1.5  # slices


class ContourPlanes(NamedTuple):
    """Contours by their planes, in voxels of a grid: its axis across them, and each one's place."""

    axis: int
    contours: dict[float, list[NDArray[np.float64]]]

    def describe(self, name: str, grid: Grid) -> list[str]:
        """What a person should know of them, one sentence each; ``name`` is the structure's."""
        said = []
        gaps = np.diff(sorted(self.contours))
        if len(gaps) and float(np.median(gaps)) > _APART:
            said.append(
                f"The contours of {name} are {np.median(gaps):.2g} slices apart; the slices "
                "between them were left empty."
            )
        outside = sum(not 0 <= round(depth) < grid.shape[self.axis] for depth in self.contours)
        if outside:
            said.append(f"{outside} planes of contours of {name} lie outside of the scan.")
        return said


def find_planes(path: Path, contours: tuple[NDArray[np.float64], ...], grid: Grid) -> ContourPlanes:
    """The planes of contours, each (n, 3), closed, mm, RAS+.

    Raises
    ------
    ImageFileError : where they do not lie in slices of the grid along any axis.
    """
    placed = [grid.world_to_place(contour) for contour in contours]
    axis = _axis_through(path, placed)
    return ContourPlanes(axis, _by_plane(placed, axis))


def fill_contours(planes: ContourPlanes, grid: Grid) -> NDArray[np.uint8]:
    """The voxels whose centers lie within an odd number of the contours of their slice.

    So a contour within another one is a hole. A slice takes the contours of the plane nearest to
    it, within half a slice; between planes that are farther apart nothing is made up.
    """
    voxels = np.zeros(grid.shape, np.uint8, order="F")
    across = [other for other in range(3) if other != planes.axis]
    nearest: dict[int, float] = {}
    for depth in planes.contours:
        index = round(depth)
        best = nearest.get(index)
        if best is None or abs(depth - index) < abs(best - index):
            nearest[index] = depth
    for index, depth in nearest.items():
        if 0 <= index < grid.shape[planes.axis]:
            flat = [contour[:, across] for contour in planes.contours[depth]]
            section = np.moveaxis(voxels, planes.axis, 0)[index]
            section[...] = fill_polygons(flat, (section.shape[0], section.shape[1]))
    return voxels


def fill_polygons(polygons: list[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The points of a lattice that lie within an odd number of closed polygons.

    A point on an outline is within where the inside lies towards higher indices, so that two
    polygons that share an edge share no point.

    Parameters
    ----------
    polygons : each (n, 2), vertices in indices of the lattice.
    shape : of the lattice.
    """
    edges = np.concatenate([np.hstack([p, np.roll(p, -1, axis=0)]) for p in polygons])
    edges = edges[edges[:, 0] != edges[:, 2]]
    down = edges[:, 0] > edges[:, 2]
    edges[down] = edges[down][:, [2, 3, 0, 1]]
    first = np.clip(np.ceil(edges[:, 0]), 0, shape[0]).astype(np.int64)
    count = np.clip(np.ceil(edges[:, 2]), 0, shape[0]).astype(np.int64) - first
    edge = np.repeat(np.arange(len(edges)), count)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    i, j, i_end, j_end = edges[edge].T
    crossing = j + (row - i) * (j_end - j) / (i_end - i)
    column = np.clip(np.ceil(crossing), 0, shape[1]).astype(np.int64)
    turns = np.zeros((shape[0], shape[1] + 1), np.int64)
    np.add.at(turns, (row, column), 1)
    inside: NDArray[np.bool_] = np.cumsum(turns, axis=1)[:, :-1] % 2 == 1
    return inside


def _axis_through(path: Path, placed: list[NDArray[np.float64]]) -> int:
    """The axis of the grid across which the planes of all contours lie."""
    spread = np.max([np.ptp(contour, axis=0) for contour in placed], axis=0)
    axis = int(np.argmin(spread))
    if spread[axis] > _FLAT:
        raise ImageFileError(
            f"{path} has contours that do not lie in slices of the scan: open the scan that they "
            "were drawn on, or convert them to a DICOM SEG with the program that drew them."
        )
    return axis


def _by_plane(
    placed: list[NDArray[np.float64]], axis: int
) -> dict[float, list[NDArray[np.float64]]]:
    """Contours by their plane, in slices; one that is there twice counts once."""
    planes: dict[float, list[NDArray[np.float64]]] = {}
    known: list[float] = []
    for contour in sorted(placed, key=lambda points: float(points[:, axis].mean())):
        depth = float(contour[:, axis].mean())
        if not known or depth - known[-1] > _SAME_PLANE:
            known.append(depth)
        there = planes.setdefault(known[-1], [])
        if not any(contour.shape == other.shape and np.allclose(contour, other) for other in there):
            there.append(contour)
    return planes
