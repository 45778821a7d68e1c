"""Marks on the lesions of a label map, made without the code that they test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import LabelMap


def mark_at(
    labels: LabelMap, voxel: tuple[int, int, int], verdict: Verdict, reason: str = ""
) -> LesionMark:
    """A mark on the lesion that holds a voxel."""
    parts, _ = ndimage.label(labels.voxels == Label.TUMOR, np.ones((3, 3, 3)))
    mask = parts == parts[voxel]
    assert parts[voxel]
    start = np.argwhere(mask).min(axis=0)
    box = tuple(slice(a, b + 1) for a, b in zip(start, np.argwhere(mask).max(axis=0), strict=True))
    i, j, k = (int(n) for n in start)
    return LesionMark(verdict, reason, (i, j, k), (mask[box] * np.uint8(3)).astype(np.uint8))


def without(labels: LabelMap, voxel: tuple[int, int, int], reason: str) -> LabelMap:
    """The labels with the lesion at a voxel ruled out."""
    mark = mark_at(labels, voxel, Verdict.RULED_OUT, reason)
    voxels = labels.voxels.copy(order="K")
    i, j, k = (slice(s, s + n) for s, n in zip(mark.start, mark.voxels.shape, strict=True))
    voxels[i, j, k][mark.voxels != 0] = Label.LIVER
    return replace(labels, voxels=voxels, marks=(*labels.marks, mark))
