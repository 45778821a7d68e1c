"""Second stage: liver, vessels and tumors on the scan's own slices, slab by slab."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage
from torch import Tensor

from liverview.core.labels import FOREGROUND
from liverview.core.stream import Slab
from liverview.inference.attention_gates import upsample_gates
from liverview.inference.coarse import MIN_LIVER_PROBABILITY, CoarseLiver
from liverview.inference.components import fill_holes, largest_component, remove_small_objects
from liverview.inference.second_stage import MARGIN_MM, RefinedSlab, SecondStage, nearest_first
from liverview.inference.slab_grid import (
    SLAB_SLICES,
    read_working_slices,
    slab_grid,
    weights_to_coarse,
)
from liverview.inference.slab_labels import (
    LIVER,
    CoarsePrior,
    labels_from_probabilities,
    slab_probabilities,
    tumor_probability,
)
from liverview.networks.resampling import apply_along_axis

_MAX_PASSES = 3  # phantoms with masses never needed a fourth
_FIRST_PASS_SHARE = 0.8  # share of the work that the first pass is taken for
_CORRECTED_ML = 2.0  # of difference beyond the rim that is worth another pass


@dataclass(frozen=True, eq=False)
class _Partition:
    """The liver's slices in slabs at fixed places of the volume.

    Attributes
    ----------
    group : stored slices averaged into one working slice.
    starts : first stored slice of every slab.
    to_coarse : weights from the working slices to the coarse grid, 0 beyond them.
    """

    group: int
    starts: list[int]
    to_coarse: Tensor


@dataclass(frozen=True, eq=False)
class _SlabResult:
    """The second stage's result for one slab.

    Attributes
    ----------
    slab : its labels.
    tumor : the probability of tumor, (I, J, slices), in 255ths.
    organ : the probability of the organ in its working slices, (i, j, slices), coarse in plane.
    """

    slab: Slab
    tumor: NDArray[np.uint8]
    organ: Tensor


@dataclass(frozen=True)
class _SlabFrame:
    """The stored slices of one slab.

    Attributes
    ----------
    plane_shape : voxels of the volume, I and J.
    start, depth : the first stored slice, and their number.
    group : stored slices per working slice; the last working slice may have fewer.
    """

    plane_shape: tuple[int, ...]
    start: int
    depth: int
    group: int

    def zeros(self, leading: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Zeros of shape (*leading, I, J, slices)."""
        # One value per voxel: axial slices are contiguous, as in the volume.
        order: Literal["C", "F"] = "C" if leading else "F"
        return np.zeros((*leading, *self.plane_shape, self.depth), dtype, order=order)

    def expand(self, values: NDArray[Any], box: tuple[slice, slice]) -> NDArray[Any]:
        """Copy (..., i, j, working slices) of a box to the stored slices, 0 beyond it."""
        out = self.zeros(values.shape[:-3], values.dtype)
        out[..., *box, :] = values.repeat(self.group, axis=-1)[..., : self.depth]
        return out


def iter_refine_slabs(
    stage: SecondStage, coarse: CoarseLiver, start_slice: int
) -> Iterator[RefinedSlab]:
    """Yield refined slabs, nearest to ``start_slice`` first.

    Slabs lie on a fixed partition of the volume: order and result are independent. Where the
    refined liver differs from the first stage's by more than its rim, another pass refines
    those slabs with the refined liver as the prior: the network can then drop the rest of a
    structure of which it has dropped a part.
    """
    partition = _partition_slices(stage, coarse)
    depth = partition.group * SLAB_SLICES
    organ = torch.zeros(*coarse.mask.shape[:2], len(partition.starts) * SLAB_SLICES)
    starts = partition.starts
    for refinement_pass in range(_MAX_PASSES):
        order = nearest_first(starts, depth, start_slice)
        for number, start in enumerate(order, start=1):
            result = _refine_slab(stage, coarse, partition.group, start)
            first_slice = partition.starts.index(start) * SLAB_SLICES
            organ[:, :, first_slice : first_slice + SLAB_SLICES] = result.organ
            done = _progress_fraction(refinement_pass, number / len(order))
            yield RefinedSlab(result.slab, result.tumor, done)
        if LIVER not in stage.checkpoint.classes:
            return  # the liver is the first stage's
        previous = coarse
        coarse = _corrected_prior(coarse, apply_along_axis(organ, partition.to_coarse, 2))
        starts = _slabs_to_refine_again(partition, previous, coarse)
        if not starts:
            return


def _progress_fraction(refinement_pass: int, done: float) -> float:
    """The share of all work that is done; each pass is taken for 80 % of what is left."""
    left = (1 - _FIRST_PASS_SHARE) ** refinement_pass
    return 1 - left + left * _FIRST_PASS_SHARE * done


def _corrected_prior(coarse: CoarseLiver, organ: Tensor) -> CoarseLiver:
    """The first stage's liver replaced by the second stage's, ``organ`` (i, j, k) in 0..1."""
    organ = organ * (coarse.probability > MIN_LIVER_PROBABILITY)
    mask = fill_holes(largest_component((organ > 0.5).numpy()))
    neighborhood = torch.from_numpy(ndimage.binary_dilation(mask, iterations=2))
    return replace(coarse, probability=organ * neighborhood, mask=mask)


def _slabs_to_refine_again(
    partition: _Partition, previous: CoarseLiver, corrected: CoarseLiver
) -> list[int]:
    """The starts of the slabs in which the liver changed by more than its rim."""
    if not corrected.mask.any():
        return []
    thick = ndimage.binary_opening(previous.mask != corrected.mask)
    least = math.ceil(_CORRECTED_ML * 1000 / math.prod(previous.spacing))
    changed = remove_small_objects(thick, least)
    slices = torch.from_numpy(changed.any(axis=(0, 1))).float() @ partition.to_coarse
    slabs = (slices.reshape(-1, SLAB_SLICES) > 0).any(dim=1).tolist()
    return [start for start, again in zip(partition.starts, slabs, strict=True) if again]


def _partition_slices(stage: SecondStage, coarse: CoarseLiver) -> _Partition:
    """Slabs over the slices of the liver and a margin, at fixed places of the volume."""
    volume = stage.volume
    group = stage.checkpoint.preprocessing.group(volume.spacing[2])
    depth = group * SLAB_SLICES
    slices = coarse.bounding_box(volume, MARGIN_MM)[2]
    starts = list(range(slices.start // depth * depth, slices.stop, depth))
    covered = slice(starts[0], starts[-1] + depth)
    count = len(starts) * SLAB_SLICES
    return _Partition(group, starts, weights_to_coarse(volume, coarse, 2, covered, group, count))


def _refine_slab(stage: SecondStage, coarse: CoarseLiver, group: int, start: int) -> _SlabResult:
    """Refine the slab of `SLAB_SLICES` working slices that begins at stored slice ``start``."""
    volume, preprocessing = stage.volume, stage.checkpoint.preprocessing
    centers = start + (torch.arange(SLAB_SLICES) + 0.5) * group - 0.5
    slice_weights = coarse.weights_from_coarse(volume, 2, centers)
    grid = slab_grid(volume, coarse, stage.checkpoint, slice_weights)
    depth = min(group * SLAB_SLICES, volume.shape[2] - start)
    frame = _SlabFrame(volume.shape[:2], start, depth, group)
    if grid is None:
        organ = torch.zeros(*coarse.mask.shape[:2], SLAB_SLICES)
        return _SlabResult(_empty_slab(stage, frame), frame.zeros((), np.uint8), organ)
    hu = read_working_slices(volume, preprocessing.halo, grid, group, start)
    # Everything is (slices, j, i), as the volume's voxels lie.
    coarse_slices = _coarse_slices(coarse.probability, slice_weights)
    work_prior = grid.work_from_coarse(coarse_slices).permute(2, 1, 0)
    # (slices, classes, j, i) on the working grid, then in the box that may have labels.
    probabilities, gates = stage.predict(preprocessing.input_2d(hu, work_prior, coarse.liver_hu))
    probabilities = probabilities.transpose(2, 3).contiguous()
    organ = grid.coarse_from_work(1 - probabilities[:, 0]).permute(2, 1, 0)
    probabilities = grid.inner_from_work(probabilities).transpose(2, 3)
    classes, box = stage.checkpoint.classes, grid.inner
    mask = None
    if LIVER not in classes:
        mask_slices = _coarse_slices(torch.from_numpy(coarse.mask).float(), slice_weights)
        mask = grid.inner_from_coarse(mask_slices).permute(2, 1, 0)
    prior = CoarsePrior(grid.inner_from_coarse(coarse_slices).permute(2, 1, 0), mask)
    labels = frame.expand(labels_from_probabilities(probabilities, prior, classes), box)
    behind = shown = None
    if stage.extras.probabilities:
        behind = frame.expand(slab_probabilities(probabilities, prior, classes), box)
    if gates is not None:
        shown = frame.expand(upsample_gates(gates, grid.scale, grid.size), grid.box)
    tumor = frame.expand(tumor_probability(probabilities, classes), box)
    return _SlabResult(Slab(start, labels, behind, box, shown), tumor, organ)


def _coarse_slices(block: Tensor, slice_weights: Tensor) -> Tensor:
    """Slices of a block of the coarse grid, (i, j, k), as (slices, j, i)."""
    return torch.tensordot(slice_weights, block, ([1], [2])).transpose(1, 2).contiguous()


def _empty_slab(stage: SecondStage, frame: _SlabFrame) -> Slab:
    """A slab of background, where the first stage saw no liver."""
    behind = gates = None
    if stage.extras.probabilities:
        behind = frame.zeros((len(FOREGROUND),), np.float16)
    if stage.extras.gates:
        gates = frame.zeros((stage.checkpoint.network.config.depth,), np.uint8)
    return Slab(frame.start, frame.zeros((), np.uint8), behind, gates=gates)
