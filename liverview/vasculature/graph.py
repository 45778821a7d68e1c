"""Vessel trees as a graph: branches between branching points, with lengths and radii."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.labels import LabelStyle


class VesselTree(IntEnum):
    """Values of a map of vessel trees; one that is undecided keeps the value of the vessels.

    Examples
    --------
    >>> from liverview.vasculature.graph import VesselTree
    >>> int(VesselTree.PORTAL), int(VesselTree.HEPATIC)
    (4, 5)
    """

    UNDECIDED = 2
    PORTAL = 4
    HEPATIC = 5

    @property
    def words(self) -> str:
        """What people call it."""
        return {2: "undecided", 4: "portal vein", 5: "hepatic veins"}[int(self)]


TREE_STYLES = {
    VesselTree.UNDECIDED: LabelStyle("Vessels, undecided", (170, 170, 170)),
    VesselTree.PORTAL: LabelStyle("Portal vein", (150, 50, 75)),
    VesselTree.HEPATIC: LabelStyle("Hepatic veins", (150, 225, 225)),
}
"""Names and colors: one dark, one light, apart from those of labels for color-blind eyes, too."""


@dataclass(frozen=True)
class VesselNode:
    """A place where branches meet, begin or end.

    Attributes
    ----------
    number : from 1.
    place_mm : world mm, RAS+.
    branches : the numbers of those that meet there.
    is_root : a tree begins there.
    """

    number: int
    place_mm: tuple[float, float, float]
    branches: tuple[int, ...]
    is_root: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "number": self.number,
            "place_mm": [round(mm, 2) for mm in self.place_mm],
            "branches": list(self.branches),
            "root": self.is_root,
        }


@dataclass(frozen=True, eq=False)
class VesselBranch:
    """A vessel from one node to the next, in the direction away from its tree's root.

    Attributes
    ----------
    number : from 1.
    tree : that it is a part of.
    nodes : the numbers of its first and last node.
    places_mm : its centerline, (n, 3) world mm, RAS+.
    radii_mm : at these places, (n,).
    length_mm : along the centerline.
    radius_mm : of a cylinder of its volume and length.
    volume_ml : of the voxels that are nearer to it than to another one.
    parent : the number of the branch that it leaves; None at a root and in what has none.
    generation : how many nodes lie between it and the root; None in what has no root.
    """

    number: int
    tree: VesselTree
    nodes: tuple[int, int]
    places_mm: NDArray[np.float64]
    radii_mm: NDArray[np.float64]
    length_mm: float
    radius_mm: float
    volume_ml: float
    parent: int | None
    generation: int | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit is in every key."""
        return {
            **self.to_row(),
            "places_mm": np.round(self.places_mm, 2).tolist(),
            "radii_mm": np.round(self.radii_mm, 2).tolist(),
        }

    def to_row(self) -> dict[str, Any]:
        """A row of the table of branches, keys as in `BRANCH_COLUMNS`."""
        return {
            "number": self.number,
            "tree": self.tree.words,
            "value": int(self.tree),
            "first_node": self.nodes[0],
            "last_node": self.nodes[1],
            "parent": self.parent,
            "generation": self.generation,
            "length_mm": round(self.length_mm, 2),
            "radius_mm": round(self.radius_mm, 2),
            "volume_ml": round(self.volume_ml, 4),
        }


BRANCH_COLUMNS = (
    "number",
    "tree",
    "value",
    "first_node",
    "last_node",
    "parent",
    "generation",
    "length_mm",
    "radius_mm",
    "volume_ml",
)
"""Of the table of branches."""


@dataclass(frozen=True, eq=False)
class VesselGraph:
    """All branches of the vessels, and the nodes where they meet.

    Examples
    --------
    >>> import liverview as lv
    >>> graph = lv.split_vessels(lv.read_labels("labels.nii.gz")).graph
    >>> all(branch.length_mm >= 0 for branch in graph.branches)
    True
    """

    nodes: tuple[VesselNode, ...]
    branches: tuple[VesselBranch, ...]

    def of_tree(self, tree: VesselTree) -> tuple[VesselBranch, ...]:
        """The branches of a tree."""
        return tuple(branch for branch in self.branches if branch.tree is tree)

    def length_mm(self, tree: VesselTree) -> float:
        """The length of all branches of a tree together."""
        return sum((branch.length_mm for branch in self.of_tree(tree)), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: units are in every key; places are world mm, RAS+."""
        return {
            "nodes": [node.to_dict() for node in self.nodes],
            "branches": [branch.to_dict() for branch in self.branches],
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row per branch, keys as in `BRANCH_COLUMNS`; None is no figure."""
        return [branch.to_row() for branch in self.branches]
