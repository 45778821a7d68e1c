"""Values that a label store speaks in: states, sources and changes of the labels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import LabelMap, Volume


class LabelState(Enum):
    """Stage of the labels."""

    NONE = "none"
    STREAMING = "streaming"
    PARTIAL = "partial"
    COMPLETE = "complete"


@dataclass(frozen=True)
class LabelSource:
    """The origin of labels: a segmentation on a device, or a file.

    Attributes
    ----------
    device : the one that a segmentation ran on, as it was asked for; None for a file's labels.
    file : the name of the file; None for a segmentation's labels.
    """

    device: str | None = None
    file: str | None = None


@dataclass(frozen=True, eq=False)
class LabelChange:
    """One change of the labels, with what it takes to undo it.

    Attributes
    ----------
    name : of the change, as a menu says it ("brush, tumor").
    box : the block of the volume outside of which nothing changed.
    before : the block's labels before the change, (i, j, k) uint8, on its own memory.
    version : of the store after the change.
    """

    name: str
    box: Box
    before: NDArray[np.uint8]
    version: int


def empty_labels(like: Volume | LabelMap, *, partial: bool = False) -> LabelMap:
    """A label map without labels, on the grid of another array."""
    voxels = np.zeros(like.shape, np.uint8, order="F")
    return LabelMap(voxels, like.affine, like.name, partial=partial)


def no_counts() -> NDArray[np.int64]:
    """Zero voxels of every label, by value."""
    return np.zeros(max(Label) + 1, np.int64)


def count_labels(voxels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Voxels of each label; one look per label is far faster than a histogram."""
    counts = no_counts()
    for label in FOREGROUND:
        counts[label] = np.count_nonzero(voxels == label)
    return counts
