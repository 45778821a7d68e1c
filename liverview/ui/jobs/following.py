"""Generators that follow labels: they begin with what is known of labels of before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.ui.state.lent_labels import LentLabels

if TYPE_CHECKING:
    from liverview.evaluation.error_map import ErrorMap
    from liverview.evaluation.scores import LabelScore
    from liverview.measurement.surface import Surface

_ROOM = 24  # voxels


class Followed(NamedTuple):
    """What was found in labels, with the labels: the next look begins there."""

    labels: LentLabels
    found: Any


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
