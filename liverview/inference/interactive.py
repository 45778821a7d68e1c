"""Marks completed by a network: a lesion from a line or clicks, liver and vessels mended.

`propose` is a function of scan, labels and marks, and of the proposal before where it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from liverview.core import paths
from liverview.core.box import Box
from liverview.core.labels import Label, label_mask, label_parent
from liverview.core.volume import Volume
from liverview.editing.marks import LabelBlocks, Marks, Proposal, check_marks
from liverview.files.opening import PathLike, as_path
from liverview.inference.click_changes import changed_at, marked_changes
from liverview.inference.click_cube import Cube
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.networks.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from liverview.networks.click_input import (
    LOOK_MM,
    LOOK_SHAPE,
    MARK_CHANNELS,
    SHAPE,
    ClickInput,
    step_for_line,
)
from liverview.networks.network import fold_batch_norm
from liverview.networks.runtime import pick_device

_FILE = "click.safetensors"
_SURE = 0.5
_MAYBE = 0.25  # what is less likely is in no box
_ORGAN_STEP_MM, _PART_STEP_MM = 2.5, 1.0
_WITHIN = 0.7  # share of a cube's side that the marks may span
_MARGIN = 3.0  # points from a cube's face beyond which a mark needs another cube
_LOOKS = 3
_SMALL_MM = 10.0  # a lesion that a first look does not show


@dataclass(frozen=True, eq=False)
class ClickNetwork:
    """The network of `propose`, ready for use."""

    checkpoint: Checkpoint
    runner: Runner

    def predict(self, x: Tensor) -> Tensor:
        """The probability of the label at a cube's points, (C, I, J, K) -> (I, J, K).

        The mean of the cube and its mirror image, which is more than twice the speed of the one
        alone: torch computes convolutions of single small cubes in a slow way of their own.
        """
        both = torch.stack([x, x.flip(1)])
        probability = self.runner.predict(both)[:, 1]
        return (probability[0] + probability[1].flip(0)) / 2


@dataclass(frozen=True, eq=False)
class _Kept:
    """What a proposal was made from, for the next one."""

    cube: Cube
    channels: ClickInput
    labels: LabelBlocks
    probability: Tensor


def load_click_network(weights: PathLike | None = None, device: str = "auto") -> ClickNetwork:
    """Load the network, once per process.

    Parameters
    ----------
    weights : the folder of click.safetensors, by default the one that liverview brings.
    device : auto, cpu, cuda, cuda:N or mps.

    Raises
    ------
    CheckpointError : where it is missing, damaged or of another kind.
    DeviceError : where the device is unknown or not there.
    """
    return _load(None if weights is None else as_path(weights), device)


@lru_cache(maxsize=2)
def _load(folder: Path | None, device: str) -> ClickNetwork:
    path = (folder or paths.weights()) / _FILE
    checkpoint = load_checkpoint(path)
    if checkpoint.network.config.dims != 3 or checkpoint.preprocessing.marks != MARK_CHANNELS:
        raise CheckpointError(f"{path} is not a network for a person's marks.")
    fold_batch_norm(checkpoint.network)
    execution = ExecutionDevice(pick_device(device))
    return ClickNetwork(checkpoint, Runner(checkpoint.network, execution))


def propose(
    volume: Volume,
    labels: LabelBlocks,
    marks: Marks,
    network: ClickNetwork,
    previous: Proposal | None = None,
) -> Proposal:
    """Propose what a person's marks are meant for.

    Parameters
    ----------
    labels : (I, J, K) uint8 on the volume's voxels, as they were before the first of the marks;
        read in and around the marks' place alone.
    previous : the proposal for the marks without the last ones; it makes the next one faster, and
        better where a mark says what was wrong in it.

    Raises
    ------
    MarksError : for marks that nothing can be proposed for, see `check_marks`.
    """
    check_marks(volume, marks)
    at = _MarkedVoxels.of(volume, marks)
    if previous is not None and _began_otherwise(previous.marks, marks):
        previous = None
    kept = None if previous is None else previous.kept
    if not isinstance(kept, _Kept) or not kept.cube.holds(at.all, _MARGIN):
        kept = _first_proposal(volume, labels, marks.label, at, network)
    probability = kept.probability
    if previous is not None or at.more_than_first:
        probability = _predict(network, kept.cube, kept.channels, at, probability)
    again = _Kept(kept.cube, kept.channels, kept.labels, probability)
    found = _MarkedResult.of(volume, marks, at, again)
    if previous is not None and marks.label is Label.TUMOR:
        found = found.changed_from(previous, volume)
    return found.proposal(volume)


def _began_otherwise(before: Marks, marks: Marks) -> bool:
    """True where marks are no continuation of those before."""
    kept = set(before.positive) <= set(marks.positive) and set(before.negative) <= set(
        marks.negative
    )
    return before.label is not marks.label or before.line != marks.line or not kept


@dataclass(frozen=True, eq=False)
class _MarkedVoxels:
    """Marks in voxels of the volume, (n, 3) each; ``line`` is None or (2, 3)."""

    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    line: NDArray[np.float64] | None

    @classmethod
    def of(cls, volume: Volume, marks: Marks) -> _MarkedVoxels:
        def voxels(points: tuple[tuple[float, float, float], ...]) -> NDArray[np.float64]:
            return volume.grid.world_to_place(np.array(points, float).reshape(-1, 3))

        line = None if marks.line is None else voxels(marks.line)
        return cls(voxels(marks.positive), voxels(marks.negative), line)

    @property
    def all(self) -> NDArray[np.float64]:
        ends = self.positive[:0] if self.line is None else self.line
        return np.concatenate([self.positive, self.negative, ends])

    @property
    def wanted(self) -> NDArray[np.float64]:
        """Positive marks and places along the line."""
        if self.line is None:
            return self.positive
        count = int(np.ceil(np.abs(self.line[1] - self.line[0]).max())) + 1
        share = np.linspace(0.2, 0.8, count)[:, None]
        return np.concatenate([self.positive, self.line[0] + share * (self.line[1] - self.line[0])])

    @property
    def first(self) -> _MarkedVoxels:
        """What a person begins with: the line alone, else positive marks, else all."""
        none = self.positive[:0]
        if self.line is not None:
            return _MarkedVoxels(none, none, self.line)
        return _MarkedVoxels(self.positive, none, None) if len(self.positive) else self

    @property
    def more_than_first(self) -> bool:
        return len(self.first.all) < len(self.all)


def _step_for(label: Label) -> float:
    """The step of a cube, mm, that no line and no look has chosen."""
    if label is Label.TUMOR:
        return LOOK_MM / 2
    return _ORGAN_STEP_MM if label_parent(label) is None else _PART_STEP_MM


def _first_proposal(
    volume: Volume,
    labels: LabelBlocks,
    label: Label,
    at: _MarkedVoxels,
    network: ClickNetwork,
) -> _Kept:
    """The cube for the marks, and what the network finds for the first of them."""
    if label is Label.TUMOR and len(at.wanted):
        if at.line is not None:
            mm = float(np.linalg.norm((at.line[1] - at.line[0]) * volume.spacing))
            cube = _cube_around(volume, at.all, step_for_line(mm), SHAPE)
        else:
            cube = _cube_for_click(volume, labels, at, network)
    else:
        cube = _cube_around(volume, at.all, _step_for(label), SHAPE)
    channels = _sample(volume, labels, label, cube, network)
    probability = _predict(network, cube, channels, at.first, None)
    return _Kept(cube, channels, labels, probability)


def _cube_around(
    volume: Volume, voxels: NDArray[np.float64], step: float, shape: tuple[int, int, int]
) -> Cube:
    """A cube around places of the volume, of a wider step where they span more of it."""
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    i, j, k = ((low + high) / 2).tolist()
    span = float(((high - low) * volume.spacing).max())
    return Cube((i, j, k), max(step, span / (_WITHIN * min(shape))), shape, volume.spacing)


def _cube_for_click(
    volume: Volume, labels: LabelBlocks, at: _MarkedVoxels, network: ClickNetwork
) -> Cube:
    """The cube that fits the lesion under clicks, by a first look from further away."""
    cube = _cube_around(volume, at.positive, LOOK_MM, LOOK_SHAPE)
    for _ in range(_LOOKS):
        channels = _sample(volume, labels, Label.TUMOR, cube, network)
        found = _predict(network, cube, channels, at.first, None).numpy() > _SURE
        parts, _ = ndimage.label(found)
        inside = np.clip(np.rint(cube.places(at.positive)).astype(int), 0, np.array(cube.shape) - 1)
        numbers = np.unique(parts[tuple(inside.T)])
        lesion = np.argwhere(np.isin(parts, numbers[numbers > 0]))
        if not len(lesion):
            return _cube_around(volume, at.all, step_for_line(_SMALL_MM), SHAPE)
        low, high = lesion.min(axis=0), lesion.max(axis=0)
        if (low > 0).all() and (high < np.array(cube.shape) - 1).all():
            break
        cube = Cube(cube.center, 2 * cube.step_mm, cube.shape, cube.spacing)
    step = step_for_line(float((high - low + 1).max()) * cube.step_mm)
    corners = cube.voxels(np.array([low, high], float))
    return _cube_around(volume, np.concatenate([corners, at.all]), step, SHAPE)


def _sample(
    volume: Volume, labels: LabelBlocks, label: Label, cube: Cube, network: ClickNetwork
) -> ClickInput:
    preprocessing = network.checkpoint.preprocessing
    shares = cube.sample_labels(labels)
    return ClickInput(preprocessing, cube.sample(volume), shares, label, cube.step_mm)


def _predict(
    network: ClickNetwork,
    cube: Cube,
    channels: ClickInput,
    at: _MarkedVoxels,
    previous: Tensor | None,
) -> Tensor:
    positive, negative = cube.places(at.positive), cube.places(at.negative)
    line = None if at.line is None else cube.places(at.line)
    return network.predict(channels.channels(positive, negative, line, previous))


@dataclass(frozen=True, eq=False)
class _MarkedResult:
    """What the network has found, on the voxels of a box of the volume."""

    marks: Marks
    at: _MarkedVoxels
    kept: _Kept
    box: Box
    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, volume: Volume, marks: Marks, at: _MarkedVoxels, kept: _Kept) -> _MarkedResult:
        """Interpolate the probability to the voxels where it matters."""
        cube, within = kept.cube, None
        if marks.label is Label.TUMOR:
            maybe = (kept.probability > _MAYBE) | (cube.sample_labels(kept.labels)[2] > 0)
            places = np.concatenate([np.argwhere(maybe.numpy()), cube.places(at.all)])
            low = np.maximum(places.min(axis=0) - 1, -0.5)
            high = np.minimum(places.max(axis=0) + 1, np.array(cube.shape) - 0.5)
            within = low.tolist(), high.tolist()
        box = cube.box(volume, within)
        mask = cube.interpolate(kept.probability, box) > _SURE
        return cls(marks, at, kept, box, mask)

    def changed_from(self, previous: Proposal, volume: Volume) -> _MarkedResult:
        """The lesion before, changed at the new marks."""
        if not previous.mask.any():
            return self
        box = self.box.union(previous.box)
        before, found = np.zeros(box.shape, bool), np.zeros(box.shape, bool)
        start = np.array(box.start)
        before[previous.box.shifted((-start).tolist())] = previous.mask
        found[self.box.shifted((-start).tolist())] = self.mask
        old = previous.marks
        new = Marks(
            self.marks.label,
            tuple(p for p in self.marks.positive if p not in old.positive),
            tuple(p for p in self.marks.negative if p not in old.negative),
        )
        at = _MarkedVoxels.of(volume, new)
        mask = changed_at(before, found, at.positive - start, at.negative - start, volume.spacing)
        return replace(self, box=box, mask=mask)

    def proposal(self, volume: Volume) -> Proposal:
        """The changes that belong to the marks."""
        labels, start = self.kept.labels, np.array(self.box.start)
        mask, add, remove = marked_changes(
            self.marks.label,
            self.mask,
            label_mask(labels[self.box], self.marks.label),
            self.at.wanted - start,
            self.at.negative - start,
            volume.spacing,
        )
        return Proposal(self.marks, self.box, mask, add, remove, self.kept)
