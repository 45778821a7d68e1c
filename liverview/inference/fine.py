"""Second stage: liver, vessels and tumors on the scan's own slices, slab by slab."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from liverview.checkpoint import Checkpoint
from liverview.inference.coarse import CoarseLiver
from liverview.inference.components import fill_holes, largest_part, without_specks
from liverview.inference.runner import Runner
from liverview.labels import SHOWN, merge
from liverview.resampling import along, linear_weights
from liverview.stream import Slab
from liverview.volume import Volume

_SLICES = 4  # working slices in one forward pass and one slab: well under half a second
MARGIN_MM = 12.0
_LIVER, _VESSEL, _TUMOR = (label.name.lower() for label in SHOWN)
_NEAR = 0.02  # probability of the first stage below which nothing is looked for
_ORGAN = 0.6  # probability above which a voxel is liver, vessel or tumor
_LOOKS = 3
_FIRST_LOOK = 0.8  # share of the work, as far as anybody knows before
_CORRECTED_ML = 2.0


@dataclass(frozen=True, eq=False)
class _Geometry:
    """The working grid in the liver's box.

    Attributes
    ----------
    box : the volume's voxels, i and j.
    group : stored slices averaged into one working slice.
    starts : first stored slice of every slab.
    to_work, to_box : weights between box and working grid, for i and j.
    prior : weights from the coarse grid to the working grid, for i and j.
    near : weights from the coarse grid to the box, for i and j.
    back : weights from the working slices to the coarse grid, 0 beyond them.
    """

    box: tuple[slice, slice]
    group: int
    starts: list[int]
    to_work: tuple[Tensor, Tensor]
    to_box: tuple[Tensor, Tensor]
    prior: tuple[Tensor, Tensor]
    near: tuple[Tensor, Tensor]
    back: tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class FirstStage:
    """What the first stage says of some of the volume's voxels, (I, J, slices) in 0..1.

    Attributes
    ----------
    probability : of the liver.
    mask : above one half in the liver that it found, holes filled.
    """

    probability: Tensor
    mask: Tensor


def refine(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    near: int,
    probabilities: bool = False,
) -> Iterator[tuple[Slab, float]]:
    """Refined slabs, nearest to slice ``near`` first, each with the share that is done.

    Slabs lie on a fixed partition of the volume: order and result are independent. With
    ``probabilities``, they hold those behind their labels. Where the liver that was seen is
    another than the first stage's by more than its rim, those slabs are looked at again, told
    what was seen instead: what the network has taken a part of, it can then take the rest of.
    """
    geometry = _lay_out(volume, coarse, checkpoint)
    depth = geometry.group * _SLICES
    seen = torch.zeros(*coarse.mask.shape[:2], len(geometry.starts) * _SLICES)
    starts = geometry.starts
    for look in range(_LOOKS):
        order = outward(starts, depth, near)
        for number, start in enumerate(order, start=1):
            slab, organ = _slab(volume, coarse, checkpoint, runner, geometry, start, probabilities)
            first = geometry.starts.index(start) * _SLICES
            seen[:, :, first : first + _SLICES] = organ
            yield slab, _share(look, number / len(order))
        if _LIVER not in checkpoint.classes:
            return  # the liver is the first stage's
        before, coarse = coarse, _corrected(coarse, along(seen, geometry.back[2], 2))
        starts = _to_redo(geometry, before, coarse)
        if not starts:
            return


def _share(look: int, done: float) -> float:
    """How much is done: every look is said to be a fifth of what the ones before it leave."""
    left = (1 - _FIRST_LOOK) ** look
    return 1 - left + left * _FIRST_LOOK * done


def _corrected(coarse: CoarseLiver, organ: Tensor) -> CoarseLiver:
    """The first stage's liver as the second one saw it, ``organ`` (i, j, k)."""
    organ = organ * (coarse.probability > _NEAR)
    mask = fill_holes(largest_part((organ > 0.5).numpy()))
    near = torch.from_numpy(ndimage.binary_dilation(mask, iterations=2))
    return replace(coarse, probability=organ * near, mask=mask)


def _to_redo(geometry: _Geometry, before: CoarseLiver, after: CoarseLiver) -> list[int]:
    """The starts of the slabs in which more than the liver's rim became another."""
    if not after.mask.any():
        return []
    thick = ndimage.binary_opening(before.mask != after.mask)
    parts = without_specks(thick, math.ceil(_CORRECTED_ML * 1000 / math.prod(before.spacing)))
    hit = torch.from_numpy(parts.any(axis=(0, 1))).float() @ geometry.back[2]
    slabs = (hit.reshape(-1, _SLICES) > 0).any(dim=1).tolist()
    return [start for start, redo in zip(geometry.starts, slabs, strict=True) if redo]


def outward(starts: Iterable[int], depth: int, near: int) -> list[int]:
    """The starts of slabs of ``depth`` slices, those closest to slice ``near`` first."""
    return sorted(starts, key=lambda start: abs(start + (depth - 1) / 2 - near))


def _lay_out(volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint) -> _Geometry:
    how = checkpoint.preprocessing
    box = coarse.box(volume, MARGIN_MM)
    group = max(1, math.floor(how.spacing_mm[2] / volume.spacing[2] + 0.5))
    depth = group * _SLICES
    starts = list(range(box[2].start // depth * depth, box[2].stop, depth))
    multiple = checkpoint.network.config.multiple
    to_work, to_box, prior, near, back = [], [], [], [], []
    for axis in (0, 1):
        size = box[axis].stop - box[axis].start
        scale = how.spacing_mm[axis] / volume.spacing[axis]
        count = -(-math.ceil(size / scale) // multiple) * multiple
        work = (torch.arange(count) + 0.5) * scale - 0.5  # in voxels of the box
        voxels = torch.arange(size)
        to_work.append(linear_weights(size, work, support=scale))
        to_box.append(linear_weights(count, (voxels + 0.5) / scale - 0.5))
        prior.append(coarse.weights(volume, axis, work + box[axis].start))
        near.append(coarse.weights(volume, axis, voxels + box[axis].start))
        back.append(_back(volume, coarse, axis, box[axis], scale, count))
    slices = slice(starts[0], starts[-1] + depth)
    back.append(_back(volume, coarse, 2, slices, group, len(starts) * _SLICES))
    return _Geometry(
        (box[0], box[1]),
        group,
        starts,
        (to_work[0], to_work[1]),
        (to_box[0], to_box[1]),
        (prior[0], prior[1]),
        (near[0], near[1]),
        (back[0], back[1], back[2]),
    )


def _back(
    volume: Volume, coarse: CoarseLiver, axis: int, box: slice, scale: float, count: int
) -> Tensor:
    """Weights from ``count`` cells of ``scale`` voxels, from the box's start on, to the coarse."""
    wide = coarse.spacing[axis] / volume.spacing[axis]
    centers = (torch.arange(coarse.mask.shape[axis]) + 0.5) * wide - box.start  # voxels' edges: 0
    weights = linear_weights(count, centers / scale - 0.5, support=wide / scale)
    inside = (centers >= 0) & (centers <= box.stop - box.start)
    return weights * inside[:, None]


def _slab(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    geometry: _Geometry,
    start: int,
    probabilities: bool,
) -> tuple[Slab, Tensor]:
    """One slab, and the organ's probability in its working slices on the coarse grid."""
    group = geometry.group
    stop = min(start + group * _SLICES, volume.shape[2])
    labels = np.zeros((*volume.shape[:2], stop - start), np.uint8)
    hu = _working_slices(volume, checkpoint.preprocessing.halo, geometry, start)
    middles = start + (torch.arange(_SLICES) + 0.5) * group - 0.5
    between = coarse.weights(volume, 2, middles)
    thick = along(coarse.probability, between, 2)  # (i, j, slices)
    prior = along(along(thick, geometry.prior[0], 0), geometry.prior[1], 1)
    x = checkpoint.preprocessing.slab(hu, prior, coarse.liver_hu)
    seen = runner.probabilities(x)  # (slices, classes, i, j)
    organ = along(along(1 - seen[:, 0], geometry.back[0], 1), geometry.back[1], 2)
    organ = organ.permute(1, 2, 0)
    seen = along(along(seen, geometry.to_box[0], 2), geometry.to_box[1], 3)
    mask = along(torch.from_numpy(coarse.mask).float(), between, 2)
    first = FirstStage(
        *(along(along(part, geometry.near[0], 0), geometry.near[1], 1) for part in (thick, mask))
    )
    merged = labels_of(seen, first, checkpoint.classes)
    labels[geometry.box] = merged.repeat(group, axis=2)[:, :, : stop - start]
    if not probabilities:
        return Slab(start, labels), organ
    behind = np.zeros((len(SHOWN), *labels.shape), np.float16)
    parts = probabilities_of(seen, first, checkpoint.classes)
    behind[:, *geometry.box] = parts.repeat(group, axis=3)[..., : stop - start]
    return Slab(start, labels, behind), organ


def _working_slices(volume: Volume, halo: int, geometry: _Geometry, start: int) -> Tensor:
    """HU on the working grid with ``halo`` slices on both sides, (i, j, slices + 2 halo).

    Beyond the first and the last slice the outermost one is repeated.
    """
    group = geometry.group
    first = start - halo * group
    wanted = np.arange(first, first + (_SLICES + 2 * halo) * group)
    picked = np.clip(wanted, 0, volume.shape[2] - 1)
    low, high = int(picked[0]), int(picked[-1]) + 1
    part = volume.voxels[geometry.box[0], geometry.box[1], low:high]
    block = torch.from_numpy(np.ascontiguousarray(part, np.float32)) + volume.intercept
    block = block[:, :, torch.from_numpy(picked - low)]
    block = block.reshape(*block.shape[:2], -1, group).mean(dim=3)
    return along(along(block, geometry.to_work[0], 0), geometry.to_work[1], 1)


def labels_of(seen: Tensor, first: FirstStage, classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """Labels by the merge rule, (I, J, slices), nothing far from the first stage's liver.

    ``seen`` are the network's probabilities, (slices, classes, I, J). Where it has no class
    for the liver, the liver is the first stage's.
    """
    found = seen.argmax(dim=1).permute(1, 2, 0)  # (I, J, slices)
    organ = (1 - seen[:, 0].permute(1, 2, 0) > _ORGAN) & (first.probability > _NEAR)
    liver = organ if _LIVER in classes else first.mask > 0.5
    vessel, tumor = (
        found == classes.index(name) if name in classes else torch.zeros_like(liver)
        for name in (_VESSEL, _TUMOR)
    )
    return merge(liver.numpy(), vessel.numpy(), tumor.numpy())


def probabilities_of(
    seen: Tensor, first: FirstStage, classes: tuple[str, ...]
) -> NDArray[np.float16]:
    """Probabilities as `Slab` has them, (3, I, J, slices): 0 far from the first stage's liver."""
    close = first.probability > _NEAR
    liver, vessel, tumor = (
        seen[:, classes.index(name)].permute(1, 2, 0) if name in classes else torch.zeros(())
        for name in (_LIVER, _VESSEL, _TUMOR)
    )
    parts = vessel + tumor
    organ = liver + parts if _LIVER in classes else torch.maximum(first.probability, parts)
    behind = torch.stack([part.expand(close.shape) * close for part in (organ, vessel, tumor)])
    half: NDArray[np.float16] = behind.half().numpy()
    return half
