"""What the whole label map shows and no slab does: loose parts, holes, specks."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from liverview.inference.components import largest_part, without_specks
from liverview.labels import Label
from liverview.stream import Progress

_PHASE = "Cleaning up"
LEAST_PART_ML = 0.05
"""Vessel and tumor parts smaller than this become liver."""


def clean(
    labels: NDArray[np.uint8], voxel_ml: float
) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Keep the largest liver, fill its holes, drop specks; labels of one block, (I, J, K).

    The liver is 6-connected and includes its vessels and tumors; vessel and tumor parts are
    26-connected. Yields progress between its steps, so that it can be stopped there.
    """
    yield Progress(_PHASE, 0.97)
    organ = largest_part(labels > 0)
    yield Progress(_PHASE, 0.98)
    out = np.where(organ, np.maximum(labels, np.uint8(Label.LIVER)), np.uint8(Label.BACKGROUND))
    least = max(1, round(LEAST_PART_ML / voxel_ml))
    for label in (Label.VESSEL, Label.TUMOR):
        part = out == label
        out[part & ~without_specks(part, least)] = Label.LIVER
        yield Progress(_PHASE, 0.99)
    return out
