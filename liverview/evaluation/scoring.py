"""Scoring a label map against a reference, label after label."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

from liverview.core.checks import require_labels
from liverview.core.labels import FOREGROUND, Label, label_entry, label_mask
from liverview.core.placing import place_labels
from liverview.core.stream import Progress, ProgressCallback
from liverview.core.volume import LabelMap
from liverview.evaluation.metrics import Mask, cl_dice, dice, lesion_agreement, surface_agreement
from liverview.evaluation.scores import LabelScore, compared_inside


def compared_masks(predicted: LabelMap, reference: LabelMap, label: Label) -> tuple[Mask, Mask]:
    """The masks to compare: vessels inside the reference's liver, the others everywhere."""
    found, true = (label_mask(labels.voxels, label) for labels in (predicted, reference))
    parent = compared_inside(label)
    if parent is not None:
        found &= label_mask(reference.voxels, parent)
    return found, true


def iter_evaluate(predicted: LabelMap, reference: LabelMap) -> Iterator[Progress | LabelScore]:
    """Score every label; yields progress, and each label's score as soon as it is known.

    Raises
    ------
    TypeError : where one of them is no label map.
    GridMismatchError : where they do not lie on the same voxels, see `place_labels`.
    """
    for labels in (predicted, reference):
        require_labels(labels)
    predicted = place_labels(predicted, reference)
    for number, label in enumerate(FOREGROUND):
        score = yield from _iter_score(predicted, reference, label, number / len(FOREGROUND))
        yield score


def _iter_score(
    predicted: LabelMap, reference: LabelMap, label: Label, done: float
) -> Generator[Progress, None, LabelScore]:
    """Yields progress between steps, so that it can be stopped there; returns the score."""
    progress = Progress(f"Comparing {label_entry(label).plural}", done)
    yield progress
    found, true = compared_masks(predicted, reference, label)
    overlap = dice(found, true)
    yield progress
    surfaces = surface_agreement(found, true, reference.spacing)
    yield progress
    score = LabelScore(
        label,
        overlap,
        *surfaces,
        predicted_ml=int(label_mask(predicted.voxels, label).sum()) * predicted.voxel_ml,
        reference_ml=int(true.sum()) * reference.voxel_ml,
    )
    scored = label_entry(label).scored
    if "centerline" in scored:
        score = replace(score, cl_dice=cl_dice(found, true))
    if "lesions" in scored:
        recall, precision, false = lesion_agreement(found, true, reference.voxel_ml)
        score = replace(
            score, lesion_recall=recall, lesion_precision=precision, false_lesions=false
        )
    return score


def evaluate(
    predicted: LabelMap, reference: LabelMap, *, progress: ProgressCallback | None = None
) -> list[LabelScore]:
    """Score a label map against a reference: liver, vessels, tumors.

    Parameters
    ----------
    predicted, reference : on the same voxels, see `place_labels`.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    GridMismatchError : where they do not lie on the same voxels.

    Examples
    --------
    >>> import numpy as np
    >>> import liverview as lv
    >>> reference = lv.read_labels("labels.nii.gz")
    >>> shifted = lv.LabelMap(np.roll(reference.voxels, 1, axis=0), reference.affine)
    >>> liver, vessels, tumors = lv.evaluate(shifted, reference)
    >>> 0.9 < liver.dice < 1, abs(liver.volume_error_ml) < 0.001
    (True, True)
    """
    scores = []
    for item in iter_evaluate(predicted, reference):
        if isinstance(item, LabelScore):
            scores.append(item)
        elif progress is not None:
            progress(item)
    return scores
