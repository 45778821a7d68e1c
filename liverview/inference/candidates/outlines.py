"""The outline of a candidate as a reader would draw it, out of the wide part that it was found in.

A part is all that may be tumor with some chance, so its doubtful border is wider than the lesion,
and two lesions may hang together by it. The lesion is what is about as probable as its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.inference.candidates.label_bytes import CANDIDATE_BIT, IN_LIVER_BIT, LABEL_BITS
from liverview.inference.candidates.nearest import nearest_numbers
from liverview.inference.candidates.parts import LEAST_ML, Part
from liverview.inference.components import Mask
from liverview.inference.streamed_components import components_of, holes_of

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
    core = chance >= _threshold(chance.T[part.mask.T])
    # What the network takes for no liver is there by its density, not by its probability.
    core |= (labels & LABEL_BITS) == 0
    core &= part.mask
    components = components_of(core, 26)
    ml = components.voxel_counts * voxel_ml
    large = np.flatnonzero(ml >= _LEAST_SPLIT_ML)
    if len(large) == 0 and len(ml) and ml.max() >= LEAST_ML:
        large = np.array([np.argmax(ml)])
    if len(large) == 0:
        return [Outlined(part, _nothing_of(part))]
    return _divide(part, components.cut(large), labels)


def _threshold(chance: NDArray[np.uint8]) -> np.uint8:
    """The least probability, in 255ths, of the voxels of a lesion of so probable ones."""
    highest = float(np.percentile(chance, _HIGHEST_PERCENTILE))
    return np.uint8(min(255 * _CORE, highest * _SHARE_OF_HIGHEST))


def _divide(part: Part, cores: list[tuple[Box, Mask]], labels: NDArray[np.uint8]) -> list[Outlined]:
    """A lesion for each core, with boxes in the part's; all else goes with the nearest of them."""
    numbers = np.zeros(part.box.shape, np.uint16, order="F")
    for number, (box, core) in enumerate(cores, start=1):
        np.copyto(numbers[box], np.uint16(number), where=core)
    others = part.mask & (numbers == 0)
    lesions = []
    for box, core in cores:
        holes = holes_of(core)
        if holes is not None:
            core = core | (holes & (labels[box] >= IN_LIVER_BIT) & (numbers[box] == 0))
        lesions.append(np.asfortranarray(core))
    rims = _rims(numbers, others) if len(cores) > 1 else others.astype(np.uint16, order="F")
    for number, ((box, _), lesion) in enumerate(zip(cores, lesions, strict=True), start=1):
        inside = rims[box]
        np.copyto(inside, np.uint16(0), where=lesion & (inside == number))
    # Transposed they lie in memory as they are gone through.
    places = ndimage.find_objects(rims.T, len(cores))
    found = []
    for number, ((box, _), lesion) in enumerate(zip(cores, lesions, strict=True), start=1):
        around, place = _nothing_of(part), places[number - 1]
        if place is not None:
            rim_box = Box(*reversed(place))
            rim = np.asfortranarray(rims[rim_box] == number)
            around = Part(rim_box.shifted(part.box.start), rim)
        found.append(Outlined(Part(box.shifted(part.box.start), lesion), around))
    return found


def _rims(numbers: NDArray[np.uint16], others: Mask) -> NDArray[np.uint16]:
    """The number of the nearest core in other voxels, 0 elsewhere, (I, J, K)."""
    asked = np.flatnonzero(others.ravel(order="F"))
    rims = np.zeros(numbers.size, np.uint16)
    rims[asked] = nearest_numbers(numbers, asked)
    return rims.reshape(numbers.shape, order="F")


def _nothing_of(part: Part) -> Part:
    box = Box.from_bounds(part.box.start, part.box.start)
    return Part(box, np.zeros(box.shape, np.bool_, order="F"))
