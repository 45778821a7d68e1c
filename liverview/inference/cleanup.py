"""Clean-up of the whole label map: loose parts of the liver, holes, specks, lesions judged.

Everything works slab by slab, in place, on two bytes per voxel: the label and the probability of
tumor. While it runs, bits of both have the meanings that `candidates.label_bytes` tells; so 0x83 is
a tumor in the liver, 0x80 a hole of the liver, still background, and 0x03 a tumor beside the liver.

A mask of the whole block is never stored: `SlabwiseComponents` calls a function for the mask of
one slab after the other, and keeps its runs.

What may be a lesion is taken out first: loose parts and specks of what is left are the same
whatever is a lesion in the end, so a person can let one in or out without a new clean-up.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.candidates import DEFAULT_CERTAINTY, LesionCandidate
from liverview.core.labels import FOREGROUND, Label, label_entry, label_parent
from liverview.core.stream import Progress
from liverview.inference.candidates.classifier import LesionClassifier
from liverview.inference.candidates.judging import (
    DescribedPart,
    certainties_of,
    iter_describe_parts,
    put_back,
    take_out,
)
from liverview.inference.candidates.label_bytes import IN_LIVER_BIT, LABEL_BITS
from liverview.inference.candidates.survey import ScanBlock
from liverview.inference.components import Mask
from liverview.inference.streamed_components import SlabwiseComponents, iter_slabs

MIN_COMPONENT_ML = {
    label: label_entry(label).least_ml for label in FOREGROUND if label_parent(label) is not None
}
"""The volume below which a component of vessel, tumor or another part becomes its parent's."""
_STEP = Progress("Cleaning up", 0.98)
Steps = Generator[Progress, None, None]


@dataclass(frozen=True, eq=False)
class CleanedBlock:
    """The result of a clean-up.

    Attributes
    ----------
    changed : the slices whose labels are others than before; maybe some more.
    candidates : with boxes of the block, the most certain first.
    """

    changed: NDArray[np.bool_]
    candidates: tuple[LesionCandidate, ...] = ()


def iter_clean_labels(
    labels: NDArray[np.uint8],
    tumor: NDArray[np.uint8],
    scan: ScanBlock,
    classifier: LesionClassifier | None = None,
    least_certainty: float = DEFAULT_CERTAINTY,
) -> Generator[Progress, None, CleanedBlock]:
    """Keep the largest liver, fill its holes, judge what may be a lesion, drop specks, in place.

    The liver is 6-connected and includes its vessels and tumors; components of vessel and
    candidates for lesions are 26-connected. Yields progress between its steps, so that it can be
    stopped there.

    Parameters
    ----------
    labels : of one block, (I, J, K); quickest where (I, J) planes lie in one piece.
    tumor : the probability that they are tumor, (I, J, K), in 255ths; is written into.
    scan : the scan in this block.
    classifier : the judge of the candidates; without one, it is their mean probability, and what
        the network takes for no liver is never a lesion.
    least_certainty : candidates of this certainty or more are tumors.
    """
    changed = np.zeros(labels.shape[2], np.bool_)
    box = yield from _iter_bounding_box(labels)
    if box is None:
        return CleanedBlock(changed)
    block, probability, block_changed = labels[box], tumor[box], changed[box.k]
    inner = scan.inside(box)
    pockets = classifier is not None
    described = yield from _iter_describe(block, probability, inner, block_changed, pockets)
    certainties = certainties_of(described, classifier)
    take_out(described, block, block_changed)
    if any(part.is_beside for part in described):
        yield from _iter_keep_largest(block, lambda slices: block[:, :, slices] >= IN_LIVER_BIT)
    yield from _iter_write_labels(block, block_changed)
    voxel_ml = float(np.prod(scan.spacing)) / 1000
    for label, ml in MIN_COMPONENT_ML.items():
        if label is Label.TUMOR:  # there are none; small candidates were dropped
            continue
        least = max(1, round(ml / voxel_ml))
        yield from _iter_remove_small_components(block, label, least, block_changed)
    found = put_back(described, certainties, block, least_certainty)
    moved = (replace(candidate, box=candidate.box.shifted(box.start)) for candidate in found)
    return CleanedBlock(changed, tuple(moved))


def iter_describe_candidates(
    labels: NDArray[np.uint8], tumor: NDArray[np.uint8], scan: ScanBlock
) -> Generator[Progress, None, list[DescribedPart]]:
    """The candidates that `iter_clean_labels` judges, with pockets; writes into both arrays."""
    box = yield from _iter_bounding_box(labels)
    if box is None:
        return []
    inner = scan.inside(box)
    changed = np.zeros(box.shape[2], np.bool_)
    described = yield from _iter_describe(labels[box], tumor[box], inner, changed, pockets=True)
    return [one.shifted(box.start) for one in described]


def _iter_describe(
    block: NDArray[np.uint8],
    probability: NDArray[np.uint8],
    scan: ScanBlock,
    changed: NDArray[np.bool_],
    pockets: bool,
) -> Generator[Progress, None, list[DescribedPart]]:
    """Find the liver and what may be a lesion in it; sets the bits of both."""
    yield from _iter_keep_largest(block, lambda slices: block[:, :, slices] > 0)
    yield from _iter_fill_holes(block)
    return (yield from iter_describe_parts(block, probability, scan, changed, pockets=pockets))


def _iter_keep_largest(block: NDArray[np.uint8], mask_of: Callable[[slice], Mask]) -> Steps:
    """Set the liver's bit in the largest 6-connected component of a mask, and nowhere else."""
    components = SlabwiseComponents(mask_of, block.shape, 6)
    for _ in components.iter_labeled_slabs():
        yield _STEP
    voxel_counts = components.voxel_counts
    bits = np.zeros(len(voxel_counts), np.uint8)
    if len(voxel_counts):
        bits[voxel_counts.argmax()] = IN_LIVER_BIT
    for slices, liver_bits in components.iter_map_components(bits):
        block[:, :, slices] &= LABEL_BITS
        if liver_bits is not None:
            block[:, :, slices] |= liver_bits
        yield _STEP


def _iter_fill_holes(block: NDArray[np.uint8]) -> Steps:
    """Set the liver's bit in every component of the rest that does not reach the block's border."""
    components = SlabwiseComponents(
        lambda slices: block[:, :, slices] < IN_LIVER_BIT, block.shape, 6
    )
    for _ in components.iter_labeled_slabs():
        yield _STEP
    bits = ~components.reaches_border * IN_LIVER_BIT
    for slices, hole_bits in components.iter_map_components(bits):
        if hole_bits is not None:
            block[:, :, slices] |= hole_bits
        yield _STEP


def _iter_write_labels(block: NDArray[np.uint8], changed: NDArray[np.bool_]) -> Steps:
    """Replace the bytes by labels: at least liver where the bit is set, background elsewhere."""
    for slices in iter_slabs(block.shape):
        voxels = block[:, :, slices]
        label = voxels & LABEL_BITS
        out = np.maximum(label, np.uint8(Label.LIVER))
        out *= voxels >= IN_LIVER_BIT
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
            np.copyto(block[:, :, slices], np.uint8(parent), where=small.view(np.bool_))
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
