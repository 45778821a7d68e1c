"""Generators that follow labels: they begin with what is known of labels of before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from liverview.core.differences import Difference
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_mask
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.ui.state.lent_labels import LentLabels
from liverview.vasculature.graph import VesselTree

if TYPE_CHECKING:
    from liverview.evaluation.error_map import ErrorMap
    from liverview.evaluation.scores import LabelScore
    from liverview.measurement.surface import Surface
    from liverview.vasculature.split import VesselTrees

_ROOM = 24  # voxels


class Followed(NamedTuple):
    """What was found in labels, with the labels: the next look begins there."""

    labels: LentLabels
    found: Any


class DividedVessels(NamedTuple):
    """Vessels in two trees, with what panels say of them.

    Attributes
    ----------
    trees : the map, the graph and the warnings.
    volumes_ml : of each tree, and of vessels of neither.
    begins : the voxels at which a person said that trees begin.
    """

    trees: VesselTrees
    volumes_ml: Mapping[VesselTree, float]
    begins: Mapping[VesselTree, Voxel]


def iter_measure(
    labels: LentLabels, volume: Volume, known: Followed | None = None
) -> Iterator[Progress | Followed]:
    """Measure the labels of the open scan; of what is known, only what has changed since.

    What was found are `MeasuredParts`.
    """
    from liverview.measurement import incremental

    changes = None if known is None else labels.differences(known.labels)
    if known is None or changes is None:
        work = incremental.iter_measure_parts(labels.take(), volume)
    else:
        work = incremental.iter_measure_changes(known.found, changes, labels, volume)
    for item in work:
        yield item if isinstance(item, Progress) else Followed(labels, item)


def iter_surfaces(
    labels: LentLabels, known: Followed | None = None
) -> Iterator[Progress | Surface | Followed]:
    """Make the surfaces of the labels; of what is known, only those that have changed since.

    What was found are `MeshedLabels`.
    """
    from liverview.measurement import incremental_surfaces

    changes = None if known is None else labels.differences(known.labels)
    if known is None or changes is None:
        work = incremental_surfaces.iter_mesh_labels(labels.take())
    else:
        work = incremental_surfaces.iter_mesh_changes(known.found, changes, labels)
    for item in work:
        done = isinstance(item, incremental_surfaces.MeshedLabels)
        yield Followed(labels, item) if done else item  # type: ignore[misc]


def iter_compare(
    labels: LentLabels,
    reference: LabelMap,
    known: Followed | None = None,
    counts_alone: bool = False,
) -> Iterator[Progress | LabelScore | Followed]:
    """Score the labels of the open scan; of what is known, only what has changed since.

    What was found are `ComparedLabels`. Of what is known, counts come first; with
    ``counts_alone``, nothing else follows.
    """
    from liverview.evaluation import incremental

    changes = None if known is None else labels.differences(known.labels)
    if known is None or changes is None or known.found.reference is not reference:
        work = incremental.iter_compare(labels.take(), reference)
    else:
        counted = incremental.follow_counts(known.found, changes)
        yield Followed(labels, counted)
        if counts_alone or not counted.outdated:
            return
        work = incremental.iter_compare_outdated(counted, labels)
    for item in work:
        yield Followed(labels, item) if isinstance(item, incremental.ComparedLabels) else item


def iter_error_map(labels: LentLabels, reference: LabelMap, label: Label) -> Iterator[ErrorMap]:
    """Map the errors of a label, with room around it for edits to be followed in."""
    from liverview.evaluation.error_map import error_map

    yield error_map(labels.take(), reference, label, _ROOM)


def iter_divide_vessels(
    labels: LentLabels,
    volume: Volume,
    begins: Mapping[VesselTree, Voxel],
    known: Followed | None = None,
) -> Iterator[Progress | Followed]:
    """Divide the vessels of the open scan; what is known is right where no vessel has changed.

    What was found are `DividedVessels`.
    """
    from liverview.vasculature.split import VesselTrees, iter_split_vessels

    if known is not None and known.found.begins == begins:
        changes = labels.differences(known.labels)
        if changes is not None and not any(map(_concerns_trees, changes)):
            yield Followed(labels, known.found)
            return
    seeds = {tree.name.lower(): voxel for tree, voxel in begins.items()}
    for item in iter_split_vessels(labels.take(), volume, **seeds):
        if isinstance(item, VesselTrees):
            volumes_ml = {tree: item.volume_ml(tree) for tree in VesselTree}
            yield Followed(labels, DividedVessels(item, volumes_ml, dict(begins)))
        else:
            yield item


def _concerns_trees(change: Difference) -> bool:
    """Whether vessels or the organ, whose shape says where trees begin, are others."""
    before, after = change.before, change.after
    vessel = (before == Label.VESSEL) != (after == Label.VESSEL)
    organ = label_mask(before, Label.LIVER) != label_mask(after, Label.LIVER)
    return bool(vessel.any() or organ.any())
