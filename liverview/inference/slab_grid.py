"""The working grid of a slab: the network's resolution, in the box around the liver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from liverview.core.volume import Volume
from liverview.inference.coarse import MIN_LIVER_PROBABILITY, CoarseLiver
from liverview.networks.checkpoint import Checkpoint
from liverview.networks.resampling import BandedWeights, apply_in_plane, linear_weights

SLAB_SLICES = 4
"""Working slices in one forward pass and one slab: well under half a second."""
_AROUND_MM = 16.0  # beside the first stage's liver, for the network to see what lies there


@dataclass(frozen=True, eq=False)
class AxisGrid:
    """One in-plane axis of a slab's working grid, and weights between it and other grids.

    Attributes
    ----------
    box : the volume's voxels.
    inner : those of them that may have labels.
    scale : voxels per cell of the working grid, which begins at the box's edge.
    box_to_work : weights from the box.
    work_to_inner, coarse_to_inner : weights to the voxels that may have labels.
    coarse_to_work : weights from the coarse grid.
    work_to_coarse : weights from the working grid to the coarse one, 0 beyond the box.
    """

    box: slice
    inner: slice
    scale: float
    box_to_work: BandedWeights
    work_to_inner: BandedWeights
    coarse_to_work: BandedWeights
    coarse_to_inner: BandedWeights
    work_to_coarse: BandedWeights


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
    def inner(self) -> tuple[slice, slice]:
        """The voxels of the box that may have labels, i and j."""
        return self.i.inner, self.j.inner

    @property
    def scale(self) -> tuple[float, float]:
        """Voxels per cell of the working grid, along i and j."""
        return self.i.scale, self.j.scale

    @property
    def size(self) -> tuple[int, int]:
        """Voxels of the box, along i and j."""
        return self.i.box.stop - self.i.box.start, self.j.box.stop - self.j.box.start

    def work_from_coarse(self, slices: Tensor) -> Tensor:
        """Resample slices of the coarse grid, (slices, j, i), to the working grid."""
        return apply_in_plane(slices, (self.i.coarse_to_work, self.j.coarse_to_work), (2, 1))

    def inner_from_coarse(self, slices: Tensor) -> Tensor:
        """Resample slices of the coarse grid, (slices, j, i), to what may have labels."""
        return apply_in_plane(slices, (self.i.coarse_to_inner, self.j.coarse_to_inner), (2, 1))

    def coarse_from_work(self, slices: Tensor) -> Tensor:
        """Resample slices of the working grid, (slices, j, i), to the coarse grid."""
        return apply_in_plane(slices, (self.i.work_to_coarse, self.j.work_to_coarse), (2, 1))

    def inner_from_work(self, values: Tensor) -> Tensor:
        """Resample (slices, classes, j, i) of the working grid to what may have labels."""
        return apply_in_plane(values, (self.i.work_to_inner, self.j.work_to_inner), (3, 2))

    def work_from_box(self, slices: Tensor) -> Tensor:
        """Resample slices of the box, (slices, j, i), to the working grid."""
        return apply_in_plane(slices, (self.i.box_to_work, self.j.box_to_work), (2, 1))


def slab_grid(
    volume: Volume,
    coarse: CoarseLiver,
    checkpoint: Checkpoint,
    slice_weights: Tensor,
    window: tuple[slice, slice] | None = None,
) -> SlabGrid | None:
    """The working grid around the first stage's liver in a slab; None where it shows none.

    Parameters
    ----------
    slice_weights : the weights from the coarse slices to the slab's.
    window : the coarse cells, i and j, that count.
    """
    touched = (slice_weights > 0).any(dim=0)
    liver = coarse.probability[:, :, touched].amax(dim=2) > MIN_LIVER_PROBABILITY
    if window is not None:
        inside = torch.zeros_like(liver)
        inside[window] = True
        liver &= inside
    if not liver.any():
        return None
    i, j = (liver.any(dim=1 - axis).nonzero()[:, 0].tolist() for axis in (0, 1))
    cells = slice(i[0], i[-1] + 1), slice(j[0], j[-1] + 1)
    return SlabGrid(
        *(_axis_grid(volume, coarse, checkpoint, axis, side) for axis, side in enumerate(cells))
    )


def _axis_grid(
    volume: Volume, coarse: CoarseLiver, checkpoint: Checkpoint, axis: int, cells: slice
) -> AxisGrid:
    """The working grid along one axis around some coarse cells."""
    voxels_per_cell = coarse.spacing[axis] / volume.spacing[axis]
    low, high = cells.start, cells.stop
    box = _voxels_around(volume, axis, low, high, voxels_per_cell, _AROUND_MM)
    # Beyond the middle of the next cell, interpolation shows nothing of the last one.
    inner = _voxels_around(volume, axis, low, high, voxels_per_cell, coarse.spacing[axis] / 2)
    size = box.stop - box.start
    scale = checkpoint.preprocessing.spacing_mm[axis] / volume.spacing[axis]
    multiple = checkpoint.network.config.multiple
    count = -(-math.ceil(size / scale) // multiple) * multiple
    centers = (torch.arange(count) + 0.5) * scale - 0.5  # of working cells, in voxels of the box
    voxels = torch.arange(inner.start, inner.stop)
    cells_of = partial(coarse.positions_in_coarse, volume, axis)
    coarse_count = coarse.mask.shape[axis]
    positions, inside = _positions_of_coarse(volume, coarse, axis, box, scale)
    support = voxels_per_cell / scale
    return AxisGrid(
        box=box,
        inner=inner,
        scale=scale,
        box_to_work=BandedWeights.linear(size, centers, support=scale),
        work_to_inner=BandedWeights.linear(count, (voxels - box.start + 0.5) / scale - 0.5),
        coarse_to_work=BandedWeights.linear(coarse_count, cells_of(centers + box.start)),
        coarse_to_inner=BandedWeights.linear(coarse_count, cells_of(voxels)),
        work_to_coarse=BandedWeights.linear(count, positions, support).keep(inside),
    )


def _voxels_around(
    volume: Volume, axis: int, low: int, high: int, voxels_per_cell: float, margin_mm: float
) -> slice:
    """The volume's voxels of coarse cells from ``low`` up to, without, ``high``, with a margin."""
    margin = margin_mm / volume.spacing[axis]
    start = max(math.floor(low * voxels_per_cell - margin), 0)
    return slice(start, min(math.ceil(high * voxels_per_cell + margin), volume.shape[axis]))


def weights_to_coarse(
    volume: Volume, coarse: CoarseLiver, axis: int, box: slice, scale: float, count: int
) -> Tensor:
    """Weights from ``count`` cells of ``scale`` voxels, from the box's start on, to the coarse.

    They are 0 for coarse cells whose center is beyond the box.
    """
    positions, inside = _positions_of_coarse(volume, coarse, axis, box, scale)
    support = coarse.spacing[axis] / volume.spacing[axis] / scale
    return linear_weights(count, positions, support) * inside[:, None]


def _positions_of_coarse(
    volume: Volume, coarse: CoarseLiver, axis: int, box: slice, scale: float
) -> tuple[Tensor, Tensor]:
    """The coarse cells' centers in cells of ``scale`` voxels; True for those in the box."""
    voxels_per_cell = coarse.spacing[axis] / volume.spacing[axis]
    # In voxels of the box, whose first edge is 0.
    centers = (torch.arange(coarse.mask.shape[axis]) + 0.5) * voxels_per_cell - box.start
    inside = (centers >= 0) & (centers <= box.stop - box.start)
    return centers / scale - 0.5, inside


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
    block = torch.from_numpy(np.ascontiguousarray(stored, np.float32))
    if volume.intercept:
        block = block + volume.intercept
    if len(picked) > len(block):
        block = block[torch.from_numpy(picked - low)]
    if group > 1:
        block = block.reshape(-1, group, *block.shape[1:]).mean(dim=1)
    return grid.work_from_box(block).permute(2, 1, 0)
