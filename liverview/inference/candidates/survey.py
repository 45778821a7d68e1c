"""A quick look at the whole liver, on a grid of about 4 mm, that candidates are judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.inference.candidates.label_bytes import IN_LIVER_BIT, LABEL_BITS
from liverview.inference.components import Mask, fill_holes

LUNG_HU = -300.0
"""What is darker is lung, or gas."""
_STEP_MM = 4.0
_PIXEL_MM = 1.4  # what noise and contrast are measured at, whatever the scan's pixels
_CLOSED_VOXELS = 2  # of the coarse grid, so about 8 mm
_NOISE_SLICES = 8
_NOISE_PIXELS = 7  # side of the square whose mean a pixel's noise is measured from
_TISSUE_HU = 100.0  # what differs by more from its neighborhood is no noise
_LEAST_NOISE_HU = 1.0
_ALL = (slice(None), slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class FirstStageBlock:
    """The first stage's liver behind a block of labels.

    Attributes
    ----------
    probability : (i, j, k) in 0..1, of the whole scan on the first stage's grid.
    start : the block's first voxel in the scan.
    cell : voxels of the scan per voxel of that grid, along each axis.
    """

    probability: NDArray[np.float32]
    start: tuple[int, int, int]
    cell: tuple[float, float, float]

    def mean_at(self, voxels: NDArray[np.intp]) -> float:
        """The mean probability at voxels of the block, (N, 3)."""
        cells = []
        for axis, size in enumerate(self.probability.shape):
            at = voxels[:, axis]
            # Of the voxels along an axis there are few: each is placed once.
            every = np.arange(at.min(), at.max() + 1)
            cell = ((every + self.start[axis] + 0.5) / self.cell[axis]).astype(np.intp)
            cells.append(np.minimum(cell, size - 1)[at - every[0]])
        return float(self.probability[tuple(cells)].mean())


@dataclass(frozen=True, eq=False)
class ScanBlock:
    """The scan behind a block of labels.

    Attributes
    ----------
    voxels : (I, J, K), as stored.
    intercept : HU are ``voxels + intercept``.
    spacing : mm.
    first_look : what the first stage says of the block; None where nobody asked it.
    """

    voxels: NDArray[Any]
    intercept: int
    spacing: tuple[float, float, float]
    first_look: FirstStageBlock | None = None

    def inside(self, box: Box) -> ScanBlock:
        """The scan behind a box of the block."""
        look = self.first_look
        if look is not None:
            i, j, k = (own + more for own, more in zip(look.start, box.start, strict=True))
            look = replace(look, start=(i, j, k))
        return replace(self, voxels=self.voxels[box], first_look=look)

    @property
    def pixel_stride(self) -> tuple[int, int]:
        """How many voxels along i and j make a pixel of about 1.4 mm."""
        i, j, _ = self.spacing
        return max(1, round(_PIXEL_MM / i)), max(1, round(_PIXEL_MM / j))

    def pixels(self, box: Box, pick: tuple[slice, slice, slice] = _ALL) -> NDArray[np.float32]:
        """HU of a box in pixels of about 1.4 mm, slice by slice; a rest at its end is left out.

        ``pick`` says which of the pixels, along i, j and k.
        """
        i, j = self.pixel_stride
        voxels = self.voxels[box]
        wide, high = voxels.shape[0] // i, voxels.shape[1] // j
        # Views as they lie in memory; only what is picked is copied.
        split = voxels[: wide * i, : high * j].reshape(wide, i, high, j, -1)
        of_i, of_j, of_k = pick
        hu = split[of_i, :, of_j, :, of_k].astype(np.float32) + np.float32(self.intercept)
        return hu.mean(axis=(1, 3), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class LiverSurvey:
    """The liver as a whole.

    Attributes
    ----------
    stride : voxels of the block between two of the coarse grid, which begins with the first.
    organ : what has labels, on the coarse grid.
    closed : the same without holes, and without dents up to some 16 mm wide.
    depth : mm below the surface of that, 0 outside.
    slices : the first slice of the liver in the block, and the last.
    liver_hu : median of the parenchyma; noise_hu : standard deviation of its noise in pixels of
        about 1.4 mm.
    """

    stride: tuple[int, int, int]
    organ: Mask
    closed: Mask
    depth: NDArray[np.float32]
    slices: tuple[int, int]
    liver_hu: float
    noise_hu: float

    def depths(self, voxels: NDArray[np.intp]) -> NDArray[np.float32]:
        """The depth at voxels of the block, (N, 3)."""
        last = np.array(self.depth.shape) - 1
        i, j, k = np.minimum(np.rint(voxels / self.stride).astype(np.intp), last).T
        return self.depth[i, j, k]


def survey_liver(block: NDArray[np.uint8], scan: ScanBlock) -> LiverSurvey:
    """Look at a liver whose bit is set in the bytes of a block, (I, J, K)."""
    stride = tuple(max(1, round(_STEP_MM / mm)) for mm in scan.spacing)
    i, j, k = stride
    coarse = block[::i, ::j, ::k]
    organ = coarse >= IN_LIVER_BIT
    mm = np.multiply(stride, scan.spacing)
    padded = np.pad(organ, _CLOSED_VOXELS + 1)
    closed = fill_holes(close(padded, _CLOSED_VOXELS))
    depth = ndimage.distance_transform_edt(closed, sampling=mm).astype(np.float32)
    inner = (slice(_CLOSED_VOXELS + 1, -_CLOSED_VOXELS - 1),) * 3
    present = np.flatnonzero(organ.any(axis=(0, 1))) * k
    slices = (int(present[0]), int(present[-1])) if len(present) else (0, 0)
    liver_hu, noise_hu = _liver_statistics(block, scan, slices)
    return LiverSurvey((i, j, k), organ, closed[inner], depth[inner], slices, liver_hu, noise_hu)


def close(mask: Mask, times: int) -> Mask:
    """Binary closing by the 18 neighbors, as often as given; what is outside is empty.

    Neighbors by a face or an edge are those of a square in each of the three planes, and a square
    is two lines: some passes over bytes instead of 18, as SciPy does them, which tells the same.
    """
    for _ in range(times):
        mask = _dilated(mask)
    rest = ~mask
    for _ in range(times):
        rest = _dilated(rest, beyond=True)
    return ~rest


def _dilated(mask: Mask, beyond: bool = False) -> Mask:
    """A mask with its 18 neighbors; ``beyond`` is what lies outside of the array."""
    along_i, along_j = _widened(mask, 0, beyond), _widened(mask, 1, beyond)
    out = _widened(along_i, 1, beyond)
    out |= _widened(along_i, 2, beyond)
    out |= _widened(along_j, 2, beyond)
    return out


def _widened(mask: Mask, axis: int, beyond: bool) -> Mask:
    out = mask.copy(order="K")
    at, to = np.moveaxis(mask, axis, 0), np.moveaxis(out, axis, 0)
    to[1:] |= at[:-1]
    to[:-1] |= at[1:]
    if beyond:
        to[[0, -1]] = True
    return out


def _liver_statistics(
    block: NDArray[np.uint8], scan: ScanBlock, slices: tuple[int, int]
) -> tuple[float, float]:
    """Median HU of the parenchyma and the noise in it, from some slices."""
    i, j = scan.pixel_stride
    values, residues = [], []
    for k in np.unique(np.linspace(*slices, _NOISE_SLICES + 2).astype(int)[1:-1]):
        plane = Box.from_bounds((0, 0, int(k)), (*block.shape[:2], int(k) + 1))
        hu = scan.pixels(plane)[:, :, 0]
        labels = block[i // 2 :: i, j // 2 :: j, k][: hu.shape[0], : hu.shape[1]]
        liver = (labels >= IN_LIVER_BIT) & ((labels & LABEL_BITS) == Label.LIVER)
        smooth = ndimage.uniform_filter(hu, _NOISE_PIXELS)
        values.append(hu[liver])
        residues.append((hu - smooth)[liver])
    hu, residue = np.concatenate(values), np.concatenate(residues)
    if len(hu) == 0:
        return 0.0, _LEAST_NOISE_HU
    residue = np.abs(residue[np.abs(residue) < _TISSUE_HU])
    noise = 1.4826 * float(np.median(residue)) if len(residue) else 0.0
    return float(np.median(hu)), max(noise, _LEAST_NOISE_HU)
