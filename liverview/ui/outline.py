"""Outlines of labels along the edges of their voxels, as lines that any zoom can draw."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QPainterPath

Lines = tuple[NDArray[np.float64], NDArray[np.float64]]


def edges(mask: NDArray[np.bool_]) -> Lines:
    """Where a mask (rows, columns) ends: x and y of the ends of straight lines, in pairs.

    Coordinates are of voxel corners: voxel (r, c) reaches from (c, r) to (c + 1, r + 1).
    """
    rows, columns = mask.shape
    padded = np.zeros((rows + 2, columns + 2), np.int8)
    padded[1:-1, 1:-1] = mask
    y, x0, x1 = _runs(padded[1:, 1:-1] - padded[:-1, 1:-1])
    x, y0, y1 = _runs(np.ascontiguousarray((padded[1:-1, 1:] - padded[1:-1, :-1]).T))
    across = np.stack([x0, x1], axis=1).ravel(), np.repeat(y, 2)
    up = np.repeat(x, 2), np.stack([y0, y1], axis=1).ravel()
    return (
        np.concatenate([across[0], up[0]]).astype(np.float64),
        np.concatenate([across[1], up[1]]).astype(np.float64),
    )


def _runs(change: NDArray[np.int8]) -> tuple[NDArray[np.intp], ...]:
    """Runs of equal changes along each row: the row, the first column, the one after the last."""
    flat = change.ravel()
    place = np.flatnonzero(flat)
    row, column = np.divmod(place, change.shape[1])
    value = flat[place]
    same = (np.diff(place) == 1) & (np.diff(row) == 0) & (np.diff(value) == 0)
    first = np.append(True, ~same)[: len(place)]
    last = np.append(~same, True)[: len(place)]
    return row[first], column[first], column[last] + 1


def outline(
    mask: NDArray[np.bool_], origin: tuple[float, float], steps: tuple[float, float]
) -> QPainterPath:
    """A mask's outline in a view's mm; ``origin`` is the corner of its first voxel (x, y)."""
    x, y = edges(mask)
    path: QPainterPath = pg.arrayToQPath(
        origin[0] + x * steps[0], origin[1] + y * steps[1], connect="pairs", finiteCheck=False
    )
    return path
