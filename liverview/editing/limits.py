"""Limits of edits: which labels and which values a tool may change, and what erasing leaves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.labels import Label, label_parent


class Scope(Enum):
    """The labels that a tool may paint over."""

    ALL = "all labels"
    VISIBLE = "visible labels"
    ONE = "one label"
    BACKGROUND = "background only"


@dataclass(frozen=True)
class EditLimits:
    """The voxels that an edit may change.

    Attributes
    ----------
    scope : the labels that may be painted over.
    one : the label of `Scope.ONE`.
    locked : labels that never change.
    hu : the lowest and the highest value of the scan that may be painted over; None for all.
    """

    scope: Scope = Scope.ALL
    one: Label = Label.LIVER
    locked: frozenset[Label] = frozenset()
    hu: tuple[float, float] | None = None

    def allowed_values(self, visible: Collection[Label]) -> list[Label]:
        """The labels, background included, whose voxels may change.

        Parameters
        ----------
        visible : the labels that are shown; background counts as shown.
        """
        inside: dict[Scope, Collection[Label]] = {
            Scope.ALL: list(Label),
            Scope.VISIBLE: [Label.BACKGROUND, *visible],
            Scope.ONE: [self.one],
            Scope.BACKGROUND: [Label.BACKGROUND],
        }
        return [one for one in Label if one in inside[self.scope] and one not in self.locked]

    def allowed(
        self,
        labels: NDArray[np.uint8],
        stored: NDArray[Any],
        intercept: int,
        visible: Collection[Label],
    ) -> NDArray[np.bool_]:
        """The voxels of a block that may change, bool, of its shape.

        Parameters
        ----------
        labels, stored : of the block, of one shape: its labels and the scan as it is stored.
        intercept : what a volume adds to stored values.
        visible : the labels that are shown.
        """
        may_change = np.zeros(256, bool)  # by value; a table is far faster than a search
        may_change[self.allowed_values(visible)] = True
        where = may_change[labels]
        if self.hu is not None:
            low, high = (value - intercept for value in self.hu)
            where &= (stored >= low) & (stored <= high)
        return where


def erased_value(label: Label) -> Label:
    """The label that erasing leaves: what is a part becomes what it is a part of."""
    return (
        Label.BACKGROUND if label is Label.BACKGROUND else label_parent(label) or Label.BACKGROUND
    )
