"""Segmentation as a stream: a coarse liver first, then refined slabs from the crosshair out.

`iter_segment` is a generator and knows nothing of threads: to cancel is to stop iterating and
close it. Slabs are computed on a fixed partition of the volume and only their order depends
on the crosshair, so the result is the same, bit for bit, whatever the order. Memory beyond
the volume and the label map is bounded by the slab and the first stage's 4 mm grid, except for
two bytes per voxel of the liver's box that the clean-up needs: the label, and the probability of
tumor, which takes memory only where the network labeled some.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core import paths
from liverview.core.box import Box
from liverview.core.labels import Label, label_family
from liverview.core.stream import Message, Progress, Slab
from liverview.core.study import check_is_ct
from liverview.core.volume import Volume
from liverview.inference.cleanup import iter_clean_labels
from liverview.inference.coarse import MIN_LIVER_ML, NO_LIVER, CoarseLiver, iter_find_liver
from liverview.inference.fine import iter_refine_slabs
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.second_stage import RefinedSlab, SecondStage, SlabExtras, nearest_first
from liverview.inference.vessel_evening import iter_even_vessels
from liverview.inference.whole_slices import iter_refine_whole_slices
from liverview.networks.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from liverview.networks.network import fold_batch_norm
from liverview.networks.resampling import apply_along_axis, apply_in_plane
from liverview.networks.runtime import pick_device, reuse_large_blocks

__all__ = ["Models", "Slab", "collect_labels", "iter_segment", "load_models"]

_CHUNK = 8  # slices of the coarse liver shown at once
_PLAUSIBLE_ML = (300.0, 4500.0)


@dataclass(frozen=True, eq=False)
class Models:
    """The networks of the two stages, ready for inference."""

    coarse: Checkpoint
    fine: Checkpoint


def load_models(folder: Path | None = None) -> Models:
    """Load coarse.safetensors and fine.safetensors, their batch norms folded.

    The second may know a part of the labels only, as one that was trained on the Decathlon
    does: where it has no class for the liver, the liver stays the first stage's.

    Raises
    ------
    CheckpointError : where one is missing, damaged or of the wrong kind.
    """
    folder = folder or paths.weights()
    coarse = load_checkpoint(folder / "coarse.safetensors")
    fine = load_checkpoint(folder / "fine.safetensors")
    if coarse.network.config.dims != 3 or "liver" not in coarse.classes:
        raise CheckpointError(f"{folder / 'coarse.safetensors'} is not a 3D network for the liver.")
    if coarse.preprocessing.whole_slices:
        raise CheckpointError(f"{folder / 'coarse.safetensors'} has no resolution of its own.")
    if fine.network.config.dims != 2 or not _are_label_names(fine.classes):
        raise CheckpointError(f"{folder / 'fine.safetensors'} is not a 2D network for the labels.")
    fold_batch_norm(coarse.network)
    fold_batch_norm(fine.network)
    return Models(coarse, fine)


def _are_label_names(classes: tuple[str, ...]) -> bool:
    """True for the background and some of the liver and its parts, each once."""
    background = Label.BACKGROUND.name.lower()
    names = {label.name.lower() for label in label_family(Label.LIVER)}
    some = set(classes[1:])
    return classes[0] == background and 0 < len(some) == len(classes) - 1 and some <= names


def iter_segment(
    volume: Volume,
    models: Models,
    device: str = "auto",
    crosshair: tuple[int, int, int] | None = None,
    *,
    probabilities: bool = False,
    gates: bool = False,
) -> Iterator[Progress | Message | Slab]:
    """Segment a volume; slabs may overwrite earlier ones, the last one counts.

    First comes the coarse liver as slabs, nearest to the crosshair first, then the refined
    labels in the same order, then the slabs that the clean-up of the whole changed. With
    ``probabilities``, the refined slabs, and only they, hold the probabilities behind them, with
    ``gates`` the coefficients of the second stage's attention gates. Labels are the same with
    and without.

    Raises
    ------
    DeviceError : where the device is unknown or not there.
    ExtentError : where the scan is larger than any body.
    ModalityError : where its files say that it is no CT.
    """
    check_is_ct(volume.study, volume.name)
    reuse_large_blocks()
    execution = ExecutionDevice(pick_device(device))
    start_slice = crosshair[2] if crosshair is not None else volume.shape[2] // 2
    liver = yield from iter_find_liver(volume, models.coarse, execution)
    if liver is None:
        yield Slab(0, np.zeros(volume.shape, np.uint8))
        yield Progress("Done", 1.0)
        return
    yield from _iter_coarse_slabs(volume, liver, start_slice)
    region = liver.search_region(volume)
    shape = tuple(side.stop - side.start for side in region)
    labels = np.zeros(shape, np.uint8, order="F")
    tumor = np.zeros(shape, np.uint8, order="F")  # takes memory where it is written to
    extras = SlabExtras(probabilities, gates)
    stage = SecondStage(volume, models.fine, Runner(models.fine.network, execution), extras)
    for refined in _iter_second_stage(stage, liver, start_slice):
        slab = refined.slab
        _copy_slices(labels, slab.labels, slab.start, region)
        if (slab.labels[slab.label_bbox] == Label.TUMOR).any():
            _copy_slices(tumor, refined.tumor, slab.start, region)
        yield slab if extras == SlabExtras() else replace(slab, search_region=region)
        yield from execution.take_notices()
        yield Progress("Refining", 0.2 + 0.77 * refined.done)
    ml = yield from _iter_cleaned_slabs(volume, region, labels, tumor)
    if ml < MIN_LIVER_ML:  # the second stage did not confirm it
        yield Slab(0, np.zeros(volume.shape, np.uint8))
        yield Message(NO_LIVER)
    elif not _PLAUSIBLE_ML[0] <= ml <= _PLAUSIBLE_ML[1]:
        yield Message(f"The liver that was found has {ml:,.0f} mL, which is unusual: check it.")
    yield Progress("Done", 1.0)


def collect_labels(
    stream: Iterator[Progress | Message | Slab], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Assemble the label map of a stream, (I, J, K) uint8."""
    labels = np.zeros(shape, np.uint8, order="F")
    for item in stream:
        if isinstance(item, Slab):
            labels[:, :, item.start : item.stop] = item.labels
    return labels


def _iter_coarse_slabs(volume: Volume, liver: CoarseLiver, start_slice: int) -> Iterator[Slab]:
    """Yield the first stage's liver on the volume's grid, nearest to ``start_slice`` first."""
    mask = torch.from_numpy(liver.mask).float()
    i, j = (
        liver.weights_from_coarse(volume, axis, torch.arange(volume.shape[axis])) for axis in (0, 1)
    )
    *in_plane, slices = liver.bounding_box(volume, max(liver.spacing))
    for start in nearest_first(range(slices.start, slices.stop, _CHUNK), _CHUNK, start_slice):
        stop = min(start + _CHUNK, volume.shape[2])
        slice_weights = liver.weights_from_coarse(volume, 2, torch.arange(start, stop))
        coarse_slices = apply_along_axis(mask, slice_weights, 2).movedim(2, 0)
        inside = apply_in_plane(coarse_slices, (i, j), (1, 2)).permute(1, 2, 0) > 0.5
        labels = np.asfortranarray(inside.to(torch.uint8).numpy() * np.uint8(Label.LIVER))
        yield Slab(start, labels, label_bbox=(in_plane[0], in_plane[1]))


def _iter_second_stage(
    stage: SecondStage, liver: CoarseLiver, start_slice: int
) -> Iterator[RefinedSlab]:
    """Yield refined slabs, in the way that the network's preprocessing asks for."""
    if stage.checkpoint.preprocessing.whole_slices:
        return iter_refine_whole_slices(stage, liver, start_slice)
    return iter_refine_slabs(stage, liver, start_slice)


def _copy_slices(
    block: NDArray[np.uint8],
    values: NDArray[np.uint8],
    start: int,
    region: Box,
) -> None:
    """Copy slices of the volume, from ``start`` on, into the block of a region of it."""
    i, j, k = region
    first, stop = max(start, k.start), min(start + values.shape[2], k.stop)
    if first < stop:
        block[:, :, first - k.start : stop - k.start] = values[i, j, first - start : stop - start]


def _iter_cleaned_slabs(
    volume: Volume,
    region: Box,
    labels: NDArray[np.uint8],
    tumor: NDArray[np.uint8],
) -> Generator[Progress | Slab, None, float]:
    """Yield slabs of the slices that the clean-up changed; returns the liver's volume, mL."""
    changed = np.zeros(labels.shape[2], np.bool_)
    yield from iter_even_vessels(labels, volume.spacing, changed)
    changed |= yield from iter_clean_labels(labels, tumor, volume.spacing)
    i, j, k = region
    for offset in np.flatnonzero(changed):
        slab = np.zeros((*volume.shape[:2], 1), np.uint8, order="F")
        slab[i, j, 0] = labels[:, :, offset]
        yield Slab(k.start + int(offset), slab, label_bbox=(i, j))
    return float(np.count_nonzero(labels)) * volume.voxel_ml
