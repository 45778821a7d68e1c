"""The body of the phantom: signed distances of organs on a 4 mm grid.

The frame is the patient's: origin in the middle of the first lumbar vertebral body, x to
the right, y anterior, z superior, mm. Positions and sizes follow adult anatomy; every one
is drawn from a range, then the whole is scaled, turned and warped at two scales, so that
no two seeds look alike. Organs compete by the smallest distance, which gives true contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from liverview.phantom import organs as shape
from liverview.phantom import wall
from liverview.phantom.fields import FAR_MM, Field, Grid, inside_all, inside_any
from liverview.phantom.pose import Pose

TORSO = Grid.centered((0, 25, 5), (4.0, 4.0, 4.0), (96, 84, 112))
"""Where bodies are evaluated: pelvis to heart, 384 x 336 x 448 mm."""


class Organ(IntEnum):
    """What a voxel is; also the classes that the coarse network learns."""

    OUTSIDE = 0
    FAT = 1
    MUSCLE = 2
    BONE = 3
    LUNG = 4
    LIVER = 5
    SPLEEN = 6
    KIDNEY = 7
    STOMACH = 8
    BOWEL = 9
    GALLBLADDER = 10
    HEART = 11
    ARTERY = 12
    VEIN = 13
    OTHER = 14


@dataclass(frozen=True, eq=False)
class Body:
    """One drawn body.

    Attributes
    ----------
    grid : where the distances are sampled.
    organs : signed distance (mm, negative inside) per organ from LUNG to OTHER and of
        MUSCLE and BONE; organs overlap, the smallest distance wins.
    trunk : distance to the trunk without its subcutaneous fat.
    skin : distance to the skin.
    cavity : distance to the inside of the chest and belly wall.
    hilum : world mm where the portal vein enters the liver.
    confluence : world mm where the hepatic veins meet the vena cava.
    mass : distance to a mass outside the liver, which is part of OTHER; None without one.
    """

    grid: Grid
    organs: dict[Organ, Field]
    trunk: Field
    skin: Field
    cavity: Field
    hilum: tuple[float, float, float]
    confluence: tuple[float, float, float]
    mass: Field | None = None

    @property
    def back_mm(self) -> float:
        """The lowest y of the skin, where a table would be."""
        rows = np.flatnonzero((self.skin < 0).any(axis=(0, 2)))
        return float(self.grid.axis(1)[rows[0] if len(rows) else 0])


def draw_body(rng: np.random.Generator, grid: Grid = TORSO, *, odd: bool = False) -> Body:
    """Draw a body; the same generator state and grid give the same voxels.

    ``odd`` adds what training needs and a demonstration does not: strong warps, masses
    beside the liver, organs that press on each other or are missing.
    """
    s = Pose(rng, grid, odd)
    trunk = wall.trunk(s)
    cavity = wall.cavity(s, trunk)
    above = wall.diaphragm(s, cavity) + 1.5 - s.z  # negative above the diaphragm
    below = 3.0 - above + s.u(0, 2)
    hilum = (s.n(38, 6), s.n(50, 7), s.n(6, 9))
    confluence = (s.n(20, 4), s.n(42, 5), s.dome - s.u(16, 30))
    heart = shape.heart(s, above)
    organs = {
        Organ.MUSCLE: wall.muscle(s, above, cavity),
        Organ.BONE: wall.bone(s, trunk) - 0.5,
        Organ.LUNG: shape.lung(s, trunk, above, heart),
        Organ.LIVER: shape.liver(s, cavity, below),
        Organ.SPLEEN: shape.spleen(s, cavity, below) - 3,
        Organ.KIDNEY: shape.kidney(s) - 3,
        Organ.STOMACH: shape.stomach(s, cavity, below),
        Organ.BOWEL: shape.bowel(s, cavity, below),
        Organ.GALLBLADDER: shape.gallbladder(s) - 4,
        Organ.HEART: heart,
        Organ.ARTERY: shape.artery(s) - 1,
        Organ.VEIN: shape.vein(s, hilum, confluence) - 1,
        Organ.OTHER: shape.other(s),
    }
    mass = None
    if odd:
        _crowd(s, organs)
        if s.chance(0.25):
            mass = inside_all(shape.mass(s), cavity + 2)
            organs[Organ.OTHER] = inside_any(organs[Organ.OTHER], mass)
    inner = trunk + s.u(2, 6)
    for organ in organs.keys() - {Organ.BONE, Organ.MUSCLE, Organ.ARTERY, Organ.VEIN}:
        organs[organ] = np.maximum(organs[organ], inner)
    return Body(
        grid=grid,
        organs={o: np.clip(d, -FAR_MM, FAR_MM).astype(np.float32) for o, d in organs.items()},
        trunk=trunk.astype(np.float32),
        skin=wall.skin(s, trunk).astype(np.float32),
        cavity=cavity.astype(np.float32),
        hilum=s.locate(hilum),
        confluence=s.locate(confluence),
        mass=None if mass is None else mass.astype(np.float32),
    )


def _crowd(pose: Pose, organs: dict[Organ, Field]) -> None:
    """Swell or shrink organs and take some away, so that neighbors press on the liver."""
    spread = {
        Organ.LIVER: 3,
        Organ.SPLEEN: 4,
        Organ.STOMACH: 6,
        Organ.BOWEL: 4,
        Organ.KIDNEY: 2,
        Organ.HEART: 3,
    }
    for organ, sd in spread.items():
        organs[organ] = organs[organ] + pose.n(0, sd)
    if pose.chance(0.3):  # hardly any fat between the organs
        for organ in spread:
            organs[organ] = organs[organ] - pose.u(1, 7)
    for organ, p in ((Organ.GALLBLADDER, 0.25), (Organ.SPLEEN, 0.03), (Organ.KIDNEY, 0.02)):
        if pose.chance(p):
            organs[organ] = np.full_like(organs[organ], FAR_MM)
