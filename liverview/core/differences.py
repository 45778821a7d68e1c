"""Differences of two label maps: the boxes outside of which both are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label, label_mask


class Difference(NamedTuple):
    """What a box held, and what it holds.

    Attributes
    ----------
    box : of the label map.
    before, after : its labels, uint8 of the box's shape.
    """

    box: Box
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]

    def masks(self, label: Label) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The masks of a label with its parts, before and after."""
        return label_mask(self.before, label), label_mask(self.after, label)


def changes_label(differences: Sequence[Difference], label: Label) -> bool:
    """True where a label with its parts is elsewhere than before."""
    return any(not np.array_equal(*one.masks(label)) for one in differences)


def disjoint_boxes(boxes: Iterable[Box]) -> list[Box]:
    """Boxes that hold the given ones, and share no voxel: those that do are made one."""
    found: list[Box] = []
    for box in boxes:
        if 0 in box.shape:
            continue
        grown = box
        while touching := [one for one in found if one.intersection(grown) is not None]:
            found = [one for one in found if one not in touching]
            for one in touching:
                grown = grown.union(one)
        found.append(grown)
    return found
