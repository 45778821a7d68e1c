"""RECIST 1.1: which lesions would be the liver's target lesions, and their sum of diameters.

Eisenhauer et al., New response evaluation criteria in solid tumours: revised RECIST guideline
(version 1.1), Eur J Cancer 2009;45:228-247: at most two target lesions per organ, those with the
longest diameters; on CT, a lesion is measurable from 10 mm on, and where slices are thicker than
5 mm, from twice the slice thickness on (section 3.1 and appendix II).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liverview.core.about import DISCLAIMER
from liverview.core.grid import Affine, oblique_deg
from liverview.measurement.results import Lesion, Measurement

MOST_TARGETS = 2
SMALLEST_MM = 10.0
THICK_MM = 5.0
_OBLIQUE_DEG = 1.0
_FOR_A_READER = (
    "Whether these are malignant, untreated and fit to be measured again is for a reader to judge; "
    "other organs may add up to three target lesions."
)
_LOST = "Lesions that were confirmed as targets are gone or not measurable any more: confirm again."


@dataclass(frozen=True)
class Recist:
    """Candidates for target lesions, or the targets where a person has confirmed them.

    Attributes
    ----------
    candidates : at most two, longest axial diameter first; none where labels are partial.
    confirmed : whether a person has confirmed them: only then are they target lesions.
    smallest_mm : the axial diameter from which on a lesion is measurable.
    thickness_mm : the distance of the slices, which stands for their thickness.
    not_measurable : how many lesions are smaller.
    excluded : reasons by lesion number, of lesions that were not considered.
    caveats : what has to be said with it, one sentence each.
    partial : labels are partial, and nothing was proposed.
    """

    candidates: tuple[Lesion, ...]
    confirmed: bool
    smallest_mm: float
    thickness_mm: float
    not_measurable: int
    excluded: Mapping[int, str]
    caveats: tuple[str, ...]
    partial: bool = False

    @property
    def targets(self) -> tuple[Lesion, ...]:
        """The target lesions; none before a person has confirmed them."""
        return self.candidates if self.confirmed else ()

    @property
    def sum_of_diameters_mm(self) -> float | None:
        """Of the diameters as they are shown, in tenths of a millimeter; None of partial labels."""
        if self.partial:
            return None
        return round(sum(_rounded_diameter(lesion) for lesion in self.candidates), 1)

    @property
    def words(self) -> str:
        """The proposal in a few words, without the caveats."""
        if self.partial:
            return "Nothing is proposed: the segmentation was stopped, labels are partial."
        if not self.candidates:
            return "No candidates."
        listed = " and ".join(f"{x.number} ({x.longest_mm:.1f} mm)" for x in self.candidates)
        many = "s" if len(self.candidates) > 1 else ""
        total = f"sum of longest diameters {self.sum_of_diameters_mm:.1f} mm"
        if self.confirmed:
            return f"Target lesion{many} {listed}, confirmed by a reader; {total}."
        return f"Candidate{many} {listed}, not confirmed as target{many}; {total}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit is in every key."""
        return {
            "confirmed": self.confirmed,
            "candidate_lesion_numbers": [lesion.number for lesion in self.candidates],
            "target_lesion_numbers": [lesion.number for lesion in self.targets],
            "sum_of_diameters_mm": self.sum_of_diameters_mm,
            "smallest_measurable_mm": self.smallest_mm,
            "slice_thickness_mm": self.thickness_mm,
            "not_measurable_count": self.not_measurable,
            "excluded_lesions": [
                {"number": number, "reason": reason}
                for number, reason in sorted(self.excluded.items())
            ],
            "statement": self.words,
            "caveats": list(self.caveats),
        }


def assess_recist(measurement: Measurement, excluded: Mapping[int, str] | None = None) -> Recist:
    """Propose target lesions, or take those that a person has confirmed.

    Lesions that were confirmed are the targets as long as all of them are measurable lesions
    still; else there are candidates again, by size. Of partial labels nothing is proposed.

    Parameters
    ----------
    excluded : reasons by lesion number, beside those that the label map's marks say.
    """
    out = {**measurement.no_targets, **(excluded or {})}
    thickness = _slice_distance(measurement.grid.affine)
    smallest = _smallest(thickness)
    left = [lesion for lesion in measurement.lesions if lesion.number not in out]
    # Compared as shown, or a lesion of "10.0 mm" could fall short of 10 mm.
    measurable = [lesion for lesion in left if _rounded_diameter(lesion) >= smallest]
    measurable.sort(key=lambda lesion: (-_rounded_diameter(lesion), lesion.number))
    chosen = [lesion for lesion in measurable if lesion.number in measurement.confirmed]
    asked = len(measurement.confirmed) + measurement.lost_targets
    confirmed = bool(chosen) and len(chosen) == asked and not measurement.partial
    candidates = (chosen if confirmed else measurable)[:MOST_TARGETS]
    return Recist(
        candidates=() if measurement.partial else tuple(candidates),
        confirmed=confirmed,
        smallest_mm=smallest,
        thickness_mm=thickness,
        not_measurable=len(left) - len(measurable),
        excluded=out,
        caveats=tuple(
            _iter_caveats(measurement, thickness, bool(measurable), asked > 0 and not confirmed)
        ),
        partial=measurement.partial,
    )


def _iter_caveats(
    measurement: Measurement, thickness: float, any_measurable: bool, ask_again: bool
) -> Iterator[str]:
    yield from _geometry_caveats(measurement.grid.affine, thickness)
    if not any_measurable:
        yield f"No lesion of {_smallest(thickness):g} mm or more is measurable."
    if not measurement.partial:
        if ask_again:
            yield _LOST
        if any_measurable:
            yield _FOR_A_READER
    yield DISCLAIMER


def _smallest(thickness: float) -> float:
    return 2 * thickness if thickness > THICK_MM else SMALLEST_MM


def _rounded_diameter(lesion: Lesion) -> float:
    return round(lesion.longest_mm, 1)


def _slice_distance(affine: Affine) -> float:
    """The distance of neighboring slices in mm, in the direction where it is largest.

    Files state no thickness. The direction is that of the scan's own slices wherever these are
    thick enough to matter, also where they are coronal or sagittal.
    """
    # Rows of the inverse are at right angles to the slices, 1 / distance long.
    distances = 1 / np.linalg.norm(np.linalg.inv(affine[:3, :3]), axis=1)
    return round(float(distances.max()), 3)


def _geometry_caveats(affine: Affine, thickness: float) -> tuple[str, ...]:
    found = []
    if thickness > THICK_MM:
        found.append(
            f"Slices are {thickness:g} mm apart, more than {THICK_MM:g} mm: lesions count as "
            f"measurable from twice that on, {2 * thickness:g} mm."
        )
    angle = oblique_deg(affine)
    if angle > _OBLIQUE_DEG:
        found.append(f"The scan is oblique by {angle:.0f}°: diameters lie in its own slices.")
    return tuple(found)
