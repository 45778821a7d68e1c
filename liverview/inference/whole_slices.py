"""Second stage for networks that see whole slices at the scan's own resolution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.attention_gates import on_pixels
from liverview.inference.coarse import CoarseLiver
from liverview.inference.fine import (
    MARGIN_MM,
    Beside,
    FirstStage,
    Refined,
    labels_of,
    outward,
    probabilities_of,
    tumor_of,
)
from liverview.inference.runner import Runner
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.preprocessing import middle, padded
from liverview.networks.resampling import along


def refine_whole(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    near: int,
    beside: Beside,
) -> Iterator[Refined]:
    """As `fine.refine` does; a slab is one slice, because a whole one is much work."""
    box = coarse.box(volume, MARGIN_MM)[2]
    order = outward(range(box.start, box.stop), 1, near)
    for number, k in enumerate(order, start=1):
        slab, tumor = _slab(volume, coarse, checkpoint, runner, k, beside)
        yield Refined(slab, tumor, number / len(order))


def _slab(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    k: int,
    beside: Beside,
) -> tuple[Slab, NDArray[np.uint8]]:
    how, multiple = checkpoint.preprocessing, checkpoint.network.config.multiple
    # Beyond the first and the last slice the outermost one is repeated.
    wanted = np.clip(np.arange(k - how.halo, k + how.halo + 1), 0, volume.shape[2] - 1)
    part = np.ascontiguousarray(volume.voxels[:, :, wanted], np.float32)
    size = [-(-n // multiple) * multiple for n in volume.shape[:2]]
    hu = padded(torch.from_numpy(part) + volume.intercept, (size[0], size[1]))
    x = how.slab(hu, liver_hu=coarse.liver_hu)
    i, j = (middle(n, whole) for n, whole in zip(volume.shape[:2], size, strict=True))
    gates = None
    if beside.gates:
        seen, found = runner.with_gates(x)
        gates = on_pixels(found, (1.0, 1.0), (size[0], size[1]))[:, i, j]
    else:
        seen = runner.probabilities(x)
    seen = seen[:, :, i, j]
    weights = [coarse.weights(volume, axis, torch.arange(volume.shape[axis])) for axis in (0, 1)]
    between = coarse.weights(volume, 2, torch.tensor([k]))
    first = FirstStage(
        *(
            along(along(along(block, between, 2), weights[0], 0), weights[1], 1)
            for block in (coarse.probability, torch.from_numpy(coarse.mask).float())
        )
    )
    labels = labels_of(seen, first, checkpoint.classes)
    behind = probabilities_of(seen, first, checkpoint.classes) if beside.probabilities else None
    return Slab(k, labels, behind, gates=gates), tumor_of(seen, checkpoint.classes)
