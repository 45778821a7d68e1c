"""Voxel values of any format: whole numbers for labels, HU or not, what to put for no number."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.opening import ImageFileError

AIR_HU = -1024
SLICES = 16
"""Slices to work on between two yields."""
_LEAST_SPAN = 50  # HU; no CT has less
_FARTHEST_HU, _MOST = 10_000, 99.5  # that percentile of HU is nearer, whatever metal there is
_FILL_SHARE = 1e-6  # of the values' span


def whole_numbers(path: Path, volume: Volume, most: int) -> NDArray[Any]:
    """The volume's values as uint8, or as uint16 where some are above 255.

    Raises
    ------
    ImageFileError : where they are no whole numbers from 0 to ``most``.
    """
    stored = volume.voxels
    low, high = (float(edge) + volume.intercept for edge in (stored.min(), stored.max()))
    numbers = np.empty_like(stored, np.uint8 if high <= 255 else np.uint16)
    fits = 0 <= low <= high <= most
    for k in range(stored.shape[2] if fits else 0):
        wide = stored[:, :, k].astype(np.float32 if stored.dtype.kind == "f" else np.int32)
        values = wide + np.asarray(volume.intercept, wide.dtype)
        numbers[:, :, k] = values
        fits = fits and np.array_equal(numbers[:, :, k], values)
    if not fits:
        raise ImageFileError(
            f"{path} is not a label map: it holds values that are no whole numbers from 0 to "
            f"{most} ({low:g} to {high:g}); is it the scan itself?"
        )
    return numbers


def iter_fill_non_finite(
    voxels: NDArray[Any], *, in_hu: bool = True
) -> Generator[Progress, None, tuple[int, float | None]]:
    """Fill what is no finite number: with air, or just below the least value that is no HU.

    Yields progress; returns how many voxels that were, and what they hold now (None without any).
    """
    if voxels.dtype.kind != "f":
        return 0, None
    count, low, high = 0, np.inf, -np.inf
    for k in range(0, voxels.shape[2], SLICES):
        part = voxels[:, :, k : k + SLICES]
        known = np.isfinite(part)
        count += part.size - int(known.sum())
        low = float(np.min(part, where=known, initial=low))
        high = float(np.max(part, where=known, initial=high))
        yield Progress("Reading", 1.0)
    if not count:
        return 0, None
    value = np.float32(AIR_HU if in_hu or high < low else _just_below(low, high))
    for k in range(0, voxels.shape[2], SLICES):
        part = voxels[:, :, k : k + SLICES]
        part[~np.isfinite(part)] = value
        yield Progress("Reading", 1.0)
    return count, float(value)


def _just_below(low: float, high: float) -> np.float32:
    """A number below all values, by too little to be seen; no value can be taken for it."""
    largest = np.finfo(np.float32).max
    below = np.float32(max(low - (high - low) * _FILL_SHARE, -float(largest)))
    return below if below < low else np.nextafter(np.float32(low), np.float32(-largest))


def check_plausibility(voxels: NDArray[Any], intercept: int) -> tuple[list[str], bool]:
    """Check a sample of values: sentences about what looks wrong, and whether they may be HU."""
    step = tuple(slice(None, None, max(1, n // 64)) for n in voxels.shape)
    sample = voxels[step].astype(np.float32)
    sample = sample[np.isfinite(sample)] + np.float32(intercept)
    if not sample.size:
        return [], True
    low, high = float(sample.min()), float(sample.max())
    far = abs(float(np.percentile(sample, _MOST))) > _FARTHEST_HU
    notes = []
    if low == high:
        notes.append(f"All voxels seem to have the value {low:g}.")
    elif low >= -1 and high <= 1:
        span = "0..1" if low >= 0 else "-1..1"
        notes.append(f"The values lie in {span}: normalized data, not HU; labels will be wrong.")
    elif low >= 0 and high <= 255:
        notes.append("The values lie in 0..255: gray values, not HU; labels will be wrong.")
    elif high - low < _LEAST_SPAN:
        notes.append(f"The values span {low:.3g} to {high:.3g} only: no HU; labels will be wrong.")
    elif far:
        notes.append(f"The values reach {high:.3g}: no HU; labels will be wrong.")
    elif low >= 0 and high > 1000:
        notes.append("No value is below 0: probably HU + 1024, labels will be wrong.")
    elif low >= 0:
        notes.append("No value is below 0, not even air: perhaps no CT; labels may be wrong.")
    if min(voxels.shape) == 1:
        notes.append("It is a single slice; a volume is needed for good labels.")
    return notes, not (far or 0 <= low < high <= 255 or 0 < high - low < _LEAST_SPAN)
