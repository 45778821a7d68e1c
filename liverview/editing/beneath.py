"""Changes of a result beneath what a person edited of it: edits win."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.review import Verdict, take_out
from liverview.core.volume import LabelMap
from liverview.editing.edited_blocks import EditedBlock, compact, overlap, without_marks
from liverview.editing.hand_edits import HandEdits


def find_edited(edits: HandEdits, box: Box, labels: LabelMap) -> NDArray[np.bool_]:
    """The voxels of a box that a person edited, (i, j, k) bool."""
    found = np.zeros(box.shape, bool)
    now = without_marks(labels.voxels[box], box, labels.marks)
    for _, _, inside, edited in _iter_edited(edits, box, now):
        found[inside] = edited
    return found


def put_beneath(
    edits: HandEdits,
    box: Box,
    mask: NDArray[np.bool_],
    values: NDArray[np.uint8],
    labels: LabelMap,
) -> NDArray[np.uint8]:
    """Change the result in a box; the labels of the box with the edits on top, (i, j, k) uint8.

    What was edited stays, also where the result is the same now, and is kept on as edited there:
    else it would go with the result when that changes again.

    Parameters
    ----------
    edits : of the labels; they take in what the result becomes.
    mask : of the box's shape, the voxels of the result that become others.
    values : of the box's shape, what they become.
    labels : as they are before it.
    """
    now = without_marks(labels.voxels[box], box, labels.marks)
    merged, free = labels.voxels[box].copy(order="K"), mask.copy()
    for block, at, inside, edited in _iter_edited(edits, box, now):
        if not mask[inside].any():
            continue
        free[inside] &= ~edited
        result, held = block.result.copy(order="F"), block.held
        np.copyto(result[at], values[inside], where=mask[inside])
        if (edited & (now[inside] == result[at])).any():
            held = np.zeros(result.shape, bool, order="F") if held is None else held.copy("F")
            held[at] |= edited
        edits.exchange(replace(block, result=compact(result), held=held))
    np.copyto(merged, values, where=free)
    for mark in labels.marks:
        both = overlap(mark.box, box)
        if mark.verdict is Verdict.RULED_OUT and 0 not in both.shape:
            take_out(merged, mark.within(both, box.start))
    return merged


def _iter_edited(
    edits: HandEdits, box: Box, now: NDArray[np.uint8]
) -> Iterator[tuple[EditedBlock, Box, Box, NDArray[np.bool_]]]:
    """Yield blocks that a box meets: where in the block, where in the box, what is edited there."""
    for block in edits.blocks:
        sides = zip(block.box, box, strict=True)
        if all(own.start < other.stop and other.start < own.stop for own, other in sides):
            part = overlap(block.box, box)
            inside = part.shifted([-n for n in box.start])
            at = part.shifted([-n for n in block.box.start])
            edited = now[inside] != block.result[at]
            yield block, at, inside, edited if block.held is None else edited | block.held[at]
