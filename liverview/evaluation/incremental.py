"""A comparison that follows changes: counts at once, distances of the labels that changed alone.

The scores are those of `scoring.iter_evaluate` on the changed labels, to the bit: Dice and volumes
are ratios of whole numbers, which are counted anew where something changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.checks import require_labels
from liverview.core.differences import Difference
from liverview.core.labels import FOREGROUND, Label, label_entry
from liverview.core.placing import place_labels
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.evaluation.scores import LabelScore
from liverview.evaluation.scoring import (
    compared_in_box,
    compared_within,
    iter_score,
    unjudged_score,
    why_not_judged,
)

_ROOM = 2  # voxels: a label's surface, and what was not judged beside it, are seen


class LabelCounts(NamedTuple):
    """Voxels of a label, of those that are compared.

    Attributes
    ----------
    predicted : of the prediction, also outside of what it is compared inside.
    found, true, shared : of the prediction, of the reference, of both.
    """

    predicted: int
    found: int
    true: int
    shared: int

    @property
    def dice(self) -> float:
        """As `metrics.dice` of the masks."""
        return 2 * self.shared / (self.found + self.true) if self.true else math.nan


@dataclass(frozen=True, eq=False)
class ComparedLabels:
    """Scores, with what it takes to follow changes.

    Attributes
    ----------
    reference : what was compared with.
    box : that holds all labels of both, with room around them.
    within : of each label that is judged, the label of the reference inside which it is compared.
    counts : of each label that is judged.
    scores : of every label; of those that are outdated, figures beside Dice and volumes are those
        of before.
    outdated : labels of which more than the counts has to be compared anew.
    """

    reference: LabelMap
    box: Box
    within: Mapping[Label, Label | None]
    counts: Mapping[Label, LabelCounts]
    scores: Mapping[Label, LabelScore]
    outdated: frozenset[Label] = frozenset()


def iter_compare(
    predicted: LabelMap, reference: LabelMap
) -> Iterator[Progress | LabelScore | ComparedLabels]:
    """Score every label as `scoring.iter_evaluate` does, ready to follow changes.

    Yields progress, each label's score as soon as it is known, and in the end all that is known.

    Raises
    ------
    TypeError, GridMismatchError : as `scoring.iter_evaluate`.
    """
    for labels in (predicted, reference):
        require_labels(labels)
    predicted = place_labels(predicted, reference)
    box = _box_around(predicted, reference)
    ours, theirs = _cut(predicted, box), _cut(reference, box)
    within: dict[Label, Label | None] = {}
    counts: dict[Label, LabelCounts] = {}
    scores: dict[Label, LabelScore] = {}
    for label in FOREGROUND:
        yield _progress(label)
        reason = why_not_judged(reference, label)
        if reason:
            scores[label] = unjudged_score(label, reason)
        else:
            within[label] = compared_within(reference, label)
            counts[label] = _count(ours.voxels, box, reference, label, within[label])
            scores[label] = yield from iter_score(ours, theirs, label, "voxels", _progress(label))
        yield scores[label]
    yield ComparedLabels(reference, box, within, counts, scores)


def follow_counts(known: ComparedLabels, differences: Sequence[Difference]) -> ComparedLabels:
    """Dice and volumes of changed labels; what else there is of a label that changed is outdated.

    Parameters
    ----------
    known : of the labels before the changes.
    differences : of the predicted labels, in boxes that share no voxel.
    """
    counts, scores, outdated = dict(known.counts), dict(known.scores), set(known.outdated)
    reference, whole = known.reference, known.box
    for one in differences:
        whole = one.box.expanded(_ROOM, reference.shape).union(whole)
    for label, parent in known.within.items():
        now = counts[label]
        for one in differences:
            if not np.array_equal(*one.masks(label)):
                outdated.add(label)
                before, after = (
                    _count(values, one.box, reference, label, parent)
                    for values in (one.before, one.after)
                )
                changes = (n + new - old for n, new, old in zip(now, after, before, strict=True))
                now = LabelCounts(*changes)
        if now != counts[label]:
            counts[label] = now
            ml = now.predicted * reference.voxel_ml
            scores[label] = replace(scores[label], dice=now.dice, predicted_ml=ml)
    return replace(known, box=whole, counts=counts, scores=scores, outdated=frozenset(outdated))


def iter_compare_outdated(
    known: ComparedLabels, predicted: LabelMap
) -> Iterator[Progress | LabelScore | ComparedLabels]:
    """Score the labels that are outdated; yields as `iter_compare` does.

    The labels lie on the voxels of before; they are read in the box that holds them.
    """
    ours, theirs = _cut(predicted, known.box), _cut(known.reference, known.box)
    scores = dict(known.scores)
    for label in FOREGROUND:
        if label in known.outdated:
            yield _progress(label)
            scores[label] = yield from iter_score(ours, theirs, label, "voxels", _progress(label))
            yield scores[label]
    yield replace(known, scores=scores, outdated=frozenset())


def _box_around(predicted: LabelMap, reference: LabelMap) -> Box:
    """The box that holds all labels of both: beyond it nothing counts."""
    found: Box | None = None
    for labels in (predicted, reference):
        around = Box.around(labels.voxels)
        found = found if around is None else around.union(found)
    return (found or Box.of_shape((1, 1, 1))).expanded(_ROOM, reference.shape)


def _cut(labels: LabelMap, box: Box) -> LabelMap:
    """The labels of a box."""
    ignored = None if labels.ignored is None else labels.ignored[box]
    return LabelMap(labels.read(box), labels.affine, defined=labels.defined, ignored=ignored)


def _progress(label: Label) -> Progress:
    return Progress(
        f"Comparing {label_entry(label).plural}", FOREGROUND.index(label) / len(FOREGROUND)
    )


def _count(
    values: NDArray[np.uint8], box: Box, reference: LabelMap, label: Label, within: Label | None
) -> LabelCounts:
    """Count the labels ``values`` of a box, as `scoring.compared_masks` has them."""
    judged, found, true = compared_in_box(values, box, reference, label, within)
    return LabelCounts(*(int(np.count_nonzero(m)) for m in (judged, found, true, found & true)))
