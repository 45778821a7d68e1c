"""RECIST 1.1: which lesions would be the liver's target lesions, and their sum of diameters.

Eisenhauer et al., New response evaluation criteria in solid tumours: revised RECIST guideline
(version 1.1), Eur J Cancer 2009;45:228-247: at most two target lesions per organ, those with the
longest diameters; on CT, a lesion is measurable from 10 mm on, and where slices are thicker than
5 mm, from twice the slice thickness on (section 3.1 and appendix II).
"""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Recist:
    """A proposal of target lesions; a reader decides.

    Attributes
    ----------
    targets : at most two, longest axial diameter first.
    smallest_mm : the axial diameter from which on a lesion is measurable.
    thickness_mm : the distance of the slices, which stands for their thickness.
    not_measurable : how many lesions are smaller.
    excluded : reasons by lesion number, of lesions that were not considered.
    caveats : what has to be said with it, one sentence each.
    """

    targets: tuple[Lesion, ...]
    smallest_mm: float
    thickness_mm: float
    not_measurable: int
    excluded: Mapping[int, str]
    caveats: tuple[str, ...]

    @property
    def sum_of_diameters_mm(self) -> float:
        """Of the diameters as they are shown, in tenths of a millimeter."""
        return round(sum(_rounded_diameter(lesion) for lesion in self.targets), 1)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit is in every key."""
        return {
            "target_lesion_numbers": [lesion.number for lesion in self.targets],
            "sum_of_diameters_mm": self.sum_of_diameters_mm,
            "smallest_measurable_mm": self.smallest_mm,
            "slice_thickness_mm": self.thickness_mm,
            "not_measurable_count": self.not_measurable,
            "excluded_lesions": [
                {"number": number, "reason": reason}
                for number, reason in sorted(self.excluded.items())
            ],
            "caveats": list(self.caveats),
        }


def assess_recist(measurement: Measurement, excluded: Mapping[int, str] | None = None) -> Recist:
    """Propose target lesions.

    Parameters
    ----------
    excluded : reasons by lesion number (see `Measurement.exclusions_by_lesion`); these are no
        targets.
    """
    out = dict(excluded or {})
    thickness = _slice_distance(measurement.grid.affine)
    smallest = 2 * thickness if thickness > THICK_MM else SMALLEST_MM
    left = [lesion for lesion in measurement.lesions if lesion.number not in out]
    # Compared as shown, or a lesion of "10.0 mm" could fall short of 10 mm.
    measurable = [lesion for lesion in left if _rounded_diameter(lesion) >= smallest]
    measurable.sort(key=lambda lesion: (-_rounded_diameter(lesion), lesion.number))
    return Recist(
        targets=tuple(measurable[:MOST_TARGETS]),
        smallest_mm=smallest,
        thickness_mm=thickness,
        not_measurable=len(left) - len(measurable),
        excluded=out,
        caveats=(
            *_geometry_caveats(measurement.grid.affine, thickness),
            *(() if measurable else (f"No lesion of {smallest:g} mm or more is measurable.",)),
            "Whether these are malignant, untreated and fit to be measured again is for a reader "
            "to judge; other organs may add up to three target lesions.",
            DISCLAIMER,
        ),
    )


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
