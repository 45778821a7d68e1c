"""Linear resampling of blocks, one axis at a time, as small matrix products."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_weights(count: int, positions: Tensor, support: float = 1.0) -> Tensor:
    """Weights from ``count`` old cells to new positions, (len(positions), count).

    Parameters
    ----------
    positions : centers of the new cells, in old cells; beyond the ends the outermost
        cell is repeated.
    support : old cells that a new one spans; above 1 the triangle widens so that
        every old cell counts, which keeps fine detail and noise from aliasing.
    """
    width = max(support, 1.0)
    inside = positions.clamp(0, count - 1).to(torch.float32)
    away = (inside[:, None] - torch.arange(count)[None]).abs() / width
    weights = (1 - away).clamp_(min=0)
    return weights / weights.sum(dim=1, keepdim=True)


def apply_along_axis(block: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Apply weights (new, old) along one axis of a block; the result is contiguous."""
    if axis == block.ndim - 1:
        return block @ weights.T
    # Products with the axis where it is: moving it to the end costs more than the product.
    after = block.shape[axis + 1 :]
    mixed = weights @ block.flatten(axis + 1)
    return mixed.reshape(*block.shape[:axis], len(weights), *after)


def apply_in_plane(block: Tensor, weights: tuple[Tensor, Tensor], axes: tuple[int, int]) -> Tensor:
    """Apply weights along two axes of a block, one after the other; the result is contiguous."""
    once = apply_along_axis(block, weights[0], axes[0])
    return apply_along_axis(once, weights[1], axes[1])


def downsampling_weights(size: int, scale: float) -> Tensor:
    """Weights from ``size`` samples to ones ``scale`` apart, (new, size), from the same edge on."""
    positions = (torch.arange(max(1, round(size / scale))) + 0.5) * scale - 0.5
    return linear_weights(size, positions, support=scale)
