"""Scores of one label: figures, which of them apply, and why one is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from liverview.core.labels import FOREGROUND, Label, label_entry, label_parent
from liverview.evaluation.lesion_table import LesionTable

LESION_MM = 10.0
"""A sphere of this diameter has the volume of the smallest lesion to be found."""
LARGE_LESION_ML = math.pi / 6 * (LESION_MM / 10) ** 3
"""The volume of that sphere."""
MIN_LESION_ML = 0.05
"""Smaller components are no lesions that anybody would report."""

_MEASURE_OF = {"cl_dice": "centerline"} | dict.fromkeys(
    ("lesion_recall", "lesion_precision", "false_lesions"), "lesions"
)


@dataclass(frozen=True, repr=False)
class LabelScore:
    """Agreement for one label; NaN where the reference has none of it.

    Attributes
    ----------
    label : LIVER stands for the whole organ, vessels and tumors included; vessels are compared
        inside the reference's organ, so that a liver that is too large is not counted twice, and
        everywhere where the reference has no organ.
    dice : 0..1.
    nsd_2mm, nsd_3mm, hd95_mm : see `SurfaceAgreement`.
    predicted_ml, reference_ml : volumes, wherever they are.
    soft_slice_dice : see `SoftSliceDice`; NaN where no probabilities are known.
    cl_dice : see `cl_dice`, of vessels; NaN for other labels.
    lesion_recall, lesion_precision, false_lesions : see `LesionAgreement`, of tumors; NaN for
        other labels.
    reason : a sentence where the reference is no measure of the label, and all figures are NaN;
        else empty.
    nsd_by : "voxels" or "area", what NSD counts of the surfaces.
    lesions : of tumors, each lesion of the reference and each false one; None for other labels,
        where the reference is no measure of tumors, and in comparisons that follow changes.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.read_labels("labels.nii.gz")
    >>> lv.evaluate(labels, labels)[0]
    LabelScore liver: Dice 1.000, NSD 2 mm 1.000, HD95 0.0 mm, volume error +0.0 mL
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
    reason: str = ""
    nsd_by: str = "voxels"
    lesions: LesionTable | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return (
            f"LabelScore {self.label.name.lower()}: Dice {self.dice:.3f}, "
            f"NSD 2 mm {self.nsd_2mm:.3f}, HD95 {self.hd95_mm:.1f} mm, "
            f"volume error {self.volume_error_ml:+.1f} mL"
        )

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
        """True where a figure, by its attribute, is one of this label at all."""
        measure = _MEASURE_OF.get(figure)
        return measure is None or measure in label_entry(self.label).scored

    def why_undefined(self, figure: str) -> str:
        """Why a figure, by its attribute, is no finite number; empty where it is one."""
        name = label_entry(self.label).plural
        if math.isfinite(getattr(self, figure)):
            return ""
        if not self.applies_to(figure):
            return f"Only for {_labels_scored(_MEASURE_OF[figure])}."
        if self.reason:
            return self.reason
        if figure == "soft_slice_dice":
            return "No probabilities are known."
        if not self.in_reference:
            return f"The reference has no {name}: there is nothing to agree with."
        if figure == "lesion_recall":
            return f"The reference has no lesion with the volume of a {LESION_MM:.0f} mm sphere."
        if figure == "lesion_precision":
            return f"No lesion of {MIN_LESION_ML} mL or more was predicted."
        if math.isnan(getattr(self, figure)):
            return "All of the reference's surface lies beside voxels that nobody judged."
        parent = compared_inside(self.label)
        where = "" if parent is None else f" in the reference's {label_entry(parent).plural}"
        return f"No {name} predicted{where}: the distance is infinite."

    def to_dict(self) -> dict[str, Any]:
        """For JSON: None is no figure, "inf" an infinite one; the unit is in the key.

        ``reason`` says why all figures are None, where the reference is no measure of the label.
        """
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
            "nsd_by": self.nsd_by,
            "reason": self.reason or None,
        }


def table_of(scores: Sequence[LabelScore]) -> LesionTable | None:
    """The table of lesions among scores; None where the reference is no measure of tumors."""
    return next((score.lesions for score in scores if score.lesions is not None), None)


def _labels_scored(measure: str) -> str:
    """The labels that a measure is for, in words."""
    entries = (label_entry(label) for label in FOREGROUND)
    return " and ".join(entry.plural for entry in entries if measure in entry.scored)


def compared_inside(label: Label) -> Label | None:
    """The label inside whose reference alone a label is compared; None for those of no such."""
    return label_parent(label) if "inside_parent" in label_entry(label).scored else None


def as_json(value: float, digits: int) -> float | str | None:
    """A rounded figure; None for NaN and "inf" for infinity, which JSON has no numbers for."""
    if math.isnan(value):
        return None
    return "inf" if math.isinf(value) else round(value, digits)
