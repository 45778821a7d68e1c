"""The beginnings of both trees: as a person gave them, else as they are found."""

from __future__ import annotations

from collections.abc import Sequence

from liverview.core.errors import LiverviewError
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_mask
from liverview.core.volume import LabelMap
from liverview.vasculature.centerlines import Chain
from liverview.vasculature.pieces import Piece
from liverview.vasculature.roots import RootPlace, find_roots, seeded_root

_FAR_MM = 15.0  # from a seed to the vessel that it says is the root
_NAMES = ("portal vein", "hepatic veins")
_WHERE = ("the hilum", "the vena cava")


class VesselSeedError(LiverviewError):
    """A place that a person gave as the beginning of a tree, and that cannot be."""


def refuse_seeds(labels: LabelMap, portal: Voxel | None, hepatic: Voxel | None) -> None:
    """Refuse seeds where there are no vessels at all."""
    for name, voxel in zip(_NAMES, (portal, hepatic), strict=True):
        if voxel is not None:
            raise VesselSeedError(
                f"{labels.name} has no vessels, so that the {name} cannot begin at voxel {voxel}: "
                "segment or draw them first."
            )


def choose_roots(
    labels: LabelMap,
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    portal: Voxel | None,
    hepatic: Voxel | None,
) -> tuple[tuple[RootPlace, RootPlace], list[str]]:
    """The roots of portal vein and hepatic veins, and what to say where they are unsure.

    Raises
    ------
    VesselSeedError : where a seed is far from any vessel, or both are at the same one.
    """
    first, second = (
        None if voxel is None else _seeded(labels, chains, pieces, name, voxel)
        for name, voxel in zip(_NAMES, (portal, hepatic), strict=True)
    )
    if first is not None and second is not None and first.piece == second.piece:
        raise VesselSeedError(
            f"Both trees would begin in the same vessel of {labels.name}, at voxels {portal} and "
            f"{hepatic}: give a voxel of another vessel for one of them."
        )
    organ = label_mask(labels.voxels, Label.LIVER)
    roots = find_roots(organ, labels.affine, chains, pieces, (first, second))
    return roots, [
        sentence
        for root, name, where in zip(roots, _NAMES, _WHERE, strict=True)
        for sentence in _doubts(root, name, where)
    ]


def _seeded(
    labels: LabelMap,
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    name: str,
    voxel: Voxel,
) -> RootPlace:
    root, away = seeded_root(labels.grid.voxel_to_world(voxel), chains, pieces)
    if away > _FAR_MM:
        raise VesselSeedError(
            f"The {name} cannot begin at voxel {tuple(voxel)}: the nearest vessel of "
            f"{labels.name} is {away:.0f} mm away; give a voxel in a vessel, or within "
            f"{_FAR_MM:.0f} mm of one."
        )
    return root


def _doubts(root: RootPlace, name: str, where: str) -> list[str]:
    if root.likelihood == 0:
        return [
            f"No beginning of the {name} was found near {where}: say where it is, or take the "
            "trees with care."
        ]
    if root.is_sure:
        return []
    x, y, z = root.place
    return [
        f"The {name} may not begin at {x:.0f} {y:.0f} {z:.0f} mm, where it was taken to: look "
        "there, and say where it does."
    ]
