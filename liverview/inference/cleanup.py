"""What the whole label map shows and no slab does: loose parts, holes, specks."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from liverview.inference.components import Mask, fill_holes, largest_part, without_specks
from liverview.labels import Label
from liverview.stream import Progress

_PHASE = "Cleaning up"
LEAST_PART_ML = {Label.VESSEL: 0.05, Label.TUMOR: 0.25}
"""Vessel and tumor parts smaller than this become liver."""
_OUTSIDE = 0.45  # share of a tumor's surface with nothing of the liver on the other side
_SURE = 0.7  # mean probability of a tumor part that is worth showing


def clean(
    labels: NDArray[np.uint8],
    tumor: NDArray[np.uint8],
    spacing: tuple[float, float, float],
) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Keep the largest liver, fill its holes, drop specks and doubtful tumors.

    The liver is 6-connected and includes its vessels and tumors; vessel and tumor parts are
    26-connected. A tumor part that is more beside the liver than in it was taken of a neighbor,
    and becomes background; one that the network is not sure of as a whole becomes liver. Yields
    progress between its steps, so that it can be stopped there.

    Parameters
    ----------
    labels : of one block, (I, J, K).
    tumor : the probability that they are tumor, (I, J, K), in 255ths.
    spacing : mm.
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
    beside, unsure = yield from _doubtful(
        (found == Label.TUMOR) & organ, organ, tumor[box], spacing
    )
    if beside.any():
        organ = largest_part(organ & ~beside)
        yield Progress(_PHASE, 0.98)
    found[unsure] = Label.LIVER
    out = np.where(organ, np.maximum(found, np.uint8(Label.LIVER)), np.uint8(Label.BACKGROUND))
    voxel_ml = float(np.prod(spacing)) / 1000
    for label, ml in LEAST_PART_ML.items():
        part = out == label
        out[part & ~without_specks(part, max(1, round(ml / voxel_ml)))] = Label.LIVER
        yield Progress(_PHASE, 0.99)
    cleaned[box] = out
    return cleaned


def _doubtful(
    tumor: Mask, organ: Mask, probability: NDArray[np.uint8], spacing: tuple[float, float, float]
) -> Generator[Progress, None, tuple[Mask, Mask]]:
    """The parts of a tumor with much of their surface outside the organ, and unsure ones.

    All of the tumor is in the organ.
    """
    beside, unsure = np.zeros_like(tumor), np.zeros_like(tumor)
    box = _bounds(tumor)
    if box is None:
        return beside, unsure
    parts = cc3d.connected_components(np.asfortranarray(tumor[box]), connectivity=26)
    yield Progress(_PHASE, 0.98)
    numbers = parts[tumor[box]]
    size = np.bincount(numbers)
    sure = np.bincount(numbers, weights=probability[box][tumor[box]])
    inside = organ[box]
    surface, outside = np.zeros(len(size)), np.zeros(len(size))
    for axis, step in enumerate(spacing):
        yield Progress(_PHASE, 0.98)
        ahead, behind = (
            tuple(end if a == axis else slice(None) for a in range(3))
            for end in (slice(1, None), slice(None, -1))
        )
        for here, there in ((ahead, behind), (behind, ahead)):
            edge = (parts[here] > 0) & (parts[there] == 0)
            number, out = parts[here][edge], ~inside[there][edge]
            # Of voxels of one size, a face is as large as its axis' step is small.
            surface += np.bincount(number, minlength=len(size)) / step
            outside += np.bincount(number, weights=out, minlength=len(size)) / step
    beside[box] = (outside > _OUTSIDE * surface)[parts]
    unsure[box] = (sure < _SURE * 255 * size)[parts]
    return beside, unsure


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
