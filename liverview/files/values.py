"""Voxel values of any format: whole numbers for labels, HU or not, what to put for no number."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.rounding import round_to_whole
from liverview.core.stream import Progress
from liverview.files.ct_values import can_be_ct
from liverview.files.format import StoredVolume
from liverview.files.opening import ImageFileError

AIR_HU = -1024
SLICES = 16
"""Slices to work on between two yields."""
_LEAST_SPAN = 50  # HU; no CT has less
_FARTHEST_HU, _MOST = 10_000, 99.5  # that percentile of HU is nearer, whatever metal there is
_FILL_SHARE = 1e-6  # of the values' span


def iter_whole_numbers(
    path: Path, volume: StoredVolume, most: int
) -> Generator[Progress, None, NDArray[Any]]:
    """Yields progress; returns a label map's values as uint8, or uint16 where some are above 255.

    What a slope or resampling has moved a little is rounded (`liverview.core.rounding`), and what
    is no number is background.

    Raises
    ------
    ImageFileError : where they are no whole numbers from 0 to ``most``.
    """
    stored = volume.voxels
    low, high = _value_range(volume)
    for value in (low, high):
        if not -0.5 <= value <= most + 0.5:  # infinite ones among them
            raise ImageFileError(
                f"{path} is not a label map: it holds the value {_value_text(value)}, and labels "
                f"are whole numbers from 0 to {most}; is it the scan itself?"
            )
    numbers = np.empty_like(stored, np.uint8 if high < 255.5 else np.uint16)
    for k in range(stored.shape[2]):
        values, odd = round_to_whole(_values(volume, stored[:, :, k]), volume.step)
        if odd is not None:
            raise ImageFileError(f"{path} is not a label map: {_why_not_whole(volume, odd)}")
        numbers[:, :, k] = values
        if k % SLICES == 0:
            yield Progress("Reading", 1.0)
    return numbers


def _value_range(volume: StoredVolume) -> tuple[float, float]:
    """The lowest and the highest value, but for what is no number."""
    edges = [
        function.reduce(volume.voxels[:, :, k], axis=None)
        for function in (np.fmin, np.fmax)
        for k in range(volume.voxels.shape[2])
    ]
    values = [value for value in _values(volume, np.array(edges)).tolist() if value == value]
    return (min(values), max(values)) if values else (0.0, 0.0)


def _values(volume: StoredVolume, stored: NDArray[Any]) -> NDArray[Any]:
    """Scaled as the file says; unscaled ones in their own type."""
    if volume.slope == 1 and volume.intercept == 0:
        return stored
    with np.errstate(invalid="ignore", over="ignore"):
        return stored.astype(np.float64) * volume.slope + volume.intercept


def _why_not_whole(volume: StoredVolume, value: float) -> str:
    text, away = _value_text(value), abs(value - round(value))
    if volume.step and away <= abs(volume.step) / 2:
        return (
            f"its values are stored in steps of {_value_text(volume.step)}, too far apart to tell "
            f"which label {text} is; store labels as whole numbers, with slope 1."
        )
    return (
        f"it holds fractions such as {text}, as probabilities, partial volumes and linear "
        "interpolation leave; store whole numbers, resampled to the nearest neighbor."
    )


def _value_text(value: float) -> str:
    """A value of a file in the shortest way that tells it from others."""
    return str(int(value)) if float(value).is_integer() else str(np.float32(value))


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


def iter_scale_voxels(
    stored: NDArray[Any], slope: float, intercept: float
) -> Generator[Progress, None, tuple[NDArray[Any], int]]:
    """Yields progress; returns voxels and the integer to add for HU.

    The stored type stays where that is exact, else they are float32.
    """
    if slope == 1 and float(intercept).is_integer() and stored.dtype.kind in "iu":
        return stored, int(intercept)
    if slope == 1 and intercept == 0 and stored.dtype == np.float32:
        return stored, 0
    scaled = np.empty(stored.shape, np.float32, order="F")
    for k in range(0, stored.shape[2], SLICES):
        part = np.s_[:, :, k : k + SLICES]
        # Too large for single precision is infinite, and a signaling NaN a quiet one: see
        # `iter_fill_non_finite`.
        with np.errstate(over="ignore", invalid="ignore"):
            scaled[part] = stored[part]
            scaled[part] *= np.float32(slope)
            scaled[part] += np.float32(intercept)
        yield Progress("Reading", 1.0)
    return scaled, 0


def check_plausibility(voxels: NDArray[Any], intercept: int) -> tuple[list[str], bool]:
    """Check a sample of values: sentences about what looks wrong, and whether they may be HU."""
    step = tuple(slice(None, None, max(1, n // 64)) for n in voxels.shape)
    sample = voxels[step].astype(np.float32)
    sample = sample[np.isfinite(sample)] + np.float32(intercept)
    if not sample.size:
        return [], True
    low, high = float(sample.min()), float(sample.max())
    far = abs(float(np.percentile(sample, _MOST))) > _FARTHEST_HU
    note = _range_note(low, high, far) or _distribution_note(sample, low, high)
    notes = [note] if note else []
    if min(voxels.shape) == 1:
        notes.append("It is a single slice; a volume is needed for good labels.")
    return notes, not (far or 0 <= low < high <= 255 or 0 < high - low < _LEAST_SPAN)


def _range_note(low: float, high: float, far: bool) -> str:
    """A sentence where the lowest and highest value alone say that these are no HU."""
    if low == high:
        return f"All voxels seem to have the value {low:g}."
    if low >= -1 and high <= 1:
        span = "0..1" if low >= 0 else "-1..1"
        return f"The values lie in {span}: normalized data, not HU; labels will be wrong."
    if low >= 0 and high <= 255:
        return "The values lie in 0..255: gray values, not HU; labels will be wrong."
    if high - low < _LEAST_SPAN:
        return f"The values span {low:.3g} to {high:.3g} only: no HU; labels will be wrong."
    if far:
        return (
            f"The values reach {high:.3g}, as in an MR or another kind of image: no HU; labels "
            "will be wrong."
        )
    return ""


def _distribution_note(sample: NDArray[Any], low: float, high: float) -> str:
    """A sentence where the values are spread as those of no CT."""
    if low >= 0 and high > 1000 and can_be_ct(sample - 1024):
        return "No value is below 0: probably HU + 1024, labels will be wrong."
    if not can_be_ct(sample):
        return (
            "The values are spread as in an MR or another kind of image: they have not the peaks "
            "of air, fat and soft tissue that a CT has; labels will be wrong."
        )
    return (
        "No value is below 0, not even air: perhaps no CT; labels may be wrong." if low >= 0 else ""
    )
