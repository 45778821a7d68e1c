"""A heat map over CT and labels, with the bar or the names that explain it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.volume import Plane, Sliceable


@dataclass(frozen=True, eq=False)
class Overlay:
    """Values of a block of the volume and how they are colored.

    Attributes
    ----------
    title : what is shown.
    voxels : uint8, of the block; an array, or what computes its slices when they are drawn.
    box : the block's place in the volume.
    table : (256, 4) uint8 RGBA; what is transparent there is not drawn.
    ends : what the lowest and the highest color mean.
    names : instead of a bar, values and what they mean.
    alone : no labels are drawn beside it, for they would change its colors.
    """

    title: str
    voxels: Sliceable
    box: Box
    table: NDArray[np.uint8]
    ends: tuple[str, str] = ("0", "1")
    names: dict[int, str] = field(default_factory=dict)
    alone: bool = False

    def slice_of(self, plane: Plane, index: int) -> tuple[NDArray[np.uint8], Box] | None:
        """The block's slice (rows, columns) and its box; None where the slice passes it."""
        along = self.box[plane.axis]
        if not along.start <= index < along.stop:
            return None
        return plane.slice_of(self.voxels, index - along.start), self.box
