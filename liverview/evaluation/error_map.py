"""Error maps: agreement of a label map and its reference, voxel by voxel."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import check_same_grid
from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.evaluation.scoring import (
    Mask,
    compared_in_box,
    compared_masks,
    compared_within,
    why_not_judged,
)


class VoxelOutcome(IntEnum):
    """Outcome of a voxel of a label; 0 is true negative."""

    TRUE_POSITIVE = 1
    FALSE_POSITIVE = 2
    FALSE_NEGATIVE = 3


class ErrorMap(NamedTuple):
    """Outcomes of a label in a block, outside of which neither has it.

    Attributes
    ----------
    voxels : values of `VoxelOutcome`.
    box : the block's place; an empty one where the reference is no measure of the label.
    within : the label of the reference inside which it is compared; None for everywhere.
    """

    voxels: NDArray[np.uint8]
    box: Box
    within: Label | None

    def follow(
        self, box: Box, values: NDArray[np.uint8], reference: LabelMap, label: Label
    ) -> bool:
        """Take the predicted labels ``values`` of a box; False where it goes beyond the block.

        The voxels are written into.
        """
        if self.box.union(box) != self.box:
            return False
        _, found, true = compared_in_box(values, box, reference, label, self.within)
        self.voxels[box.shifted([-n for n in self.box.start])] = _outcomes(found, true)
        return True


def error_map(predicted: LabelMap, reference: LabelMap, label: Label, margin: int = 0) -> ErrorMap:
    """Map true and false positives and false negatives of a label, as its Dice counts them.

    The block is the smallest that holds them all, with ``margin`` more voxels on every side; an
    empty one at the first voxel where neither has the label, or the reference is no measure of it.

    Raises
    ------
    GridMismatchError : where shapes or affines differ.
    """
    check_same_grid(predicted, reference)
    found, true = compared_masks(predicted, reference, label)
    judged = not why_not_judged(reference, label)
    box = Box.around(found | true) if judged else None
    box = Box.of_shape((0, 0, 0)) if box is None else box.expanded(margin, reference.shape)
    who = _outcomes(found[box], true[box])
    return ErrorMap(who, box, compared_within(reference, label))


def _outcomes(found: Mask, true: Mask) -> NDArray[np.uint8]:
    who = np.zeros(found.shape, np.uint8, order="F")
    who[found & true] = VoxelOutcome.TRUE_POSITIVE
    who[found & ~true] = VoxelOutcome.FALSE_POSITIVE
    who[true & ~found] = VoxelOutcome.FALSE_NEGATIVE
    return who
