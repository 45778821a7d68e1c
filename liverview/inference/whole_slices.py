"""Second stage for networks that see whole slices at the scan's own resolution."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.attention_gates import upsample_gates
from liverview.inference.coarse import CoarseLiver
from liverview.inference.second_stage import MARGIN_MM, RefinedSlab, SecondStage, nearest_first
from liverview.inference.side_by_side import iter_side_by_side
from liverview.inference.slab_labels import (
    LIVER,
    CoarsePrior,
    labels_from_probabilities,
    slab_probabilities,
    tumor_probability,
)
from liverview.networks.preprocessing import center_slice, pad_to_size
from liverview.networks.resampling import apply_along_axis, apply_in_plane


def iter_refine_whole_slices(
    stage: SecondStage, coarse: CoarseLiver, start_slice: int
) -> Generator[RefinedSlab, None, None]:
    """Yield refined slabs of one slice each, nearest to ``start_slice`` first.

    As `fine.iter_refine_slabs`, in one pass; a slab is one slice, because a whole one is much
    work.
    """
    slices = coarse.bounding_box(stage.volume, MARGIN_MM)[2]
    order = nearest_first(range(slices.start, slices.stop), 1, start_slice)
    refine = partial(_refine_slice, stage, coarse)
    with closing(iter_side_by_side(refine, order, stage.runner.execution.device)) as refined:
        for number, (slab, tumor) in enumerate(refined, start=1):
            yield RefinedSlab(slab, tumor, number / len(order))


def _refine_slice(
    stage: SecondStage, coarse: CoarseLiver, k: int
) -> tuple[Slab, NDArray[np.uint8]]:
    """One slice as a slab, and its probability of tumor in 255ths."""
    volume, checkpoint = stage.volume, stage.checkpoint
    preprocessing, multiple = checkpoint.preprocessing, checkpoint.network.config.multiple
    size = (-(-volume.shape[0] // multiple) * multiple, -(-volume.shape[1] // multiple) * multiple)
    hu = pad_to_size(_read_slices(volume, k, preprocessing.halo), size)
    probabilities, stage_gates = stage.predict(preprocessing.input_2d(hu, liver_hu=coarse.liver_hu))
    i, j = (center_slice(n, whole) for n, whole in zip(volume.shape[:2], size, strict=True))
    gates = None
    if stage_gates is not None:
        gates = upsample_gates(stage_gates, (1.0, 1.0), size)[:, i, j]
    probabilities = probabilities[:, :, i, j]
    prior = _prior_of_slice(volume, coarse, k, LIVER not in checkpoint.classes)
    labels = labels_from_probabilities(probabilities, prior, checkpoint.classes)
    behind = None
    if stage.extras.probabilities:
        behind = slab_probabilities(probabilities, prior, checkpoint.classes)
    slab = Slab(k, labels, behind, gates=gates)
    return slab, tumor_probability(probabilities, checkpoint.classes)


def _read_slices(volume: Volume, k: int, halo: int) -> Tensor:
    """HU of a slice and ``halo`` more on both sides; the outermost ones are repeated."""
    wanted = np.clip(np.arange(k - halo, k + halo + 1), 0, volume.shape[2] - 1)
    stored = np.ascontiguousarray(volume.voxels[:, :, wanted], np.float32)
    return torch.from_numpy(stored) + volume.intercept


def _prior_of_slice(volume: Volume, coarse: CoarseLiver, k: int, with_mask: bool) -> CoarsePrior:
    """The first stage's liver in one slice, (I, J, 1)."""
    i, j = (
        coarse.weights_from_coarse(volume, axis, torch.arange(volume.shape[axis]))
        for axis in (0, 1)
    )
    slice_weights = coarse.weights_from_coarse(volume, 2, torch.tensor([k]))
    blocks = [coarse.probability]
    if with_mask:
        blocks.append(torch.from_numpy(coarse.mask).float())
    probability, *mask = (
        apply_in_plane(apply_along_axis(block, slice_weights, 2), (i, j), (0, 1))
        for block in blocks
    )
    return CoarsePrior(probability, mask[0] if mask else None)
