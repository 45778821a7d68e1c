"""The second stage's work on one volume, common to slabs and whole slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.runner import Runner
from liverview.networks.checkpoint import Checkpoint

_AT_ONCE = 2  # slices in one forward pass on the CPU: as quick as four, with half of the memory
_PIXELS_AT_ONCE = 60_000  # of all of them, where it is more than one: large ones gain less by it
MARGIN_MM = 12.0
"""The slices above and below the liver that the second stage looks at, mm."""


@dataclass(frozen=True)
class SlabExtras:
    """The arrays that slabs hold beside labels; without a request none is computed."""

    probabilities: bool = False
    gates: bool = False


@dataclass(frozen=True, eq=False)
class SecondStage:
    """A network at work on one volume.

    Attributes
    ----------
    volume : the scan.
    checkpoint : the network with its preprocessing and classes.
    runner : the network on its device.
    extras : what slabs hold beside labels.
    """

    volume: Volume
    checkpoint: Checkpoint
    runner: Runner
    extras: SlabExtras

    def predict(self, network_input: Tensor) -> tuple[Tensor, list[Tensor] | None]:
        """Class probabilities, (B, classes, i, j), and the gates' coefficients if asked for."""
        at_once = len(network_input)
        if self.runner.execution.device.type == "cpu":
            at_once = min(_AT_ONCE, max(1, _PIXELS_AT_ONCE // network_input[0, 0].numel()))
        pieces = torch.split(network_input, at_once)
        if not self.extras.gates:
            return torch.cat([self.runner.predict(piece) for piece in pieces]), None
        looked = [self.runner.predict_with_gates(piece) for piece in pieces]
        gates = [torch.cat(level) for level in zip(*(own for _, own in looked), strict=True)]
        return torch.cat([probabilities for probabilities, _ in looked]), gates


@dataclass(frozen=True, eq=False)
class RefinedSlab:
    """The result of the second stage for one slab.

    Attributes
    ----------
    slab : its labels.
    tumor : the probability of tumor behind them, (I, J, slices), in 255ths.
    done : share of the stage's work that is done with it.
    """

    slab: Slab
    tumor: NDArray[np.uint8]
    done: float


def nearest_first(starts: Iterable[int], depth: int, start_slice: int) -> list[int]:
    """Sort the starts of slabs of ``depth`` slices, those closest to ``start_slice`` first."""
    return sorted(starts, key=lambda start: abs(start + (depth - 1) / 2 - start_slice))
