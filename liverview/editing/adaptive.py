"""The tissue under a brush: values picked from a small region, and a brush that stays within it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.volume import Volume
from liverview.editing.brush import Brush

SAMPLE_MM, SAMPLE_SDS = 3.0, 2.0
_LEAST_SAMPLE = 9  # voxels; of coarse ones, those beside the one in the middle
_SMOOTH_MM, _SMOOTH_VOXELS = 1.0, 0.6  # SD of the Gaussian, the larger of both
_REACH = 3  # voxels around a box that its smoothing looks at
_CORE = 1.5  # voxels around the first one that tell the tissue's value
_AROUND_MM = 8.0  # around the core, for the noise
_FAR = 3  # voxels between two that are compared for the noise: neighbors are alike
_NOISES, _LEAST_HU, _MOST_HU = 4.0, 8.0, 25.0  # how far the tissue's values may lie from its own
_GRAINS = 3.0
_CLIP = 3.0  # times the most that a value of the tissue may lie from its own
_LEAST_SD = 0.3  # voxels, below which nothing is smoothed: slices that are far apart
_SEEN = 0.02  # of a brush's voxels, which make another tissue
_SAMPLES = 20_000  # voxels that are enough to tell the tissues apart


@dataclass(frozen=True)
class Sample:
    """Values of a small region: mean and standard deviation, HU where the scan is in HU."""

    mean: float
    sd: float
    whole: bool

    @property
    def range(self) -> tuple[float, float]:
        """The mean and two standard deviations to either side; whole HU, rounded outward."""
        low, high = self.mean - SAMPLE_SDS * self.sd, self.mean + SAMPLE_SDS * self.sd
        return (float(math.floor(low)), float(math.ceil(high))) if self.whole else (low, high)


def sample_region(volume: Volume, voxel: Voxel, axis: int) -> Sample:
    """The values of a disc of 3 mm radius around a voxel, in the slice across an axis.

    Of coarse voxels, at least the voxel with the eight around it.
    """
    found = Brush(SAMPLE_MM).sweep(volume.grid, voxel, voxel, axis)
    assert found is not None
    box, mask = found
    values = volume.voxels[box][mask]
    if values.size < _LEAST_SAMPLE:
        margin = [0 if n == axis else 1 for n in range(3)]
        values = volume.voxels[_grown(voxel, margin, volume.shape)].ravel()
    hu = values.astype(np.float64) + volume.intercept
    return Sample(float(hu.mean()), float(hu.std()), volume.in_hu)


@dataclass(frozen=True)
class Tissue:
    """Values that belong together around a voxel; stored values, smoothed against noise.

    Attributes
    ----------
    value : the median of the smoothed values around the voxel.
    noise, grain : standard deviations of smoothed values and of values as they are, within one
        tissue.
    most : how far from the value a voxel of the tissue may lie at most.
    """

    value: float
    noise: float
    grain: float
    most: float

    def limit(
        self,
        volume: Volume,
        box: Box,
        mask: NDArray[np.bool_],
        begun: NDArray[np.bool_],
        middle: Sequence[float],
    ) -> NDArray[np.bool_]:
        """The part of a mask that is of this tissue, and hangs together with what is begun.

        The limits toward darker and brighter tissue are half way to what else lies in the mask, so
        that a faint edge holds as a strong one does.

        Parameters
        ----------
        box : of the volume.
        mask, begun : of the box's shape: what the brush covers, what the stroke has drawn so far.
        middle : of the brush, in voxels of the volume; its voxel belongs to a stroke's beginning.
        """
        import cc3d  # here, for a window starts without it

        smooth = _smoothed(volume, box, self.value, self.most)
        low, high = self._limits(smooth[mask])
        alone = self.most + _GRAINS * self.grain  # farther off, a voxel is no noise
        inside = mask & (smooth >= low) & (smooth <= high)
        inside &= np.abs(volume.voxels[box].astype(np.float32) - self.value) <= alone
        voxel = [math.floor(v + 0.5) for v in middle]
        at = tuple(v - first for v, first in zip(voxel, box.start, strict=True))
        in_box = box.contains(voxel)
        first = in_box and not begun.any()
        if first:
            inside[at] = True
        labels, count = cc3d.connected_components(inside, connectivity=6, return_N=True)
        kept = np.zeros(count + 1, bool)
        kept[labels[begun & inside]] = True
        if in_box:
            kept[labels[at]] = True
        kept[0] = False
        found: NDArray[np.bool_] = kept[labels]
        return found

    def _limits(self, values: NDArray[np.float32]) -> tuple[float, float]:
        values = values[:: max(1, values.size // _SAMPLES)]
        apart = min(max(_NOISES * self.noise, self.most * _LEAST_HU / _MOST_HU), self.most)
        limits = []
        for sign in (-1, 1):
            beyond = sign * (values - self.value)
            others = beyond[beyond > apart]
            half = float(np.median(others)) / 2 if others.size > _SEEN * values.size else self.most
            limits.append(sign * min(max(half, apart / 2), self.most))
        return self.value + limits[0], self.value + limits[1]


def learn_tissue(volume: Volume, voxel: Voxel) -> Tissue:
    """The tissue at a voxel of the volume."""
    around = _grown(voxel, [max(2, round(_AROUND_MM / mm)) for mm in volume.spacing], volume.shape)
    values = volume.voxels[around]
    most = _MOST_HU if volume.in_hu else max(float(np.ptp(values)) / 4, 1e-12)
    at = [v - first for v, first in zip(voxel, around.start, strict=True)]
    steps = np.ix_(*(np.arange(n) - v for n, v in zip(values.shape, at, strict=True)))
    finest = min(volume.spacing)
    apart = sum((step * mm / finest) ** 2 for step, mm in zip(steps, volume.spacing, strict=True))
    core = apart <= _CORE**2
    smooth = _smoothed(volume, around, float(np.median(values[core])), most)
    along = int(np.argmin(volume.spacing))
    noise, grain = _noise(smooth, along, _FAR), _noise(values.astype(np.float32), along, 1)
    return Tissue(float(np.median(smooth[core])), noise, grain, most)


def _noise(values: NDArray[np.float32], axis: int, apart: int) -> float:
    """The standard deviation of noise, by the differences of voxels so far apart."""
    there, here = [slice(None)] * 3, [slice(None)] * 3
    there[axis], here[axis] = slice(apart, None), slice(None, -apart)
    differences = np.abs(values[tuple(there)] - values[tuple(here)])
    return 1.4826 * float(np.median(differences)) / math.sqrt(2) if differences.size else 0.0


def _smoothed(volume: Volume, box: Box, value: float, most: float) -> NDArray[np.float32]:
    """Stored values of a box under a Gaussian of about a millimeter, float32.

    What is far from the tissue's value, as air is, counts as a little way off: else its blur would
    reach into the tissue.
    """
    wide = box.expanded(_REACH, volume.shape)
    sd_mm = max(_SMOOTH_MM, _SMOOTH_VOXELS * min(volume.spacing))
    values: NDArray[np.float32] = volume.voxels[wide].astype(np.float32)
    values = np.clip(values, value - _CLIP * most, value + _CLIP * most)
    for axis, mm in enumerate(volume.spacing):
        if sd_mm / mm > _LEAST_SD:
            values = _smoothed_along(values, axis, sd_mm / mm)
    return values[box.shifted(np.negative(wide.start).tolist())]


def _smoothed_along(values: NDArray[np.float32], axis: int, sd: float) -> NDArray[np.float32]:
    """A Gaussian along an axis; beyond the edges the outermost value goes on.

    SciPy's does the same, but a second would pass with its import at the first stroke.
    """
    weights = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / sd) ** 2).astype(np.float32)
    weights /= weights.sum()
    count = values.shape[axis]
    out = np.zeros_like(values)
    for offset, weight in enumerate(weights, start=-_REACH):
        out += weight * values.take(np.clip(np.arange(count) + offset, 0, count - 1), axis)
    return out


def _grown(voxel: Voxel, margin: Sequence[int], shape: Sequence[int]) -> Box:
    """The box of so many voxels to either side of one, inside an array."""
    start = [max(0, v - m) for v, m in zip(voxel, margin, strict=True)]
    stop = [min(n, v + m + 1) for v, m, n in zip(voxel, margin, shape, strict=True)]
    return Box.from_bounds(start, stop)
