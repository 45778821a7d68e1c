"""What the whole label map shows and no slab does: loose parts, holes, specks."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from liverview.inference.components import fill_holes, largest_part, without_specks
from liverview.labels import Label
from liverview.stream import Progress

_PHASE = "Cleaning up"
LEAST_ML = {Label.VESSEL: 0.05, Label.TUMOR: 0.25}
"""Vessel and tumor parts smaller than this become liver."""
_OUTSIDE = 0.45  # share of a tumor's surface with nothing of the liver on the other side


def clean(
    labels: NDArray[np.uint8], voxel_ml: float
) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Keep the largest liver, fill its holes, drop specks; labels of one block, (I, J, K).

    The liver is 6-connected and includes its vessels and tumors; vessel and tumor parts are
    26-connected. A tumor part that is more beside the liver than in it was taken of a neighbor,
    and becomes background. Yields progress between its steps, so that it can be stopped there.
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
    beside = _beside((found == Label.TUMOR) & organ, organ)
    if beside.any():
        organ = largest_part(organ & ~beside)
        yield Progress(_PHASE, 0.98)
    out = np.where(organ, np.maximum(found, np.uint8(Label.LIVER)), np.uint8(Label.BACKGROUND))
    for label, ml in LEAST_ML.items():
        part = out == label
        out[part & ~without_specks(part, max(1, round(ml / voxel_ml)))] = Label.LIVER
        yield Progress(_PHASE, 0.99)
    cleaned[box] = out
    return cleaned


def _beside(tumor: NDArray[np.bool_], organ: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a tumor with much of their surface outside the organ; they are in it."""
    box = _bounds(tumor)
    if box is None:
        return tumor
    parts = cc3d.connected_components(np.asfortranarray(tumor[box]), connectivity=26)
    inside = organ[box]
    surface = np.zeros(int(parts.max()) + 1)
    outside = np.zeros_like(surface)
    for axis in range(3):
        ahead, behind = (
            tuple(end if a == axis else slice(None) for a in range(3))
            for end in (slice(1, None), slice(None, -1))
        )
        for here, there in ((ahead, behind), (behind, ahead)):
            edge = (parts[here] > 0) & (parts[there] == 0)
            number, out = parts[here][edge], ~inside[there][edge]
            surface += np.bincount(number, minlength=len(surface))
            outside += np.bincount(number, weights=out, minlength=len(surface))
    drop = outside > _OUTSIDE * surface
    beside = np.zeros_like(tumor)
    beside[box] = drop[parts]
    return beside


def _bounds(labels: NDArray[Any]) -> tuple[slice, slice, slice] | None:
    """The smallest block with every label and one voxel around it; None where there is none."""
    slices = np.flatnonzero(labels.any(axis=(0, 1)))
    if len(slices) == 0:
        return None
    box = [_around(slices)]
    kept = labels[:, :, box[0]]
    for others in ((1, 2), (0, 2)):
        hit = np.flatnonzero(kept.any(axis=others))
        box.append(_around(hit))
    return box[1], box[2], box[0]


def _around(hit: NDArray[np.intp]) -> slice:
    return slice(max(0, int(hit[0]) - 1), int(hit[-1]) + 2)
