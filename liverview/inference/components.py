"""Connected parts of masks. Organs are 6-connected: parts that touch by an edge are two."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def largest_component(mask: Mask) -> Mask:
    """The largest 6-connected part of a mask, (i, j, k)."""
    if not mask.any():
        return mask
    part: Mask = cc3d.largest_k(mask, k=1, connectivity=6) > 0
    return part


def fill_holes(mask: Mask) -> Mask:
    """The mask with every part of the background that does not reach the border."""
    around = np.pad(~mask, 1, constant_values=True)
    outside = cc3d.connected_components(around, connectivity=6)
    filled: Mask = outside[1:-1, 1:-1, 1:-1] != outside[0, 0, 0]
    return filled


def remove_small_objects(mask: Mask, least: int) -> Mask:
    """The 26-connected parts of at least ``least`` voxels."""
    kept: Mask = cc3d.dust(mask, threshold=least, connectivity=26) > 0
    return kept
