"""Second stage: liver, vessels and tumors on the scan's own slices, slab by slab."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from liverview.core.labels import FOREGROUND
from liverview.inference.attention_gates import upsample_gates
from liverview.inference.coarse import MIN_LIVER_PROBABILITY, CoarseLiver
from liverview.inference.components import fill_holes, largest_component, remove_small_objects
from liverview.inference.second_stage import MARGIN_MM, RefinedSlab, SecondStage, nearest_first
from liverview.inference.side_by_side import iter_side_by_side
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
from liverview.inference.slab_result import Extra, PlaneWindow, SlabFrame, SlabResult
from liverview.networks.resampling import apply_along_axis

_MAX_PASSES = 3  # phantoms with masses never needed a fourth
_FIRST_PASS_SHARE = 0.8  # share of the work that the first pass is taken for
_CORRECTED_ML = 2.0  # of difference beyond the rim that is worth another pass
_WINDOW_SHARE = 1 / 3  # of a slab; where more changed, the whole of it is refined again
_BESIDE_CHANGES_MM = 16.0  # what is refined again around where the liver changed


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


def iter_refine_slabs(
    stage: SecondStage, coarse: CoarseLiver, start_slice: int
) -> Generator[RefinedSlab, None, None]:
    """Yield refined slabs, nearest to ``start_slice`` first.

    Slabs lie on a fixed partition of the volume: order and result are independent. Where the
    refined liver differs from the first stage's by more than its rim, another pass refines what
    is around there with the refined liver as the prior: the network can then drop the rest of a
    structure of which it has dropped a part.
    """
    partition = _partition_slices(stage, coarse)
    depth = partition.group * SLAB_SLICES
    organ = torch.zeros(*coarse.mask.shape[:2], len(partition.starts) * SLAB_SLICES)
    wanted = _wanted_extras(stage)
    results: dict[int, SlabResult] = {}
    windows: dict[int, PlaneWindow | None] = dict.fromkeys(partition.starts)
    for refinement_pass in range(_MAX_PASSES):
        order = nearest_first(windows, depth, start_slice)
        refine = partial(_refine_in_pass, stage, coarse, partition.group, windows, results)
        with closing(iter_side_by_side(refine, order, stage.runner.execution.device)) as found:
            for number, (start, result) in enumerate(zip(order, found, strict=True), start=1):
                results[start] = result
                first_slice = partition.starts.index(start) * SLAB_SLICES
                organ[:, :, first_slice : first_slice + SLAB_SLICES] = result.organ
                done = _progress_fraction(refinement_pass, number / len(order))
                yield result.on_volume(_frame_of(stage, partition.group, start), wanted, done)
        if LIVER not in stage.checkpoint.classes:
            return  # the liver is the first stage's
        previous = coarse
        coarse = _corrected_prior(coarse, apply_along_axis(organ, partition.to_coarse, 2))
        windows = _windows_to_refine_again(partition, previous, coarse)
        if not windows:
            return


def _refine_in_pass(
    stage: SecondStage,
    coarse: CoarseLiver,
    group: int,
    windows: dict[int, PlaneWindow | None],
    earlier: dict[int, SlabResult],
    start: int,
) -> SlabResult:
    """The result for the slab that begins at stored slice ``start``; outside a window an earlier.

    Others are computed meanwhile: nothing is changed here.
    """
    window = windows[start]
    result = _refine_slab(stage, coarse, group, start, window)
    if window is None:
        return result
    return earlier[start].replaced(result, window, _voxels_of(stage, coarse, window))


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


def _windows_to_refine_again(
    partition: _Partition, previous: CoarseLiver, corrected: CoarseLiver
) -> dict[int, PlaneWindow | None]:
    """The starts of the slabs in which the liver changed by more than its rim, and where.

    None stands for the whole slab: a structure that is dropped in part is seen as a whole.
    """
    if not corrected.mask.any():
        return {}
    thick = ndimage.binary_opening(previous.mask != corrected.mask)
    least = math.ceil(_CORRECTED_ML * 1000 / math.prod(previous.spacing))
    changed = remove_small_objects(thick, least)
    windows: dict[int, PlaneWindow | None] = {}
    for start, weights in zip(
        partition.starts, torch.split(partition.to_coarse, SLAB_SLICES, dim=1), strict=True
    ):
        slices = (weights > 0).any(dim=1).numpy()
        if changed[:, :, slices].any():
            cells = np.asarray(thick[:, :, slices].any(axis=2))
            margins = [math.ceil(_BESIDE_CHANGES_MM / mm) for mm in previous.spacing[:2]]
            window = _window_around(cells, margins)
            shown = (corrected.probability[:, :, slices] > MIN_LIVER_PROBABILITY).any(dim=2)
            whole = _window_around(shown.numpy() | cells, [0, 0])
            small = _count_cells(window) <= _WINDOW_SHARE * _count_cells(whole)
            windows[start] = window if small else None
    return windows


def _voxels_of(stage: SecondStage, coarse: CoarseLiver, window: PlaneWindow) -> PlaneWindow:
    """The voxels whose centers lie in a window of coarse cells."""
    sides = []
    for axis, cells in enumerate(window):
        scale = coarse.spacing[axis] / stage.volume.spacing[axis]
        sides.append(slice(round(cells.start * scale), round(cells.stop * scale)))
    return sides[0], sides[1]


def _count_cells(window: PlaneWindow) -> int:
    return math.prod(side.stop - side.start for side in window)


def _window_around(cells: NDArray[np.bool_], margins: list[int]) -> PlaneWindow:
    """The coarse cells around those that are set, (i, j), with a margin along each axis."""
    sides = []
    for axis, margin in enumerate(margins):
        hit = np.flatnonzero(cells.any(axis=1 - axis))
        stop = min(int(hit[-1]) + 1 + margin, cells.shape[axis])
        sides.append(slice(max(int(hit[0]) - margin, 0), stop))
    return sides[0], sides[1]


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


def _wanted_extras(stage: SecondStage) -> dict[str, Extra]:
    """What slabs hold beside labels."""
    wanted: dict[str, Extra] = {}
    if stage.extras.probabilities:
        wanted["probabilities"] = (len(FOREGROUND),), np.float16
    if stage.extras.gates:
        wanted["gates"] = (stage.checkpoint.network.config.depth,), np.uint8
    return wanted


def _frame_of(stage: SecondStage, group: int, start: int) -> SlabFrame:
    """The stored slices of the slab that begins at stored slice ``start``."""
    shape = stage.volume.shape
    return SlabFrame(shape[:2], start, min(group * SLAB_SLICES, shape[2] - start), group)


def _refine_slab(
    stage: SecondStage, coarse: CoarseLiver, group: int, start: int, window: PlaneWindow | None
) -> SlabResult:
    """Refine the slab of `SLAB_SLICES` working slices that begins at stored slice ``start``.

    With a ``window`` of the coarse grid, what is in it.
    """
    volume, preprocessing = stage.volume, stage.checkpoint.preprocessing
    centers = start + (torch.arange(SLAB_SLICES) + 0.5) * group - 0.5
    slice_weights = coarse.weights_from_coarse(volume, 2, centers)
    grid = slab_grid(volume, coarse, stage.checkpoint, slice_weights, window)
    if grid is None:
        return SlabResult.empty((*coarse.mask.shape[:2], SLAB_SLICES))
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
    extras: dict[str, tuple[NDArray[Any], PlaneWindow]] = {}
    if stage.extras.probabilities:
        extras["probabilities"] = (slab_probabilities(probabilities, prior, classes), box)
    if gates is not None:
        extras["gates"] = (upsample_gates(gates, grid.scale, grid.size), grid.box)
    labels = labels_from_probabilities(probabilities, prior, classes)
    return SlabResult(box, labels, tumor_probability(probabilities, classes), organ, extras)


def _coarse_slices(block: Tensor, slice_weights: Tensor) -> Tensor:
    """Slices of a block of the coarse grid, (i, j, k), as (slices, j, i)."""
    return torch.tensordot(slice_weights, block, ([1], [2])).transpose(1, 2).contiguous()
