"""Whole numbers out of values that are whole but for rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SLIGHT = 0.01
"""What single precision and resampling move a whole number by, at most."""
_SCALING = 1e-4  # error of a slope in single precision


def round_to_whole(values: NDArray[Any], step: float = 0.0) -> tuple[NDArray[Any], Any]:
    """Round values that are whole but for rounding; what is no number becomes 0.

    A file that stores integers and a slope can only have multiples of the slope, shifted: each
    value is up to half a step off. It is taken for the whole number that is so near, where it is
    the only one.

    Parameters
    ----------
    values : of any shape and numeric type.
    step : the distance of neighboring values that the file could store; 0 for floats.

    Returns
    -------
    The rounded values as floats, and a value that no whole number stands for; None where there
    is none.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # signaling NaN
        wide = values.astype(np.float32 if values.dtype == np.float32 else np.float64)
        wide[np.isnan(wide)] = 0
        rounded = np.rint(wide)
        off = np.abs(wide - rounded)
        off[~np.isfinite(wide)] = np.inf
    slight = off <= SLIGHT
    if slight.all():
        return rounded, None
    half = abs(step) / 2 + _SCALING
    wrong = ~slight if step == 0 else (off > half) | (1 - off <= half)
    return rounded, wide[wrong].flat[0] if wrong.any() else None
