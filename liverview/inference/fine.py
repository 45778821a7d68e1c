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

from liverview.core.labels import FOREGROUND, Label, label_entry, label_parts, merge_masks
from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.attention_gates import upsample_gates
from liverview.inference.coarse import MIN_LIVER_PROBABILITY, CoarseLiver
from liverview.inference.components import fill_holes, largest_component, remove_small_objects
from liverview.inference.runner import Runner
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.resampling import apply_along_axis, linear_weights

_SLAB_SLICES = 4  # working slices in one forward pass and one slab: well under half a second
MARGIN_MM = 12.0  # above and below the liver
_AROUND_MM = 16.0  # beside what the first stage saw, for the network to see what lies there
_LIVER, _TUMOR = Label.LIVER.name.lower(), Label.TUMOR.name.lower()
LIVER_THRESHOLD = label_entry(Label.LIVER).threshold  # of the probability that it is no background
_MAX_PASSES = 3  # at most; on phantoms with masses a fourth one was never asked for
_FIRST_PASS_SHARE = 0.8  # share of the work, as far as anybody knows before
_CORRECTED_ML = 2.0  # of difference beyond the rim that is worth another look


@dataclass(frozen=True)
class SlabExtras:
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
    to_coarse: Tensor


@dataclass(frozen=True, eq=False)
class _SlabGrid:
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
    coarse_to_work: tuple[Tensor, Tensor]
    coarse_to_box: tuple[Tensor, Tensor]
    to_coarse: tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class CoarsePrior:
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


def refine_slabs(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    start_slice: int,
    extras: SlabExtras,
) -> Iterator[Refined]:
    """Refined slabs, nearest to slice ``near`` first.

    Slabs lie on a fixed partition of the volume: order and result are independent. Where the
    liver that was seen is another than the first stage's by more than its rim, those slabs are
    looked at again, told what was seen instead: what the network has taken a part of, it can
    then take the rest of.
    """
    partition = _partition_slices(volume, coarse, checkpoint)
    depth = partition.group * _SLAB_SLICES
    organ_seen = torch.zeros(*coarse.mask.shape[:2], len(partition.starts) * _SLAB_SLICES)
    starts = partition.starts
    for refinement_pass in range(_MAX_PASSES):
        order = nearest_first(starts, depth, start_slice)
        for number, start in enumerate(order, start=1):
            slab, tumor, organ = _refine_slab(
                volume, coarse, checkpoint, runner, partition.group, start, extras
            )
            first_slice = partition.starts.index(start) * _SLAB_SLICES
            organ_seen[:, :, first_slice : first_slice + _SLAB_SLICES] = organ
            yield Refined(slab, tumor, _progress_fraction(refinement_pass, number / len(order)))
        if _LIVER not in checkpoint.classes:
            return  # the liver is the first stage's
        before, coarse = (
            coarse,
            _corrected_prior(coarse, apply_along_axis(organ_seen, partition.to_coarse, 2)),
        )
        starts = _slabs_to_refine_again(partition, before, coarse)
        if not starts:
            return


def _progress_fraction(refinement_pass: int, done: float) -> float:
    """How much is done: every look is said to be a fifth of what the ones before it leave."""
    left = (1 - _FIRST_PASS_SHARE) ** refinement_pass
    return 1 - left + left * _FIRST_PASS_SHARE * done


def _corrected_prior(coarse: CoarseLiver, organ: Tensor) -> CoarseLiver:
    """The first stage's liver as the second one saw it, ``organ`` (i, j, k)."""
    organ = organ * (coarse.probability > MIN_LIVER_PROBABILITY)
    mask = fill_holes(largest_component((organ > 0.5).numpy()))
    near = torch.from_numpy(ndimage.binary_dilation(mask, iterations=2))
    return replace(coarse, probability=organ * near, mask=mask)


def _slabs_to_refine_again(
    partition: _Partition, before: CoarseLiver, after: CoarseLiver
) -> list[int]:
    """The starts of the slabs in which more than the liver's rim became another."""
    if not after.mask.any():
        return []
    thick = ndimage.binary_opening(before.mask != after.mask)
    parts = remove_small_objects(thick, math.ceil(_CORRECTED_ML * 1000 / math.prod(before.spacing)))
    hit = torch.from_numpy(parts.any(axis=(0, 1))).float() @ partition.to_coarse
    slabs = (hit.reshape(-1, _SLAB_SLICES) > 0).any(dim=1).tolist()
    return [start for start, redo in zip(partition.starts, slabs, strict=True) if redo]


def nearest_first(starts: Iterable[int], depth: int, start_slice: int) -> list[int]:
    """The starts of slabs of ``depth`` slices, those closest to slice ``near`` first."""
    return sorted(starts, key=lambda start: abs(start + (depth - 1) / 2 - start_slice))


def _partition_slices(volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint) -> _Partition:
    """Slabs over the slices of the liver and a margin, at fixed places of the volume."""
    group = checkpoint.preprocessing.group(volume.spacing[2])
    depth = group * _SLAB_SLICES
    slices = coarse.bounding_box(volume, MARGIN_MM)[2]
    starts = list(range(slices.start // depth * depth, slices.stop, depth))
    worked = slice(starts[0], starts[-1] + depth)
    return _Partition(
        group,
        starts,
        _weights_to_coarse(volume, coarse, 2, worked, group, len(starts) * _SLAB_SLICES),
    )


def _slab_grid(
    volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint, between: Tensor
) -> _SlabGrid | None:
    """Where to look in a slab; ``between`` are the weights of its slices. None: nowhere."""
    how = checkpoint.preprocessing
    seen = coarse.probability[:, :, (between > 0).any(dim=0)].amax(dim=2) > MIN_LIVER_PROBABILITY
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
        prior.append(coarse.weights_from_coarse(volume, axis, work + first))
        near.append(coarse.weights_from_coarse(volume, axis, voxels + first))
        back.append(_weights_to_coarse(volume, coarse, axis, box, scale, count))
    return _SlabGrid(
        (boxes[0], boxes[1]),
        (scales[0], scales[1]),
        (to_work[0], to_work[1]),
        (to_box[0], to_box[1]),
        (prior[0], prior[1]),
        (near[0], near[1]),
        (back[0], back[1]),
    )


def _weights_to_coarse(
    volume: Volume, coarse: CoarseLiver, axis: int, box: slice, scale: float, count: int
) -> Tensor:
    """Weights from ``count`` cells of ``scale`` voxels, from the box's start on, to the coarse."""
    wide = coarse.spacing[axis] / volume.spacing[axis]
    centers = (torch.arange(coarse.mask.shape[axis]) + 0.5) * wide - box.start  # voxels' edges: 0
    weights = linear_weights(count, centers / scale - 0.5, support=wide / scale)
    inside = (centers >= 0) & (centers <= box.stop - box.start)
    return weights * inside[:, None]


def _refine_slab(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    runner: Runner,
    group: int,
    start: int,
    extras: SlabExtras,
) -> tuple[Slab, NDArray[np.uint8], Tensor]:
    """One slab, its tumor's probability, and the organ's in its working slices, coarse."""
    stop = min(start + group * _SLAB_SLICES, volume.shape[2])
    labels = np.zeros((*volume.shape[:2], stop - start), np.uint8, order="F")
    tumor = np.zeros_like(labels)
    behind = (
        np.zeros((len(FOREGROUND), *labels.shape), np.float16) if extras.probabilities else None
    )
    levels = checkpoint.network.config.depth
    gates = np.zeros((levels, *labels.shape), np.uint8) if extras.gates else None
    middles = start + (torch.arange(_SLAB_SLICES) + 0.5) * group - 0.5
    between = coarse.weights_from_coarse(volume, 2, middles)
    plane = _slab_grid(volume, coarse, checkpoint, between)
    if plane is None:
        nothing = torch.zeros(*coarse.mask.shape[:2], _SLAB_SLICES)
        return Slab(start, labels, behind, gates=gates), tumor, nothing
    hu = _working_slices(volume, checkpoint.preprocessing.halo, plane, group, start)
    # Slices come first: products with a short last axis are slow.
    thick = apply_along_axis(coarse.probability, between, 2).movedim(2, 0)  # (slices, i, j)
    prior = apply_along_axis(
        apply_along_axis(thick, plane.coarse_to_work[0], 1), plane.coarse_to_work[1], 2
    ).permute(1, 2, 0)
    x = checkpoint.preprocessing.input_2d(hu, prior, coarse.liver_hu)
    if gates is None:
        seen = runner.predict(x)  # (slices, classes, i, j)
    else:
        seen, found = runner.predict_with_gates(x)
        size = (plane.to_box[0].shape[0], plane.to_box[1].shape[0])
        looked = upsample_gates(found, plane.scale, size)
        gates[:, *plane.box] = looked.repeat(group, axis=3)[..., : stop - start]
    organ = apply_along_axis(
        apply_along_axis(1 - seen[:, 0], plane.to_coarse[0], 1), plane.to_coarse[1], 2
    )
    organ = organ.permute(1, 2, 0)
    seen = apply_along_axis(apply_along_axis(seen, plane.to_box[0], 2), plane.to_box[1], 3)
    mask = apply_along_axis(torch.from_numpy(coarse.mask).float(), between, 2).movedim(2, 0)
    first = CoarsePrior(
        *(
            apply_along_axis(
                apply_along_axis(part, plane.coarse_to_box[0], 1), plane.coarse_to_box[1], 2
            ).permute(1, 2, 0)
            for part in (thick, mask)
        )
    )
    merged = labels_from_probabilities(seen, first, checkpoint.classes)
    labels[plane.box] = merged.repeat(group, axis=2)[:, :, : stop - start]
    sure = tumor_probability(seen, checkpoint.classes)
    tumor[plane.box] = sure.repeat(group, axis=2)[:, :, : stop - start]
    if behind is not None:
        parts = slab_probabilities(seen, first, checkpoint.classes)
        behind[:, *plane.box] = parts.repeat(group, axis=3)[..., : stop - start]
    return Slab(start, labels, behind, plane.box, gates), tumor, organ


def _working_slices(volume: Volume, halo: int, plane: _SlabGrid, group: int, start: int) -> Tensor:
    """HU on the working grid with ``halo`` slices on both sides, (i, j, slices + 2 halo).

    Beyond the first and the last slice the outermost one is repeated.
    """
    first = start - halo * group
    wanted = np.arange(first, first + (_SLAB_SLICES + 2 * halo) * group)
    picked = np.clip(wanted, 0, volume.shape[2] - 1)
    low, high = int(picked[0]), int(picked[-1]) + 1
    part = volume.voxels[plane.box[0], plane.box[1], low:high].T  # (k, j, i), as files have them
    block = torch.from_numpy(np.ascontiguousarray(part, np.float32)) + volume.intercept
    if len(picked) > len(block):
        block = block[torch.from_numpy(picked - low)]
    if group > 1:
        block = block.reshape(-1, group, *block.shape[1:]).mean(dim=1)
    return apply_along_axis(
        apply_along_axis(block, plane.to_work[0], 2), plane.to_work[1], 1
    ).permute(2, 1, 0)


def labels_from_probabilities(
    probabilities: Tensor, prior: CoarsePrior, classes: tuple[str, ...]
) -> NDArray[np.uint8]:
    """Labels by the merge rule, (I, J, slices), nothing far from the first stage's liver.

    ``seen`` are the network's probabilities, (slices, classes, I, J). Where it has no class
    for the liver, the liver is the first stage's.
    """
    found = _most_likely_class(probabilities).permute(1, 2, 0)  # (I, J, slices)
    organ = (1 - probabilities[:, 0].permute(1, 2, 0) > LIVER_THRESHOLD) & (
        prior.probability > MIN_LIVER_PROBABILITY
    )
    liver = organ if _LIVER in classes else prior.mask > 0.5
    masks = [
        liver if label is Label.LIVER else _likeliest(found, label, classes) for label in FOREGROUND
    ]
    return merge_masks(*(mask.numpy() for mask in masks))


def _likeliest(found: Tensor, label: Label, classes: tuple[str, ...]) -> Tensor:
    """Where the likeliest class is a label or a part of it."""
    name = label.name.lower()
    mask = found == classes.index(name) if name in classes else torch.zeros_like(found) > 0
    for part in label_parts(label):
        mask |= _likeliest(found, part, classes)
    return mask


def _most_likely_class(seen: Tensor) -> Tensor:
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


def tumor_probability(probabilities: Tensor, classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """The probability of tumor, (I, J, slices), in 255ths; 0 where the network knows none."""
    if _TUMOR not in classes:
        return np.zeros((*probabilities.shape[2:], len(probabilities)), np.uint8)
    found = probabilities[:, classes.index(_TUMOR)].permute(1, 2, 0)
    scaled: NDArray[np.uint8] = (found * 255).to(torch.uint8).numpy()
    return scaled


def slab_probabilities(
    probabilities: Tensor, prior: CoarsePrior, classes: tuple[str, ...]
) -> NDArray[np.float16]:
    """Probabilities as `Slab` has them, (labels, I, J, slices): 0 far from the first's liver."""
    close = prior.probability > MIN_LIVER_PROBABILITY
    whole: dict[Label, Tensor] = {}
    for label in reversed(FOREGROUND):  # a part stands behind what it is a part of
        name, own = label.name.lower(), torch.zeros(())
        if name in classes:
            own = probabilities[:, classes.index(name)].permute(1, 2, 0)
        whole[label] = own + sum((whole[part] for part in label_parts(label)), torch.zeros(()))
    if _LIVER not in classes:
        whole[Label.LIVER] = torch.maximum(prior.probability, whole[Label.LIVER])
    behind = torch.stack([whole[label].expand(close.shape) * close for label in FOREGROUND])
    half: NDArray[np.float16] = behind.half().numpy()
    return half
