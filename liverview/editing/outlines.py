"""Areas inside outlines that are drawn in a slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def fill_outline(
    points: Sequence[tuple[float, float]], shape: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[np.bool_]] | None:
    """The pixels whose centers lie inside a closed outline, by the nonzero winding rule.

    By that rule a line that crosses itself, as drawn by hand, leaves no holes. A center on the
    line itself belongs to the area above or before it, so that two areas that share a border
    share no pixel.

    Parameters
    ----------
    points : the corners, (a, b) in pixels with whole numbers at centers; the last one is joined
        to the first one. They may lie outside the slice.
    shape : of the slice, (A, B).

    Returns
    -------
    The block of the slice, as slices along a and b, with its mask, bool, of the block's shape;
    None where the outline holds no center of a pixel.
    """
    corners = np.asarray(points, float).reshape(-1, 2)
    if len(corners) < 3:
        return None
    size = np.array(shape)
    first = np.clip(np.ceil(corners.min(axis=0)), 0, size).astype(int)
    stop = np.clip(np.floor(corners.max(axis=0)) + 1, 0, size).astype(int)
    if (stop <= first).any():
        return None
    inside = _winding(corners - first, tuple(stop - first)) != 0
    block = slice(int(first[0]), int(stop[0])), slice(int(first[1]), int(stop[1]))
    return (block, inside) if inside.any() else None


def _winding(corners: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.int32]:
    """How often an outline runs around each pixel's center, (A, B)."""
    turns = np.zeros((shape[0] + 1, shape[1]), np.int32)
    for (a0, b0), (a1, b1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if b0 == b1:
            continue
        low, high = sorted((b0, b1))
        rows = np.arange(max(0, int(np.ceil(low))), min(shape[1], int(np.ceil(high))))
        crossings = a0 + (rows - b0) * ((a1 - a0) / (b1 - b0))
        columns = np.clip(np.ceil(crossings), 0, shape[0]).astype(int)
        np.add.at(turns, (columns, rows), 1 if b1 > b0 else -1)
    return np.cumsum(turns[:-1], axis=0, dtype=np.int32)
