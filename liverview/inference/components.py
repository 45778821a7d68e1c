"""Connected components of masks. Organs are 6-connected: those that touch by an edge are two."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def largest_component(mask: Mask) -> Mask:
    """The largest 6-connected component of a mask, (i, j, k)."""
    if not mask.any():
        return mask
    largest: Mask = cc3d.largest_k(mask, k=1, connectivity=6) > 0
    return largest


def fill_holes(mask: Mask) -> Mask:
    """Add every component of the background that does not reach the border."""
    background = np.pad(~mask, 1, constant_values=True)
    component_ids = cc3d.connected_components(background, connectivity=6)
    filled: Mask = component_ids[1:-1, 1:-1, 1:-1] != component_ids[0, 0, 0]
    return filled


def remove_small_objects(mask: Mask, least: int) -> Mask:
    """Keep the 26-connected components of at least ``least`` voxels."""
    kept: Mask = cc3d.dust(mask, threshold=least, connectivity=26) > 0
    return kept
