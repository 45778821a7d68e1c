"""Segmentation as a stream: a coarse liver first, then refined slabs from the crosshair out.

`iter_segment` is a generator and knows nothing of threads: to cancel is to stop iterating and
close it. Slabs are computed on a fixed partition of the volume and only their order depends
on the crosshair, so the result is the same, bit for bit, whatever the order. Memory beyond
the volume and the label map is bounded by the slab and the first stage's 4 mm grid, except for
four bytes per voxel of the liver's box: the label, and the probability of tumor, once for further
looks of the second stage and once for the clean-up.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core import paths
from liverview.core.box import Box
from liverview.core.candidates import DEFAULT_CERTAINTY, LesionCandidates
from liverview.core.checks import check_number
from liverview.core.errors import LiverviewError
from liverview.core.labels import Label, label_family
from liverview.core.stream import Message, Progress, Slab
from liverview.core.study import check_is_ct
from liverview.core.volume import Volume
from liverview.inference.candidates.classifier import (
    LESIONS_FILE,
    LesionClassifier,
    load_classifier,
)
from liverview.inference.candidates.survey import FirstStageBlock, ScanBlock
from liverview.inference.cleanup import iter_clean_labels
from liverview.inference.coarse import MIN_LIVER_ML, NO_LIVER, CoarseLiver, iter_find_liver
from liverview.inference.fine import iter_refine_slabs
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.second_stage import RefinedSlab, SecondStage, SlabExtras, nearest_first
from liverview.inference.vessel_evening import iter_even_vessels
from liverview.inference.whole_slices import iter_refine_whole_slices
from liverview.networks.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from liverview.networks.network import fold_batch_norm
from liverview.networks.resampling import BandedWeights, apply_along_axis, apply_in_plane
from liverview.networks.runtime import give_back_free_blocks, pick_device, reuse_large_blocks

__all__ = ["Models", "Slab", "collect_labels", "iter_segment", "load_models"]

_CHUNK = 8  # slices of the coarse liver shown at once
_PLAUSIBLE_ML = (300.0, 4500.0)


SegmentationItem: TypeAlias = Progress | Message | Slab | LesionCandidates
"""What a segmentation yields."""


@dataclass(frozen=True, eq=False)
class Models:
    """The networks of the two stages, ready for inference, and the judge of lesions.

    Without a judge, a candidate is as certain as its mean probability of tumor.
    """

    coarse: Checkpoint
    fine: Checkpoint
    lesions: LesionClassifier | None = None


def load_models(folder: Path | None = None) -> Models:
    """Load coarse.safetensors and fine.safetensors, their batch norms folded.

    Where the folder has lesions.safetensors, and the second stage knows liver and tumor, it judges
    the candidates for lesions.

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
    judge = folder / LESIONS_FILE
    judges = judge.exists() and {"liver", "tumor"} <= set(fine.classes)
    return Models(coarse, fine, load_classifier(judge) if judges else None)


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
    least_certainty: float = DEFAULT_CERTAINTY,
) -> Iterator[SegmentationItem]:
    """Segment a volume; slabs may overwrite earlier ones, the last one counts.

    First comes the coarse liver as slabs, nearest to the crosshair first, then the refined
    labels in the same order, then the slabs that the clean-up of the whole changed, then all
    candidates for lesions, of which those of ``least_certainty`` (0..1) or more are tumors. With
    ``probabilities``, the refined slabs, and only they, hold the probabilities behind them, with
    ``gates`` the coefficients of the second stage's attention gates. Labels are the same with
    and without.

    Raises
    ------
    DeviceError : where the device is unknown or not there.
    ExtentError : where the scan is larger than any body.
    ModalityError : where its files say that it is no CT.
    LiverviewError : where the least certainty is not within 0 to 1.
    """
    check_certainty(least_certainty)
    check_is_ct(volume.study, volume.name)
    extras = SlabExtras(probabilities, gates)
    looked = yield from iter_both_stages(volume, models, device, crosshair, extras)
    if looked is None:
        yield Slab(0, np.zeros(volume.shape, np.uint8))
        yield LesionCandidates((), least_certainty)
        yield Progress("Done", 1.0)
        return
    judging = _Judging(models.lesions, least_certainty)
    ml, candidates = yield from _iter_cleaned_slabs(volume, looked, judging)
    if ml < MIN_LIVER_ML:  # the second stage did not confirm it
        yield Slab(0, np.zeros(volume.shape, np.uint8))
        yield Message(NO_LIVER)
        candidates = LesionCandidates((), least_certainty)
    elif not _PLAUSIBLE_ML[0] <= ml <= _PLAUSIBLE_ML[1]:
        yield Message(f"The liver that was found has {ml:,.0f} mL, which is unusual: check it.")
    yield candidates
    yield Progress("Done", 1.0)


def iter_both_stages(
    volume: Volume,
    models: Models,
    device: str = "auto",
    crosshair: tuple[int, int, int] | None = None,
    extras: SlabExtras | None = None,
) -> Generator[Progress | Message | Slab, None, LookedTwice | None]:
    """Run both stages and even vessels, without clean-up; returns None without a liver."""
    extras = extras or SlabExtras()
    reuse_large_blocks()
    execution = ExecutionDevice(pick_device(device))
    start_slice = crosshair[2] if crosshair is not None else volume.shape[2] // 2
    liver = yield from iter_find_liver(volume, models.coarse, execution)
    if liver is None:
        return None
    yield from _iter_coarse_slabs(volume, liver, start_slice)
    give_back_free_blocks()  # the first stage's are of sizes that the second has no use for
    region = liver.search_region(volume)
    labels = np.zeros(region.shape, np.uint8, order="F")
    tumor = np.zeros(region.shape, np.uint8, order="F")
    stage = SecondStage(volume, models.fine, Runner(models.fine.network, execution), extras)
    with closing(_iter_second_stage(stage, liver, start_slice)) as refined_slabs:
        for refined in refined_slabs:
            slab = refined.slab
            _copy_slices(labels, slab.labels, slab.start, region)
            _copy_slices(tumor, refined.tumor, slab.start, region)
            yield slab if extras == SlabExtras() else replace(slab, search_region=region)
            yield from execution.take_notices()
            yield Progress("Refining", 0.2 + 0.77 * refined.done)
    changed = np.zeros(labels.shape[2], np.bool_)
    yield from iter_even_vessels(labels, volume.spacing, changed)
    return LookedTwice(region, labels, tumor, changed, liver)


def check_certainty(least_certainty: float) -> None:
    """Raise LiverviewError unless a least certainty is within 0 to 1."""
    try:
        check_number("the least certainty", least_certainty, 0.0, 1.0)
    except ValueError as error:
        raise LiverviewError(f"{error}.") from error


def collect_labels(
    stream: Iterator[SegmentationItem], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Assemble the label map of a stream, (I, J, K) uint8."""
    labels = np.zeros(shape, np.uint8, order="F")
    for item in stream:
        if isinstance(item, Slab):
            labels[:, :, item.start : item.stop] = item.labels
    return labels


def _iter_coarse_slabs(volume: Volume, liver: CoarseLiver, start_slice: int) -> Iterator[Slab]:
    """Yield the first stage's liver on the volume's grid, nearest to ``start_slice`` first."""
    mask = torch.from_numpy(liver.mask.T.astype(np.float32))  # (k, j, i), as voxels lie
    box = liver.bounding_box(volume, max(liver.spacing))
    i, j = (_banded_from_coarse(liver, volume, axis, box[axis]) for axis in (0, 1))
    slices = box.k
    for start in nearest_first(range(slices.start, slices.stop, _CHUNK), _CHUNK, start_slice):
        stop = min(start + _CHUNK, volume.shape[2])
        slice_weights = liver.weights_from_coarse(volume, 2, torch.arange(start, stop))
        coarse_slices = apply_along_axis(mask, slice_weights, 0)
        inside = apply_in_plane(coarse_slices, (i, j), (2, 1)) > 0.5
        labels = np.zeros((*volume.shape[:2], stop - start), np.uint8, order="F")
        labels[box.i, box.j] = inside.numpy().T * np.uint8(Label.LIVER)
        yield Slab(start, labels, label_bbox=(box.i, box.j))


def _banded_from_coarse(
    liver: CoarseLiver, volume: Volume, axis: int, voxels: slice
) -> BandedWeights:
    """Weights from the first stage's grid to some of the volume's voxels."""
    positions = torch.arange(voxels.start, voxels.stop)
    return BandedWeights.linear(
        liver.mask.shape[axis], liver.positions_in_coarse(volume, axis, positions)
    )


def _iter_second_stage(
    stage: SecondStage, liver: CoarseLiver, start_slice: int
) -> Generator[RefinedSlab, None, None]:
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


@dataclass(frozen=True, eq=False)
class LookedTwice:
    """The result of both stages before the clean-up.

    Attributes
    ----------
    region : the box of the volume that the liver lies in.
    labels : of its voxels, (I, J, K).
    tumor : the probability that they are tumor, (I, J, K), in 255ths.
    changed : the slices whose vessels were evened since their slab was yielded, (K,).
    liver : the first stage's.
    """

    region: Box
    labels: NDArray[np.uint8]
    tumor: NDArray[np.uint8]
    changed: NDArray[np.bool_]
    liver: CoarseLiver


@dataclass(frozen=True)
class _Judging:
    """The judge of candidates, and the certainty from which they are tumors."""

    classifier: LesionClassifier | None
    least_certainty: float


def _iter_cleaned_slabs(
    volume: Volume, looked: LookedTwice, judging: _Judging
) -> Generator[Progress | Slab, None, tuple[float, LesionCandidates]]:
    """Yield slabs of slices that the clean-up changed; returns the liver's mL and candidates."""
    region, labels = looked.region, looked.labels
    scan = ScanBlock(
        volume.voxels[region],
        volume.intercept,
        volume.spacing,
        first_stage_block(volume, looked.liver, region),
    )
    cleaned = yield from iter_clean_labels(
        labels, looked.tumor, scan, judging.classifier, judging.least_certainty
    )
    i, j, k = region
    for offset in np.flatnonzero(looked.changed | cleaned.changed):
        slab = np.zeros((*volume.shape[:2], 1), np.uint8, order="F")
        slab[i, j, 0] = labels[:, :, offset]
        yield Slab(k.start + int(offset), slab, label_bbox=(i, j))
    ml = float(np.count_nonzero(labels)) * volume.voxel_ml
    moved = (replace(one, box=one.box.shifted(region.start)) for one in cleaned.candidates)
    return ml, LesionCandidates(tuple(moved), judging.least_certainty)


def first_stage_block(volume: Volume, liver: CoarseLiver, region: Box) -> FirstStageBlock:
    """The first stage's liver behind a region of the volume."""
    i, j, k = (own / mm for own, mm in zip(liver.spacing, volume.spacing, strict=True))
    return FirstStageBlock(liver.probability.numpy(), region.start, (i, j, k))
