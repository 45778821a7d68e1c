"""Whether values are those of a CT: by the peaks of air, fat and soft tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOWEST, _HIGHEST = -1200, 400  # HU; what lies outside counts at the edges
_FEWEST = 5000  # values, to judge by
_MOST = 80_000  # values looked at
_PADDING = 0.02  # of all values: a lowest value so frequent is no tissue
_MASKED = 0.2  # and a zero so frequent
_AIR = (-1150, -850)
_BETWEEN = (-500, -250)  # lung and fat lie on both sides
_BODY = -300
_SOFT = (-170, 300)  # fat, water, organs with contrast
_PEAK = 100  # HU; the width of a peak with its noise
_BRIGHT = 300  # bone and vessels full of contrast


def can_be_ct(sample: NDArray[np.float32]) -> bool:
    """False where the distribution of these values, taken as HU, is that of no CT.

    In HU the body is a narrow heap of fat and soft tissue with little above it, and between
    that and air there is next to nothing. The values of an MR are spread over hundreds, their
    background is no air, or lies beside everything else. A part of a CT may have no air, and
    what lies outside may be one value. Too few values are not judged.

    Parameters
    ----------
    sample : finite values from all over the volume, any shape.
    """
    sample = sample.ravel()[:: max(1, sample.size // _MOST)]
    lowest = sample.min()
    padding = sample == lowest
    padded = bool(padding.mean() >= _PADDING)
    zeros = sample == 0
    outside = (padding if padded else False) | (zeros if zeros.mean() >= _MASKED else False)
    values = sample[~outside] if np.any(outside) else sample
    if len(values) < _FEWEST:
        return True
    whole = np.clip(np.rint(values), _LOWEST, _HIGHEST).astype(np.int32) - _LOWEST
    shares = np.bincount(whole, minlength=_HIGHEST - _LOWEST + 1) / len(values)
    body = _share(shares, _BODY, _HIGHEST)
    if body < 0.05:
        return False
    heaps = np.convolve(shares, np.ones(_PEAK), "valid")  # by their lower edges
    soft = heaps[_SOFT[0] - _LOWEST : _SOFT[1] - _PEAK - _LOWEST + 1]
    heap, middle = float(soft.max()) / body, _SOFT[0] + int(soft.argmax()) + _PEAK // 2
    bright = _share(shares, _BRIGHT, _HIGHEST) / body
    between = _share(shares, *_BETWEEN) / (_BETWEEN[1] - _BETWEEN[0])
    valley = between / (heap * body / _PEAK + 1e-9)
    if heap < 0.2 or bright > 0.25 or valley > 0.25 or (valley > 0.12 and heap < 0.3):
        return False
    if _share(shares, *_AIR) >= 0.0003:
        return True
    if padded:
        return bright <= 0.1
    darkest = int(np.searchsorted(np.cumsum(shares), 0.01)) + _LOWEST
    fat, water = _share(shares, -150, -20), _share(shares, -20, 200)
    if bright <= 0.05 and water >= 0.3 and (fat <= 0.15 or lowest <= -150):
        return True
    # Beside the spine there is much bone; then the fat must be where fat is.
    peak_fits = 0 <= middle <= 120 or -110 <= middle <= -60
    darkest_fits = -160 <= darkest <= -90 or darkest < _BODY
    in_place = peak_fits and darkest_fits
    return 0.05 < bright <= 0.15 and heap >= 0.3 and water >= 0.25 and in_place


def _share(shares: NDArray[np.float64], low: int, high: int) -> float:
    """The share of values from low to below high; to the end where high is the highest."""
    stop = None if high >= _HIGHEST else high - _LOWEST
    return float(shares[low - _LOWEST : stop].sum())
