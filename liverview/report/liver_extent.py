"""Where a liver is: its box, and its largest slices."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import numpy as np

from liverview.core.box import Box
from liverview.core.labels import Label, label_mask
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Plane

PHASE = "Drawing slices"
_SLICES = 16  # looked at between two steps


class LiverExtent(NamedTuple):
    """The extent of a liver: its box, and the slice of each plane with most of its voxels."""

    box: Box
    largest: dict[Plane, int]


def iter_liver_extent(labels: LabelMap) -> Generator[Progress, None, LiverExtent | None]:
    """Find the liver's box and largest slices; None where there is no liver."""
    counts = [np.zeros(n, np.int64) for n in labels.voxels.shape]
    depth = labels.voxels.shape[2]
    for first in range(0, depth, _SLICES):
        mask = label_mask(labels.voxels[:, :, first : first + _SLICES], Label.LIVER)
        counts[0] += mask.sum(axis=(1, 2))
        counts[1] += mask.sum(axis=(0, 2))
        counts[2][first : first + _SLICES] = mask.sum(axis=(0, 1))
        yield Progress(PHASE, first / depth)
    box = Box.from_profiles(*counts)
    if box is None:
        return None
    return LiverExtent(box, {plane: int(counts[plane.axis].argmax()) for plane in Plane})
