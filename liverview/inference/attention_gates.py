"""The attention gates' coefficients on the scan's own pixels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.networks.resampling import apply_along_axis, linear_weights


def upsample_gates(
    gates: list[Tensor], scale: tuple[float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Upsample coefficients to (levels, I, J, slices) in 255ths, linear between cell centers.

    Parameters
    ----------
    gates : per decoder level (slices, 1, i, j) in 0..1, coarse to fine; each level has twice the
        cells of the one before it, and the last one those of the working grid.
    scale : pixels per cell of the working grid, which begins at the edge of the first pixel.
    size : pixels, I and J.
    """
    levels = []
    for up, gate in zip(reversed(range(len(gates))), gates, strict=True):
        level = gate[:, 0]
        for axis in (0, 1):
            cells = (torch.arange(size[axis]) + 0.5) / (scale[axis] * 2**up) - 0.5
            level = apply_along_axis(level, linear_weights(level.shape[axis + 1], cells), axis + 1)
        levels.append((level.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
    return np.stack(levels)
