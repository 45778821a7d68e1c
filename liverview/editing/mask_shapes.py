"""Shapes of masks: holes filled, surfaces smoothed, grown and shrunk by true millimeters.

A mask is (i, j, k) bool in a box of the scan. Faces of the box that are the scan's own are no
border of what is drawn: nothing is known beyond them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine, affine_spacing
from liverview.editing.components import Components

_REACH = 3.0  # standard deviations of a blur that can matter
_ROUNDING_MM, _ROUNDING = 1e-6, 1e-6  # mm, and the share by which squares in float32 may be off
_ORTHOGONAL = 1e-6  # cosine between axes; above, a grid is sheared
Mask = NDArray[np.bool_]


def margins(affine: Affine, mm: float) -> tuple[int, int, int]:
    """Voxels along i, j, k that a distance in mm can reach, on any grid."""
    steps = np.linalg.norm(np.linalg.inv(affine[:3, :3]), axis=1)
    i, j, k = (int(np.floor(mm * step + _ROUNDING_MM)) + 1 for step in steps)
    return i, j, k


def blur_margins(affine: Affine, mm: float) -> tuple[int, int, int]:
    """Voxels along i, j, k that a blur of a standard deviation in mm can reach."""
    return margins(affine, _REACH * mm)


def with_holes_filled(mask: Mask, *, in_axial_slices: bool = False) -> Mask:
    """A mask and what it encloses, of voxels that touch by faces; or what it encloses in a slice.

    What reaches a face of the box is no hole.
    """
    outside = Components(np.pad(~mask, 1, constant_values=True), 4 if in_axial_slices else 6)
    borders = np.zeros(outside.count + 1, np.bool_)
    for k in range(mask.shape[2] + 2):
        borders[outside.at((0, 0, k))] = True
    return ~outside.mask_of(borders)[1:-1, 1:-1, 1:-1]


def smoothed(mask: Mask, may_have: Mask, affine: Affine, mm: float) -> Mask:
    """A mask blurred by a Gaussian, and cut at the height at which its volume stays.

    That is at half for a flat surface; a small ball keeps its size, too.

    Parameters
    ----------
    may_have : the voxels that the result may have; those of the mask among them.
    mm : standard deviation of the blur, along the voxel axes.
    """
    from scipy import ndimage

    sigma = [mm / step for step in affine_spacing(affine)]
    heights = ndimage.gaussian_filter(
        mask.astype(np.float32), sigma, mode="nearest", truncate=_REACH
    )
    among, count = heights[may_have], int(np.count_nonzero(mask))
    if count in (0, len(among)):
        return mask
    cut = np.partition(among, len(among) - count)[len(among) - count]
    # Voxels of one height stay together, whichever is nearer to the volume.
    with_them, above = np.count_nonzero(among >= cut), np.count_nonzero(among > cut)
    nearer_above = above > 0 and count - above < with_them - count
    out: Mask = may_have & ((heights > cut) if nearer_above else (heights >= cut))
    return out


def grown(mask: Mask, affine: Affine, mm: float) -> Mask:
    """A mask and every voxel whose center is at most so many mm from the center of one of it."""
    return mask | _within(mask, affine, mm)


def shrunk(mask: Mask, affine: Affine, mm: float) -> Mask:
    """A mask without the voxels whose centers are at most so many mm from one that is not in it."""
    return mask & ~_within(~mask, affine, mm)


def _within(mask: Mask, affine: Affine, mm: float) -> Mask:
    """Voxels outside a mask at most so many mm from it."""
    limit = mm + _ROUNDING_MM
    if not _is_orthogonal(affine):
        return _within_on_sheared_grid(mask, affine, limit)
    # Squared distances, axis by axis, no farther than they matter: at a few mm far faster than a
    # distance transform.
    away = np.where(mask, np.float32(0), np.float32(np.inf))
    for axis, (step, most) in enumerate(
        zip(affine_spacing(affine), margins(affine, mm), strict=True)
    ):
        of = np.moveaxis(away, axis, 0)
        nearest = of.copy(order="K")
        for count in range(1, min(most, len(of))):
            squared = np.float32((count * step) ** 2)
            for to, source in ((nearest[count:], of[:-count]), (nearest[:-count], of[count:])):
                np.minimum(to, source + squared, out=to)
        away = np.moveaxis(nearest, 0, axis)
    near: Mask = (away <= limit**2 * (1 + _ROUNDING)) & ~mask
    return near


def _within_on_sheared_grid(mask: Mask, affine: Affine, limit: float) -> Mask:
    """The same by the distances of points, for axes that are not at right angles."""
    from scipy import ndimage
    from scipy.spatial import cKDTree

    # Neighbors in mm may be several voxels away: only what no distance in question reaches is out.
    size = [2 * margin + 1 for margin in margins(affine, limit)]
    voxels = np.argwhere(mask & ndimage.maximum_filter(~mask, size))
    others = np.argwhere(~mask & ndimage.maximum_filter(mask, size))
    out = np.zeros_like(mask)
    if len(voxels) and len(others):
        tree = cKDTree(voxels @ affine[:3, :3].T)
        away, _ = tree.query(others @ affine[:3, :3].T, distance_upper_bound=limit)
        out[tuple(others[np.isfinite(away)].T)] = True
    return out


def _is_orthogonal(affine: Affine) -> bool:
    axes = affine[:3, :3] / affine_spacing(affine)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() < _ORTHOGONAL)
