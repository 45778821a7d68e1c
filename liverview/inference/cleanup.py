"""Clean-up of the whole label map: loose parts of the liver, holes, specks, doubtful tumors.

Everything works slab by slab, in place, on one byte per voxel. While it runs, bit 7 of the byte
says that the voxel is in the liver as an organ, and the bits below keep its label::

      bit   7     6 5 4 3 2 1 0        0x83  a tumor in the liver
          +----+-----------------+     0x80  a hole of the liver, still background
          | in |      label      |     0x03  a tumor beside the liver
          +----+-----------------+     0x00  background

A mask of the whole block is never stored: `SlabwiseComponents` calls a function for the mask of
one slab, once to label components and once more to map them. Between the two, a step may write
to a slab only once `iter_map_components` has yielded it: bytes of slabs that are still to come must
give the mask that was labeled (see the picture in `streamed_components`).
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
"""The volume below which a component of vessel, tumor or another part becomes its parent's."""
_MAX_EXPOSED_SHARE = 0.45  # share of a tumor's surface with nothing of the liver on the other side
_MIN_MEAN_PROBABILITY = 0.7  # mean probability of a tumor component that is worth showing
_IN_LIVER_BIT = np.uint8(0x80)
_LABEL_BITS = np.uint8(0x7F)
_TUMOR_IN_LIVER = _IN_LIVER_BIT | np.uint8(Label.TUMOR)
_PLAIN_LIVER = _IN_LIVER_BIT | np.uint8(Label.LIVER)
_LOW_CONFIDENCE, _EXTRAHEPATIC = 1, 2  # marks of a tumor component
_STEP = Progress("Cleaning up", 0.98)
Steps = Generator[Progress, None, None]


def iter_clean_labels(
    labels: NDArray[np.uint8],
    tumor: NDArray[np.uint8],
    spacing: tuple[float, float, float],
) -> Generator[Progress, None, NDArray[np.bool_]]:
    """Keep the largest liver, fill its holes, drop specks and doubtful tumors, in place.

    The liver is 6-connected and includes its vessels and tumors; components of vessel and tumor
    are 26-connected. A tumor component that is more beside the liver than in it belongs to a
    neighbor and becomes background; one of low mean probability becomes liver. Yields progress
    between its steps, so that it can be stopped there; returns True for the slices that changed.

    Parameters
    ----------
    labels : of one block, (I, J, K); quickest where (I, J) planes lie in one piece.
    tumor : the probability that they are tumor, (I, J, K), in 255ths.
    spacing : mm.
    """
    changed = np.zeros(labels.shape[2], np.bool_)
    box = yield from _iter_bounding_box(labels)
    if box is None:
        return changed
    block, probability, block_changed = labels[box], tumor[box], changed[box[2]]
    yield from _iter_keep_largest(block, lambda slices: block[:, :, slices] > 0)
    yield from _iter_fill_holes(block)
    if (yield from _iter_filter_tumors(block, probability, spacing, block_changed)):
        yield from _iter_keep_largest(block, lambda slices: block[:, :, slices] >= _IN_LIVER_BIT)
    yield from _iter_write_labels(block, block_changed)
    voxel_ml = float(np.prod(spacing)) / 1000
    for label, ml in MIN_COMPONENT_ML.items():
        least = max(1, round(ml / voxel_ml))
        yield from _iter_remove_small_components(block, label, least, block_changed)
    return changed


def _iter_keep_largest(block: NDArray[np.uint8], mask_of: Callable[[slice], Mask]) -> Steps:
    """Set the liver's bit in the largest 6-connected component of a mask, and nowhere else."""
    components = SlabwiseComponents(mask_of, block.shape, 6)
    for _ in components.iter_labeled_slabs():
        yield _STEP
    voxel_counts = components.voxel_counts
    bits = np.zeros(len(voxel_counts), np.uint8)
    if len(voxel_counts):
        bits[voxel_counts.argmax()] = _IN_LIVER_BIT
    for slices, liver_bits in components.iter_map_components(bits):
        block[:, :, slices] &= _LABEL_BITS
        if liver_bits is not None:
            block[:, :, slices] |= liver_bits
        yield _STEP


def _iter_fill_holes(block: NDArray[np.uint8]) -> Steps:
    """Set the liver's bit in every component of the rest that does not reach the block's border."""
    components = SlabwiseComponents(
        lambda slices: block[:, :, slices] < _IN_LIVER_BIT, block.shape, 6
    )
    reaching = []
    for slab in components.iter_labeled_slabs():
        ids = slab.component_ids
        sides = [ids[0], ids[-1], ids[:, 0], ids[:, -1]]
        if slab.slices.start == 0:
            sides.append(ids[:, :, 0])
        if slab.slices.stop == block.shape[2]:
            sides.append(ids[:, :, -1])
        reaches = np.zeros(len(slab.voxel_counts) + 1, np.bool_)
        for side in sides:
            reaches[side] = True
        reaching.append(reaches[1:])
        yield _STEP
    bits = (components.sum_per_component(reaching) == 0) * _IN_LIVER_BIT
    for slices, hole_bits in components.iter_map_components(bits):
        if hole_bits is not None:
            block[:, :, slices] |= hole_bits
        yield _STEP


def _iter_filter_tumors(
    block: NDArray[np.uint8],
    probability: NDArray[np.uint8],
    spacing: tuple[float, float, float],
    changed: NDArray[np.bool_],
) -> Generator[Progress, None, bool]:
    """Take tumors beside the liver out of it and make those of low confidence liver.

    Returns True where any lay beside it.
    """
    components = SlabwiseComponents(
        lambda slices: block[:, :, slices] == _TUMOR_IN_LIVER, block.shape, 26
    )
    confidence, surface, exposed = [], [], []
    for slab in components.iter_labeled_slabs():
        confidence.append(_sum_by_component(slab, probability[:, :, slab.slices]))
        areas = np.zeros((2, len(slab.voxel_counts)))
        if len(slab.voxel_counts):
            areas = _surface_of_components(block, slab, spacing)
        surface.append(areas[0])
        exposed.append(areas[1])
        yield _STEP
    least = _MIN_MEAN_PROBABILITY * 255 * components.voxel_counts
    most = _MAX_EXPOSED_SHARE * components.sum_per_component(surface)
    extrahepatic = components.sum_per_component(exposed) > most
    marks = np.zeros(len(components.voxel_counts), np.uint8)
    marks[components.sum_per_component(confidence) < least] = _LOW_CONFIDENCE
    marks[extrahepatic] = _EXTRAHEPATIC
    for slices, marked in components.iter_map_components(marks):
        if marked is not None:
            voxels = block[:, :, slices]
            voxels[marked == _LOW_CONFIDENCE] = _PLAIN_LIVER
            voxels[marked == _EXTRAHEPATIC] = Label.TUMOR  # without the liver's bit
            changed[slices] |= (marked > 0).any(axis=(0, 1))
        yield _STEP
    return bool(extrahepatic.any())


def _sum_by_component(slab: SlabComponents, values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The sum of values over each component of a slab."""
    inside = slab.component_ids > 0
    count = len(slab.voxel_counts) + 1
    total = np.bincount(slab.component_ids[inside], weights=values[inside], minlength=count)
    return total[1:].astype(np.float64)


def _surface_of_components(
    block: NDArray[np.uint8], slab: SlabComponents, spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Surface of each tumor component of a slab, and its share without liver beyond, (2, n)."""
    start, stop = slab.slices.start, slab.slices.stop
    with_halo = slice(max(start - 1, 0), min(stop + 1, block.shape[2]))
    ids = np.zeros((*block.shape[:2], with_halo.stop - with_halo.start), slab.component_ids.dtype)
    ids[:, :, start - with_halo.start : stop - with_halo.start] = slab.component_ids
    box = tuple(
        _slice_around(np.flatnonzero(slab.component_ids.any(axis=a))) for a in ((1, 2), (0, 2))
    )
    ids, voxels = ids[box], block[:, :, with_halo][box]
    areas = np.zeros((2, len(slab.voxel_counts) + 1))
    for axis, step in enumerate(spacing):
        for here, there in permutations((slice(1, None), slice(None, -1))):
            own, other = (
                (*(slice(None),) * axis, side, *(slice(None),) * (2 - axis))
                for side in (here, there)
            )
            face = (ids[own] > 0) & (voxels[other] != _TUMOR_IN_LIVER)
            face_ids, outside = ids[own][face], voxels[other][face] < _IN_LIVER_BIT
            # Of voxels of one size, a face is as large as its axis' step is small.
            areas[0] += np.bincount(face_ids, minlength=areas.shape[1]) / step
            areas[1] += np.bincount(face_ids, weights=outside, minlength=areas.shape[1]) / step
    return areas[:, 1:]


def _iter_write_labels(block: NDArray[np.uint8], changed: NDArray[np.bool_]) -> Steps:
    """Replace the bytes by labels: at least liver where the bit is set, background elsewhere."""
    for slices in iter_slabs(block.shape):
        voxels = block[:, :, slices]
        label = voxels & _LABEL_BITS
        at_least_liver = np.maximum(label, np.uint8(Label.LIVER))
        out = np.where(voxels >= _IN_LIVER_BIT, at_least_liver, np.uint8(0))
        changed[slices] |= (out != label).any(axis=(0, 1))
        voxels[...] = out
        yield _STEP


def _iter_remove_small_components(
    block: NDArray[np.uint8], label: Label, least: int, changed: NDArray[np.bool_]
) -> Steps:
    """Make the 26-connected components of fewer than ``least`` voxels their parent's."""
    parent = label_parent(label) or Label.LIVER
    components = SlabwiseComponents(lambda slices: block[:, :, slices] == label, block.shape, 26)
    for _ in components.iter_labeled_slabs():
        yield _STEP
    marks = (components.voxel_counts < least).astype(np.uint8)
    for slices, small in components.iter_map_components(marks):
        if small is not None:
            block[:, :, slices][small > 0] = parent
            changed[slices] |= small.any(axis=(0, 1))
        yield _STEP


def _iter_bounding_box(
    labels: NDArray[np.uint8],
) -> Generator[Progress, None, Box | None]:
    """The smallest block with every label and one voxel around it; None where there is none."""
    in_plane = np.zeros(labels.shape[:2], np.bool_)
    in_slice = np.zeros(labels.shape[2], np.bool_)
    for slices in iter_slabs(labels.shape):
        labeled = labels[:, :, slices] > 0
        in_plane |= labeled.any(axis=2)
        in_slice[slices] = labeled.any(axis=(0, 1))
        yield _STEP
    box = Box.from_profiles(in_plane.any(axis=1), in_plane.any(axis=0), in_slice)
    return None if box is None else box.expanded(1, labels.shape)


def _slice_around(indices: NDArray[np.intp]) -> slice:
    """The slice from one before the first index to one after the last."""
    return slice(max(0, int(indices[0]) - 1), int(indices[-1]) + 2)
