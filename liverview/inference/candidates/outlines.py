"""The outline of a candidate as a reader would draw it, out of the wide part that it was found in.

A part is all that may be tumor with some chance, so its doubtful border is wider than the lesion,
and two lesions may hang together by it. The lesion is what is about as probable as its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.inference.candidates.label_bytes import CANDIDATE_BIT, IN_LIVER_BIT, LABEL_BITS
from liverview.inference.candidates.parts import LEAST_ML, Part
from liverview.inference.components import Mask, fill_holes

_CORE = 0.5  # probability of the voxels of a lesion
_SHARE_OF_HIGHEST = 0.6  # of the highest probability, where that makes less
_HIGHEST_PERCENTILE = 98.0
_LEAST_SPLIT_ML = 0.25  # of each of two lesions that touch


@dataclass(frozen=True, eq=False)
class Outlined:
    """A candidate's voxels, and the less probable ones around them, which go where it goes."""

    part: Part
    rim: Part


def outline_part(
    part: Part, block: NDArray[np.uint8], probability: NDArray[np.uint8], voxel_ml: float
) -> list[Outlined]:
    """The lesions in a wide part: its voxels that are probable enough, their holes filled."""
    labels, chance = block[part.box], probability[part.box] & ~CANDIDATE_BIT
    core = part.mask & (chance >= _threshold(chance[part.mask]))
    # What the network takes for no liver is there by its density, not by its probability.
    core |= part.mask & ((labels & LABEL_BITS) == 0)
    ids = cc3d.connected_components(core, connectivity=26)
    ml = np.bincount(ids.ravel())[1:] * voxel_ml
    large = np.flatnonzero(ml >= _LEAST_SPLIT_ML) + 1
    if len(large) == 0 and len(ml) and ml.max() >= LEAST_ML:
        large = np.array([np.argmax(ml) + 1])
    if len(large) == 0:
        return [Outlined(part, _cut(part, np.zeros_like(part.mask)))]
    return _divide(part, ids, large, (labels >= IN_LIVER_BIT))


def _threshold(chance: NDArray[np.uint8]) -> np.uint8:
    """The least probability, in 255ths, of the voxels of a lesion of so probable ones."""
    highest = float(np.percentile(chance, _HIGHEST_PERCENTILE))
    return np.uint8(min(255 * _CORE, highest * _SHARE_OF_HIGHEST))


def _divide(
    part: Part, ids: NDArray[np.uint32], large: NDArray[np.intp], organ: Mask
) -> list[Outlined]:
    """A lesion for each large component; every other voxel goes with the nearest of them."""
    new_ids = np.zeros(ids.max() + 1, np.uint16)
    new_ids[large] = np.arange(1, len(large) + 1)
    cores = new_ids[ids]
    nearest = cores
    if len(large) > 1:
        index = ndimage.distance_transform_edt(
            cores == 0, return_distances=False, return_indices=True
        )
        nearest = cores[tuple(index)]
    found = []
    for number in range(1, len(large) + 1):
        core = cores == number
        filled = core | (fill_holes(core) & organ & (cores == 0))
        rest = part.mask & (nearest == number if len(large) > 1 else True) & ~filled
        found.append(Outlined(_cut(part, filled), _cut(part, rest)))
    return found


def _cut(part: Part, mask: Mask) -> Part:
    """A part of some of its voxels, in a box as small as may be."""
    box = Box.around(mask) or Box.from_bounds((0, 0, 0), (0, 0, 0))
    return Part(box.shifted(part.box.start), np.asfortranarray(mask[box]))
