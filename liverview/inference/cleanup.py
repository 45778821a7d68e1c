"""What the whole label map shows and no slab does: loose parts, holes, specks.

All of it works slab by slab on one byte per voxel: the label, and a bit for what is of the organ.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label, label_entry, label_parent
from liverview.core.stream import Progress
from liverview.inference.components import Mask
from liverview.inference.streamed_components import SlabComponents, SlabwiseComponents, iter_slabs

MIN_COMPONENT_ML = {
    label: label_entry(label).least_ml for label in FOREGROUND if label_parent(label) is not None
}
"""Vessel and tumor parts smaller than this become liver, as those of any part of it."""
_MAX_EXPOSED_SHARE = 0.45  # share of a tumor's surface with nothing of the liver on the other side
_MIN_MEAN_PROBABILITY = 0.7  # mean probability of a tumor part that is worth showing
_IN_LIVER_BIT = np.uint8(0x80)
_LABEL_BITS = np.uint8(0x7F)
_TUMOR, _LIVER = _IN_LIVER_BIT | np.uint8(Label.TUMOR), _IN_LIVER_BIT | np.uint8(Label.LIVER)
_UNSURE, _BESIDE = 1, 2  # marks of a tumor part
_STEP = Progress("Cleaning up", 0.98)
Steps = Generator[Progress, None, None]


def clean_labels(
    labels: NDArray[np.uint8],
    tumor: NDArray[np.uint8],
    spacing: tuple[float, float, float],
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Keep the largest liver, fill its holes, drop specks and doubtful tumors, in place.

    The liver is 6-connected and includes its vessels and tumors; vessel and tumor parts are
    26-connected. A tumor part that is more beside the liver than in it was taken of a neighbor,
    and becomes background; one that the network is not sure of as a whole becomes liver. Yields
    progress between its steps, so that it can be stopped there; returns which slices changed.

    Parameters
    ----------
    labels : of one block, (I, J, K); quickest where (I, J) planes lie in one piece.
    tumor : the probability that they are tumor, (I, J, K), in 255ths.
    spacing : mm.
    """
    changed = np.zeros(labels.shape[2], np.bool_)
    box = yield from _bounding_box(labels)
    if box is None:
        return changed
    block, sure, touched = labels[box], tumor[box], changed[box[2]]
    yield from _keep_largest_component(block, lambda where: block[:, :, where] > 0)
    yield from _fill_holes(block)
    if (yield from _filter_tumor_components(block, sure, spacing, touched)):
        yield from _keep_largest_component(block, lambda where: block[:, :, where] >= _IN_LIVER_BIT)
    yield from _write_labels(block, touched)
    voxel_ml = float(np.prod(spacing)) / 1000
    for label, ml in MIN_COMPONENT_ML.items():
        yield from _remove_small_components(block, label, max(1, round(ml / voxel_ml)), touched)
    return changed


def _keep_largest_component(block: NDArray[np.uint8], mask_of: Callable[[slice], Mask]) -> Steps:
    """Mark the largest 6-connected part of a mask as the organ, and nothing else."""
    parts = SlabwiseComponents(mask_of, block.shape, 6)
    for _ in parts.iter_labeled_slabs():
        yield _STEP
    size = parts.voxel_counts
    largest = np.zeros(len(size), np.uint8)
    if len(size):
        largest[size.argmax()] = _IN_LIVER_BIT
    for where, organ in parts.map_components(largest):
        block[:, :, where] &= _LABEL_BITS
        if organ is not None:
            block[:, :, where] |= organ
        yield _STEP


def _fill_holes(block: NDArray[np.uint8]) -> Steps:
    """Add every part of the rest that does not reach the block's border to the organ."""
    parts = SlabwiseComponents(lambda where: block[:, :, where] < _IN_LIVER_BIT, block.shape, 6)
    reaching = []
    for slab in parts.iter_labeled_slabs():
        numbers = slab.component_ids
        rim = [numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]
        if slab.where.start == 0:
            rim.append(numbers[:, :, 0])
        if slab.where.stop == block.shape[2]:
            rim.append(numbers[:, :, -1])
        reaches = np.zeros(len(slab.voxel_counts) + 1, np.bool_)
        for side in rim:
            reaches[side] = True
        reaching.append(reaches[1:])
        yield _STEP
    holes = (parts.sum_per_component(reaching) == 0) * _IN_LIVER_BIT
    for where, hole in parts.map_components(holes):
        if hole is not None:
            block[:, :, where] |= hole
        yield _STEP


def _filter_tumor_components(
    block: NDArray[np.uint8],
    sure: NDArray[np.uint8],
    spacing: tuple[float, float, float],
    touched: NDArray[np.bool_],
) -> Generator[Progress, None, bool]:
    """Take parts beside the liver out of the organ and make unsure ones liver.

    Returns whether there were any beside it.
    """
    parts = SlabwiseComponents(lambda where: block[:, :, where] == _TUMOR, block.shape, 26)
    certainty, surface, outside = [], [], []
    for slab in parts.iter_labeled_slabs():
        certainty.append(_sum_by_component(slab, sure[:, :, slab.where]))
        faces = np.zeros((2, len(slab.voxel_counts)))
        if len(slab.voxel_counts):
            faces = _surface_of_components(block, slab, spacing)
        surface.append(faces[0])
        outside.append(faces[1])
        yield _STEP
    marks = np.zeros(len(parts.voxel_counts), np.uint8)
    marks[parts.sum_per_component(certainty) < _MIN_MEAN_PROBABILITY * 255 * parts.voxel_counts] = (
        _UNSURE
    )
    beside = parts.sum_per_component(outside) > _MAX_EXPOSED_SHARE * parts.sum_per_component(
        surface
    )
    marks[beside] = _BESIDE
    for where, mark in parts.map_components(marks):
        if mark is not None:
            part = block[:, :, where]
            part[mark == _UNSURE] = _LIVER
            part[mark == _BESIDE] = Label.TUMOR  # and of the organ no more
            touched[where] |= (mark > 0).any(axis=(0, 1))
        yield _STEP
    return bool(beside.any())


def _sum_by_component(slab: SlabComponents, values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The sum of values over each part of a slab."""
    hit = slab.component_ids > 0
    count = len(slab.voxel_counts) + 1
    total = np.bincount(slab.component_ids[hit], weights=values[hit], minlength=count)
    return total[1:].astype(np.float64)


def _surface_of_components(
    block: NDArray[np.uint8], slab: SlabComponents, spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Surface of each tumor part of a slab, and how much of it has no organ beyond, (2, parts)."""
    start, stop = slab.where.start, slab.where.stop
    hood = slice(max(start - 1, 0), min(stop + 1, block.shape[2]))
    numbers = np.zeros((*block.shape[:2], hood.stop - hood.start), slab.component_ids.dtype)
    numbers[:, :, start - hood.start : stop - hood.start] = slab.component_ids
    box = tuple(_around(np.flatnonzero(slab.component_ids.any(axis=a))) for a in ((1, 2), (0, 2)))
    numbers, values = numbers[box], block[:, :, hood][box]
    faces = np.zeros((2, len(slab.voxel_counts) + 1))
    for axis, step in enumerate(spacing):
        for here, there in permutations((slice(1, None), slice(None, -1))):
            own, other = (
                (*(slice(None),) * axis, side, *(slice(None),) * (2 - axis))
                for side in (here, there)
            )
            edge = (numbers[own] > 0) & (values[other] != _TUMOR)
            number, out = numbers[own][edge], values[other][edge] < _IN_LIVER_BIT
            # Of voxels of one size, a face is as large as its axis' step is small.
            faces[0] += np.bincount(number, minlength=faces.shape[1]) / step
            faces[1] += np.bincount(number, weights=out, minlength=faces.shape[1]) / step
    return faces[:, 1:]


def _write_labels(block: NDArray[np.uint8], touched: NDArray[np.bool_]) -> Steps:
    """Labels again: at least liver in the organ, nothing outside it."""
    for where in iter_slabs(block.shape):
        part = block[:, :, where]
        label = part & _LABEL_BITS
        out = np.where(part >= _IN_LIVER_BIT, np.maximum(label, np.uint8(Label.LIVER)), np.uint8(0))
        touched[where] |= (out != label).any(axis=(0, 1))
        part[...] = out
        yield _STEP


def _remove_small_components(
    block: NDArray[np.uint8], label: Label, least: int, touched: NDArray[np.bool_]
) -> Steps:
    """Make the 26-connected parts of fewer than ``least`` voxels their parent's, the liver's."""
    parent = label_parent(label) or Label.LIVER
    parts = SlabwiseComponents(lambda where: block[:, :, where] == label, block.shape, 26)
    for _ in parts.iter_labeled_slabs():
        yield _STEP
    for where, speck in parts.map_components((parts.voxel_counts < least).astype(np.uint8)):
        if speck is not None:
            block[:, :, where][speck > 0] = parent
            touched[where] |= speck.any(axis=(0, 1))
        yield _STEP


def _bounding_box(
    labels: NDArray[np.uint8],
) -> Generator[Progress, None, Box | None]:
    """The smallest block with every label and one voxel around it; None where there is none."""
    plane = np.zeros(labels.shape[:2], np.bool_)
    slices = np.zeros(labels.shape[2], np.bool_)
    for where in iter_slabs(labels.shape):
        part = labels[:, :, where] > 0
        plane |= part.any(axis=2)
        slices[where] = part.any(axis=(0, 1))
        yield _STEP
    box = Box.from_profiles(plane.any(axis=1), plane.any(axis=0), slices)
    return None if box is None else box.expanded(1, labels.shape)


def _around(hit: NDArray[np.intp]) -> slice:
    return slice(max(0, int(hit[0]) - 1), int(hit[-1]) + 2)
