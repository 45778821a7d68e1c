"""Candidates for lesions as a segmentation gives them, on a small grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, LesionCandidates
from liverview.core.labels import Label
from liverview.core.stream import Progress, Slab

SHAPE = (40, 36, 24)
_PLACES = (
    # first voxel, shape, certainty, what it is otherwise
    ((8, 6, 4), (9, 8, 6), 0.97, Label.LIVER),
    ((24, 20, 12), (8, 6, 5), 0.82, Label.LIVER),
    ((10, 22, 14), (6, 6, 4), 0.55, Label.VESSEL),
    ((26, 8, 5), (5, 5, 4), 0.31, Label.LIVER),
    ((36, 14, 10), (4, 4, 4), 0.12, Label.BACKGROUND),
)


def organ() -> np.ndarray:
    """A liver without lesions, (I, J, K) uint8."""
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    voxels[4:36, 4:32, 2:22] = Label.LIVER
    voxels[10:16, 22:28, 14:18] = Label.VESSEL
    return voxels


def found_candidates(count: int = len(_PLACES)) -> LesionCandidates:
    """The first so many: two sure ones, one at the edge, and two that are not shown at first."""
    parts = []
    for first, shape, certainty, otherwise in _PLACES[:count]:
        mask = np.ones(shape, bool)
        mask[0, 0, :] = mask[-1, :, 0] = False
        box = Box.from_bounds(first, [a + n for a, n in zip(first, shape, strict=True)])
        parts.append(LesionCandidate(box, mask, np.full(shape, otherwise, np.uint8), certainty))
    return LesionCandidates(tuple(parts), 0.5)


def labels_from(found: LesionCandidates, least: float) -> np.ndarray:
    """The labels of a run in which those of a certainty are tumors, by plain writing."""
    voxels = organ()
    for part in found.parts:
        for place in np.argwhere(part.mask):
            i, j, k = place + part.box.start
            sure = part.certainty >= least
            voxels[i, j, k] = Label.TUMOR if sure else part.otherwise[tuple(place)]
    return voxels


def iter_found(found: LesionCandidates) -> Iterator[object]:
    """A segmentation that finds these: stands for `generators.iter_segment`."""
    yield Progress("Looking", 0.1)
    yield Slab(0, labels_from(found, found.least_certainty))
    yield found
    yield Progress("Done", 1.0)
