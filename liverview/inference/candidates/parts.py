"""Candidates: what the network takes for tumor with some chance, and pockets of the organ."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label, label_entry
from liverview.core.stream import Progress
from liverview.inference.candidates.label_bytes import (
    CANDIDATE_BIT,
    HOLE,
    IN_LIVER_BIT,
    LABEL_BITS,
    PLAIN_LIVER,
    TUMOR_IN_LIVER,
)
from liverview.inference.candidates.survey import LiverSurvey, ScanBlock
from liverview.inference.components import Mask
from liverview.inference.streamed_components import SlabwiseComponents, iter_slabs

_LOW = np.uint8(round(0.3 * 255))  # probability from which a voxel can belong to a candidate
_SEED = np.uint8(round(0.4 * 255))  # some voxels of a candidate have this much
_LEAST_SEEDS_ML = 0.02
LEAST_ML = label_entry(Label.TUMOR).least_ml
_MOST = 254  # candidates of a scan
_POCKET_HU = (-20.0, 400.0)  # darker is fat or gas
_LEAST_DIFFERENCE_HU = 12.0  # between what is in a pocket and the liver
_LEAST_POCKET_VOXELS = 3  # of the coarse grid
STEP = Progress("Cleaning up", 0.98)
Steps = Generator[Progress, None, None]


@dataclass(frozen=True, eq=False)
class Part:
    """A connected part of a block that may be a lesion: its box and its voxels in it."""

    box: Box
    mask: Mask


def iter_mark_probable(block: NDArray[np.uint8], probability: NDArray[np.uint8]) -> Steps:
    """Set the candidates' bit where the liver may be tumor, and in its holes."""
    for slices in iter_slabs(block.shape):
        voxels, chance = block[:, :, slices], probability[:, :, slices]
        chance &= ~CANDIDATE_BIT
        probable = (chance >= _LOW) & (voxels >= IN_LIVER_BIT)
        probable |= (voxels == TUMOR_IN_LIVER) | (voxels == HOLE)
        chance |= probable.view(np.uint8)
        yield STEP


def iter_mark_pockets(
    block: NDArray[np.uint8],
    probability: NDArray[np.uint8],
    survey: LiverSurvey,
    scan: ScanBlock,
) -> Steps:
    """Set the candidates' bit in pockets of the organ that hold neither liver nor fat nor gas."""
    dents = ndimage.binary_opening(survey.closed & ~survey.organ, np.ones((2, 2, 2), np.bool_))
    ids, _count = cc3d.connected_components(dents, connectivity=6, return_N=True)
    for number, where in enumerate(ndimage.find_objects(ids), start=1):
        pocket = ids[where] == number
        if np.count_nonzero(pocket) < _LEAST_POCKET_VOXELS:
            continue
        stride = survey.stride
        start = [side.start * n for side, n in zip(where, stride, strict=True)]
        stop = [side.stop * n for side, n in zip(where, stride, strict=True)]
        box = Box.from_bounds(start, np.minimum(stop, block.shape).tolist())
        inside = pocket.repeat(stride[0], 0).repeat(stride[1], 1).repeat(stride[2], 2)
        i, j, k = box.shape
        inside = inside[:i, :j, :k] & ((block[box] & LABEL_BITS) == 0)
        inside &= _differs_from_liver(scan, box, survey)
        probability[box][inside] |= CANDIDATE_BIT
        yield STEP


def _differs_from_liver(scan: ScanBlock, box: Box, survey: LiverSurvey) -> Mask:
    """True where smoothed HU are those of soft tissue or fluid, and not the liver's."""
    i, j = scan.pixel_stride
    hu = ndimage.gaussian_filter(scan.pixels(box), (1.2, 1.2, 0.4), mode="nearest")
    low, high = _POCKET_HU
    differs = (hu > low) & (hu < high) & (np.abs(hu - survey.liver_hu) > _LEAST_DIFFERENCE_HU)
    out = np.zeros(box.shape, np.bool_)
    whole = differs.repeat(i, 0).repeat(j, 1)
    out[: whole.shape[0], : whole.shape[1]] = whole
    return out


def iter_find_parts(
    block: NDArray[np.uint8],
    probability: NDArray[np.uint8],
    voxel_ml: float,
    changed: NDArray[np.bool_],
) -> Generator[Progress, None, list[Part]]:
    """The connected parts of what has the candidates' bit, those of most probable voxels first.

    Specks, and parts in which no voxel is rather probable, are none: they lose the bit and become
    liver, and ``changed`` is set in their slices.
    """
    components = SlabwiseComponents(
        lambda slices: _marked(probability[:, :, slices]),
        block.shape,
        26,
        lambda slices: _seeds(block[:, :, slices], probability[:, :, slices]),
    )
    for _ in components.iter_labeled_slabs():
        yield STEP
    parts = _number_parts(components, voxel_ml)
    marks = np.ones(components.count, np.uint8)
    marks[parts] = 0
    for slices, dropped in components.iter_map_components(marks):
        if dropped is not None:
            voxels = block[:, :, slices]
            where = dropped.view(np.bool_)
            np.copyto(voxels, PLAIN_LIVER, where=where & (voxels == TUMOR_IN_LIVER))
            changed[slices] |= where.any(axis=(0, 1))
            probability[:, :, slices] &= ~dropped  # the bit is the lowest one, as the mark is
        yield STEP
    return [Part(box, mask) for box, mask in components.cut(parts)]


def _marked(probability: NDArray[np.uint8]) -> Mask:
    return (probability & CANDIDATE_BIT).view(np.bool_)


def _seeds(block: NDArray[np.uint8], probability: NDArray[np.uint8]) -> Mask:
    """What is rather probable of candidates, or has no label."""
    seeds = (probability >= _SEED) | ((block & LABEL_BITS) == 0)
    seeds &= _marked(probability)
    return seeds


def _number_parts(components: SlabwiseComponents, voxel_ml: float) -> NDArray[np.intp]:
    """The components that are parts, the one with most seeds first."""
    seed_ml = components.inner_counts * voxel_ml
    least = np.maximum(LEAST_ML, voxel_ml)
    kept = (components.voxel_counts * voxel_ml >= least) & (seed_ml >= _LEAST_SEEDS_ML)
    order = np.argsort(-seed_ml, kind="stable")
    return order[kept[order]][:_MOST]
