"""The second stage's work on one volume, common to slabs and whole slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.inference.runner import Runner
from liverview.networks.checkpoint import Checkpoint

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
        if self.extras.gates:
            return self.runner.predict_with_gates(network_input)
        return self.runner.predict(network_input), None


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
