"""The figures: volumes stated by what they include, and lesions.

Voxel coordinates (i, j, k) are those of the volume in RAS+, whole numbers at voxel centers;
world coordinates are mm, RAS+. Values are not rounded here; `to_dict` rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Grid, Voxel
from liverview.core.labels import (
    FOREGROUND,
    Label,
    count_with_parts,
    describe_volumes,
    label_entry,
    label_parts,
)
from liverview.core.labels import SMALLEST_LESION_ML as SMALLEST_LESION_ML

Point = tuple[float, float, float]

PARTS_OF_LIVER = label_parts(Label.LIVER)
"""The labels that count in the organ beside the parenchyma."""
FURTHER_LABELS = tuple(
    label for label in FOREGROUND if label not in (Label.LIVER, Label.VESSEL, Label.TUMOR)
)
"""Labels that have a volume of their own and no figure beyond it."""

PARTIAL_WARNING = (
    "These labels are partial: their segmentation was stopped, so volumes are those of what it had "
    "found by then, and lesions may be missing or other ones in the end."
)


@dataclass(frozen=True)
class Diameter:
    """A straight line from edge to edge of a lesion.

    Attributes
    ----------
    length_mm : its length.
    ends_voxel : its two end points (i, j, k), which lie between voxel centers.
    ends_mm : the same in world mm.
    """

    length_mm: float
    ends_voxel: tuple[Point, Point]
    ends_mm: tuple[Point, Point]


@dataclass(frozen=True, repr=False)
class Lesion:
    """One connected tumor component (26-connected).

    Attributes
    ----------
    number : 1 is the largest by volume.
    volume_ml, voxel_count : its size.
    axial : the longest diameter in an axial slice.
    perpendicular : the longest line across it in the same slice, by
        `diameters.longest_perpendicular`.
    diameter_3d : the longest distance between two points of its surface.
    mean_hu, sd_hu : of its voxels, the standard deviation that of all of them (not of a
        sample); None where there is no volume, or one that is not in HU.
    centroid_mm : the middle of its voxels in world mm; may lie outside a crescent.
    inside : the voxel of the centroid, or where that is none of the lesion's, the nearest one.
    start : the first voxel of its box.
    mask : which voxels of the box are the lesion's.
    certainty : how sure the network is of it, 0..1; None of what it did not find.

    Examples
    --------
    >>> import liverview as lv
    >>> lesion = lv.measure(lv.read_labels("labels.nii.gz")).lesions[0]
    >>> lesion
    Lesion 1, ... mL, ... x ... mm
    >>> lesion.contains(lesion.inside), lesion.longest_mm >= lesion.perpendicular.length_mm
    (True, True)
    """

    number: int
    volume_ml: float
    voxel_count: int
    axial: Diameter
    perpendicular: Diameter
    diameter_3d: Diameter
    mean_hu: float | None
    sd_hu: float | None
    centroid_mm: Point
    inside: Voxel
    start: Voxel
    mask: NDArray[np.bool_] = field(repr=False, compare=False)
    certainty: float | None = None

    def __repr__(self) -> str:
        across = self.perpendicular.length_mm
        size = f"{self.volume_ml:.2f} mL, {self.longest_mm:.1f} x {across:.1f} mm"
        return f"Lesion {self.number}, {size}"

    @property
    def longest_mm(self) -> float:
        """The longest diameter in an axial slice, which RECIST 1.1 takes."""
        return self.axial.length_mm

    @property
    def axial_slice(self) -> int:
        """The index k of the slice of `axial` and `perpendicular`."""
        return round(self.axial.ends_voxel[0][2])

    @property
    def axial_voxel(self) -> Voxel:
        """Its voxel in the slice of `axial` that is nearest to the middle of that diameter."""
        voxels = np.argwhere(self.mask[:, :, self.axial_slice - self.start[2]]) + self.start[:2]
        middle = np.mean(self.axial.ends_voxel, axis=0)[:2]
        i, j = voxels[np.argmin(((voxels - middle) ** 2).sum(axis=1))]
        return int(i), int(j), self.axial_slice

    def contains(self, voxel: Voxel) -> bool:
        """True for a voxel of the lesion."""
        place = tuple(v - s for v, s in zip(voxel, self.start, strict=True))
        within = all(0 <= p < n for p, n in zip(place, self.mask.shape, strict=True))
        return within and bool(self.mask[place])

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit is in every key; voxels are those of the volume in RAS+."""
        return {
            "number": self.number,
            "volume_ml": round(self.volume_ml, 3),
            "voxel_count": self.voxel_count,
            "axial_diameter_mm": round(self.axial.length_mm, 1),
            "axial_diameter_ends_mm": _ends(self.axial.ends_mm, 2),
            "axial_diameter_ends_voxel_ras": _ends(self.axial.ends_voxel, 3),
            "perpendicular_diameter_mm": round(self.perpendicular.length_mm, 1),
            "perpendicular_diameter_ends_mm": _ends(self.perpendicular.ends_mm, 2),
            "perpendicular_diameter_ends_voxel_ras": _ends(self.perpendicular.ends_voxel, 3),
            "axial_slice_index_ras": self.axial_slice,
            "diameter_3d_mm": round(self.diameter_3d.length_mm, 1),
            "diameter_3d_ends_mm": _ends(self.diameter_3d.ends_mm, 2),
            "diameter_3d_ends_voxel_ras": _ends(self.diameter_3d.ends_voxel, 3),
            "mean_hu": None if self.mean_hu is None else round(self.mean_hu, 1),
            "sd_hu": None if self.sd_hu is None else round(self.sd_hu, 1),
            "centroid_mm": [round(x, 1) for x in self.centroid_mm],
            "inside_voxel_ras": list(self.inside),
            "certainty": None if self.certainty is None else round(self.certainty, 3),
        }


@dataclass(frozen=True)
class RuledOut:
    """What a person has said to be no lesion; no figure counts it.

    Attributes
    ----------
    lesion : its figures; its number follows those of the lesions.
    reason : why.
    """

    lesion: Lesion
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON: as a lesion, without a number."""
        figures = self.lesion.to_dict()
        del figures["number"]
        return {"reason": self.reason, **figures}


@dataclass(frozen=True, eq=False, repr=False)
class Measurement:
    """Volumes and lesions of a label map.

    Attributes
    ----------
    voxel_count : of each label alone: of LIVER, that of the parenchyma.
    grid : of the label map.
    lesions : largest first.
    smallest_lesion_ml : smaller parts of the tumor label are no lesions.
    left_out, left_out_ml : how many such parts there are, and their volume.
    partial : a segmentation that was stopped made the labels.
    ruled_out : what a person has said to be no lesion; it is in none of the figures.
    no_targets : reasons by lesion number, of tumors that a person has said to be no targets.
    confirmed : numbers of the lesions that a person has confirmed as target lesions.
    lost_targets : how many lesions that were confirmed are not there any more.
    accepted : numbers of the lesions that a person has said to be lesions, in any way.
    least_certainty : from which the network's lesions are among these; None where nothing says.
    defined : the labels that the label map's maker drew; None where nothing says. A figure that
        needs another one is NaN, or None, since its absence says nothing.

    Examples
    --------
    >>> import liverview as lv
    >>> found = lv.measure(lv.read_labels("labels.nii.gz"))
    >>> round(found.volume_ml[lv.Label.LIVER])
    2608
    >>> [lesion.number for lesion in found.lesions[:2]]
    [1, 2]
    """

    voxel_count: Mapping[Label, int]
    grid: Grid
    lesions: tuple[Lesion, ...]
    smallest_lesion_ml: float
    left_out: int
    left_out_ml: float
    partial: bool = False
    ruled_out: tuple[RuledOut, ...] = ()
    no_targets: Mapping[int, str] = field(default_factory=dict)
    confirmed: frozenset[int] = frozenset()
    lost_targets: int = 0
    accepted: frozenset[int] = frozenset()
    least_certainty: float | None = None
    defined: frozenset[Label] | None = None

    def __repr__(self) -> str:
        lesions = "1 lesion" if len(self.lesions) == 1 else f"{len(self.lesions)} lesions"
        return f"Measurement {describe_volumes(self.volume_ml)}, {lesions}"

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel."""
        return self.grid.voxel_ml

    def defines(self, *labels: Label) -> bool:
        """False where the maker of the label map did not draw all of these labels."""
        return self.defined is None or self.defined.issuperset(labels)

    @property
    def volume_ml(self) -> dict[Label, float]:
        """Per label; the liver is the whole organ, with its vessels and tumors."""
        counts = count_with_parts(self.voxel_count)
        return {label: self._ml(n, label) for label, n in counts.items()}

    @property
    def parenchyma_ml(self) -> float:
        """The liver without vessels, tumors and other parts."""
        return self._ml(self.voxel_count[Label.LIVER], Label.LIVER, *PARTS_OF_LIVER)

    @property
    def with_vessels_ml(self) -> float:
        """The liver with its vessels, without other parts."""
        count = self.voxel_count[Label.LIVER] + self.voxel_count[Label.VESSEL]
        others = (part for part in PARTS_OF_LIVER if part is not Label.VESSEL)
        return self._ml(count, Label.LIVER, *others)

    @property
    def tumor_burden_percent(self) -> float | None:
        """Tumor in percent of the whole organ; None where there is no liver."""
        liver, tumor = self.volume_ml[Label.LIVER], self.volume_ml[Label.TUMOR]
        return None if not liver or math.isnan(liver + tumor) else 100 * tumor / liver

    def _ml(self, count: int, *needed: Label) -> float:
        """The volume of voxels, NaN where a label is missing that tells them from others."""
        return count * self.voxel_ml if self.defines(*needed) else math.nan

    @property
    def ruled_out_ml(self) -> float:
        """The volume of what is ruled out."""
        return sum([one.lesion.volume_ml for one in self.ruled_out], 0.0)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that have to stand beside the figures."""
        most = "both" if len(PARTS_OF_LIVER) == 2 else "all"
        unknown = [label for label in FOREGROUND if not self.defines(label)]
        words = " and ".join(label_entry(label).plural for label in unknown)
        missing = f"Nothing in the label map's file names {words}: what needs them has no figure."
        return (
            f"The liver is given without {parts_of_liver_text()} (parenchyma), with vessels, and "
            f"with {most}; tumor burden is tumor in percent of the last.",
            f"Lesions are 26-connected parts of the tumor label of {self.smallest_lesion_ml:g} mL "
            f"or more; {self.left_out} smaller ones ({self.left_out_ml:.2f} mL) are left out of "
            "the table, not of the volumes.",
            "Axial diameters lie in the scan's own axial slices, the perpendicular one within the "
            "lesion's outline there.",
            *((PARTIAL_WARNING,) if self.partial else ()),
            *((self._ruled_out_warning(),) if self.ruled_out else ()),
            *((missing,) if unknown else ()),
            *(() if self.least_certainty is None else (_certainty_warning(self.least_certainty),)),
        )

    def _ruled_out_warning(self) -> str:
        count = len(self.ruled_out)
        lesions = "1 lesion is" if count == 1 else f"{count} lesions are"
        otherwise = "labels and figures have what is there otherwise, liver as a rule."
        return f"{lesions} ruled out by a person ({self.ruled_out_ml:.2f} mL): {otherwise}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit is in every key."""
        volume, burden = self.volume_ml, self.tumor_burden_percent
        counts = {
            label: n if self.defines(label) else None
            for label, n in count_with_parts(self.voxel_count).items()
        }
        known = self.defines(Label.LIVER, *PARTS_OF_LIVER)
        tumor = self.defines(Label.TUMOR)
        return {
            "liver_parenchyma_ml": _rounded_ml(self.parenchyma_ml),
            "liver_with_vessels_ml": _rounded_ml(self.with_vessels_ml),
            "liver_with_vessels_and_tumors_ml": _rounded_ml(volume[Label.LIVER]),
            "vessel_ml": _rounded_ml(volume[Label.VESSEL]),
            "tumor_ml": _rounded_ml(volume[Label.TUMOR]),
            **{f"{label.name.lower()}_ml": _rounded_ml(volume[label]) for label in FURTHER_LABELS},
            "tumor_burden_percent": None if burden is None else round(burden, 2),
            "voxel_ml": round(self.voxel_ml, 9),
            "liver_parenchyma_voxel_count": self.voxel_count[Label.LIVER] if known else None,
            "vessel_voxel_count": counts[Label.VESSEL],
            "tumor_voxel_count": counts[Label.TUMOR],
            **{f"{label.name.lower()}_voxel_count": counts[label] for label in FURTHER_LABELS},
            "partial": self.partial,
            "ruled_out_count": len(self.ruled_out),
            "ruled_out_ml": round(self.ruled_out_ml, 3),
            "lesion_count": len(self.lesions) if tumor else None,
            "smallest_lesion_ml": self.smallest_lesion_ml,
            "least_certainty": self.least_certainty,
            "left_out_count": self.left_out if tumor else None,
            "left_out_ml": round(self.left_out_ml, 3) if tumor else None,
            "statements": list(self.warnings),
            "lesions": [
                {**lesion.to_dict(), "accepted": lesion.number in self.accepted}
                for lesion in self.lesions
            ],
            "ruled_out_lesions": [one.to_dict() for one in self.ruled_out],
        }


def _rounded_ml(ml: float) -> float | None:
    return None if math.isnan(ml) else round(ml, 2)


def _certainty_warning(least: float) -> str:
    words = "certainty on; what a person accepted or drew, whatever the network says."
    return f"Lesions that the network found are listed from {100 * least:.0f} % {words}"


def parts_of_liver_text(*without: Label) -> str:
    """The liver's parts in words, "vessels and tumors", but for some of them."""
    *words, last = (label_entry(part).plural for part in PARTS_OF_LIVER if part not in without)
    return f"{', '.join(words)} and {last}" if words else last


def _ends(ends: Sequence[Point], digits: int) -> list[list[float]]:
    return [[round(x, digits) for x in point] for point in ends]
