"""Dice on probabilities, slice by slice: for comparison with the original paper only."""

from __future__ import annotations

import math

import numpy as np

from liverview.core.labels import FOREGROUND, Label, label_mask
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap

_SMOOTHING = 1e-5


class SoftSliceDice:
    """Dice on probabilities, axial slice by axial slice, averaged over all slices of the scan.

    (2 sum pg + e) / (sum p + sum g + e), e = 1e-5: the figure of the paper that liverview grew
    from. A slice where neither has anything counts as perfect, one where only the prediction has
    a trace as a failure; so it says nothing about a volume.
    """

    def __init__(self, reference: LabelMap) -> None:
        self._reference = reference.voxels
        shape = len(FOREGROUND), reference.voxels.shape[2]
        self._overlap, self._predicted = np.zeros(shape), np.zeros(shape)

    def add(self, slab: Slab) -> None:
        """Take the probabilities of a slab, if it has any; where none came, they are 0."""
        if slab.probabilities is None:
            return
        where = slice(slab.start, slab.stop)
        for row, label in enumerate(FOREGROUND):
            probability = slab.probabilities[row].astype(np.float32)
            true = label_mask(self._reference[:, :, where], label)
            self._overlap[row, where] = probability.sum(axis=(0, 1), where=true)
            self._predicted[row, where] = probability.sum(axis=(0, 1))

    def result(self) -> dict[Label, float]:
        """The mean over the slices; NaN where the reference lacks the label."""
        found: dict[Label, float] = {}
        for row, label in enumerate(FOREGROUND):
            true = label_mask(self._reference, label).sum(axis=(0, 1))
            total = self._predicted[row] + true + _SMOOTHING
            mean = float(np.mean((2 * self._overlap[row] + _SMOOTHING) / total))
            found[label] = mean if true.any() else math.nan
        return found
