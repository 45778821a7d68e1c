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

from liverview.core.labels import SHOWN, merge
from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.attention_gates import on_pixels
from liverview.inference.coarse import NEAR, CoarseLiver
from liverview.inference.components import fill_holes, largest_component, without_specks
from liverview.inference.runner import Runner
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.resampling import along, linear_weights

_SLICES = 4  # working slices in one forward pass and one slab: well under half a second
MARGIN_MM = 12.0  # above and below the liver
_AROUND_MM = 16.0  # beside what the first stage saw, for the network to see what lies there
_LIVER, _VESSEL, _TUMOR = (label.name.lower() for label in SHOWN)
_ORGAN = 0.6  # probability above which a voxel is liver, vessel or tumor
_LOOKS = 3  # at most; on phantoms with masses a fourth one was never asked for
_FIRST_LOOK = 0.8  # share of the work, as far as anybody knows before
_CORRECTED_ML = 2.0  # of difference beyond the rim that is worth another look


@dataclass(frozen=True)
class Beside:
    """What the slabs hold beside labels; what is not asked for is not computed."""

    probabilities: bool = False
    gates: bool = False


@dataclass(frozen=True, eq=False)
class _Partition:
    """How the liver's slices are worked on.

    Attributes
    ----------
    group : stored slices averaged into one working slice.
    starts : first stored slice of every slab.
    back : weights from the working slices to the coarse grid, 0 beyond them.
    """

    group: int
    starts: list[int]
    back: Tensor


@dataclass(frozen=True, eq=False)
class _Plane:
    """The working grid of one slab, in the box of what the first stage saw in its slices.

    Attributes
    ----------
    box : the volume's voxels, i and j.
    scale : voxels per cell of the working grid, for i and j; both begin at the same edge.
    to_work, to_box : weights between box and working grid, for i and j.
    prior : weights from the coarse grid to the working grid, for i and j.
    near : weights from the coarse grid to the box, for i and j.
    back : weights from the working grid to the coarse one, 0 beyond the box, for i and j.
    """

    box: tuple[slice, slice]
    scale: tuple[float, float]
    to_work: tuple[Tensor, Tensor]
    to_box: tuple[Tensor, Tensor]
    prior: tuple[Tensor, Tensor]
    near: tuple[Tensor, Tensor]
    back: tuple[Tensor, Tensor]


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


@dataclass(frozen=True, eq=False)
class Refined:
    """What the second stage says of one slab.

    Attributes
    ----------
    slab : its labels.
    tumor : the probability of tumor behind them, (I, J, slices), in 255ths.
    done : share of the stage's work that is done with it.
    """

    slab: Slab
    tumor: NDArray[np.uint8]
    done: float


def refine(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    near: int,
    beside: Beside,
) -> Iterator[Refined]:
    """Refined slabs, nearest to slice ``near`` first.

    Slabs lie on a fixed partition of the volume: order and result are independent. Where the
    liver that was seen is another than the first stage's by more than its rim, those slabs are
    looked at again, told what was seen instead: what the network has taken a part of, it can
    then take the rest of.
    """
    partition = _partition(volume, coarse, checkpoint)
    depth = partition.group * _SLICES
    seen = torch.zeros(*coarse.mask.shape[:2], len(partition.starts) * _SLICES)
    starts = partition.starts
    for look in range(_LOOKS):
        order = outward(starts, depth, near)
        for number, start in enumerate(order, start=1):
            slab, tumor, organ = _slab(
                volume, coarse, checkpoint, runner, partition.group, start, beside
            )
            first = partition.starts.index(start) * _SLICES
            seen[:, :, first : first + _SLICES] = organ
            yield Refined(slab, tumor, _share(look, number / len(order)))
        if _LIVER not in checkpoint.classes:
            return  # the liver is the first stage's
        before, coarse = coarse, _corrected(coarse, along(seen, partition.back, 2))
        starts = _to_redo(partition, before, coarse)
        if not starts:
            return


def _share(look: int, done: float) -> float:
    """How much is done: every look is said to be a fifth of what the ones before it leave."""
    left = (1 - _FIRST_LOOK) ** look
    return 1 - left + left * _FIRST_LOOK * done


def _corrected(coarse: CoarseLiver, organ: Tensor) -> CoarseLiver:
    """The first stage's liver as the second one saw it, ``organ`` (i, j, k)."""
    organ = organ * (coarse.probability > NEAR)
    mask = fill_holes(largest_component((organ > 0.5).numpy()))
    near = torch.from_numpy(ndimage.binary_dilation(mask, iterations=2))
    return replace(coarse, probability=organ * near, mask=mask)


def _to_redo(partition: _Partition, before: CoarseLiver, after: CoarseLiver) -> list[int]:
    """The starts of the slabs in which more than the liver's rim became another."""
    if not after.mask.any():
        return []
    thick = ndimage.binary_opening(before.mask != after.mask)
    parts = without_specks(thick, math.ceil(_CORRECTED_ML * 1000 / math.prod(before.spacing)))
    hit = torch.from_numpy(parts.any(axis=(0, 1))).float() @ partition.back
    slabs = (hit.reshape(-1, _SLICES) > 0).any(dim=1).tolist()
    return [start for start, redo in zip(partition.starts, slabs, strict=True) if redo]


def outward(starts: Iterable[int], depth: int, near: int) -> list[int]:
    """The starts of slabs of ``depth`` slices, those closest to slice ``near`` first."""
    return sorted(starts, key=lambda start: abs(start + (depth - 1) / 2 - near))


def _partition(volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint) -> _Partition:
    """Slabs over the slices of the liver and a margin, at fixed places of the volume."""
    group = checkpoint.preprocessing.group(volume.spacing[2])
    depth = group * _SLICES
    slices = coarse.box(volume, MARGIN_MM)[2]
    starts = list(range(slices.start // depth * depth, slices.stop, depth))
    worked = slice(starts[0], starts[-1] + depth)
    return _Partition(group, starts, _back(volume, coarse, 2, worked, group, len(starts) * _SLICES))


def _plane(
    volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint, between: Tensor
) -> _Plane | None:
    """Where to look in a slab; ``between`` are the weights of its slices. None: nowhere."""
    how = checkpoint.preprocessing
    seen = coarse.probability[:, :, (between > 0).any(dim=0)].amax(dim=2) > NEAR
    if not seen.any():
        return None
    multiple = checkpoint.network.config.multiple
    boxes, scales, to_work, to_box, prior, near, back = [], [], [], [], [], [], []
    for axis in (0, 1):
        hit = seen.any(dim=1 - axis).nonzero()[:, 0]
        wide = coarse.spacing[axis] / volume.spacing[axis]
        margin = _AROUND_MM / volume.spacing[axis]
        first = max(math.floor(int(hit[0]) * wide - margin), 0)
        last = min(math.ceil((int(hit[-1]) + 1) * wide + margin), volume.shape[axis])
        box = slice(first, last)
        size = last - first
        scale = how.spacing_mm[axis] / volume.spacing[axis]
        count = -(-math.ceil(size / scale) // multiple) * multiple
        work = (torch.arange(count) + 0.5) * scale - 0.5  # in voxels of the box
        voxels = torch.arange(size)
        boxes.append(box)
        scales.append(scale)
        to_work.append(linear_weights(size, work, support=scale))
        to_box.append(linear_weights(count, (voxels + 0.5) / scale - 0.5))
        prior.append(coarse.weights(volume, axis, work + first))
        near.append(coarse.weights(volume, axis, voxels + first))
        back.append(_back(volume, coarse, axis, box, scale, count))
    return _Plane(
        (boxes[0], boxes[1]),
        (scales[0], scales[1]),
        (to_work[0], to_work[1]),
        (to_box[0], to_box[1]),
        (prior[0], prior[1]),
        (near[0], near[1]),
        (back[0], back[1]),
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
    group: int,
    start: int,
    beside: Beside,
) -> tuple[Slab, NDArray[np.uint8], Tensor]:
    """One slab, its tumor's probability, and the organ's in its working slices, coarse."""
    stop = min(start + group * _SLICES, volume.shape[2])
    labels = np.zeros((*volume.shape[:2], stop - start), np.uint8, order="F")
    tumor = np.zeros_like(labels)
    behind = np.zeros((len(SHOWN), *labels.shape), np.float16) if beside.probabilities else None
    levels = checkpoint.network.config.depth
    gates = np.zeros((levels, *labels.shape), np.uint8) if beside.gates else None
    middles = start + (torch.arange(_SLICES) + 0.5) * group - 0.5
    between = coarse.weights(volume, 2, middles)
    plane = _plane(volume, coarse, checkpoint, between)
    if plane is None:
        nothing = torch.zeros(*coarse.mask.shape[:2], _SLICES)
        return Slab(start, labels, behind, gates=gates), tumor, nothing
    hu = _working_slices(volume, checkpoint.preprocessing.halo, plane, group, start)
    # Slices come first: products with a short last axis are slow.
    thick = along(coarse.probability, between, 2).movedim(2, 0)  # (slices, i, j)
    prior = along(along(thick, plane.prior[0], 1), plane.prior[1], 2).permute(1, 2, 0)
    x = checkpoint.preprocessing.slab(hu, prior, coarse.liver_hu)
    if gates is None:
        seen = runner.probabilities(x)  # (slices, classes, i, j)
    else:
        seen, found = runner.with_gates(x)
        size = (plane.to_box[0].shape[0], plane.to_box[1].shape[0])
        looked = on_pixels(found, plane.scale, size)
        gates[:, *plane.box] = looked.repeat(group, axis=3)[..., : stop - start]
    organ = along(along(1 - seen[:, 0], plane.back[0], 1), plane.back[1], 2)
    organ = organ.permute(1, 2, 0)
    seen = along(along(seen, plane.to_box[0], 2), plane.to_box[1], 3)
    mask = along(torch.from_numpy(coarse.mask).float(), between, 2).movedim(2, 0)
    first = FirstStage(
        *(
            along(along(part, plane.near[0], 1), plane.near[1], 2).permute(1, 2, 0)
            for part in (thick, mask)
        )
    )
    merged = labels_of(seen, first, checkpoint.classes)
    labels[plane.box] = merged.repeat(group, axis=2)[:, :, : stop - start]
    sure = tumor_of(seen, checkpoint.classes)
    tumor[plane.box] = sure.repeat(group, axis=2)[:, :, : stop - start]
    if behind is not None:
        parts = probabilities_of(seen, first, checkpoint.classes)
        behind[:, *plane.box] = parts.repeat(group, axis=3)[..., : stop - start]
    return Slab(start, labels, behind, plane.box, gates), tumor, organ


def _working_slices(volume: Volume, halo: int, plane: _Plane, group: int, start: int) -> Tensor:
    """HU on the working grid with ``halo`` slices on both sides, (i, j, slices + 2 halo).

    Beyond the first and the last slice the outermost one is repeated.
    """
    first = start - halo * group
    wanted = np.arange(first, first + (_SLICES + 2 * halo) * group)
    picked = np.clip(wanted, 0, volume.shape[2] - 1)
    low, high = int(picked[0]), int(picked[-1]) + 1
    part = volume.voxels[plane.box[0], plane.box[1], low:high].T  # (k, j, i), as files have them
    block = torch.from_numpy(np.ascontiguousarray(part, np.float32)) + volume.intercept
    if len(picked) > len(block):
        block = block[torch.from_numpy(picked - low)]
    if group > 1:
        block = block.reshape(-1, group, *block.shape[1:]).mean(dim=1)
    return along(along(block, plane.to_work[0], 2), plane.to_work[1], 1).permute(2, 1, 0)


def labels_of(seen: Tensor, first: FirstStage, classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """Labels by the merge rule, (I, J, slices), nothing far from the first stage's liver.

    ``seen`` are the network's probabilities, (slices, classes, I, J). Where it has no class
    for the liver, the liver is the first stage's.
    """
    found = _likeliest(seen).permute(1, 2, 0)  # (I, J, slices)
    organ = (1 - seen[:, 0].permute(1, 2, 0) > _ORGAN) & (first.probability > NEAR)
    liver = organ if _LIVER in classes else first.mask > 0.5
    vessel, tumor = (
        found == classes.index(name) if name in classes else torch.zeros_like(liver)
        for name in (_VESSEL, _TUMOR)
    )
    return merge(liver.numpy(), vessel.numpy(), tumor.numpy())


def _likeliest(seen: Tensor) -> Tensor:
    """The first class of the highest probability, (slices, I, J).

    As `argmax` over the classes, which torch does voxel by voxel, twenty times slower.
    """
    best = seen[:, 0]
    found = torch.zeros(best.shape, dtype=torch.uint8)
    for number in range(1, seen.shape[1]):
        higher = seen[:, number] > best
        found.masked_fill_(higher, number)
        best = torch.maximum(best, seen[:, number])
    return found


def tumor_of(seen: Tensor, classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """The probability of tumor, (I, J, slices), in 255ths; 0 where the network knows none."""
    if _TUMOR not in classes:
        return np.zeros((*seen.shape[2:], len(seen)), np.uint8)
    found = seen[:, classes.index(_TUMOR)].permute(1, 2, 0)
    scaled: NDArray[np.uint8] = (found * 255).to(torch.uint8).numpy()
    return scaled


def probabilities_of(
    seen: Tensor, first: FirstStage, classes: tuple[str, ...]
) -> NDArray[np.float16]:
    """Probabilities as `Slab` has them, (3, I, J, slices): 0 far from the first stage's liver."""
    close = first.probability > NEAR
    liver, vessel, tumor = (
        seen[:, classes.index(name)].permute(1, 2, 0) if name in classes else torch.zeros(())
        for name in (_LIVER, _VESSEL, _TUMOR)
    )
    parts = vessel + tumor
    organ = liver + parts if _LIVER in classes else torch.maximum(first.probability, parts)
    behind = torch.stack([part.expand(close.shape) * close for part in (organ, vessel, tumor)])
    half: NDArray[np.float16] = behind.half().numpy()
    return half
