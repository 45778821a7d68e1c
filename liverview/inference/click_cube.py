"""The cube that a proposal is made on: equal steps along the axes of a scan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.box import Box
from liverview.core.grid import OnGrid
from liverview.core.labels import Label, label_mask
from liverview.core.volume import Volume
from liverview.editing.marks import LabelBlocks
from liverview.networks.click_input import Places
from liverview.networks.resampling import apply_along_axis, linear_weights

_AIR_HU, _MOST_HU = -1024.0, 3000.0


@dataclass(frozen=True)
class Cube:
    """Points in equal steps along the axes of a volume.

    Attributes
    ----------
    center : of the cube, in voxels of the volume.
    step_mm : between its points.
    shape : points along i, j, k.
    spacing : mm of the volume's voxels.
    """

    center: tuple[float, float, float]
    step_mm: float
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    def places(self, voxels: NDArray[np.float64]) -> Places:
        """Places in the cube of places in the volume, (n, 3) in voxels each."""
        middle = (np.array(self.shape) - 1) / 2
        moved = (voxels.reshape(-1, 3) - self.center) * self.spacing / self.step_mm + middle
        return np.asarray(moved, np.float64)

    def voxels(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places in the volume of places in the cube, (n, 3) in voxels each."""
        middle = (np.array(self.shape) - 1) / 2
        moved = (places.reshape(-1, 3) - middle) * self.step_mm / self.spacing + self.center
        return np.asarray(moved, np.float64)

    def holds(self, voxels: NDArray[np.float64], margin: float) -> bool:
        """True where all places of the volume lie in the cube, ``margin`` points from its faces."""
        places = self.places(voxels)
        return bool(((places >= margin) & (places <= np.array(self.shape) - 1 - margin)).all())

    def box(
        self, volume: OnGrid, within: tuple[Sequence[float], Sequence[float]] | None = None
    ) -> Box:
        """The volume's voxels inside the cube; with ``within`` between two of its places only."""
        low, high = within or ((-0.5,) * 3, tuple(n - 0.5 for n in self.shape))
        ends = self.voxels(np.array([low, high], float))
        start = np.clip(np.ceil(ends[0]).astype(int), 0, np.array(volume.shape) - 1)
        stop = np.clip(np.floor(ends[1]).astype(int) + 1, start + 1, volume.shape)
        return Box.from_bounds(start.tolist(), stop.tolist())

    def sample(self, volume: Volume) -> Tensor:
        """The HU at the cube's points, (I, J, K); beyond the scan its border goes on."""
        region, matrices = self._region(volume.shape)
        stored = np.ascontiguousarray(volume.voxels[region], np.float32)
        hu = torch.from_numpy(stored) + volume.intercept
        return _apply_matrices(hu.clamp_(_AIR_HU, _MOST_HU), matrices)

    def sample_labels(self, labels: LabelBlocks) -> Tensor:
        """The shares of liver with its parts, vessel and tumor, (3, I, J, K) 0..1."""
        region, matrices = self._region(labels.shape)
        block = np.ascontiguousarray(labels[region])
        shares = [
            torch.from_numpy(label_mask(block, label).astype(np.float32))
            for label in (Label.LIVER, Label.VESSEL, Label.TUMOR)
        ]
        return torch.stack([_apply_matrices(share, matrices) for share in shares])

    def interpolate(self, values: Tensor, box: Box) -> NDArray[np.float32]:
        """Values at the cube's points, (I, J, K), interpolated to the voxels of a box."""
        out = values
        for axis, side in enumerate(box):
            middle = (self.shape[axis] - 1) / 2
            voxels = torch.arange(side.start, side.stop, dtype=torch.float64)
            scale = self.spacing[axis] / self.step_mm
            positions = (voxels - self.center[axis]) * scale + middle
            out = apply_along_axis(out, linear_weights(self.shape[axis], positions), axis)
        return np.asarray(out.numpy(), np.float32)

    def _region(self, size: Sequence[int]) -> tuple[tuple[slice, ...], list[Tensor]]:
        """The voxels that the cube is sampled from, and the weights of each axis.

        Where a step is much wider than a voxel, some voxels are skipped: it saves most of the time.
        """
        region, matrices = [], []
        for axis in range(3):
            ratio = self.step_mm / self.spacing[axis]
            every = max(1, math.floor(ratio / 2))
            steps = torch.arange(self.shape[axis], dtype=torch.float64)
            at = (steps - (self.shape[axis] - 1) / 2) * ratio + self.center[axis]
            reach = math.ceil(ratio) + every
            last = size[axis] - 1
            start = min(max(math.floor(float(at[0])) - reach, 0), last)
            stop = min(max(math.ceil(float(at[-1])) + reach, start), last) + 1
            region.append(slice(start, stop, every))
            count = len(range(start, stop, every))
            matrices.append(linear_weights(count, (at - start) / every, support=ratio / every))
        return tuple(region), matrices


def _apply_matrices(block: Tensor, matrices: list[Tensor]) -> Tensor:
    for axis, matrix in enumerate(matrices):
        block = apply_along_axis(block, matrix, axis)
    return block.contiguous()
