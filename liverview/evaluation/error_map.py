"""Error maps: agreement of a label map and its reference, voxel by voxel."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import check_same_grid
from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.evaluation.scoring import compared_masks, why_not_judged


class VoxelOutcome(IntEnum):
    """Outcome of a voxel of a label; 0 is true negative."""

    TRUE_POSITIVE = 1
    FALSE_POSITIVE = 2
    FALSE_NEGATIVE = 3


def error_map(
    predicted: LabelMap, reference: LabelMap, label: Label
) -> tuple[NDArray[np.uint8], Box]:
    """Map true and false positives and false negatives of a label, as its Dice counts them.

    Returns values of `VoxelOutcome` in the smallest block that holds them all, and the block's
    place; an empty block at the first voxel where neither has the label, or the reference is no
    measure of it.

    Raises
    ------
    GridMismatchError : where shapes or affines differ.
    """
    check_same_grid(predicted, reference)
    found, true = compared_masks(predicted, reference, label)
    judged = not why_not_judged(reference, label)
    box = (Box.around(found | true) if judged else None) or Box.of_shape((0, 0, 0))
    found, true = found[box], true[box]
    who = np.zeros(found.shape, np.uint8, order="F")
    who[found & true] = VoxelOutcome.TRUE_POSITIVE
    who[found & ~true] = VoxelOutcome.FALSE_POSITIVE
    who[true & ~found] = VoxelOutcome.FALSE_NEGATIVE
    return who, box
