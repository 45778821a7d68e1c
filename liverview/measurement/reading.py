"""Reading a label map once: voxels counted, the tumor copied."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, Label, label_family
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap

PHASE = "Measuring"
READ = 0.3
"""Share of the work that reading the labels is."""

_SLICES = 64  # at once: a cache line of an array that is stored with its slices innermost


class Tumor(NamedTuple):
    """The tumor label, cropped to where it is.

    Attributes
    ----------
    mask : (i, j, k), Fortran order, on its own memory.
    start : where its first voxel lies in the label map.
    """

    mask: NDArray[np.bool_]
    start: Voxel


def iter_count_voxels(
    labels: LabelMap,
) -> Generator[Progress, None, tuple[dict[Label, int], Tumor]]:
    """Count the voxels of each label alone, and copy where the tumor is."""
    counts = dict.fromkeys(FOREGROUND, 0)
    of_tumor = label_family(Label.TUMOR)
    pieces: list[Tumor] = []
    depth = labels.voxels.shape[2]
    for first in range(0, depth, _SLICES):
        part = labels.voxels[:, :, first : first + _SLICES]
        tumor = None
        for label in FOREGROUND:
            mask = part == label
            count = int(np.count_nonzero(mask))
            counts[label] += count
            if count and label in of_tumor:
                tumor = mask if tumor is None else tumor | mask
        if tumor is not None:
            pieces.append(_crop_mask(tumor, first))
        yield Progress(PHASE, READ * min(1.0, (first + _SLICES) / depth))
    return counts, _join_pieces(pieces)


def _crop_mask(mask: NDArray[np.bool_], first: int) -> Tumor:
    """Crop a mask, whose first slice is ``first``, to what is set."""
    box = Box.around(mask)
    assert box is not None
    return Tumor(mask[box].copy(order="F"), box.shifted((0, 0, first)).start)


def _join_pieces(pieces: list[Tumor]) -> Tumor:
    if not pieces:
        return Tumor(np.zeros((1, 1, 1), np.bool_), (0, 0, 0))
    start = np.min([piece.start for piece in pieces], axis=0)
    stop = np.max([np.add(piece.start, piece.mask.shape) for piece in pieces], axis=0)
    whole = np.zeros(tuple(stop - start), np.bool_, order="F")
    for piece in pieces:
        whole[Box.of_shape(piece.mask.shape).shifted(piece.start - start)] = piece.mask
    i, j, k = (int(s) for s in start)
    return Tumor(whole, (i, j, k))
