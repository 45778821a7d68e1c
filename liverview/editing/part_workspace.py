"""A block of labels with a part in it: what a command may change there, and changing it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label, label_family, label_mask
from liverview.core.volume import LabelMap, Volume
from liverview.editing.limits import EditLimits, Scope
from liverview.editing.parts import Part, value_without

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PartGround:
    """The labels that commands work on, and what they may change.

    Attributes
    ----------
    labels, volume : on one grid; they are only read.
    limits : locked labels never change; scope and HU say what a part may grow over.
    visible : the labels that are shown.
    label_bbox : a box that holds all labels.
    """

    labels: LabelMap
    volume: Volume
    limits: EditLimits
    visible: tuple[Label, ...]
    label_bbox: Box


class PartWorkspace:
    """A block of labels with a part in it, on which one command works.

    Attributes
    ----------
    area : the block's box.
    block : (i, j, k) uint8, its labels; written to.
    part : the component in it, (i, j, k) bool.
    label : of the part.
    without : the label that is there where the part is taken away.
    """

    def __init__(self, ground: PartGround, part: Part, area: Box, block: NDArray[np.uint8]) -> None:
        self._ground = ground
        self.area, self.block = area, block
        self.part, self.label = part.mask_in(area), part.label
        self.without = value_without(ground.labels.voxels, part)

    @cached_property
    def allowed(self) -> Mask:
        """The voxels of no part of the label that the limits let it have.

        By the order in which labels merge, none takes a later one's, as a vessel those of a
        tumor, unless the limits name that label.
        """
        ground = self._ground
        stored = ground.volume.voxels[self.area]
        allowed = ground.limits.allowed(self.block, stored, ground.volume.intercept, ground.visible)
        if ground.limits.scope is not Scope.ONE:
            allowed &= ~np.isin(self.block, _later_labels(self.label))
        return allowed & ~label_mask(self.block, self.label)

    @cached_property
    def may_have(self) -> Mask:
        """The voxels of the part, and those that it may grow over.

        A part of the liver that lies in it stays in it.
        """
        grows = self.allowed
        if self.without is not Label.BACKGROUND:
            grows = grows & label_mask(self.block, self.without)
        return grows | self.part

    def reshape(self, shape: Mask) -> None:
        """Make the part another shape, as far as it may have it."""
        self.block[shape & ~self.part & self.may_have] = self.label
        self.remove(self.part & ~shape)

    def fill(self, holes: Mask) -> None:
        """Give the part what it encloses, whatever that is, as far as the limits allow."""
        self.block[holes & self.allowed] = self.label

    def remove(self, where: Mask) -> None:
        """Take voxels of the part away: what it lies in is there then."""
        self.put(where, self.without)

    def put(self, where: Mask, label: Label) -> None:
        """Give voxels another label, but for those of locked labels."""
        self.block[where & ~np.isin(self.block, list(self._ground.limits.locked))] = label


def _later_labels(label: Label) -> list[Label]:
    """The labels that lie over a label where both claim a voxel."""
    after = FOREGROUND[FOREGROUND.index(label) + 1 :]
    return [later for later in after if later not in label_family(label)]
