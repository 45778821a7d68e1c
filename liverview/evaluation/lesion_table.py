"""Lesion by lesion: what became of each lesion of a reference, and what each false one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from liverview.core.labels import Label

Point: TypeAlias = tuple[float, float, float]


class LesionPlace(Enum):
    """Places of a lesion in the liver, see `liverview.evaluation.lesion_places`."""

    DOME = "dome"
    RIM = "rim"
    FISSURE = "fissure"
    DEEP = "deep"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class ReferenceLesion:
    """A lesion of the reference, and what became of it.

    Attributes
    ----------
    number : from 1, in the order of its table.
    center_mm : the middle of its voxels, world mm.
    ml : its volume.
    axial_mm : its longest axial diameter, from edge to edge.
    contrast_hu : its mean HU minus the median of the liver around it; NaN where no scan is known,
        or no liver lies around it.
    dice : of it and the predicted lesions that overlap it, without what of these is another
        lesion of the reference.
    covered : the share of it that was predicted, 0..1.
    found : at least a fifth of it is covered.
    large : it has the volume of a 10 mm sphere or more.
    certainty : the greatest certainty of candidates that are needed to cover a fifth of it; NaN
        where they do not, or no candidates are known.
    called : the share of its voxels that the network gave each label, before the clean-up where
        that is known.
    """

    number: int
    center_mm: Point
    ml: float
    axial_mm: float
    contrast_hu: float
    dice: float
    covered: float
    found: bool
    large: bool
    certainty: float
    called: Mapping[Label, float]


@dataclass(frozen=True)
class FalseLesion:
    """A predicted lesion that shares no voxel with the reference's tumor.

    Attributes
    ----------
    number, center_mm, ml, axial_mm, contrast_hu : as of `ReferenceLesion`.
    certainty : the greatest of the candidates that it is made of; NaN where these are not known.
    place : where in the liver it lies.
    depth_mm : the distance of its outermost voxel to the next voxel outside the liver; 0 where
        it reaches outside.
    """

    number: int
    center_mm: Point
    ml: float
    axial_mm: float
    contrast_hu: float
    certainty: float
    place: LesionPlace
    depth_mm: float


class CurveStep(NamedTuple):
    """Counts of one scan where the candidates of a certainty or more are labeled.

    Attributes
    ----------
    certainty : the threshold.
    found, found_large : lesions of the reference that are found; of those, large ones.
    false : false lesions.
    """

    certainty: float
    found: int
    found_large: int
    false: int


@dataclass(frozen=True)
class ScanCurve:
    """The lesions of one scan that are found, and the false ones, at every certainty.

    Attributes
    ----------
    steps : one for each certainty that a candidate has, the greatest first.
    lesions, large : how many the reference has; of those, large ones.
    healthy : the reference has no voxel of tumor.
    least_certainty : the threshold by which the scan was labeled.
    """

    steps: tuple[CurveStep, ...]
    lesions: int
    large: int
    healthy: bool
    least_certainty: float

    def at(self, certainty: float) -> CurveStep:
        """The counts at any threshold."""
        found, large, false = 0, 0, 0
        for step in self.steps:
            if step.certainty < certainty:
                break
            found, large, false = step.found, step.found_large, step.false
        return CurveStep(certainty, found, large, false)


@dataclass(frozen=True)
class LesionTable:
    """The lesions of a reference and the false ones of a prediction, the largest first.

    Attributes
    ----------
    lesions : those of the reference of 0.05 mL or more.
    false : predicted ones of 0.05 mL or more.
    left_out : smaller components of the reference.
    curve : what other thresholds would find; None where no candidates are known.
    """

    lesions: tuple[ReferenceLesion, ...]
    false: tuple[FalseLesion, ...]
    left_out: int = 0
    curve: ScanCurve | None = None
