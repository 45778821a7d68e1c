"""First stage: the liver's place and its probability, on the whole scan at 4 mm."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from liverview.core.box import Box
from liverview.core.stream import Message, Progress
from liverview.core.volume import Volume
from liverview.inference.components import fill_holes, largest_component
from liverview.inference.extent import check_extent
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.resampling import (
    apply_along_axis,
    apply_in_plane,
    downsampling_weights,
    linear_weights,
)

_AIR_HU = -1024.0
_BODY_HU = -400.0
_WINDOW_SLICES = 32  # slices in one forward pass: well under half a second on two cores
_WINDOW_STEP = 16
_CHUNK = 16  # full-resolution slices downsampled at once, of at most so many voxels
_CHUNK_VOXELS = 1 << 25
MIN_LIVER_ML = 60.0
"""The least volume of a liver; anything smaller is none."""
MIN_LIVER_PROBABILITY = 0.02
"""The probability of the first stage below which the second looks for nothing."""
NO_LIVER = "No liver was found in this scan."


@dataclass(frozen=True, eq=False)
class CoarseLiver:
    """The liver on the first stage's grid.

    Attributes
    ----------
    probability : (i, j, k) float32, zero away from the largest component.
    mask : (i, j, k) bool, the largest component.
    spacing : mm per coarse voxel; the grid starts at the same corner as the volume's.
    liver_hu : median HU well inside.
    """

    probability: Tensor
    mask: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    liver_hu: float

    def weights_from_coarse(self, volume: Volume, axis: int, positions: Tensor) -> Tensor:
        """Weights from the coarse grid to positions given in the volume's voxels."""
        scale = volume.spacing[axis] / self.spacing[axis]
        return linear_weights(self.probability.shape[axis], (positions + 0.5) * scale - 0.5)

    def bounding_box(self, volume: Volume, margin_mm: float) -> Box:
        """The box of the volume's voxels around the liver, with a margin."""
        return self._box_in_volume(volume, self.mask, margin_mm)

    def search_region(self, volume: Volume) -> Box:
        """The box of the volume's voxels in which the second stage may label anything."""
        return self._box_in_volume(
            volume, self.probability.numpy() > MIN_LIVER_PROBABILITY, max(self.spacing)
        )

    def _box_in_volume(self, volume: Volume, mask: NDArray[np.bool_], margin_mm: float) -> Box:
        coarse = Box.around(mask)
        assert coarse is not None
        scale = np.divide(self.spacing, volume.spacing)
        margin = margin_mm / np.array(volume.spacing)
        start = np.floor(coarse.start * scale - margin).astype(int)
        stop = np.ceil(coarse.stop * scale + margin).astype(int)
        return Box.from_bounds(np.maximum(start, 0), np.minimum(stop, volume.shape))


def iter_find_liver(
    volume: Volume, checkpoint: Checkpoint, execution: ExecutionDevice
) -> Generator[Progress | Message, None, CoarseLiver | None]:
    """Find the liver; yields progress, returns the liver or None where there is none.

    Raises
    ------
    ExtentError : where the scan is larger than any body.
    """
    spacing = checkpoint.preprocessing.spacing_mm
    hu = yield from _iter_downsample(volume, spacing)
    body = _body_box(hu)
    runner = Runner(checkpoint.network, execution)
    probability = torch.zeros(hu.shape)
    inside = yield from _iter_slide_window(hu[body], checkpoint, runner)
    probability[body] = inside
    mask = fill_holes(largest_component((probability > 0.5).numpy()))
    ml = float(mask.sum()) * float(np.prod(spacing)) / 1000
    if ml < MIN_LIVER_ML:
        yield Message(NO_LIVER)
        return None
    neighborhood = torch.from_numpy(ndimage.binary_dilation(mask, iterations=2))
    core = ndimage.binary_erosion(mask, iterations=2)
    median = float(np.median(hu.numpy()[core if core.any() else mask]))
    return CoarseLiver(probability * neighborhood, mask, spacing, median)


def _iter_downsample(
    volume: Volume, spacing: tuple[float, float, float]
) -> Generator[Progress | Message, None, Tensor]:
    """Downsample the volume in HU to the coarse grid, anti-aliased, some slices at a time."""
    check_extent(volume, spacing)
    weights = [
        downsampling_weights(n, wide / mm)
        for n, wide, mm in zip(volume.shape, spacing, volume.spacing, strict=True)
    ]
    out = torch.zeros(*(len(w) for w in reversed(weights)))  # (k, j, i), as files have them
    at_once = max(1, min(_CHUNK, _CHUNK_VOXELS // math.prod(volume.shape[:2])))
    for start in range(0, volume.shape[2], at_once):
        stored = volume.voxels[:, :, start : start + at_once].T
        chunk = torch.from_numpy(np.ascontiguousarray(stored, np.float32)) + volume.intercept
        chunk = apply_in_plane(chunk.clamp_(min=_AIR_HU), (weights[0], weights[1]), (2, 1))
        out += apply_along_axis(chunk, weights[2][:, start : start + at_once], 0)
        done = min(start + at_once, volume.shape[2]) / volume.shape[2]
        yield Progress("Looking for the liver", 0.05 * done)
    return out.permute(2, 1, 0).contiguous()


def _body_box(hu: Tensor) -> Box:
    """The box of both in-plane axes that shows more than air; every axial slice."""
    dense = hu > _BODY_HU
    box = []
    for axis in (0, 1):
        others = tuple(a for a in range(3) if a != axis)
        hit = torch.nonzero(dense.sum(dim=others) > 0.01 * dense.numel() / dense.shape[axis])[:, 0]
        if len(hit) == 0:
            hit = torch.arange(hu.shape[axis])
        first, last = max(int(hit[0]) - 2, 0), min(int(hit[-1]) + 3, hu.shape[axis])
        box.append(slice(first, last))
    return Box(box[0], box[1], slice(0, hu.shape[2]))


def _iter_slide_window(
    hu: Tensor, checkpoint: Checkpoint, runner: Runner
) -> Generator[Progress | Message, None, Tensor]:
    """Liver probability of a block, from windows that overlap by half, blended by a ramp."""
    multiple = checkpoint.network.config.multiple
    liver = checkpoint.classes.index("liver")
    depth = hu.shape[2]
    sizes = [-(-n // multiple) * multiple for n in hu.shape[:2]]
    length, below = _padded_depth(depth, multiple)
    padded = torch.full((*sizes, length), _AIR_HU)
    # Beyond the outermost slices the scan goes on, it does not turn into air.
    repeated = torch.arange(-below, length - below).clamp(0, depth - 1)
    padded[: hu.shape[0], : hu.shape[1]] = hu[:, :, repeated]
    slices = min(_WINDOW_SLICES, length)
    fade = 1 - (torch.arange(slices) + 0.5 - slices / 2).abs() / (slices / 2)
    total, weight = torch.zeros_like(padded), torch.zeros(length)
    starts = _window_starts(length, slices)
    for number, start in enumerate(starts, start=1):
        window = slice(start, start + slices)
        x = checkpoint.preprocessing.input_3d(padded[:, :, window])
        total[:, :, window] += runner.predict(x[None])[0, liver] * fade
        weight[window] += fade
        yield from runner.execution.take_notices()
        yield Progress("Looking for the liver", 0.05 + 0.15 * number / len(starts))
    return (total / weight)[: hu.shape[0], : hu.shape[1], below : below + depth]


def _padded_depth(depth: int, multiple: int) -> tuple[int, int]:
    """The slices that the network sees of a scan of ``depth``, and how many of them lie below it.

    A short scan lies in the middle of as few slices as the network takes: a liver of a few
    slices, repeated to many times its height, looks like none. A longer one has none added.
    """
    length = depth if depth >= _WINDOW_SLICES else -(-depth // multiple) * multiple
    return length, (length - depth) // 2


def _window_starts(length: int, slices: int) -> list[int]:
    """The first slices of windows spread evenly from end to end, overlapping by half or more."""
    steps = -(-(length - slices) // _WINDOW_STEP)
    return [round(n * (length - slices) / max(steps, 1)) for n in range(steps + 1)]
