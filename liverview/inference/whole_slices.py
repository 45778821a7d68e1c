"""Second stage for networks that see whole slices at the scan's own resolution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.attention_gates import upsample_gates
from liverview.inference.coarse import CoarseLiver
from liverview.inference.fine import (
    MARGIN_MM,
    CoarsePrior,
    Refined,
    SlabExtras,
    labels_from_probabilities,
    nearest_first,
    slab_probabilities,
    tumor_probability,
)
from liverview.inference.runner import Runner
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.preprocessing import center_slice, padded
from liverview.networks.resampling import apply_along_axis


def refine_whole_slices(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    start_slice: int,
    extras: SlabExtras,
) -> Iterator[Refined]:
    """As `fine.refine_slabs` does; a slab is one slice, because a whole one is much work."""
    box = coarse.bounding_box(volume, MARGIN_MM)[2]
    order = nearest_first(range(box.start, box.stop), 1, start_slice)
    for number, k in enumerate(order, start=1):
        slab, tumor = _refine_slice(volume, coarse, checkpoint, runner, k, extras)
        yield Refined(slab, tumor, number / len(order))


def _refine_slice(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    k: int,
    extras: SlabExtras,
) -> tuple[Slab, NDArray[np.uint8]]:
    how, multiple = checkpoint.preprocessing, checkpoint.network.config.multiple
    # Beyond the first and the last slice the outermost one is repeated.
    wanted = np.clip(np.arange(k - how.halo, k + how.halo + 1), 0, volume.shape[2] - 1)
    part = np.ascontiguousarray(volume.voxels[:, :, wanted], np.float32)
    size = [-(-n // multiple) * multiple for n in volume.shape[:2]]
    hu = padded(torch.from_numpy(part) + volume.intercept, (size[0], size[1]))
    x = how.input_2d(hu, liver_hu=coarse.liver_hu)
    i, j = (center_slice(n, whole) for n, whole in zip(volume.shape[:2], size, strict=True))
    gates = None
    if extras.gates:
        seen, found = runner.predict_with_gates(x)
        gates = upsample_gates(found, (1.0, 1.0), (size[0], size[1]))[:, i, j]
    else:
        seen = runner.predict(x)
    seen = seen[:, :, i, j]
    weights = [
        coarse.weights_from_coarse(volume, axis, torch.arange(volume.shape[axis]))
        for axis in (0, 1)
    ]
    between = coarse.weights_from_coarse(volume, 2, torch.tensor([k]))
    first = CoarsePrior(
        *(
            apply_along_axis(
                apply_along_axis(apply_along_axis(block, between, 2), weights[0], 0), weights[1], 1
            )
            for block in (coarse.probability, torch.from_numpy(coarse.mask).float())
        )
    )
    labels = labels_from_probabilities(seen, first, checkpoint.classes)
    behind = slab_probabilities(seen, first, checkpoint.classes) if extras.probabilities else None
    return Slab(k, labels, behind, gates=gates), tumor_probability(seen, checkpoint.classes)
