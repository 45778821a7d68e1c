"""First stage: the liver's place and its probability, on the whole scan at 4 mm."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

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
from liverview.inference.side_by_side import iter_side_by_side
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.resampling import (
    BandedWeights,
    apply_in_plane,
    banded_downsampling_weights,
    downsampling_weights,
    linear_weights,
)

_AIR_HU = -1024.0
_BODY_HU = -400.0
_WINDOW_SLICES = 32  # slices in one forward pass: well under half a second on two cores
_WINDOW_STEP = 16
_CHUNK_VOXELS = 1 << 20  # of full-resolution slices downsampled at once, if one has not more
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

    def positions_in_coarse(self, volume: Volume, axis: int, positions: Tensor) -> Tensor:
        """Positions given in the volume's voxels, in those of the coarse grid."""
        return (positions + 0.5) * (volume.spacing[axis] / self.spacing[axis]) - 0.5

    def weights_from_coarse(self, volume: Volume, axis: int, positions: Tensor) -> Tensor:
        """Weights from the coarse grid to positions given in the volume's voxels."""
        cells = self.positions_in_coarse(volume, axis, positions)
        return linear_weights(self.probability.shape[axis], cells)

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
    hu = yield from _iter_downsample(volume, spacing, execution.device)
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
    volume: Volume, spacing: tuple[float, float, float], device: torch.device
) -> Generator[Progress | Message, None, Tensor]:
    """Downsample the volume in HU to the coarse grid, anti-aliased, some slices at a time."""
    check_extent(volume, spacing)
    scale = [wide / mm for wide, mm in zip(spacing, volume.spacing, strict=True)]
    in_plane = [banded_downsampling_weights(volume.shape[n], scale[n]) for n in (0, 1)]
    across = downsampling_weights(volume.shape[2], scale[2])
    # (k, j, i), as files have them
    out = torch.zeros(len(across), in_plane[1].count, in_plane[0].count)
    at_once = max(1, _CHUNK_VOXELS // math.prod(volume.shape[:2]))
    starts = range(0, volume.shape[2], at_once)
    downsample = partial(_downsample_slices, volume, (in_plane[0], in_plane[1]), at_once)
    with closing(iter_side_by_side(downsample, starts, device)) as chunks:
        for start, chunk in zip(starts, chunks, strict=True):
            parts = across[:, start : start + at_once]
            touched = parts.any(dim=1)
            out[touched] += torch.tensordot(parts[touched], chunk, 1)
            done = min(start + at_once, volume.shape[2]) / volume.shape[2]
            yield Progress("Looking for the liver", 0.05 * done)
    return out.permute(2, 1, 0).contiguous()


def _downsample_slices(
    volume: Volume, in_plane: tuple[BandedWeights, BandedWeights], count: int, start: int
) -> Tensor:
    """HU of some slices, downsampled in plane by weights along i and j, (slices, j, i)."""
    stored = volume.voxels[:, :, start : start + count].T
    # A copy, even where the scan is of this type already: it is written into.
    chunk = torch.from_numpy(np.array(stored, np.float32, order="C"))
    if volume.intercept:
        chunk += volume.intercept
    return apply_in_plane(chunk.clamp_(min=_AIR_HU), in_plane, (2, 1))


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
    length = max(_WINDOW_SLICES, -(-depth // _WINDOW_STEP) * _WINDOW_STEP)
    padded = torch.full((*sizes, length), _AIR_HU)
    padded[: hu.shape[0], : hu.shape[1], :depth] = hu
    # Beyond the last slice the scan goes on, it does not turn into air.
    padded[:, :, depth:] = padded[:, :, depth - 1 : depth]
    fade = 1 - (torch.arange(_WINDOW_SLICES) + 0.5 - _WINDOW_SLICES / 2).abs() / (
        _WINDOW_SLICES / 2
    )
    total, weight = torch.zeros_like(padded), torch.zeros(length)
    starts = range(0, length - _WINDOW_SLICES + 1, _WINDOW_STEP)
    for number, start in enumerate(starts, start=1):
        window = slice(start, start + _WINDOW_SLICES)
        x = checkpoint.preprocessing.input_3d(padded[:, :, window])
        total[:, :, window] += runner.predict(x[None])[0, liver] * fade
        weight[window] += fade
        yield from runner.execution.take_notices()
        yield Progress("Looking for the liver", 0.05 + 0.15 * number / len(starts))
    return (total / weight)[: hu.shape[0], : hu.shape[1], :depth]
