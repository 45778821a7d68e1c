"""The appearance of a body on CT: Hounsfield units per organ and contrast phase.

Means and spreads between patients follow clinical values for the four usual phases
(enhancement curves: Bae 2010, doi:10.1148/radiol.10090908). With training variety they go
beyond them on purpose: networks that saw impossible contrasts rely on shape and place as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from liverview.phantoms.config import PHASES, Phase
from liverview.phantoms.fields import Field, RandomSource, smooth_noise
from liverview.phantoms.frame import CANONICAL_GRID, Organ

# HU mean and standard deviation between patients: native, arterial, portal, delayed.
_ENHANCEMENT: dict[Organ, tuple[tuple[float, float], ...]] = {
    Organ.MUSCLE: ((50, 9), (58, 9), (62, 9), (60, 9)),
    Organ.LIVER: ((55, 11), (68, 12), (108, 17), (88, 13)),
    Organ.SPLEEN: ((46, 7), (118, 28), (120, 18), (95, 13)),
    Organ.KIDNEY: ((32, 6), (140, 30), (170, 28), (150, 30)),
    Organ.STOMACH: ((38, 9), (75, 25), (88, 20), (75, 15)),
    Organ.BOWEL: ((35, 10), (75, 25), (85, 22), (70, 15)),
    Organ.GALLBLADDER: ((9, 8), (9, 8), (9, 8), (9, 8)),
    Organ.HEART: ((44, 6), (220, 70), (145, 25), (108, 13)),
    Organ.ARTERY: ((42, 6), (290, 70), (155, 25), (115, 15)),
    Organ.VEIN: ((42, 6), (90, 40), (135, 28), (112, 15)),
    Organ.OTHER: ((37, 12), (92, 22), (90, 20), (73, 14)),
}
# Contrast of the vessels inside the liver with the parenchyma.
_PORTAL_CONTRAST = ((-12, 7), (35, 30), (48, 20), (24, 12))
_HEPATIC_CONTRAST = ((-12, 7), (-8, 12), (44, 20), (23, 12))
# Contrast of dark lesions with the parenchyma.
_LESION_CONTRAST = ((-15, 8), (-25, 18), (-45, 20), (-28, 15))
_BRIGHT_LESIONS = (0.04, 0.5, 0.08, 0.06)  # share of the lesions brighter than the parenchyma


_LIVER_LIKE = (Organ.SPLEEN, Organ.STOMACH, Organ.HEART, Organ.KIDNEY, Organ.MUSCLE, Organ.BOWEL)


@dataclass(frozen=True, eq=False)
class Appearance:
    """The drawn numbers and textures that `paint` uses.

    Attributes
    ----------
    mean_hu : HU per `Organ`.
    portal_hu, hepatic_hu : HU inside the portal and the hepatic veins.
    lesion_contrast_hu : mean and standard deviation of dark lesions minus liver.
    bright_lesions : share of the lesions that are brighter than the liver.
    marrow_hu, myocardium_hu, medulla_hu, mass_hu, fluid_hu : HU of parts of organs.
    filling_hu : three contents each of stomach and bowel.
    numbers : unitless draws by name, see `paint`.
    noise : textures of unit variance on `CANONICAL_GRID`, by name.
    """

    mean_hu: dict[Organ, float]
    portal_hu: float
    hepatic_hu: float
    lesion_contrast_hu: tuple[float, float]
    bright_lesions: float
    marrow_hu: float
    myocardium_hu: float
    medulla_hu: float
    mass_hu: float
    fluid_hu: float
    filling_hu: tuple[tuple[float, float, float], tuple[float, float, float]]
    numbers: dict[str, float]
    noise: dict[str, Field]


def draw_appearance(
    draw: RandomSource, phase: Phase | None = None, *, training_variety: bool = False
) -> Appearance:
    """Draw an appearance; without a phase, one is drawn and blended with its neighbor."""
    first = PHASES.index(phase) if phase else draw.choice((0.25, 0.18, 0.37, 0.2))
    second = min(max(first + draw.integer(-1, 2), 0), 3) if phase is None else first
    blend = draw.uniform(0, 0.5)
    strength = draw.uniform(0.6, 1.3) if training_variety else draw.uniform(0.9, 1.1)
    spread = 1.0 if training_variety else 0.5

    def draw_hu(table: tuple[tuple[float, float], ...]) -> float:
        mean = table[first][0] * (1 - blend) + table[second][0] * blend
        mean = table[0][0] + (mean - table[0][0]) * strength
        return mean + spread * draw.normal(0, table[first][1])

    mean = {organ: draw_hu(table) for organ, table in _ENHANCEMENT.items()}
    mean[Organ.OUTSIDE] = -1000.0
    mean[Organ.FAT] = draw.normal(-103, 9)
    mean[Organ.BONE] = draw.uniform(220, 420)
    mean[Organ.LUNG] = draw.normal(-820, 45)
    contrasts = draw_hu(_PORTAL_CONTRAST), draw_hu(_HEPATIC_CONTRAST)
    if not training_variety and first == 2:  # a portal phase in which every vessel shows
        contrasts = max(contrasts[0], 35), max(contrasts[1], 30)
    filling = (_draw_filling(draw, training_variety), _draw_filling(draw, training_variety))
    if training_variety:
        contrasts = _disturb_contrasts(draw, mean, contrasts)
        filling = (_disguise_filling(draw, filling[0], mean), filling[1])
    liver = mean[Organ.LIVER]
    return Appearance(
        mean_hu=mean,
        portal_hu=liver + contrasts[0],
        hepatic_hu=liver + contrasts[1],
        lesion_contrast_hu=_LESION_CONTRAST[first],
        bright_lesions=_BRIGHT_LESIONS[first],
        marrow_hu=draw.normal(160, 45),
        myocardium_hu=draw.normal(50, 8) + (draw.uniform(25, 65) if first else 0.0),
        medulla_hu=mean[Organ.KIDNEY] * (draw.uniform(0.45, 1.05) if first else 1.0),
        mass_hu=_draw_mass_hu(draw, liver) if training_variety else 60.0,
        fluid_hu=draw.normal(10, 8),
        filling_hu=filling,
        numbers=_draw_numbers(draw, training_variety) | _draw_perivascular(draw, training_variety),
        noise=_draw_textures(draw),
    )


def _draw_textures(draw: RandomSource) -> dict[str, Field]:
    """Draw the textures of unit variance by name."""
    return {
        "fine": smooth_noise(draw, CANONICAL_GRID, 9),
        "medium": smooth_noise(draw, CANONICAL_GRID, 15),
        "coarse": smooth_noise(draw, CANONICAL_GRID, 42),
        "stomach": smooth_noise(draw, CANONICAL_GRID, draw.uniform(25, 70)),
        "bowel": smooth_noise(draw, CANONICAL_GRID, draw.uniform(12, 40)),
    }


def _disturb_contrasts(
    draw: RandomSource, mean: dict[Organ, float], contrasts: tuple[float, float]
) -> tuple[float, float]:
    """Fatty livers, random organs, neighbors of equal density; returns vessel contrasts."""
    if draw.chance(0.12):  # steatosis: the vessels outshine the liver
        drop = draw.uniform(15, 55)
        mean[Organ.LIVER] -= drop
        contrasts = contrasts[0] + drop, contrasts[1] + drop
    lot = draw.uniform(0, 1)
    if lot < 0.18:
        for organ in _ENHANCEMENT:
            if organ is not Organ.GALLBLADDER:
                mean[organ] = draw.uniform(-20, 220)
        both = draw.uniform(-60, 70)
        contrasts = both, both + draw.normal(0, 8)
    elif lot < 0.45:
        for organ in _LIVER_LIKE:
            if draw.chance(0.3):
                mean[organ] = mean[Organ.LIVER] + draw.normal(0, 6)
    return contrasts


def _draw_mass_hu(draw: RandomSource, liver_hu: float) -> float:
    """Draw the HU of a mass: most often as dense as the liver or a little less."""
    return liver_hu + draw.uniform(-95, 25) if draw.chance(0.75) else draw.uniform(-20, 150)


def _draw_filling(draw: RandomSource, training_variety: bool) -> tuple[float, float, float]:
    """Draw three contents of stomach or bowel: water, food, gas, oral contrast."""
    weights = (0.3, 0.38, 0.2, 0.12) if training_variety else (0.45, 0.4, 0.15, 0.0)

    def draw_content() -> float:
        kind = draw.choice(weights)
        return (draw.normal(6, 8), draw.uniform(0, 90), -900.0, draw.uniform(110, 420))[kind]

    return draw_content(), draw_content(), draw_content()


def _disguise_filling(
    draw: RandomSource, filling: tuple[float, float, float], mean: dict[Organ, float]
) -> tuple[float, float, float]:
    """Fill one stomach in five with food as dense as the liver."""
    if not draw.chance(0.2):
        return filling
    food = mean[Organ.LIVER] + draw.normal(0, 12)
    return food, food + draw.normal(0, 10), filling[2]


def _draw_numbers(draw: RandomSource, training_variety: bool) -> dict[str, float]:
    def value_or(p: float, yes: float, no: float = 0.0) -> float:
        return yes if draw.chance(p) else no

    uniform = draw.uniform
    return {
        "cortex_mm": uniform(2.5, 6),
        "strands_hu": uniform(20, 90),
        "strands_from": uniform(1.0, 2.4),
        "muscle_fat_hu": uniform(5, 60) if training_variety else uniform(5, 25),
        "muscle_fat_from": uniform(0.8, 2.4),
        "myocardium_mm": uniform(6, 14),
        "cortex_kidney_mm": uniform(6, 10),
        "wall_mm": uniform(2, 5),
        "gas_level": value_or(0.6, uniform(0, 60), 999.0),
        "feces_from": value_or(0.5, uniform(0.4, 2.0), 99.0),
        "feces_hu": uniform(-600, -50),
        "liver_texture_hu": uniform(0, 5) if training_variety else uniform(1, 2),
        "texture_hu": uniform(1, 10) if training_variety else uniform(1, 4),
        "lung_vessels_hu": uniform(150, 500),
        "effusion_y": value_or(0.2, uniform(-75, -30), -999.0) if training_variety else -999.0,
        # Ascites: fluid up to so far from the organs, and in the hollows behind and below.
        "ascites_mm": value_or(0.14, uniform(3, 30), -999.0) if training_variety else -999.0,
        "mass_texture_hu": uniform(0, 20),
        "mass_core_hu": value_or(0.5, uniform(-50, 20)),
        "calcified_from": value_or(0.1, uniform(1.5, 2.5), 99.0),
        "bile_layer_hu": value_or(0.2, uniform(10, 60)),
        "atelectasis_mm": value_or(0.25, uniform(3, 14), -999.0) if training_variety else -999.0,
    }


def _draw_perivascular(draw: RandomSource, training_variety: bool) -> dict[str, float]:
    """Draw edema, wide bile ducts or calcium along the portal vein, none of them a vessel."""
    none = {"sleeve_mm": 0.0, "sleeve_hu": 0.0, "ducts_mm": 0.0, "wall_calcium_from": 99.0}
    lot = draw.uniform(0, 1) if training_variety else 1.0
    if lot < 0.08:
        return none | {"sleeve_mm": draw.uniform(1.5, 4), "sleeve_hu": draw.uniform(-60, -15)}
    if lot < 0.16:
        return none | {"ducts_mm": draw.uniform(3, 6)}
    if lot < 0.2:
        return none | {"wall_calcium_from": draw.uniform(0.6, 1.6)}
    return none
