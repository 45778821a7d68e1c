"""What the whole label map shows and no slab does: loose parts, holes, specks."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.labels import Label

LEAST_PART_ML = 0.05
"""Vessel and tumor parts smaller than this become liver."""


def clean(labels: NDArray[np.uint8], voxel_ml: float) -> NDArray[np.uint8]:
    """Keep the largest liver, fill its holes, drop specks; labels of one block, (I, J, K).

    The liver is 6-connected and includes its vessels and tumors; vessel and tumor parts are
    26-connected.
    """
    organ = labels > 0
    if not organ.any():
        return labels
    kept = cc3d.largest_k(organ, k=1, connectivity=6) > 0
    out = np.where(kept, labels, np.uint8(Label.BACKGROUND))
    out[ndimage.binary_fill_holes(kept) & ~kept] = Label.LIVER
    least = max(1, round(LEAST_PART_ML / voxel_ml))
    for label in (Label.VESSEL, Label.TUMOR):
        part = out == label
        specks = part & ~(cc3d.dust(part, threshold=least, connectivity=26) > 0)
        out[specks] = Label.LIVER
    return out
