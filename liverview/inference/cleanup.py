"""What the whole label map shows and no slab does: loose parts, holes, specks."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from liverview.inference.components import fill_holes, largest_part, without_specks
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
    cleaned = np.zeros_like(labels)
    box = _bounds(labels)
    if box is None:
        return cleaned
    found = np.ascontiguousarray(labels[box])
    yield Progress(_PHASE, 0.97)
    organ = largest_part(found > 0)
    yield Progress(_PHASE, 0.98)
    organ = fill_holes(organ)
    yield Progress(_PHASE, 0.98)
    out = np.where(organ, np.maximum(found, np.uint8(Label.LIVER)), np.uint8(Label.BACKGROUND))
    least = max(1, round(LEAST_PART_ML / voxel_ml))
    for label in (Label.VESSEL, Label.TUMOR):
        part = out == label
        out[part & ~without_specks(part, least)] = Label.LIVER
        yield Progress(_PHASE, 0.99)
    cleaned[box] = out
    return cleaned


def _bounds(labels: NDArray[np.uint8]) -> tuple[slice, slice, slice] | None:
    """The smallest block with every label; None where there is none."""
    slices = np.flatnonzero(labels.any(axis=(0, 1)))
    if len(slices) == 0:
        return None
    box = [slice(int(slices[0]), int(slices[-1]) + 1)]
    kept = labels[:, :, box[0]]
    for others in ((1, 2), (0, 2)):
        hit = np.flatnonzero(kept.any(axis=others))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return box[1], box[2], box[0]
