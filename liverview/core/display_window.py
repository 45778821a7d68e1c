"""Display ranges that are chosen from a volume's values: levels and widths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.volume import Volume

ABDOMEN = (40.0, 400.0)
"""Level and width in HU with which a CT is shown at first."""
_SAMPLES = 96  # along each axis
_FAT_HU, _BONE_HU = -160.0, 200.0  # soft tissue lies between: neither air and lung, nor bone
_WATER_HU = -20.0  # organs, muscle and blood are above it, fat below
_LEAST_SHARE = 0.001  # of the sample, for soft tissue to be what a scan is about
_DARKEST_PERCENTILE = 1.0  # of soft tissue
_LEVEL_PERCENTILE = 40.0  # of organs: muscle, also where contrast brightens the rest
_NARROWEST_HU = 150.0
_VALUE_PERCENTILES = (0.5, 99.5)


def suggest_window(volume: Volume) -> tuple[float, float]:
    """Level and width that show what a volume is about.

    Of HU, whole numbers: organs are in the middle of the grays, and fat is not black yet. What is
    no HU, or has no soft tissue, is shown by the middle 99 % of its values. Voxels that the file
    has no number for do not count.
    """
    values = _sample_values(volume)
    if not values.size:
        return ABDOMEN
    if volume.in_hu and float(values.min()) < 0:  # else not even air is where it is in HU
        tissue = values[(values > _FAT_HU) & (values < _BONE_HU)]
        organs = tissue[tissue > _WATER_HU]
        if organs.size >= _LEAST_SHARE * values.size:
            level = float(np.percentile(organs, _LEVEL_PERCENTILE))
            darkest = float(np.percentile(tissue, _DARKEST_PERCENTILE))
            return _whole(level, max(2 * (level - darkest), _NARROWEST_HU))
    level, width = _middle_of(values)
    return _whole(level, width) if volume.in_hu else (level, width)


def default_window(volume: Volume) -> tuple[float, float]:
    """Level and width at first: those for an abdomen, of values that are no HU their own."""
    return ABDOMEN if volume.in_hu else suggest_window(volume)


def value_range(volume: Volume) -> tuple[float, float]:
    """The least and the largest value of a sample; apart also where all are the same."""
    values = _sample_values(volume)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return low, high if high > low else low + (abs(low) or 1.0)


def _sample_values(volume: Volume) -> NDArray[np.float64]:
    """Values of voxels in a regular pattern, those left out that the file had no number for."""
    step = tuple(slice(None, None, max(1, n // _SAMPLES)) for n in volume.shape)
    stored: NDArray[Any] = volume.voxels[step].ravel()
    if volume.filled_with is not None:
        known = stored[stored != volume.filled_with]
        if not known.size:  # the pattern misses a small body
            known = volume.voxels[volume.voxels != volume.filled_with]
        stored = known
    return stored.astype(np.float64) + volume.intercept


def _middle_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Level and width of the middle 99 %."""
    low, high = (float(edge) for edge in np.percentile(values, _VALUE_PERCENTILES))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low + high) / 2, high - low or max(abs(high), 1.0) * 1e-3


def _whole(level: float, width: float) -> tuple[float, float]:
    return float(math.floor(level + 0.5)), float(max(1, math.floor(width + 0.5)))
