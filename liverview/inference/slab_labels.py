"""Labels of a slab from the probabilities of both stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.labels import FOREGROUND, merge_masks
from liverview.inference.coarse import MIN_LIVER_PROBABILITY

LIVER, VESSEL, TUMOR = (label.name.lower() for label in FOREGROUND)
"""The names of the classes that become labels."""
LIVER_THRESHOLD = 0.6
"""The probability above which a voxel is liver, vessel or tumor."""


@dataclass(frozen=True, eq=False)
class CoarsePrior:
    """The first stage's liver in some of the volume's voxels, (I, J, slices) in 0..1.

    Attributes
    ----------
    probability : of the liver.
    mask : above one half in the liver that it found, holes filled.
    """

    probability: Tensor
    mask: Tensor


def labels_from_probabilities(
    probabilities: Tensor, prior: CoarsePrior, classes: tuple[str, ...]
) -> NDArray[np.uint8]:
    """Labels by the merge rule, (I, J, slices), nothing far from the first stage's liver.

    ``probabilities`` are the network's, (slices, classes, I, J). Where it has no class for the
    liver, the liver is the first stage's.
    """
    winners = _most_likely_class(probabilities).permute(1, 2, 0)  # (I, J, slices)
    organ = (1 - probabilities[:, 0].permute(1, 2, 0) > LIVER_THRESHOLD) & (
        prior.probability > MIN_LIVER_PROBABILITY
    )
    liver = organ if LIVER in classes else prior.mask > 0.5
    vessel, tumor = (
        winners == classes.index(name) if name in classes else torch.zeros_like(liver)
        for name in (VESSEL, TUMOR)
    )
    return merge_masks(liver.numpy(), vessel.numpy(), tumor.numpy())


def _most_likely_class(probabilities: Tensor) -> Tensor:
    """The first class of the highest probability, (slices, I, J).

    As `argmax` over the classes, which torch does voxel by voxel, twenty times slower.
    """
    best = probabilities[:, 0]
    winners = torch.zeros(best.shape, dtype=torch.uint8)
    for number in range(1, probabilities.shape[1]):
        higher = probabilities[:, number] > best
        winners.masked_fill_(higher, number)
        best = torch.maximum(best, probabilities[:, number])
    return winners


def tumor_probability(probabilities: Tensor, classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """The probability of tumor, (I, J, slices), in 255ths; 0 where the network knows none."""
    if TUMOR not in classes:
        return np.zeros((*probabilities.shape[2:], len(probabilities)), np.uint8)
    tumor = probabilities[:, classes.index(TUMOR)].permute(1, 2, 0)
    scaled: NDArray[np.uint8] = (tumor * 255).to(torch.uint8).numpy()
    return scaled


def slab_probabilities(
    probabilities: Tensor, prior: CoarsePrior, classes: tuple[str, ...]
) -> NDArray[np.float16]:
    """Probabilities as `Slab` has them, (3, I, J, slices): 0 far from the first stage's liver."""
    close = prior.probability > MIN_LIVER_PROBABILITY
    liver, vessel, tumor = (
        probabilities[:, classes.index(name)].permute(1, 2, 0)
        if name in classes
        else torch.zeros(())
        for name in (LIVER, VESSEL, TUMOR)
    )
    inner = vessel + tumor
    organ = liver + inner if LIVER in classes else torch.maximum(prior.probability, inner)
    stacked = torch.stack([values.expand(close.shape) * close for values in (organ, vessel, tumor)])
    half: NDArray[np.float16] = stacked.half().numpy()
    return half
