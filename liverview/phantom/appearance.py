"""What a body looks like on CT: Hounsfield units per organ and contrast phase.

Means and spreads between patients follow clinical values for the four usual phases
(enhancement curves: Bae 2010, doi:10.1148/radiol.10090908). `wild` appearances go beyond
them on purpose: networks that saw impossible contrasts rely on shape and place as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from liverview.phantom.anatomy import Body, Organ
from liverview.phantom.fields import Field, smooth_noise


class Phase(StrEnum):
    """Contrast phase."""

    NATIVE = "native"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    DELAYED = "delayed"


PHASES = tuple(Phase)

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


@dataclass(frozen=True, eq=False)
class Appearance:
    """The drawn numbers and textures that `paint` uses.

    Attributes
    ----------
    mean_hu : HU per `Organ`.
    portal_hu, hepatic_hu : HU inside the portal and the hepatic veins.
    lesion_contrast_hu : mean and standard deviation of lesion minus liver.
    marrow_hu, myocardium_hu, medulla_hu, mass_hu, fluid_hu : HU of parts of organs.
    numbers : unitless draws by name, see `paint`.
    noise : textures of unit variance on the body's grid, by name.
    """

    mean_hu: Field
    portal_hu: float
    hepatic_hu: float
    lesion_contrast_hu: tuple[float, float]
    marrow_hu: float
    myocardium_hu: float
    medulla_hu: float
    mass_hu: float
    fluid_hu: float
    filling_hu: tuple[tuple[float, float, float], tuple[float, float, float]]
    numbers: dict[str, float] = field(default_factory=dict)
    noise: dict[str, Field] = field(default_factory=dict)


def draw_appearance(
    rng: np.random.Generator, body: Body, phase: Phase | None = None, *, wild: bool = False
) -> Appearance:
    """Draw how a body looks; without a phase, one is drawn and blended with the next."""
    first = PHASES.index(phase) if phase else int(rng.choice(4, p=[0.22, 0.13, 0.5, 0.15]))
    second = int(np.clip(first + rng.choice([-1, 0, 1]), 0, 3)) if phase is None else first
    blend = float(rng.uniform(0, 0.5))
    strength = float(rng.uniform(0.6, 1.3)) if wild else float(rng.uniform(0.9, 1.1))

    def draw(table: tuple[tuple[float, float], ...], spread: float = 1.0) -> float:
        mean = table[first][0] * (1 - blend) + table[second][0] * blend
        mean = table[0][0] + (mean - table[0][0]) * strength
        return mean + spread * table[first][1] * float(np.clip(rng.standard_normal(), -2.5, 2.5))

    spread = 1.0 if wild else 0.5
    mean = np.zeros(len(Organ), np.float32)
    for organ, table in _ENHANCEMENT.items():
        mean[organ] = draw(table, spread)
    mean[Organ.OUTSIDE] = -1000
    mean[Organ.FAT] = rng.normal(-103, 9)
    mean[Organ.BONE] = rng.uniform(220, 420)
    mean[Organ.LUNG] = rng.normal(-820, 45)
    contrasts = draw(_PORTAL_CONTRAST, spread), draw(_HEPATIC_CONTRAST, spread)
    if not wild and first == 2:  # a portal phase in which every vessel shows
        contrasts = max(contrasts[0], 35), max(contrasts[1], 30)
    if wild:
        contrasts = _derange(rng, mean, contrasts, first)
    liver = float(mean[Organ.LIVER])
    enhanced = 1.0 if first else 0.0
    return Appearance(
        mean_hu=mean,
        portal_hu=liver + contrasts[0],
        hepatic_hu=liver + contrasts[1],
        lesion_contrast_hu=_LESION_CONTRAST[first],
        marrow_hu=float(rng.normal(160, 45)),
        myocardium_hu=float(rng.normal(50, 8) + enhanced * rng.uniform(25, 65)),
        medulla_hu=float(mean[Organ.KIDNEY] * (rng.uniform(0.45, 1.05) if first else 1)),
        mass_hu=float(rng.uniform(-10, 120) if wild else 60),
        fluid_hu=float(rng.normal(10, 8)),
        filling_hu=(_filling(rng, wild), _filling(rng, wild)),
        numbers=_numbers(rng, wild),
        noise={
            "fine": smooth_noise(rng, body.grid, 9),
            "medium": smooth_noise(rng, body.grid, 15),
            "coarse": smooth_noise(rng, body.grid, 42),
            "stomach": smooth_noise(rng, body.grid, float(rng.uniform(25, 70))),
            "bowel": smooth_noise(rng, body.grid, float(rng.uniform(12, 40))),
        },
    )


def _derange(
    rng: np.random.Generator, mean: Field, contrasts: tuple[float, float], phase: int
) -> tuple[float, float]:
    """Fatty livers, random organs, neighbors of equal density; returns vessel contrasts."""
    if rng.random() < 0.12:  # steatosis: the vessels outshine the liver
        drop = rng.uniform(15, 55)
        mean[Organ.LIVER] -= drop
        contrasts = contrasts[0] + drop, contrasts[1] + drop
    lot = rng.random()
    soft = [o for o in _ENHANCEMENT if o is not Organ.GALLBLADDER]
    if lot < 0.2:
        for organ in soft:
            mean[organ] = rng.uniform(-20, 220)
        both = rng.uniform(-60, 70)
        contrasts = both, both + rng.normal(0, 8)
    elif lot < 0.45:
        neighbors = (Organ.SPLEEN, Organ.STOMACH, Organ.HEART, Organ.KIDNEY, Organ.MUSCLE)
        for organ in rng.choice(np.asarray(neighbors), rng.integers(1, 3), replace=False):
            mean[organ] = mean[Organ.LIVER] + rng.normal(0, 6)
    return contrasts


def _filling(rng: np.random.Generator, wild: bool) -> tuple[float, float, float]:
    """Three contents of stomach or bowel: water, food, gas, oral contrast."""

    def one() -> float:
        kind = rng.choice(4, p=[0.3, 0.38, 0.2, 0.12] if wild else [0.45, 0.4, 0.15, 0.0])
        options = (rng.normal(6, 8), rng.uniform(0, 90), -900.0, rng.uniform(110, 420))
        return float(options[int(kind)])

    return one(), one(), one()


def _numbers(rng: np.random.Generator, wild: bool) -> dict[str, float]:
    def either(p: float, yes: float, no: float = 0.0) -> float:
        return yes if rng.random() < p else no

    u = rng.uniform
    return {
        "cortex_mm": u(2.5, 6),
        "calcified_costal": either(0.5, 1.0),
        "strands_hu": u(20, 90),
        "strands_from": u(1.0, 2.4),
        "muscle_fat_hu": u(5, 60) if wild else u(5, 25),
        "muscle_fat_from": u(0.8, 2.4),
        "myocardium_mm": u(6, 14),
        "cortex_kidney_mm": u(6, 10),
        "wall_mm": u(2, 5),
        "gas_level": either(0.6, u(0, 60), 999.0),
        "feces_from": either(0.5, u(0.4, 2.0), 99.0),
        "feces_hu": u(-600, -50),
        "liver_texture_hu": u(0, 5) if wild else u(1, 2),
        "texture_hu": u(1, 10) if wild else u(1, 4),
        "lung_vessels_hu": u(150, 500),
        "effusion_y": either(0.2, u(-75, -40), -999.0) if wild else -999.0,
        "ascites_from": either(0.12, u(-1.2, 0.8), 99.0) if wild else 99.0,
        "mass_texture_hu": u(0, 16),
        "calcified_from": either(0.1, u(1.5, 2.5), 99.0),
    }
