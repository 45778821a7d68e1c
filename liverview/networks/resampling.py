"""Linear resampling of blocks, one axis at a time, as small matrix products."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_ROWS = 32  # of one block of banded weights: few enough to skip zeros, enough for a quick product


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


@dataclass(frozen=True, eq=False)
class BandedWeights:
    """Linear weights to positions in ascending order, without most of the zeros.

    Each new cell takes of few old ones. Some new cells in a row take of few, too::

        old   . . . . . . . . . .
        new 0 # # # #
            1 # # # #                 blocks of rows, each with its own columns
            2       # # # #
            3       # # # #

    Attributes
    ----------
    count : new cells.
    firsts : the first old cell of every block.
    blocks : (blocks, new cells of one, old cells of one); rows beyond ``count`` are not used.
    """

    count: int
    firsts: tuple[int, ...]
    blocks: Tensor

    @classmethod
    def linear(cls, count: int, positions: Tensor, support: float = 1.0) -> BandedWeights:
        """The weights of `linear_weights`, of positions in ascending order."""
        width = max(support, 1.0)
        inside = positions.clamp(0, count - 1).to(torch.float32)
        number = -(-len(inside) // _ROWS)
        rows = torch.cat([inside, inside[-1:].expand(number * _ROWS - len(inside))])
        rows = rows.reshape(number, _ROWS)
        first = (rows[:, 0] - width).ceil().clamp(min=0).long()
        last = (rows[:, -1] + width).floor().clamp(max=count - 1).long()
        columns = int((last - first).max()) + 1
        first = torch.minimum(first, torch.tensor(count - columns))
        cells = first[:, None] + torch.arange(columns)
        weights = (1 - (rows[:, :, None] - cells[:, None]).abs() / width).clamp_(min=0)
        weights /= weights.sum(dim=2, keepdim=True)
        return cls(len(inside), tuple(first.tolist()), weights)

    def keep(self, kept: Tensor) -> BandedWeights:
        """The same with zeros for the new cells that are not ``kept``, (count,) bool."""
        rows = torch.zeros(self.blocks.shape[:2], dtype=torch.bool)
        rows.view(-1)[: self.count] = kept
        return BandedWeights(self.count, self.firsts, self.blocks * rows[:, :, None])

    def apply(self, block: Tensor, axis: int) -> Tensor:
        """Apply the weights along one axis of a block; the result is contiguous."""
        before, after = block.shape[:axis], block.shape[axis + 1 :]
        is_last = axis == block.ndim - 1
        shape = (-1, block.shape[axis]) if is_last else (-1, block.shape[axis], math.prod(after))
        flat = block.reshape(shape)
        out = flat.new_empty(flat.shape[0], self.count, *flat.shape[2:])
        for number, (first, weights) in enumerate(zip(self.firsts, self.blocks, strict=True)):
            new = slice(number * _ROWS, min((number + 1) * _ROWS, self.count))
            old = slice(first, first + weights.shape[1])
            rows = weights[: new.stop - new.start]
            if is_last:
                torch.mm(flat[:, old], rows.T, out=out[:, new])
            else:
                out[:, new] = rows @ flat[:, old]
        return out.reshape(*before, self.count, *after)


Weights = Tensor | BandedWeights
"""Weights (new, old) along one axis."""


def apply_along_axis(block: Tensor, weights: Weights, axis: int) -> Tensor:
    """Apply weights (new, old) along one axis of a block; the result is contiguous."""
    if isinstance(weights, BandedWeights):
        return weights.apply(block, axis)
    if axis == block.ndim - 1:
        return block @ weights.T
    # Products with the axis where it is: moving it to the end costs more than the product.
    after = block.shape[axis + 1 :]
    mixed = weights @ block.flatten(axis + 1)
    return mixed.reshape(*block.shape[:axis], len(weights), *after)


def apply_in_plane(
    block: Tensor, weights: tuple[Weights, Weights], axes: tuple[int, int]
) -> Tensor:
    """Apply weights along two axes of a block, one after the other; the result is contiguous.

    Quickest where the last axis is the first one.
    """
    once = apply_along_axis(block, weights[0], axes[0])
    return apply_along_axis(once, weights[1], axes[1])


def downsampling_weights(size: int, scale: float) -> Tensor:
    """Weights from ``size`` samples to ones ``scale`` apart, (new, size), from the same edge on."""
    return linear_weights(size, _downsampled_positions(size, scale), support=scale)


def banded_downsampling_weights(size: int, scale: float) -> BandedWeights:
    """The same as `downsampling_weights`, without most of the zeros."""
    return BandedWeights.linear(size, _downsampled_positions(size, scale), support=scale)


def _downsampled_positions(size: int, scale: float) -> Tensor:
    return (torch.arange(max(1, round(size / scale))) + 0.5) * scale - 0.5
