"""Diameters of a lesion, from edge to edge, right on any grid.

A lesion's edge runs through the middles of the pixel edges (in 3D, of the voxel faces) between
it and what is not it: unbiased, where pixel centers alone would miss a pixel and corners add
one. Between them its outline is that of marching squares. All lengths are taken after the
affine, so that anisotropic, oblique and sheared grids need no special case.

The longest diameter joins two points of one part of one slice, and may pass over a notch, as a
caliper does. The one across it is the longest line at right angles, in the same slice, which
stays within the outline; holes count as lesion. This is the pair that the WHO criteria multiply,
the longest diameter and the greatest one perpendicular to it (Miller et al., Cancer 1981;47:
207-214), and of which RECIST 1.1 takes the first (Eisenhauer et al., Eur J Cancer 2009;45:
228-247).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import find_contours

from liverview.core.grid import Affine

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]

_AT_ONCE = 1 << 20  # pairs of points, or of lines and edges, in memory

_IN_SLICE = np.zeros((3, 3, 3), np.bool_)
_IN_SLICE[:, :, 1] = True


class AxialDiameter(NamedTuple):
    """The longest diameter in an axial slice.

    Attributes
    ----------
    ends : (2, 3), voxel coordinates.
    part : the part of the slice that it spans, (i, j).
    corner : where the part's first pixel lies, (i, j).
    """

    ends: Points
    part: Mask
    corner: tuple[int, int]


def longest_3d(mask: Mask, affine: Affine) -> Points:
    """The two points of a lesion's surface that lie farthest apart, (2, 3) in voxels."""
    return _farthest_points(mask, affine[:3, :3])


def longest_axial(mask: Mask, affine: Affine) -> AxialDiameter:
    """The longest diameter over the axial slices [:, :, k] of a lesion, (I, J, K).

    Of equal ones, that of the slice nearest to the middle.
    """
    columns = affine[:3, :2]
    parts, _ = ndimage.label(mask, _IN_SLICE)
    boxes = ndimage.find_objects(parts)
    # No diameter is longer than its box: most slices need no look.
    bounds = _longer_diagonals(
        np.array([[s.stop - s.start for s in box[:2]] for box in boxes]), columns
    )
    slices = np.array([box[2].start for box in boxes])
    order = np.lexsort((np.abs(slices - (mask.shape[2] - 1) / 2), -bounds))
    best, found = 0.0, None
    for index in order:
        if bounds[index] <= best:
            break
        i, j, k = boxes[index]
        part = parts[i, j, k.start] == index + 1
        ends = _farthest_points(part, columns)
        length = float(np.linalg.norm(columns @ (ends[1] - ends[0])))
        if length > best:
            ends = np.column_stack([np.add(ends, (i.start, j.start)), (k.start, k.start)])
            best, found = length, AxialDiameter(ends, part, (i.start, j.start))
    assert found is not None
    return found


def longest_perpendicular(axial: AxialDiameter, affine: Affine) -> Points:
    """The longest line at right angles to a diameter within its outline, (2, 3) in voxels.

    It need not meet the diameter: in a crescent, that may lie outside.
    """
    # In-plane mm: the slice's own two directions, at right angles to each other.
    to_mm = np.linalg.qr(affine[:3, :2])[1]
    whole = np.pad(ndimage.binary_fill_holes(axial.part), 1)
    (outline,) = find_contours(whole.astype(np.float64), 0.5, fully_connected="high")
    outline = (outline - 1 + axial.corner) @ to_mm.T
    along = to_mm @ (axial.ends[1] - axial.ends[0])[:2]
    along /= np.linalg.norm(along)
    turn = np.array([along, (-along[1], along[0])])
    ends = np.linalg.solve(to_mm, turn.T @ _longest_chord(outline @ turn.T).T).T
    return np.column_stack([ends, axial.ends[:, 2]])


def _longest_chord(outline: Points) -> Points:
    """The longest line of constant x within a closed polygon, (n, 2); its ends, (2, 2).

    Between two corners the length changes evenly, so that it is longest beside one. Lines are
    those through all corners, once as if a little left of it and once a little right.
    """
    x, y = outline[:-1].T
    next_x, next_y = outline[1:].T
    lines = np.unique(x)
    best, ends = -1.0, np.zeros((2, 2))
    for some in np.array_split(lines, len(lines) * len(x) // _AT_ONCE + 1):
        for before in (np.less, np.less_equal):
            line = some[:, None]
            rows, edges = np.nonzero(before(x, line) != before(next_x, line))
            share = (some[rows] - x[edges]) / (next_x[edges] - x[edges])
            crossings = y[edges] + share * (next_y[edges] - y[edges])
            order = np.lexsort((crossings, rows))
            # Each line enters and leaves as often, so that pairs never mix two lines.
            low, high = crossings[order][::2], crossings[order][1::2]
            if len(low) and (high - low).max() > best:
                index = int(np.argmax(high - low))
                at = some[rows[order][2 * index]]
                best = high[index] - low[index]
                ends = np.array([(at, low[index]), (at, high[index])])
    return ends


def _farthest_points(mask: Mask, columns: NDArray[np.float64]) -> Points:
    """The two points of a mask's edge that lie farthest apart after a linear map, (2, axes)."""
    # Imported for lesions alone: with LAPACK, which comes with them, they take a fifth of a second.
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import cdist

    points = _edge_midpoints(mask)
    points = points[ConvexHull(points).vertices]
    points = points[_possible_ends(points @ columns.T)]
    mapped = points @ columns.T
    best, ends = -1.0, (0, 0)
    step = max(1, _AT_ONCE // len(points))
    for first in range(0, len(points), step):
        apart = cdist(mapped[first : first + step], mapped)
        if apart.max() > best:
            row, other = np.unravel_index(np.argmax(apart), apart.shape)
            best, ends = float(apart.max()), (first + int(row), int(other))
    return points[list(ends)]


def _possible_ends(points: Points) -> Mask:
    """Mask of the points that could be one of the two that lie farthest apart, (n,)."""
    from_middle = np.linalg.norm(points - points.mean(axis=0), axis=1)
    far = points[np.argmax(from_middle)]
    # That pair is at least this long, and no longer than the way over the middle.
    least = np.linalg.norm(points - far, axis=1).max()
    may: Mask = from_middle + from_middle.max() >= least * (1 - 1e-9)
    return may


def _edge_midpoints(mask: Mask) -> Points:
    """The middles of the outermost pixel edges or voxel faces along every line, (n, axes)."""
    found = []
    for axis in range(mask.ndim):
        hit = mask.any(axis)
        first = mask.argmax(axis)[hit]
        last = mask.shape[axis] - 1 - np.flip(mask, axis).argmax(axis)[hit]
        lines = np.nonzero(hit)
        for end in (first - 0.5, last + 0.5):
            found.append(np.stack([*lines[:axis], end, *lines[axis:]], axis=1))
    return np.concatenate(found)


def _longer_diagonals(
    sides: NDArray[np.int64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The longer diagonal in mm of boxes of (n, 2) pixels."""
    i, j = (sides[:, axis, None] * columns[:, axis] for axis in (0, 1))
    diagonals: NDArray[np.float64] = np.maximum(
        np.linalg.norm(i + j, axis=1), np.linalg.norm(i - j, axis=1)
    )
    return diagonals
