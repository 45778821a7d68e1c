"""Input of the network that completes a person's marks: a cube of CT with labels and marks.

All of it lies on one grid of equal steps along the scan's axes; places are in its voxels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.labels import Label
from liverview.networks.preprocessing import Preprocessing

MARK_CHANNELS = 12
"""Channels beside the windows: see `ClickInput`."""
SHAPE = (40, 40, 40)
"""Voxels of the cube that a proposal is made on."""
TRAINED_SIDE = 32
"""Voxels along a side of the cubes that the network was trained on; more is more surroundings."""
LOOK_SHAPE = (32, 32, 32)
"""Voxels of the cube of a first look around a click."""
LOOK_MM = 3.0
"""The step of a first look, mm."""
_STEP_MM = 2.0  # of which the logarithm of the step is 0
_SOFT_TISSUE = (-20.0, 250.0)
_ENOUGH = 200  # voxels of liver whose median is trusted
_DENSITY_HU = 60.0
_PEAK, _REACH = 1.5, 8.0  # voxels: a mark's disk, and how far it is felt

Places = NDArray[np.float64]
"""Places in voxels of the cube, (n, 3)."""


def step_for_line(mm: float) -> float:
    """The step of the cube, mm, for a line as long as a lesion's largest diameter."""
    return max(24.0, 1.7 * mm + 14.0) / TRAINED_SIDE


def reference_hu(hu: Tensor, liver: Tensor) -> float:
    """The liver's median HU in a cube; that of all soft tissue where little liver is known."""
    known = hu[liver > 0.5]
    if known.numel() < _ENOUGH:
        known = hu[(hu > _SOFT_TISSUE[0]) & (hu < _SOFT_TISSUE[1])]
    return float(known.median()) if known.numel() else 60.0


class ClickInput:
    """The channels of a cube, of which those of the marks change from click to click.

    In this order: the windows of the preprocessing; how the density differs from that at the line
    or the first positive mark; liver, vessel and tumor as they are labeled; the proposal before;
    positive marks, negative marks; the line, the ball that it is a diameter of; whether a vessel,
    whether the liver is marked; the step.

    Parameters
    ----------
    hu : (I, J, K) HU.
    labels : (3, I, J, K) 0..1, liver with its parts, vessel, tumor, today.
    label : what is marked.
    step_mm : of the grid.
    """

    def __init__(
        self, preprocessing: Preprocessing, hu: Tensor, labels: Tensor, label: Label, step_mm: float
    ) -> None:
        self.hu = hu
        plain = labels[0] * (1 - labels[1]) * (1 - labels[2])
        self._windows = preprocessing.input_3d(hu, reference_hu(hu, plain))
        self._labels = labels
        values = (
            float(label is Label.VESSEL),
            float(label is Label.LIVER),
            math.log2(step_mm / _STEP_MM),
        )
        self._constant = torch.tensor(values)[:, None, None, None].expand(3, *hu.shape)
        self._step_mm = step_mm

    def channels(
        self,
        positive: Places,
        negative: Places,
        line: Places | None = None,
        previous: Tensor | None = None,
    ) -> Tensor:
        """The network's input, (C, I, J, K); ``previous`` is a probability (I, J, K), or None."""
        shape = self.hu.shape
        along = _along(line) if line is not None else None
        at = along if along is not None else positive[:1]
        density = torch.zeros(shape)
        if len(at):
            density = ((self.hu - _density_at(self.hu, at)) / _DENSITY_HU).clamp(-1, 1)
        before = torch.zeros(shape) if previous is None else previous * 2 - 1
        return torch.cat(
            [
                self._windows,
                density[None],
                self._labels,
                before[None],
                disks(shape, positive)[None],
                disks(shape, negative)[None],
                disks(shape, along if along is not None else positive[:0])[None],
                _ball(shape, line)[None],
                self._constant,
            ]
        )


def rounds_channels(windows: int) -> tuple[int, int, int]:
    """The channels that change from click to click: proposal before, positive, negative marks."""
    return windows + 4, windows + 5, windows + 6


def disks(shape: Sequence[int], places: Places) -> Tensor:
    """A disk around every place, 0..1, with a slope that is felt further away, (I, J, K)."""
    nearest = torch.full(tuple(shape), math.inf)
    whole = np.unique(np.round(places * 2) / 2, axis=0)
    for place in whole.tolist():
        squares = [
            (torch.arange(n, dtype=torch.float32) - p) ** 2
            for n, p in zip(shape, place, strict=True)
        ]
        distance = squares[0][:, None, None] + squares[1][None, :, None] + squares[2]
        nearest = torch.minimum(nearest, distance)
    return 0.5 * torch.exp(nearest / (-2 * _PEAK**2)) + 0.5 * torch.exp(-nearest.sqrt() / _REACH)


def _along(line: Places) -> Places:
    """Places along a line, from end to end, about a voxel apart."""
    count = max(2, math.ceil(float(np.linalg.norm(line[1] - line[0]))) + 1)
    share = np.linspace(0, 1, count)[:, None]
    return np.asarray(line[0] + share * (line[1] - line[0]))


def _density_at(hu: Tensor, places: Places) -> float:
    """The HU in the middle of a line or at a mark, averaged over the voxels beside it."""
    inner = places[len(places) // 5 : len(places) - len(places) // 5]
    values = []
    for place in np.rint(inner).astype(int).tolist():
        box = tuple(
            slice(min(max(p - 1, 0), n - 1), min(max(p + 2, 1), n))
            for p, n in zip(place, hu.shape, strict=True)
        )
        values.append(float(hu[box].mean()))
    return float(np.median(values))


def _ball(shape: Sequence[int], line: Places | None) -> Tensor:
    """The ball around a line: near 1 inside, near -1 outside, (I, J, K); 0 without a line."""
    if line is None:
        return torch.zeros(tuple(shape))
    middle = (line[0] + line[1]) / 2
    radius = max(float(np.linalg.norm(line[1] - line[0])) / 2, 0.5)
    squares = [
        (torch.arange(n, dtype=torch.float32) - m) ** 2
        for n, m in zip(shape, middle.tolist(), strict=True)
    ]
    away = (squares[0][:, None, None] + squares[1][None, :, None] + squares[2]).sqrt()
    return torch.tanh((radius - away) / (0.25 * radius))
