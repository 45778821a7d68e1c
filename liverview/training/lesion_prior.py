"""Known of lesions before any training: the judge starts from it, and few data move it little.

A lesion is large, probable, of another density than the liver around it, round, and deep; what
looks like one is beside the liver, under the lung, in fat or along a vessel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.inference.candidates.features import FEATURES


class _Known(NamedTuple):
    """A feature's value where it says nothing, its spread, and log odds of a lesion per spread."""

    middle: float
    spread: float
    log_odds: float


_KNOWN = {
    "log_ml": _Known(0.0, 2.0, 0.6),
    "mean_probability": _Known(0.5, 0.25, 1.25),
    "p90_probability": _Known(0.6, 0.25, 0.5),
    "dark_hu": _Known(15.0, 20.0, 0.6),
    "bright_hu": _Known(15.0, 20.0, 0.6),
    "contrast_in_noise": _Known(2.0, 2.5, 0.625),
    "exposed": _Known(0.2, 0.15, -0.9),
    "exposed_to_lung": _Known(0.0, 0.1, -0.8),
    "exposed_to_fat": _Known(0.05, 0.15, -0.45),
    "lung_near": _Known(0.0, 0.1, -0.4),
    "vessels_around": _Known(0.05, 0.1, -0.2),
    "depth_mean": _Known(8.0, 7.0, 0.56),
    "elongation": _Known(0.5, 0.25, 0.375),
    "flatness": _Known(0.6, 0.25, 0.25),
    "compactness": _Known(0.6, 0.25, 0.5),
}
_BIAS = -1.5
Numbers = NDArray[np.float64]


class Prior(NamedTuple):
    """A linear judge: mean and scale of the features, log odds per scale, (F,), and the bias."""

    mean: Numbers
    scale: Numbers
    direct: Numbers
    bias: float


def known_of_lesions(mean: Numbers, scale: Numbers) -> Prior:
    """The judge before any training; ``mean`` and ``scale`` are those of what it says nothing of.

    All arrays are (F,), as `FEATURES` names them.
    """
    mean, scale, direct = mean.copy(), scale.copy(), np.zeros(len(FEATURES))
    for name, known in _KNOWN.items():
        at = FEATURES.index(name)
        mean[at], scale[at], direct[at] = known
    return Prior(mean, scale, direct, _BIAS)
