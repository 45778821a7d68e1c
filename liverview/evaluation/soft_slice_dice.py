"""Dice on probabilities, slice by slice: for comparison with the original paper only."""

from __future__ import annotations

import math

import numpy as np

from liverview.core.labels import FOREGROUND, Label, label_mask
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap
from liverview.evaluation.scoring import judged_mask, why_not_judged

_SMOOTHING = 1e-5


class SoftSliceDice:
    """Dice on probabilities, axial slice by axial slice, averaged over all slices of the scan.

    (2 sum pg + e) / (sum p + sum g + e), e = 1e-5: the figure of the paper that liverview grew
    from. A slice where neither has anything counts as perfect, one where only the prediction has
    a trace as a failure; so it says nothing about a volume. Voxels that nobody judged count for
    nothing, and slices of them alone are left out.
    """

    def __init__(self, reference: LabelMap) -> None:
        self._reference = reference
        shape = len(FOREGROUND), reference.voxels.shape[2]
        self._overlap, self._predicted = np.zeros(shape), np.zeros(shape)

    def add(self, slab: Slab) -> None:
        """Take the probabilities of a slab, if it has any; where none came, they are 0."""
        if slab.probabilities is None:
            return
        where = slice(slab.start, slab.stop)
        for row, label in enumerate(FOREGROUND):
            probability = slab.probabilities[row].astype(np.float32)
            if self._reference.ignored is not None:
                probability[self._reference.ignored[:, :, where]] = 0
            true = label_mask(self._reference.voxels[:, :, where], label)
            self._overlap[row, where] = probability.sum(axis=(0, 1), where=true)
            self._predicted[row, where] = probability.sum(axis=(0, 1))

    def result(self) -> dict[Label, float]:
        """The mean over the slices; NaN where the reference lacks the label."""
        reference = self._reference
        found: dict[Label, float] = {}
        counted = np.ones(reference.voxels.shape[2], bool)
        if reference.ignored is not None:
            counted &= ~reference.ignored.all(axis=(0, 1))
        for row, label in enumerate(FOREGROUND):
            true = judged_mask(reference, reference, label).sum(axis=(0, 1))
            total = self._predicted[row] + true + _SMOOTHING
            of_slices = (2 * self._overlap[row] + _SMOOTHING) / total
            judged = true.any() and not why_not_judged(reference, label)
            found[label] = float(of_slices[counted].mean()) if judged else math.nan
        return found
