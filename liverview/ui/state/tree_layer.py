"""The trees as which vessels are shown, while a person asks for that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.grid import Voxel
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Plane
from liverview.ui.state.slice_reader import LabelSlice
from liverview.vasculature.graph import VesselTree


class TreeLayer(QObject):
    """A map of vessel trees over the labels, which stay as they are.

    Only voxels that are vessels now are of a tree: what was edited since the map was made is
    drawn as vessel until there is another map.

    Attributes
    ----------
    map : of `VesselTree` values, on the grid of the open scan; None where none is shown.

    Signals
    -------
    changed : another map, or none, is shown.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.map: LabelMap | None = None

    def show(self, trees: LabelMap | None) -> None:
        """Show a map, or none."""
        if trees is not self.map:
            self.map = trees
            self.changed.emit()

    def tree_at(self, voxel: Voxel, label: Label) -> VesselTree:
        """The tree of a voxel with a label; `VesselTree.UNDECIDED` where none is known."""
        value = 0 if self.map is None or label is not Label.VESSEL else self.map.voxels[voxel]
        return VesselTree(value) if value else VesselTree.UNDECIDED

    def masks(
        self, labels: LabelSlice, plane: Plane, index: int
    ) -> dict[VesselTree, NDArray[np.bool_]]:
        """Masks of both trees, of the block of a slice's labels; none where no map is shown."""
        if self.map is None:
            return {}
        block, (row, column) = labels
        rows, columns = slice(row, row + block.shape[0]), slice(column, column + block.shape[1])
        trees = plane.slice_of(self.map.voxels, index)[rows, columns]
        vessel = block == Label.VESSEL
        both = (VesselTree.PORTAL, VesselTree.HEPATIC)
        return {tree: vessel & (trees == tree) for tree in both}
