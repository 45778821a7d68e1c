"""Lesions of one patient as the usual diseases show them, phase by phase.

A lesion has the same place, size and shape in every phase; its density follows the phase. HU
minus liver follow clinical experience: metastases are dark and most so in the portal phase;
hepatocellular carcinoma outshines the liver in the arterial phase, washes out later and then has
a brighter capsule; hemangiomas fill from nodules at their rim; cysts stay water.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from liverview.phantoms.body import Body
from liverview.phantoms.config import PHASES, PhantomLesions, Phase
from liverview.phantoms.fields import Point, RandomSource
from liverview.phantoms.lesions import Lesion, LesionKind, draw_plain_lesion, iter_centers

_Painter = Callable[[RandomSource, Lesion, int, float], Lesion]

# By phase: native, arterial, portal, delayed. HU minus liver, mean and spread between patients.
# A soft border and the rim take some 10 HU of a metastasis' median.
_METASTASIS = ((-17, 5), (-24, 9), (-70, 12), (-30, 9))
_METASTASIS_RIM = (0, 24, 14, 4)
_CARCINOMA = ((-7, 4), (38, 12), (-18, 6), (-22, 6))
_CARCINOMA_CAPSULE = (0, 0, 14, 26)
_HEMANGIOMA = ((-16, 4), (-24, 6), (-8, 8), (18, 6))
_HEMANGIOMA_NODULES = (0, 115, 75, 8)

_RADIUS_MM = {
    PhantomLesions.METASTASES: (4.0, 20.0),
    PhantomLesions.HCC: (6.0, 32.0),
    PhantomLesions.CYSTS: (3.0, 24.0),
    PhantomLesions.HEMANGIOMAS: (6.0, 26.0),
}
_LEAST_PARTS_MM = 8.0  # radius of a lesion that has a core or a mosaic
_AMONG_OTHERS = (0.7, 0.2, 0.1)  # of mixed lesions: of the disease, cysts, hemangiomas


def draw_patient_lesions(
    draw: RandomSource, body: Body, kind: PhantomLesions, phase: Phase, count: int
) -> list[Lesion]:
    """Draw ``count`` lesions of a kind as they are in a phase; none without a liver.

    ``kind`` is not plain: `lesions.draw_lesions` draws those. The same state of ``draw`` gives the
    same places, sizes and shapes in every phase.
    """
    disease = PhantomLesions.METASTASES if draw.chance(0.6) else PhantomLesions.HCC
    patient = draw.normal(0, 1)  # lesions of one patient resemble each other
    return [
        _draw_one(draw, center, kind, disease, PHASES.index(phase), patient)
        for center in iter_centers(draw, body, count)
    ]


def _draw_one(
    draw: RandomSource,
    center: Point,
    kind: PhantomLesions,
    disease: PhantomLesions,
    phase: int,
    patient: float,
) -> Lesion:
    lot = draw.choice(_AMONG_OTHERS)
    if kind is PhantomLesions.MIXED:
        kind = (disease, PhantomLesions.CYSTS, PhantomLesions.HEMANGIOMAS)[lot]
    radius = draw.log_uniform(*_RADIUS_MM[kind])
    plain = draw_plain_lesion(draw, center, radius, (0.0, 0.0))
    deviation = 0.8 * patient + 0.6 * draw.normal(0, 1)
    return _PAINTERS[kind](draw, plain, phase, deviation)


def _as_metastasis(draw: RandomSource, plain: Lesion, phase: int, deviation: float) -> Lesion:
    """Dark, round, with an uneven border; large ones are dead inside."""
    mean, spread = _METASTASIS[phase]
    # What is dead takes up no contrast: in the portal phase it stands out most.
    core, texture = mean / 70 * draw.uniform(8, 35), draw.uniform(1, 6)
    large = min(plain.radii) > _LEAST_PARTS_MM
    return replace(
        plain,
        contrast_hu=min(mean + spread * deviation, -8.0),
        edge_mm=draw.uniform(1.5, min(6.0, 1.5 + 0.5 * min(plain.radii))),
        rim_hu=_METASTASIS_RIM[phase] * draw.uniform(0.3, 1),
        rim_mm=0.18 * min(plain.radii) + 0.8,
        core_hu=core if large else 0.0,
        core_mm=0.35 * min(plain.radii),
        texture_hu=texture if large else 0.0,
    )


def _as_carcinoma(draw: RandomSource, plain: Lesion, phase: int, deviation: float) -> Lesion:
    """Bright early, washed out late, in a capsule; large ones are a mosaic."""
    mean, spread = _CARCINOMA[phase]
    mosaic, waves = draw.uniform(4, 13), draw.uniform(3, 7)
    large = min(plain.radii) > _LEAST_PARTS_MM
    return replace(
        plain,
        contrast_hu=mean + spread * deviation,
        edge_mm=draw.uniform(1, 3),
        rim_hu=_CARCINOMA_CAPSULE[phase] * draw.uniform(0.5, 1),
        rim_mm=draw.uniform(0.9, 1.6),
        texture_hu=mosaic if large else 0.0,
        texture_waves=waves,
    )


def _as_cyst(draw: RandomSource, plain: Lesion, phase: int, deviation: float) -> Lesion:
    """Water with a sharp border, round or of some lobes."""
    uneven = plain.warp_mm if draw.chance(0.3) else 0.0
    return replace(plain, kind=LesionKind.CYST, warp_mm=uneven, edge_mm=1.0)


def _as_hemangioma(draw: RandomSource, plain: Lesion, phase: int, deviation: float) -> Lesion:
    """Filled by contrast from nodules at the rim to the middle."""
    mean, spread = _HEMANGIOMA[phase]
    depth = draw.uniform(0.14, 0.3) * (1.0 if phase < 2 else 1.8)
    return replace(
        plain,
        contrast_hu=mean + spread * deviation,
        edge_mm=draw.uniform(1, 2.5),
        rim_hu=_HEMANGIOMA_NODULES[phase] * draw.uniform(0.7, 1),
        rim_mm=depth * min(plain.radii),
        nodular=phase < 3,
    )


_PAINTERS: dict[PhantomLesions, _Painter] = {
    PhantomLesions.METASTASES: _as_metastasis,
    PhantomLesions.HCC: _as_carcinoma,
    PhantomLesions.CYSTS: _as_cyst,
    PhantomLesions.HEMANGIOMAS: _as_hemangioma,
}
