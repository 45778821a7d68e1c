"""Scoring a label map against a reference, label after label."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidates
from liverview.core.checks import require_labels
from liverview.core.grid import check_same_grid, same_grid
from liverview.core.labels import FOREGROUND, Label, label_entry, label_mask
from liverview.core.placing import place_labels
from liverview.core.stream import Progress, ProgressCallback
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.lesion_scoring import Evidence, score_lesions
from liverview.evaluation.lesion_table import LesionTable
from liverview.evaluation.metrics import (
    Mask,
    dice,
    iter_cl_dice,
    lesion_agreement,
    surface_agreement,
)
from liverview.evaluation.scores import LabelScore, compared_inside
from liverview.evaluation.surface_area import area_nsd

NsdBy: TypeAlias = Literal["voxels", "area"]
NSD_WAYS: tuple[NsdBy, ...] = get_args(NsdBy)


def why_not_judged(reference: LabelMap, label: Label) -> str:
    """A sentence that says why a reference is no measure of a label; empty where it is one.

    It is one of the labels that its maker drew (`LabelMap.defined`). Where nothing says which
    these are, it is one of those that it has voxels of: without vessels it may be that nobody
    looked for them, and where all of the liver's voxels are those of its parts, nobody drew it.
    """
    name, drawn = label_entry(label).plural, reference.defined
    if drawn is not None:
        return "" if label in drawn else f"The reference was drawn without {name}."
    if (reference.voxels == label).any():
        return ""
    if label_mask(reference.voxels, label).any():
        return f"The reference has parts of the {name} alone, not the {name} around them."
    return f"The reference has no {name}, and nothing says that they were looked for in it."


def compared_masks(predicted: LabelMap, reference: LabelMap, label: Label) -> tuple[Mask, Mask]:
    """The masks to compare: without the voxels that nobody judged in the reference.

    Vessels are compared inside the reference's liver where it has one; the others everywhere.
    """
    found, true = (judged_mask(labels, reference, label) for labels in (predicted, reference))
    parent = compared_within(reference, label)
    if parent is not None:
        found &= label_mask(reference.voxels, parent)
    return found, true


def compared_within(reference: LabelMap, label: Label) -> Label | None:
    """The label of a reference inside which another one is compared; None for everywhere."""
    parent = compared_inside(label)
    return None if parent is None or why_not_judged(reference, parent) else parent


def compared_in_box(
    values: NDArray[np.uint8], box: Box, reference: LabelMap, label: Label, within: Label | None
) -> tuple[Mask, Mask, Mask]:
    """The masks of a box: of its predicted labels ``values`` where they are judged, and to compare.

    ``within`` is what `compared_within` says; the last two masks are those of `compared_masks`.
    """
    theirs = reference.voxels[box]
    found, true = label_mask(values, label), label_mask(theirs, label)
    if reference.ignored is not None:
        judged = ~reference.ignored[box]
        found, true = found & judged, true & judged
    inside = found if within is None else found & label_mask(theirs, within)
    return found, inside, true


def judged_mask(labels: LabelMap, reference: LabelMap, label: Label) -> Mask:
    """The mask of a label without the voxels that nobody judged in the reference."""
    mask = label_mask(labels.voxels, label)
    if reference.ignored is not None:
        mask &= ~reference.ignored
    return mask


def iter_evaluate(
    predicted: LabelMap,
    reference: LabelMap,
    nsd: NsdBy = "voxels",
    evidence: Evidence | None = None,
) -> Iterator[Progress | LabelScore]:
    """Score every label; yields progress, and each label's score as soon as it is known.

    ``evidence`` is what else is known of the segmentation, for the table of its lesions.

    Raises
    ------
    TypeError : where one of them is no label map.
    ValueError : where NSD is to count neither voxels nor areas.
    GridMismatchError : where they do not lie on the same voxels, see `place_labels`.
    """
    if nsd not in NSD_WAYS:
        raise ValueError(f"NSD counts {' or '.join(NSD_WAYS)}, not {nsd!r}.")
    for labels in (predicted, reference):
        require_labels(labels)
    predicted = place_labels(predicted, reference)
    for number, label in enumerate(FOREGROUND):
        progress = Progress(f"Comparing {label_entry(label).plural}", number / len(FOREGROUND))
        yield progress
        reason = why_not_judged(reference, label)
        if reason:
            yield replace(unjudged_score(label, reason), nsd_by=nsd)
        else:
            score = yield from iter_score(predicted, reference, label, nsd, progress)
            if "lesions" in label_entry(label).scored:
                yield progress
                table = _lesion_table(predicted, reference, label, evidence or Evidence())
                score = replace(score, lesions=table)
            yield score


def _lesion_table(
    predicted: LabelMap, reference: LabelMap, label: Label, evidence: Evidence
) -> LesionTable:
    masks = compared_masks(predicted, reference, label)
    liver_judged = not why_not_judged(reference, Label.LIVER)
    return score_lesions(predicted, reference, masks, liver_judged=liver_judged, evidence=evidence)


def unjudged_score(label: Label, reason: str) -> LabelScore:
    """The score of a label that a reference is no measure of: it has no figure."""
    return LabelScore(label, *(math.nan,) * 6, reason=reason)


def iter_score(
    predicted: LabelMap, reference: LabelMap, label: Label, nsd: NsdBy, progress: Progress
) -> Generator[Progress, None, LabelScore]:
    """Score one label that is judged, of label maps on the same voxels.

    Yields ``progress`` between steps, so that it can be stopped there; returns the score.
    """
    found, true = compared_masks(predicted, reference, label)
    overlap = dice(found, true)
    yield progress
    spacing, ignored = reference.spacing, reference.ignored
    surfaces = surface_agreement(found, true, spacing, ignored)
    if nsd == "area":
        yield progress
        shares = area_nsd(found, true, spacing, (2.0, 3.0), ignored)
        surfaces = surfaces._replace(nsd_2mm=shares[0], nsd_3mm=shares[1])
    yield progress
    score = LabelScore(
        label,
        overlap,
        *surfaces,
        predicted_ml=int(judged_mask(predicted, reference, label).sum()) * predicted.voxel_ml,
        reference_ml=int(true.sum()) * reference.voxel_ml,
        nsd_by=nsd,
    )
    scored = label_entry(label).scored
    if "centerline" in scored:
        for agreement in iter_cl_dice(found, true):
            if agreement is None:
                yield progress
            else:
                score = replace(score, cl_dice=agreement)
    if "lesions" in scored:
        recall, precision, false = lesion_agreement(found, true, reference.voxel_ml, ignored)
        score = replace(
            score, lesion_recall=recall, lesion_precision=precision, false_lesions=false
        )
    return score


def evaluate(
    predicted: LabelMap,
    reference: LabelMap,
    *,
    nsd: NsdBy = "voxels",
    scan: Volume | None = None,
    progress: ProgressCallback | None = None,
) -> list[LabelScore]:
    """Score a label map against a reference: liver, vessels, tumors, and lesion by lesion.

    A label that the reference is no measure of, since its maker did not draw it, has NaN in all
    figures and the reason; so has one without a voxel where nothing says what was drawn
    (``reference.defined``). Voxels that nobody judged (``reference.ignored``) are left out of
    both for every figure. The score of tumors has a table of every lesion of the reference and
    every false one (`LabelScore.lesions`).

    Parameters
    ----------
    predicted, reference : on the same voxels, see `place_labels`. What `segment` returns brings
        its candidates, with which lesions have a certainty.
    nsd : "voxels" counts the surfaces' voxels, as MONAI; "area" their area, as DeepMind's
        surface-distance.
    scan : on the same voxels; with it, lesions have their contrast in HU.
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
    >>> largest = tumors.lesions.lesions[0]
    >>> largest.found, 0 < largest.dice < 1
    (True, True)
    """
    scores = []
    if scan is not None:
        check_same_grid(scan, reference)
    evidence = Evidence(scan, candidates=_candidates_of(predicted, reference))
    for item in iter_evaluate(predicted, reference, nsd, evidence):
        if isinstance(item, LabelScore):
            scores.append(item)
        elif progress is not None:
            progress(item)
    return scores


def _candidates_of(predicted: LabelMap, reference: LabelMap) -> LesionCandidates | None:
    """The candidates of a segmentation, where it lies on the reference's own voxels."""
    require_labels(predicted)
    require_labels(reference)
    if predicted.least_certainty is None or not same_grid(predicted, reference):
        return None
    return LesionCandidates(predicted.candidates, predicted.least_certainty)
