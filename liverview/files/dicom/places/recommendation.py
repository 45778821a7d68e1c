"""Which volume of a list is likely the one to segment, and why.

The networks know the liver on CT in the portal venous phase. What a volume is, is read from what
its files say, and weighed by points, which only have to bring the likelier one to the top:

==================================  ==============================================================
phase, by the series' description   portal venous 40, not named but a contrast agent 15, late 5,
                                    arterial -5, without contrast agent -10
region, by description, protocol    abdomen 30, only another one -40
and body part
kernel                              sharp (lung, bone) -30
slices                              axial 10, else -50; what was computed from others -40
extent along the slices             150 mm, which a liver has, or more: 15; below 80 mm: -20
distance of slices                  up to 3 mm 8, up to 5 mm 4, above 5 mm -10, not even -5
==================================  ==============================================================

A description that names several phases, as that of a protocol does, names none. Likely is a volume
of the abdomen, or that covers a liver where no region is named, that is portal venous or has a
contrast agent and no other phase; of axial slices that are not sharp, over at least 80 mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liverview.files.dicom.places.series_words import (
    Phase,
    is_sharp,
    names_abdomen,
    names_derived,
    names_elsewhere,
    phases_in,
)
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume

_LIVER_MM, _LEAST_MM = 150, 80
_AXIAL = 0.8  # cosine between the slices' normal and the patient's long axis
_NO_AGENT = {"", "none", "no", "n", "0", "without", "nein", "keine", "non", "aucun", "ohne", "off"}
_PHASE_POINTS = {
    Phase.PORTAL_VENOUS: 40,
    Phase.LATE: 5,
    Phase.ARTERIAL: -5,
    Phase.NATIVE: -10,
}
_KINDS = (
    SeriesKind.CT,
    SeriesKind.OTHER_MODALITY,
    SeriesKind.LOCALIZER,
    SeriesKind.LABELS,
    SeriesKind.NO_IMAGE,
)
"""From the top of the table to its end; of each, what cannot be opened comes last."""


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation:
    """A volume at its place in the table.

    Attributes
    ----------
    volume : what it is.
    likely : the abdomen, in the portal venous phase.
    reason : what speaks for it and against it, in words; empty where nothing is known.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> found, = lv.find_series("series")
    >>> "200 mm" in found.reason
    True
    """

    volume: SeriesVolume
    likely: bool
    reason: str


def recommend(volumes: Sequence[SeriesVolume]) -> tuple[Recommendation, ...]:
    """The volumes in the order of the table: CT first, of those the likeliest.

    What stands at index ``n`` is what ``--volume n`` means.
    """
    judged = [(_Judged(volume), number) for number, volume in enumerate(volumes)]
    judged.sort(key=lambda each: (each[0].rank, -each[0].points, -each[0].slices, each[1]))
    return tuple(Recommendation(each.volume, each.likely, each.reason) for each, _ in judged)


class _Judged:
    """A volume with what speaks for it and against it."""

    def __init__(self, volume: SeriesVolume) -> None:
        self.volume = volume
        self.slices = volume.shape[2]
        self.rank = (_KINDS.index(volume.kind), bool(volume.refusal))
        self.points = 0
        self.likely = False
        self._words: list[str] = []
        if volume.kind is SeriesKind.CT:
            phase, region = self._judge_phase(), self._judge_region()
            fit = [self._judge_kernel(), self._judge_slices(), self._judge_extent()]
            usable = all(fit) and not volume.refusal
            self.likely = usable and phase and region
            self.reason = ", ".join(self._words)
        else:
            self.reason = volume.kind.value
            if volume.kind is SeriesKind.OTHER_MODALITY:
                self.reason = volume.study.modality or "no modality named"

    def _add(self, points: int, words: str) -> None:
        self.points += points
        if words:
            self._words.append(words)

    def _judge_phase(self) -> bool:
        study = self.volume.study
        named: set[Phase] = set()
        for text in (f"{study.part} {study.series_description}", study.protocol):
            named = named or phases_in(text)
        agent = study.contrast.strip().casefold() not in _NO_AGENT
        if len(named) == 1:
            (phase,) = named
            self._add(_PHASE_POINTS[phase], phase.value)
            return phase is Phase.PORTAL_VENOUS
        if agent:
            self._add(15, "contrast agent, phase not named")
        return agent

    def _judge_region(self) -> bool:
        study = self.volume.study
        own = f"{study.series_description} {study.body_part} {study.protocol}"
        of_abdomen = names_abdomen(own)
        if of_abdomen or not names_elsewhere(own):
            # What the whole study is of, says less than what its series are of.
            of_abdomen = of_abdomen or names_abdomen(study.study_description)
            if of_abdomen:
                self._add(30, "abdomen")
            return of_abdomen or self._extent() >= _LIVER_MM
        self._add(-40, "another region")
        return False

    def _judge_kernel(self) -> bool:
        study = self.volume.study
        if is_sharp(study.kernel, study.series_description):
            self._add(-30, f"sharp kernel {study.kernel}".rstrip())
            return False
        return True

    def _judge_slices(self) -> bool:
        first = self.volume.slices[0]
        computed = names_derived(self.volume.study.series_description) or any(
            names_derived(value) or "PROJECTION" in value.upper() for value in first.image_type
        )
        if computed:
            self._add(-40, "computed from other slices")
        o = first.orientation
        axial = o is None or abs(o[0] * o[4] - o[1] * o[3]) >= _AXIAL
        self._add(10 if axial else -50, "" if axial else "not axial")
        return axial and not computed

    def _extent(self) -> float:
        return self.volume.shape[2] * self.volume.spacing[2]

    def _judge_extent(self) -> bool:
        extent, step = self._extent(), self.volume.spacing[2]
        if not step:
            self._add(-20, "a single slice" if self.slices == 1 else "")
            return False
        points = 8 if step <= 3 else 4 if step <= 5 else -10
        points += 15 if extent >= _LIVER_MM else -20 if extent < _LEAST_MM else 0
        short = ", short" if extent < _LEAST_MM else ""
        self._add(points, f"slices of {step:.3g} mm over {extent:.0f} mm{short}")
        return extent >= _LEAST_MM
