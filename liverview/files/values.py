"""Voxel values of any format: whole numbers for labels, HU or not, air for what is no number."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.ct_values import can_be_ct
from liverview.files.opening import ImageFileError

AIR_HU = -1024
SLICES = 16
"""Slices to work on between two yields."""
_LEAST_SPAN = 50  # HU; no CT has less


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


def iter_fill_non_finite(voxels: NDArray[Any]) -> Generator[Progress, None, int]:
    """Air where there is no finite number; returns how many voxels that were."""
    if voxels.dtype.kind != "f":
        return 0
    count = 0
    for k in range(0, voxels.shape[2], SLICES):
        part = voxels[:, :, k : k + SLICES]
        bad = ~np.isfinite(part)
        found = int(bad.sum())
        if found:
            part[bad] = AIR_HU
        count += found
        yield Progress("Reading", 1.0)
    return count


def check_plausibility(voxels: NDArray[Any], intercept: int) -> tuple[list[str], bool]:
    """Check a sample of values: sentences about what looks wrong, and whether they may be HU."""
    step = tuple(slice(None, None, max(1, n // 64)) for n in voxels.shape)
    sample = voxels[step].astype(np.float32) + intercept
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return [], True
    low, high = float(sample.min()), float(sample.max())
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
    elif low >= 0 and high > 1000 and can_be_ct(sample - 1024):
        notes.append("No value is below 0: probably HU + 1024, labels will be wrong.")
    elif not can_be_ct(sample):
        notes.append(
            "The values are spread as in an MR or another kind of image: they have not the peaks "
            "of air, fat and soft tissue that a CT has; labels will be wrong."
        )
    elif low >= 0:
        notes.append("No value is below 0, not even air: perhaps no CT; labels may be wrong.")
    if min(voxels.shape) == 1:
        notes.append("It is a single slice; a volume is needed for good labels.")
    return notes, not (0 <= low < high <= 255 or 0 < high - low < _LEAST_SPAN)
