"""Agreement of surfaces by their area, as DeepMind's surface-distance counts it.

The surface runs between voxels, through the cubes that eight voxel centers span: in each cube it
has the area of the triangles of marching cubes (Lorensen and Cline 1987) and lies, for distances,
at the cube's middle. So a surface is as large as it is however thick the slices are, where a count
of voxels has few of them on the thick side.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.evaluation.metrics import Mask, nearest_distances

_CORNERS = list(product((0, 1), repeat=3))  # of a cube, in the order of the bits of its code
_ALL = 255


def area_nsd(
    predicted: Mask,
    reference: Mask,
    spacing: tuple[float, float, float],
    tolerances_mm: tuple[float, ...],
    ignored: Mask | None = None,
) -> tuple[float, ...]:
    """The share of both surfaces' areas within each tolerance of the other one, 0..1.

    NaN where the reference has no surface, 0 where only the prediction has none. Where a cube
    has an ignored voxel, its surface is not known and left out.
    """
    box = Box.around(predicted | reference)
    if box is None:
        return (math.nan,) * len(tolerances_mm)
    box = box.expanded(1, reference.shape)  # what is ignored may begin beside it
    known = None if ignored is None else _cube_codes(ignored[box]) == 0
    (found, found_area), (true, true_area) = (
        _surface_cubes(mask[box], spacing, known) for mask in (predicted, reference)
    )
    if not len(true):
        return (math.nan,) * len(tolerances_mm)
    if not len(found):
        return (0.0,) * len(tolerances_mm)
    distances = np.concatenate(nearest_distances(found, true))
    areas = np.concatenate([found_area, true_area])
    return tuple(float(areas[distances <= mm].sum() / areas.sum()) for mm in tolerances_mm)


def _surface_cubes(
    mask: Mask, spacing: tuple[float, float, float], known: Mask | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The places of the cubes that a surface runs through, (N, 3) mm, and its areas there, mm2."""
    codes = _cube_codes(mask)
    crossed = (codes > 0) & (codes < _ALL)
    if known is not None:
        crossed &= known
    return np.argwhere(crossed) * np.array(spacing), _cube_areas(spacing)[codes[crossed]]


def _cube_codes(mask: Mask) -> NDArray[np.uint8]:
    """Which of its corners every cube has in the mask; one more cube than voxels along an axis."""
    padded = np.pad(mask, 1).view(np.uint8)
    codes = np.zeros([n + 1 for n in mask.shape], np.uint8)
    for bit, corner in enumerate(_CORNERS):
        at = tuple(slice(c, c + n) for c, n in zip(corner, codes.shape, strict=True))
        codes |= padded[at] << np.uint8(bit)
    return codes


@cache
def _cube_areas(spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """The area of the surface in a cube by its code, mm2, (256,)."""
    from skimage.measure import marching_cubes, mesh_surface_area  # half a second that few need

    areas = np.zeros(_ALL + 1)
    for code in range(1, _ALL):
        # Inside and outside are to have the same surface: that of the fewer corners.
        corners = min(code, _ALL - code, key=lambda c: (c.bit_count(), c))
        cube = np.array([corners >> bit & 1 for bit in range(8)], np.float32).reshape(2, 2, 2)
        vertices, faces, *_ = marching_cubes(cube, 0.5, spacing=spacing, method="lorensen")
        areas[code] = mesh_surface_area(vertices, faces)
    return areas
