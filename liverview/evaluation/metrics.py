"""How well a label map agrees with a reference.

Where the reference lacks a label, there is nothing to agree with: Dice, NSD and HD95 are NaN,
left out of medians, and what counts is the volume that was invented. Where only the prediction
lacks it, Dice and NSD are 0 and HD95 is infinite. Every figure is per volume, over all voxels
together, never averaged over slices; `SoftSliceDice` does that, for comparison only.

The centerlines of vessels are those of scikit-image's `skeletonize`, in voxels. Lesions are
26-connected parts of the tumor label.

Surfaces are the voxels of a part that touch what is outside it by a face; distances run between
their centers, in mm along the voxel axes. MONAI's surface metrics follow the same conventions.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from liverview.core.labels import FOREGROUND, Label, label_mask
from liverview.core.stream import Progress, Slab
from liverview.core.volume import LabelMap, Volume, corner_distance_mm, same_grid

Mask = NDArray[np.bool_]

_SMOOTHING = 1e-5
_LESION_MM = 10.0  # a sphere of this diameter has the volume of the smallest lesion to be found
_MIN_DETECTED_SHARE = 0.2  # share of a lesion that has to be predicted
_MIN_LESION_ML = 0.05  # what is smaller is no lesion that anybody would report
_ONLY = {"cl_dice": Label.VESSEL} | dict.fromkeys(
    ("lesion_recall", "lesion_precision", "false_lesions"), Label.TUMOR
)
_LABEL_WORDS = {Label.LIVER: "liver", Label.VESSEL: "vessels", Label.TUMOR: "tumors"}


class GridMismatchError(ValueError):
    """Two arrays that should lie on the same voxels and do not."""


class SurfaceAgreement(NamedTuple):
    """How far two surfaces lie apart.

    Attributes
    ----------
    nsd_2mm, nsd_3mm : share of both surfaces within that distance of the other one, 0..1.
    hd95_mm : the larger of the two 95th percentiles of the distances to the other one.
    """

    nsd_2mm: float
    nsd_3mm: float
    hd95_mm: float


class LesionAgreement(NamedTuple):
    """Which lesions were found.

    Attributes
    ----------
    recall : share of the reference's lesions with the volume of a 10 mm sphere or more of which
        at least a fifth is predicted, 0..1; NaN where there are none.
    precision : share of the predicted lesions of 0.05 mL or more that share a voxel with the
        reference's tumor, 0..1; NaN where there are none, or no tumor in the reference.
    false : the other ones of those lesions, counted also where the reference has no tumor.
    """

    recall: float
    precision: float
    false: int


@dataclass(frozen=True)
class LabelScore:
    """Agreement for one label; NaN where the reference lacks it.

    Attributes
    ----------
    label : LIVER stands for the whole organ, vessels and tumors included; vessels are compared
        inside the reference's organ, so that a liver that is too large is not counted twice.
    dice : 0..1.
    nsd_2mm, nsd_3mm, hd95_mm : see `SurfaceAgreement`.
    predicted_ml, reference_ml : volumes, wherever they are.
    soft_slice_dice : see `SoftSliceDice`; NaN where no probabilities are known.
    cl_dice : see `cl_dice`, of vessels; NaN for other labels.
    lesion_recall, lesion_precision, false_lesions : see `LesionAgreement`, of tumors; NaN for
        other labels.
    """

    label: Label
    dice: float
    nsd_2mm: float
    nsd_3mm: float
    hd95_mm: float
    predicted_ml: float
    reference_ml: float
    soft_slice_dice: float = math.nan
    cl_dice: float = math.nan
    lesion_recall: float = math.nan
    lesion_precision: float = math.nan
    false_lesions: float = math.nan

    @property
    def volume_error_ml(self) -> float:
        """Predicted minus reference; all of it is invented where the reference has none."""
        return self.predicted_ml - self.reference_ml

    @property
    def volume_error_percent(self) -> float:
        """`volume_error_ml` in percent of the reference; NaN where it has none."""
        if not self.in_reference:
            return math.nan
        return 100 * self.volume_error_ml / self.reference_ml

    @property
    def in_reference(self) -> bool:
        return self.reference_ml > 0

    def applies_to(self, figure: str) -> bool:
        """Whether a figure, by its attribute, is one of this label at all."""
        return _ONLY.get(figure, self.label) is self.label

    def why_undefined(self, figure: str) -> str:
        """Why a figure, by its attribute, is no finite number; empty where it is one."""
        name = _LABEL_WORDS[self.label]
        if math.isfinite(getattr(self, figure)):
            return ""
        if not self.applies_to(figure):
            return f"Only for {_LABEL_WORDS[_ONLY[figure]]}."
        if figure == "soft_slice_dice":
            return "No probabilities are known."
        if not self.in_reference:
            return f"The reference has no {name}: there is nothing to agree with."
        if figure == "lesion_recall":
            return f"The reference has no lesion with the volume of a {_LESION_MM:.0f} mm sphere."
        if figure == "lesion_precision":
            return f"No lesion of {_MIN_LESION_ML} mL or more was predicted."
        where = " in the reference's liver" if self.label is Label.VESSEL else ""
        return f"No {name} predicted{where}: the distance is infinite."

    def to_dict(self) -> dict[str, Any]:
        """For JSON: None is no figure, "inf" an infinite one; the unit is in the key."""
        return {
            "dice": as_json(self.dice, 4),
            "nsd_2mm": as_json(self.nsd_2mm, 4),
            "nsd_3mm": as_json(self.nsd_3mm, 4),
            "hd95_mm": as_json(self.hd95_mm, 2),
            "volume_error_ml": as_json(self.volume_error_ml, 2),
            "volume_error_percent": as_json(self.volume_error_percent, 2),
            "predicted_ml": as_json(self.predicted_ml, 2),
            "reference_ml": as_json(self.reference_ml, 2),
            "soft_slice_dice": as_json(self.soft_slice_dice, 4),
            "cl_dice": as_json(self.cl_dice, 4),
            "lesion_recall": as_json(self.lesion_recall, 4),
            "lesion_precision": as_json(self.lesion_precision, 4),
            "false_lesions": as_json(self.false_lesions, 0),
        }


def as_json(value: float, digits: int) -> float | str | None:
    """A rounded figure; None for NaN and "inf" for infinity, which JSON has no numbers for."""
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else round(value, digits)


def dice(predicted: Mask, reference: Mask) -> float:
    """2 |P and R| / (|P| + |R|) of two masks of one shape; NaN if the reference is empty."""
    size = int(reference.sum())
    if not size:
        return math.nan
    return 2 * int((predicted & reference).sum()) / (int(predicted.sum()) + size)


def surface_agreement(
    predicted: Mask, reference: Mask, spacing: tuple[float, float, float]
) -> SurfaceAgreement:
    """Compare the surfaces of two masks, (I, J, K), with ``spacing`` in mm."""
    if not reference.any():
        return SurfaceAgreement(math.nan, math.nan, math.nan)
    if not predicted.any():
        return SurfaceAgreement(0.0, 0.0, math.inf)
    found, true = (
        _surface_voxels(mask) * spacing for mask in _crop_to_either(predicted, reference)
    )
    # As float32, or a distance of exactly the tolerance could be a rounding error beyond it.
    there, back = (
        np.asarray(KDTree(to).query(points)[0], np.float32)
        for points, to in ((found, true), (true, found))
    )
    both = np.concatenate([there, back])
    return SurfaceAgreement(
        nsd_2mm=float(np.mean(both <= 2)),
        nsd_3mm=float(np.mean(both <= 3)),
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
    )


def cl_dice(predicted: Mask, reference: Mask) -> float:
    """Agreement of thin and branching things by their centerlines, 0..1; NaN without a reference.

    The harmonic mean of two shares: how much of the prediction's centerline lies in the
    reference, and how much of the reference's in the prediction (Shit et al. 2021,
    doi:10.1109/CVPR46437.2021.01629).
    """
    if not reference.any():
        return math.nan
    if not predicted.any():
        return 0.0
    found, true = _crop_to_either(predicted, reference)
    line, true_line = _thin_to_centerline(found), _thin_to_centerline(true)
    precision = (line & true).sum() / max(1, line.sum())
    recall = (true_line & found).sum() / max(1, true_line.sum())
    total = float(precision + recall)
    return float(2 * precision * recall) / total if total else 0.0


def _crop_to_either(predicted: Mask, reference: Mask) -> tuple[Mask, Mask]:
    """Both masks in the box of what is in any of them, which must be some voxel."""
    box = ndimage.find_objects((predicted | reference).view(np.uint8))[0]
    return predicted[box], reference[box]


def _thin_to_centerline(mask: Mask) -> Mask:
    """A line of voxels along the middle of every part of a mask, of at least one voxel."""
    from skimage.morphology import skeletonize  # half a second that few need

    whole = np.pad(mask, 1)  # else what touches the edge is thinned in another way
    line = skeletonize(whole)
    # The thinning leaves nothing of a part that is an even number of voxels thick.
    parts = cc3d.connected_components(np.asfortranarray(whole), connectivity=26)
    lost = np.setdiff1d(np.arange(1, parts.max() + 1), parts[line])
    boxes = ndimage.find_objects(parts) if len(lost) else []
    for number in lost:
        box = boxes[number - 1]
        one = parts[box] == number
        deep = ndimage.distance_transform_edt(np.pad(one, 1))[1:-1, 1:-1, 1:-1]
        line[box][np.unravel_index(int(deep.argmax()), one.shape)] = True
    inner: Mask = line[1:-1, 1:-1, 1:-1]
    return inner


def lesion_agreement(predicted: Mask, reference: Mask, voxel_ml: float) -> LesionAgreement:
    """Compare the lesions of two masks, (I, J, K)."""
    if not (predicted.any() or reference.any()):
        return LesionAgreement(math.nan, math.nan, 0)
    predicted, reference = _crop_to_either(predicted, reference)
    known, found = (
        cc3d.connected_components(np.asfortranarray(mask), connectivity=26)
        for mask in (reference, predicted)
    )
    size = np.bincount(known.ravel(order="K"))[1:]
    hit = np.bincount(known[predicted].ravel(), minlength=len(size) + 1)[1:]
    large = size * voxel_ml >= np.pi / 6 * (_LESION_MM / 10) ** 3
    recall = (
        float(np.mean(hit[large] >= _MIN_DETECTED_SHARE * size[large])) if large.any() else math.nan
    )
    volume = np.bincount(found.ravel(order="K"))[1:] * voxel_ml
    shared = np.isin(np.arange(1, len(volume) + 1), found[reference])[volume >= _MIN_LESION_ML]
    precision = float(shared.mean()) if len(shared) and len(size) else math.nan
    return LesionAgreement(recall, precision, int(np.sum(~shared)))


def check_same_grid(first: Volume | LabelMap, second: Volume | LabelMap) -> None:
    """Raise `GridMismatchError` where shapes or affines differ."""
    if same_grid(first, second):
        return
    told = f"they have {first.voxels.shape} and {second.voxels.shape} voxels"
    if first.voxels.shape == second.voxels.shape:
        told = (
            f"by their affines, corners lie up to {corner_distance_mm(first, second):.3g} mm apart"
        )
    raise GridMismatchError(
        f"{first.name} and {second.name} do not lie on the same voxels: {told}; "
        "save both on the grid of the scan."
    )


def compared_masks(predicted: LabelMap, reference: LabelMap, label: Label) -> tuple[Mask, Mask]:
    """What is compared of a label: vessels inside the reference's liver, the others everywhere."""
    found, true = (label_mask(labels.voxels, label) for labels in (predicted, reference))
    if label is Label.VESSEL:
        found &= label_mask(reference.voxels, Label.LIVER)
    return found, true


def iter_evaluate(predicted: LabelMap, reference: LabelMap) -> Iterator[Progress | LabelScore]:
    """Score every label; yields progress, and each label's score as soon as it is known.

    Raises
    ------
    GridMismatchError : where shapes or affines differ.
    """
    check_same_grid(predicted, reference)
    for number, label in enumerate(FOREGROUND):
        score = yield from _iter_score(predicted, reference, label, number / len(FOREGROUND))
        yield score


def _iter_score(
    predicted: LabelMap, reference: LabelMap, label: Label, done: float
) -> Generator[Progress, None, LabelScore]:
    """Yields progress between steps, so that it can be stopped there; returns the score."""
    progress = Progress(f"Comparing {_LABEL_WORDS[label]}", done)
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
    if label is Label.VESSEL:
        return replace(score, cl_dice=cl_dice(found, true))
    if label is Label.TUMOR:
        recall, precision, false = lesion_agreement(found, true, reference.voxel_ml)
        return replace(score, lesion_recall=recall, lesion_precision=precision, false_lesions=false)
    return score


def evaluate(predicted: LabelMap, reference: LabelMap) -> list[LabelScore]:
    """`iter_evaluate` for callers that do not want progress."""
    scores = iter_evaluate(predicted, reference)
    return [score for score in scores if isinstance(score, LabelScore)]


class SoftSliceDice:
    """Dice on probabilities, axial slice by axial slice, averaged over all slices of the scan.

    (2 sum pg + e) / (sum p + sum g + e), e = 1e-5: the figure of the paper that liverview grew
    from. A slice where neither has anything counts as perfect, one where only the prediction has
    a trace as a failure; so it says nothing about a volume.
    """

    def __init__(self, reference: LabelMap) -> None:
        self._reference = reference.voxels
        shape = len(FOREGROUND), reference.voxels.shape[2]
        self._overlap, self._predicted = np.zeros(shape), np.zeros(shape)

    def add(self, slab: Slab) -> None:
        """Take the probabilities of a slab, if it has any; where none came, they are 0."""
        if slab.probabilities is None:
            return
        where = slice(slab.start, slab.stop)
        for row, label in enumerate(FOREGROUND):
            probability = slab.probabilities[row].astype(np.float32)
            true = label_mask(self._reference[:, :, where], label)
            self._overlap[row, where] = probability.sum(axis=(0, 1), where=true)
            self._predicted[row, where] = probability.sum(axis=(0, 1))

    def result(self) -> dict[Label, float]:
        """The mean over the slices; NaN where the reference lacks the label."""
        found: dict[Label, float] = {}
        for row, label in enumerate(FOREGROUND):
            true = label_mask(self._reference, label).sum(axis=(0, 1))
            total = self._predicted[row] + true + _SMOOTHING
            mean = float(np.mean((2 * self._overlap[row] + _SMOOTHING) / total))
            found[label] = mean if true.any() else math.nan
        return found


def _surface_voxels(mask: Mask) -> NDArray[np.intp]:
    """The voxels of a mask that touch its outside by a face, (N, 3); the array's end is outside."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask))
