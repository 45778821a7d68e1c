"""The working grid of a slab: the network's resolution, in the box around the liver."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from liverview.core.volume import Volume
from liverview.inference.coarse import MIN_LIVER_PROBABILITY, CoarseLiver
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.resampling import apply_in_plane, linear_weights

SLAB_SLICES = 4
"""Working slices in one forward pass and one slab: well under half a second."""
_AROUND_MM = 16.0  # beside the first stage's liver, for the network to see what lies there


@dataclass(frozen=True, eq=False)
class AxisGrid:
    """One in-plane axis of a slab's working grid, and weights between it and other grids.

    Attributes
    ----------
    box : the volume's voxels.
    scale : voxels per cell of the working grid; both begin at the same edge.
    box_to_work, work_to_box : weights between box and working grid.
    coarse_to_work, coarse_to_box : weights from the coarse grid.
    work_to_coarse : weights from the working grid to the coarse one, 0 beyond the box.
    """

    box: slice
    scale: float
    box_to_work: Tensor
    work_to_box: Tensor
    coarse_to_work: Tensor
    coarse_to_box: Tensor
    work_to_coarse: Tensor


@dataclass(frozen=True, eq=False)
class SlabGrid:
    """The working grid of one slab, in the box of the first stage's liver in its slices."""

    i: AxisGrid
    j: AxisGrid

    @property
    def box(self) -> tuple[slice, slice]:
        """The volume's voxels, i and j."""
        return self.i.box, self.j.box

    @property
    def scale(self) -> tuple[float, float]:
        """Voxels per cell of the working grid, along i and j."""
        return self.i.scale, self.j.scale

    @property
    def size(self) -> tuple[int, int]:
        """Voxels of the box, along i and j."""
        return self.i.box.stop - self.i.box.start, self.j.box.stop - self.j.box.start

    def work_from_coarse(self, slices: Tensor) -> Tensor:
        """Resample slices of the coarse grid, (slices, i, j), to the working grid."""
        return apply_in_plane(slices, (self.i.coarse_to_work, self.j.coarse_to_work), (1, 2))

    def box_from_coarse(self, slices: Tensor) -> Tensor:
        """Resample slices of the coarse grid, (slices, i, j), to the box."""
        return apply_in_plane(slices, (self.i.coarse_to_box, self.j.coarse_to_box), (1, 2))

    def coarse_from_work(self, slices: Tensor) -> Tensor:
        """Resample slices of the working grid, (slices, i, j), to the coarse grid."""
        return apply_in_plane(slices, (self.i.work_to_coarse, self.j.work_to_coarse), (1, 2))

    def box_from_work(self, values: Tensor) -> Tensor:
        """Resample (slices, classes, i, j) of the working grid to the box."""
        return apply_in_plane(values, (self.i.work_to_box, self.j.work_to_box), (2, 3))

    def work_from_box(self, slices: Tensor) -> Tensor:
        """Resample slices of the box, (slices, j, i), to the working grid."""
        return apply_in_plane(slices, (self.i.box_to_work, self.j.box_to_work), (2, 1))


def slab_grid(
    volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint, slice_weights: Tensor
) -> SlabGrid | None:
    """The working grid around the first stage's liver in a slab; None where it shows none.

    ``slice_weights`` are the weights from the coarse slices to the slab's.
    """
    touched = (slice_weights > 0).any(dim=0)
    liver = coarse.probability[:, :, touched].amax(dim=2) > MIN_LIVER_PROBABILITY
    if not liver.any():
        return None
    i, j = (
        _axis_grid(volume, coarse, checkpoint, axis, liver.any(dim=1 - axis)) for axis in (0, 1)
    )
    return SlabGrid(i, j)


def _axis_grid(
    volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint, axis: int, liver: Tensor
) -> AxisGrid:
    """The working grid along one axis; ``liver`` is True for coarse cells that show some."""
    cells = liver.nonzero()[:, 0]
    voxels_per_cell = coarse.spacing[axis] / volume.spacing[axis]
    margin = _AROUND_MM / volume.spacing[axis]
    start = max(math.floor(int(cells[0]) * voxels_per_cell - margin), 0)
    stop = math.ceil((int(cells[-1]) + 1) * voxels_per_cell + margin)
    box = slice(start, min(stop, volume.shape[axis]))
    size = box.stop - box.start
    scale = checkpoint.preprocessing.spacing_mm[axis] / volume.spacing[axis]
    multiple = checkpoint.network.config.multiple
    count = -(-math.ceil(size / scale) // multiple) * multiple
    centers = (torch.arange(count) + 0.5) * scale - 0.5  # of working cells, in voxels of the box
    voxels = torch.arange(size)
    return AxisGrid(
        box=box,
        scale=scale,
        box_to_work=linear_weights(size, centers, support=scale),
        work_to_box=linear_weights(count, (voxels + 0.5) / scale - 0.5),
        coarse_to_work=coarse.weights_from_coarse(volume, axis, centers + start),
        coarse_to_box=coarse.weights_from_coarse(volume, axis, voxels + start),
        work_to_coarse=weights_to_coarse(volume, coarse, axis, box, scale, count),
    )


def weights_to_coarse(
    volume: Volume, coarse: CoarseLiver, axis: int, box: slice, scale: float, count: int
) -> Tensor:
    """Weights from ``count`` cells of ``scale`` voxels, from the box's start on, to the coarse.

    They are 0 for coarse cells whose center is beyond the box.
    """
    voxels_per_cell = coarse.spacing[axis] / volume.spacing[axis]
    # In voxels of the box, whose first edge is 0.
    centers = (torch.arange(coarse.mask.shape[axis]) + 0.5) * voxels_per_cell - box.start
    weights = linear_weights(count, centers / scale - 0.5, support=voxels_per_cell / scale)
    inside = (centers >= 0) & (centers <= box.stop - box.start)
    return weights * inside[:, None]


def read_working_slices(
    volume: Volume, halo: int, grid: SlabGrid, group: int, start: int
) -> Tensor:
    """HU on the working grid with ``halo`` slices on both sides, (i, j, slices + 2 halo).

    ``group`` stored slices from ``start`` on make a working slice. Beyond the first and the
    last slice the outermost one is repeated.
    """
    first = start - halo * group
    wanted = np.arange(first, first + (SLAB_SLICES + 2 * halo) * group)
    picked = np.clip(wanted, 0, volume.shape[2] - 1)
    low, high = int(picked[0]), int(picked[-1]) + 1
    stored = volume.voxels[*grid.box, low:high].T  # (k, j, i), as files have them
    block = torch.from_numpy(np.ascontiguousarray(stored, np.float32)) + volume.intercept
    if len(picked) > len(block):
        block = block[torch.from_numpy(picked - low)]
    if group > 1:
        block = block.reshape(-1, group, *block.shape[1:]).mean(dim=1)
    return grid.work_from_box(block).permute(2, 1, 0)
