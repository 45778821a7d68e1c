"""Labels of a slab from the probabilities of both stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liverview.core.labels import FOREGROUND, Label, label_entry, label_parts, merge_masks
from liverview.inference.coarse import MIN_LIVER_PROBABILITY

LIVER, TUMOR = Label.LIVER.name.lower(), Label.TUMOR.name.lower()
"""The names of the classes that the second stage treats in their own way."""
LIVER_THRESHOLD = label_entry(Label.LIVER).threshold
"""The probability above which a voxel is liver, or a part of it."""


@dataclass(frozen=True, eq=False)
class CoarsePrior:
    """The first stage's liver in some of the volume's voxels, (I, J, slices) in 0..1.

    Attributes
    ----------
    probability : of the liver.
    mask : above one half in the liver that it found, holes filled; None where the second stage
        has a class for the liver.
    """

    probability: Tensor
    mask: Tensor | None


def labels_from_probabilities(
    probabilities: Tensor, prior: CoarsePrior, classes: tuple[str, ...]
) -> NDArray[np.uint8]:
    """Labels by the merge rule, (I, J, slices), nothing far from the first stage's liver.

    ``probabilities`` are the network's, (slices, classes, I, J). Where it has no class for the
    liver, the liver is the first stage's.
    """
    values = probabilities.permute(1, 2, 3, 0).numpy()  # (classes, I, J, slices)
    winners = _most_likely_class(values)
    if prior.mask is None:
        liver = 1 - values[0] > LIVER_THRESHOLD
        liver &= (prior.probability > MIN_LIVER_PROBABILITY).numpy()
    else:
        liver = (prior.mask > 0.5).numpy()
    return merge_masks(
        *(
            liver if label is Label.LIVER else _won_by(winners, label, classes)
            for label in FOREGROUND
        )
    )


def _won_by(
    winners: NDArray[np.uint8], label: Label, classes: tuple[str, ...]
) -> NDArray[np.bool_]:
    """The voxels whose most likely class is a label or a part of it."""
    name = label.name.lower()
    mask: NDArray[np.bool_] = (
        winners == classes.index(name) if name in classes else np.zeros_like(winners, np.bool_)
    )
    for part in label_parts(label):
        mask |= _won_by(winners, part, classes)
    return mask


def _most_likely_class(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The first class of the highest probability, by voxel of (classes, ...).

    As `argmax` over the classes, which goes voxel by voxel and takes many times as long.
    """
    best = probabilities[0]
    winners = np.zeros_like(best, np.uint8)  # in the layout of the probabilities
    for number, values in enumerate(probabilities[1:], start=1):
        np.copyto(winners, np.uint8(number), where=values > best)
        best = np.maximum(best, values)
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
    """Probabilities as `Slab` has them, (labels, I, J, slices): 0 far from the coarse liver."""
    close = prior.probability > MIN_LIVER_PROBABILITY
    whole: dict[Label, Tensor] = {}
    for label in reversed(FOREGROUND):  # a part stands behind the label that it is a part of
        name, own = label.name.lower(), torch.zeros(())
        if name in classes:
            own = probabilities[:, classes.index(name)].permute(1, 2, 0)
        whole[label] = own + sum((whole[part] for part in label_parts(label)), torch.zeros(()))
    if prior.mask is not None:
        whole[Label.LIVER] = torch.maximum(prior.probability, whole[Label.LIVER])
    stacked = torch.stack([whole[label].expand(close.shape) * close for label in FOREGROUND])
    half: NDArray[np.float16] = stacked.half().numpy()
    return half
