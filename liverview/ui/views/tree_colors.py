"""How slices show portal vein and hepatic veins: colors and outlines in place of the vessels'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPainterPath

from liverview.core.labels import Label, LabelStyle, label_mask
from liverview.ui.views.outline import Borders
from liverview.vasculature.graph import TREE_STYLES, VesselTree

# Of pixels, far from those of labels; 255 is what no label is known of.
TREE_VALUES = {VesselTree.PORTAL: 250, VesselTree.HEPATIC: 251}
Masks = Mapping[VesselTree, NDArray[np.bool_]]


def with_trees(block: NDArray[np.uint8], masks: Masks) -> NDArray[np.uint8]:
    """A block of labels, (rows, columns), with values of its own for each tree."""
    if not any(mask.any() for mask in masks.values()):
        return block
    values = block.copy()
    for tree, mask in masks.items():
        values[mask] = TREE_VALUES[tree]
    return values


def add_tree_colors(table: NDArray[np.uint8], styles: Mapping[Label, LabelStyle]) -> None:
    """Color the trees in a (256, 4) RGBA table of labels: as strong as vessels, hidden as they."""
    for tree, value in TREE_VALUES.items():
        table[value] = table[Label.VESSEL]
        if styles[Label.VESSEL].visible:
            table[value, :3] = TREE_STYLES[tree].color


def iter_tree_outlines(
    block: NDArray[np.uint8],
    masks: Masks,
    origin: tuple[float, float],
    steps: tuple[float, float],
    vessel_color: tuple[int, int, int],
) -> Iterator[tuple[QPainterPath, tuple[int, int, int]]]:
    """Yield the outlines of both trees, and of vessels of neither, with their colors."""
    neither = label_mask(block, Label.VESSEL)
    for tree, mask in masks.items():
        neither &= ~mask
        yield _outline(mask, origin, steps), TREE_STYLES[tree].color
    yield _outline(neither, origin, steps), vessel_color


def _outline(
    mask: NDArray[np.bool_], origin: tuple[float, float], steps: tuple[float, float]
) -> QPainterPath:
    values = np.where(mask, Label.VESSEL, Label.BACKGROUND).astype(np.uint8)
    return Borders(values).path(Label.VESSEL, origin, steps)
