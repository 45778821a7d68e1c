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

from liverview.phantom.fields import (
    FAR_MM,
    Field,
    Grid,
    Point,
    ellipsoid,
    inside_all,
    inside_any,
    smooth_noise,
    tube,
)

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


class _Sculptor:
    """The drawn numbers and the coordinate arrays that one body is made from."""

    def __init__(self, rng: np.random.Generator, grid: Grid, odd: bool) -> None:
        self.rng = rng
        self.grid = grid
        self.odd = odd
        self.x, self.y, self.z = self._pose()
        self.dome = self.u(66, 100)  # top of the right diaphragm
        self.width = self.n(152, 11)
        self.depth = self.n(108, 9)
        self.middle = self.depth - 84  # the back stays at y = -84

    def u(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def n(self, mean: float, sd: float) -> float:
        return mean + sd * float(np.clip(self.rng.standard_normal(), -2.5, 2.5))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def noise(self, scale_mm: float, sd_mm: float) -> Field:
        return smooth_noise(self.rng, self.grid, scale_mm) * np.float32(sd_mm)

    def ball(self, center: Point, radii: Point, tilt: float = 0) -> Field:
        return ellipsoid(self.x, self.y, self.z, center, radii, tilt)

    def pipe(self, points: list[Point], radius: float | list[float]) -> Field:
        return tube(self.x, self.y, self.z, points, radius)

    def _pose(self) -> tuple[Field, Field, Field]:
        """Body coordinates of every grid point: scale, turn, shift, two-scale warp."""
        angles = [self.n(0, 0.05), self.n(0, 0.05), self.n(0, 0.08)]
        if self.odd and self.chance(0.04):
            angles[2] += self.u(-0.6, 0.6)  # lying on the side
        turn = np.eye(3, dtype=np.float32)
        for (a, b), angle in zip(((1, 2), (0, 2), (0, 1)), angles, strict=True):
            one = np.eye(3, dtype=np.float32)
            one[a, a] = one[b, b] = np.cos(angle)
            one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
            turn = turn @ one
        size = 1 / self.u(0.84, 1.14)
        scale = [size * self.u(0.93, 1.07) for _ in range(3)]
        axes = self.grid.axes()
        large, small = self.u(70, 110), self.u(28, 45)
        large_mm, small_mm = (self.u(2, 8), self.u(0.5, 3)) if self.odd else (3.0, 1.0)
        out = []
        for row, factor in zip(turn, scale, strict=True):
            coordinate = (row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2]) * factor
            coordinate = coordinate + (self.n(0, 10) if self.odd else 0)
            out.append(coordinate + self.noise(large, large_mm) + self.noise(small, small_mm))
        return out[0], out[1], out[2]

    def locate(self, point: Point) -> tuple[float, float, float]:
        """World mm of the grid point that lies at ``point`` in body coordinates."""
        away = (self.x - point[0]) ** 2 + (self.y - point[1]) ** 2 + (self.z - point[2]) ** 2
        index = np.unravel_index(int(np.argmin(away)), away.shape)
        x, y, z = (float(self.grid.axis(axis)[index[axis]]) for axis in range(3))
        return x, y, z

    # ---- the container -------------------------------------------------------------

    def trunk(self) -> Field:
        up = np.clip((self.z - 30) / 200, 0, 1)
        down = np.clip((-self.z - 60) / 120, 0, 1)
        a = self.width * (1 - self.u(0.03, 0.16) * up**2 - self.u(-0.05, 0.1) * down)
        b = self.depth * (1 - self.u(-0.02, 0.1) * up - self.u(0, 0.16) * down)
        power = self.u(2.0, 2.7)
        u, v = np.abs(self.x) / a, np.abs(self.y - self.middle) / b
        # exp and log in place of powers, which are several times slower in float32.
        norm = np.exp(power * np.log(u + 1e-6)) + np.exp(power * np.log(v + 1e-6))
        norm = np.exp(np.log(norm) / power)
        return (norm - 1) * np.float32(min(self.width, self.depth))

    def skin(self, trunk: Field) -> Field:
        thickness = np.exp(self.u(np.log(3), np.log(46)))
        front = self.u(-0.15, 0.12) / 100 * (self.y - self.middle)
        uneven = 1 + 0.15 * self.noise(60, 1)
        fat = np.clip(thickness * (uneven + front), 2, 90)
        return trunk - fat

    def cavity(self, trunk: Field) -> Field:
        wall = trunk + self.u(9, 16)
        spine = np.sqrt(self.x**2 + (self.y + 16) ** 2) - self.u(38, 46)
        return inside_all(wall, -spine)

    def diaphragm(self, cavity: Field) -> Field:
        """Height (z) of the diaphragm over each point: two domes, steep along the wall."""
        x, y = self.x, self.y
        a, b = self.u(0.005, 0.010), self.u(0.004, 0.008)
        right = self.dome - a * (x - self.n(68, 8)) ** 2 - b * (y - self.n(32, 10)) ** 2
        left_top = self.dome - self.u(2, 25)
        left = left_top - 1.1 * a * (x + self.n(75, 8)) ** 2 - b * (y - self.n(15, 10)) ** 2
        middle = self.dome - self.u(12, 34) - 0.006 * x**2 - 0.010 * (y - 45) ** 2
        recess = self.u(5, 40) * np.exp(np.clip(cavity, -60, 0) / self.u(3, 8))
        return inside_all(right, left, middle) + self.noise(70, 4) - recess

    # ---- organs --------------------------------------------------------------------

    def heart(self, above: Field) -> Field:
        center = (self.n(-28, 10), self.n(70, 8), self.dome + self.u(2, 24))
        radii = (self.u(48, 68), self.u(38, 52), self.u(40, 54))
        ball = self.ball(center, radii, self.u(-0.5, 0.1))
        return inside_all(ball + self.noise(50, 2), above - 2)

    def lung(self, trunk: Field, above: Field, heart: Field) -> Field:
        mediastinum = inside_all(
            np.abs(self.x + 5) - self.u(18, 32), self.y - self.u(50, 95), -60 - self.y
        )
        spine = np.sqrt(self.x**2 + (self.y + 5) ** 2) - 33
        return inside_all(trunk + self.u(9, 14), above, 3 - heart, -mediastinum, -spine)

    def liver(self, cavity: Field, below: Field) -> Field:
        """Under the right dome, above a visceral surface that rises to the left and back."""
        x, y, z = self.x, self.y, self.z
        tip = self.u(-115, -48)  # lowest point of the right lobe
        rise_left, rise_back = self.u(0.42, 0.78), self.u(0.0, 0.55)
        visceral = tip + rise_left * (self.u(108, 125) - x) - rise_back * (y - self.u(40, 75))
        visceral = visceral + self.noise(60, 6)
        steep = 1 / np.sqrt(1 + rise_left**2 + rise_back**2)
        # The left lobe: reaches to x = -reach, in front of stomach and esophagus.
        reach = self.u(20, 95) if self.chance(0.85) else self.u(95, 130)
        behind = self.u(15, 45) + 0.3 * np.minimum(x - 20, 0) * self.u(-1.0, 0.6)
        back = np.where(x < 22, behind - y + 0.35 * (x - 22), -FAR_MM).astype(np.float32)
        spine = np.sqrt((x + 6) ** 2 + (y + 8) ** 2) - self.u(46, 58)
        shape = inside_all(cavity + self.u(0.5, 3), below, (visceral - z) * steep, -x - reach)
        shape = inside_all(shape, -spine, back)
        fissure = self._fissure(visceral)
        rounded = shape + self.noise(45, 3) + self.noise(22, self.u(0.3, 1.6))
        return inside_all(rounded, -fissure)

    def _fissure(self, visceral: Field) -> Field:
        """The fissure of the round ligament: a cleft of fat in the lower surface."""
        thickness = self.u(-2, 5)
        lean = (self.x - self.n(12, 10)) + self.u(-0.4, 0.3) * (self.y - 80)
        deep = self.z - visceral - self.u(10, 55)
        return inside_all(
            np.abs(lean) - thickness + self.noise(30, 2), deep, self.u(55, 80) - self.y
        )

    def spleen(self, cavity: Field, below: Field) -> Field:
        center = (self.n(-102, 6), self.n(-18, 10), self.n(32, 13))
        radii = (self.u(23, 40), self.u(34, 58), self.u(38, 70))
        ball = self.ball(center, radii, self.u(-0.2, 0.6)) + self.noise(40, 3)
        return inside_all(ball, cavity + 1, below)

    def kidney(self) -> Field:
        both = []
        for side in (1, -1):
            center = (side * self.n(66, 6), self.n(-2, 7), self.n(-22 if side > 0 else -10, 15))
            radii = (self.u(23, 32), self.u(20, 29), self.u(44, 62))
            ball = self.ball(center, radii, side * -0.25)
            sinus = (center[0] - side * 10, center[1] + 5, center[2])
            hollow = self.ball(sinus, (self.u(6, 15), self.u(6, 12), self.u(14, 28)))
            both.append(inside_all(ball, -hollow))
        return inside_any(*both) + self.noise(30, 1.5)

    def stomach(self, cavity: Field, below: Field) -> Field:
        k = self.u(0.65, 1.35)
        fundus = ((-self.n(66, 8), self.n(8, 12), self.n(42, 9)), (38 * k, 40 * k, 38 * k))
        body = (
            (-self.n(48, 9), self.n(58, 10), self.n(6, 12)),
            (30 * k, 28 * k, self.u(32, 56) * k),
        )
        antrum = (
            (-self.n(2, 12), self.n(78, 10), self.n(-28, 12)),
            (self.u(28, 46) * k, 20 * k, 20 * k),
        )
        parts = [self.ball(c, r, t) for (c, r), t in ((fundus, 0), (body, 0.4), (antrum, 0))]
        whole = inside_any(*parts) + self.noise(40, 4)
        return inside_all(whole, cavity + 1, below)

    def bowel(self, cavity: Field, below: Field) -> Field:
        n = self.n
        low = self.u(-85, -25)  # how high the transverse colon and flexures sit
        frame: list[Point] = [
            (104, n(8, 10), -200),
            (106, n(18, 10), -125),
            (n(92, 10), n(45, 15), low + n(5, 15)),
            (n(55, 10), n(95, 15), low - n(10, 10)),
            (0, n(104, 12), low - n(15, 15)),
            (-60, n(88, 12), low + n(0, 15)),
            (-n(102, 6), n(22, 15), low + self.u(20, 75)),
            (-n(112, 6), n(2, 10), -75),
            (-n(110, 6), n(8, 10), -200),
        ]
        haustra = self.noise(18, 5)
        colon = self.pipe(frame, self.u(13, 28)) + haustra
        loops = inside_all(
            self.u(-3, 5) - self.noise(self.u(22, 32), 10),
            self.z - n(-38, 14) - self.u(0.1, 0.6) * np.clip(-self.x, 0, 110),
            np.abs(self.x) - n(92, 10),
            n(8, 8) - self.y,
        )
        duodenum = self.pipe(
            [
                (n(20, 6), n(72, 8), n(-18, 8)),
                (n(42, 6), n(50, 6), n(-25, 8)),
                (n(40, 6), n(42, 6), n(-62, 8)),
                (-10, n(38, 5), n(-65, 8)),
            ],
            self.u(9, 15),
        )
        return inside_all(inside_any(colon, loops, duodenum), cavity + 2, below)

    def gallbladder(self) -> Field:
        center = (self.n(56, 9), self.n(74, 10), self.n(-20, 13))
        radii = (self.u(10, 20), self.u(12, 24), self.u(18, 38))
        return self.ball(center, radii, self.u(-0.5, 0.5)) + self.noise(25, 1)

    def artery(self) -> Field:
        n, dome = self.n, self.dome
        aorta: list[Point] = [
            (n(-4, 5), 32, -115),
            (n(-8, 5), 34, -40),
            (n(-10, 4), 33, 0),
            (n(-10, 4), 30, dome - 20),
            (n(-14, 6), 22, 235),
        ]
        radius = self.u(8, 14)
        mesenteric = self.pipe([(-7, 38, -14), (-2, 52, -40), (2, 62, -130)], self.u(3, 5))
        celiac = self.pipe([(-8, 38, 2), (4, 56, 6), (25, 62, 4)], self.u(2.5, 4))
        splenic = self.pipe([(4, 56, 6), (-40, 42, 14), (-84, -4, 22)], self.u(2, 3.5))
        renal = [self.pipe([(-6, 30, -12), (s * 58, 4, -14)], self.u(2.5, 4)) for s in (1, -1)]
        iliac = [self.pipe([(-4, 32, -112), (s * 42, 45, -190)], self.u(5, 8)) for s in (1, -1)]
        return inside_any(self.pipe(aorta, radius), mesenteric, celiac, splenic, *renal, *iliac)

    def vein(self, hilum: Point, confluence: Point) -> Field:
        n = self.n
        cava: list[Point] = [
            (n(20, 4), 28, -118),
            (n(21, 4), 30, -50),
            (n(22, 3), 36, 5),
            confluence,
            (n(14, 5), n(58, 5), self.dome + 28),
        ]
        cava_field = self.pipe(cava, [self.u(8, 13), self.u(8, 14), self.u(9, 15), 14, 15])
        join = (n(6, 4), n(58, 5), n(-6, 6))
        portal = self.pipe([join, (n(16, 4), n(58, 5), n(2, 5)), hilum], self.u(5, 9))
        splenic = self.pipe([join, (-45, n(42, 6), 8), (-88, n(-8, 8), 20)], self.u(3, 6))
        mesenteric = self.pipe([join, (8, 62, -50), (12, 68, -140)], self.u(4, 7))
        renal = [self.pipe([(14, 30, -8), (s * 58, 6, -12)], self.u(3, 6)) for s in (1, -1)]
        iliac = [self.pipe([(20, 28, -116), (s * 45, 38, -195)], self.u(5, 8)) for s in (1, -1)]
        return inside_any(cava_field, portal, splenic, mesenteric, *renal, *iliac)

    def other(self) -> Field:
        """Pancreas, esophagus, adrenals: soft tissue that is none of the named organs."""
        n = self.n
        pancreas = self.pipe(
            [
                (n(38, 5), n(52, 5), n(-40, 8)),
                (n(20, 5), n(58, 5), n(-22, 6)),
                (n(-35, 6), n(52, 7), n(-4, 8)),
                (n(-80, 6), n(8, 9), n(12, 9)),
            ],
            [self.u(9, 15), self.u(8, 13), self.u(7, 12), self.u(6, 12)],
        )
        esophagus = self.pipe(
            [(-8, 18, 240), (-10, 26, self.dome - 4), (-34, 30, self.dome - 26)], self.u(6, 10)
        )
        adrenals = [
            self.pipe([(s * 42, 16, 8), (s * n(38, 3), n(24, 3), 28)], self.u(3.5, 7))
            for s in (1, -1)
        ]
        cord = self.pipe([(0, -24, -200), (0, -24, 240)], self.u(6, 9))
        return inside_any(pancreas + self.noise(20, 3), esophagus, *adrenals, cord)

    def bone(self, trunk: Field) -> Field:
        x, y, z = self.x, self.y, self.z
        body = np.sqrt((x / 22) ** 2 + (y / 17) ** 2) * 18 - 18
        pitch = self.u(30, 37)
        disc = np.abs((z % pitch) - pitch / 2) - (pitch / 2 - self.u(2, 5))
        spinous = inside_all(np.abs(x) - 4, np.abs(y + 48) - 15, disc + 6)
        transverse = inside_all(np.abs(x) - self.u(26, 34), np.abs(y + 27) - 6, disc + 10)
        lamina = np.abs(np.sqrt(x**2 + (y + 24) ** 2) - 13) - 3
        vertebra = inside_any(inside_all(body, disc), spinous, transverse, lamina)
        slope = z + 0.2 * np.abs(x) + self.u(0.45, 0.85) * (y - 40) + self.u(0, 34)
        margin = self.u(-95, -55) + 0.9 * np.clip(y + 10, 0, 200)
        rib = inside_all(
            np.abs(trunk + self.u(4, 7)) - self.u(3.2, 4.6),
            np.abs((slope % 34) - 17) - self.u(5, 8),
            margin - z,
        )
        sternum = inside_all(
            np.abs(x) - 18, np.abs(y - self.middle - self.depth + 7) - 6, self.dome - 12 - z
        )
        ring = np.abs(np.sqrt((x / 1.25) ** 2 + (y - 12) ** 2) - 84) - 9
        pelvis = inside_all(ring, z + self.u(125, 165), y - 55)
        return inside_any(vertebra, rib, sternum, pelvis)

    def muscle(self, above: Field, cavity: Field) -> Field:
        """Muscle inside the trunk: back, psoas, rectus, crura; the wall is found by depth."""
        x, y, z = np.abs(self.x), self.y, self.z
        back = np.sqrt(((x - 32) / 31) ** 2 + ((y + 42) / 21) ** 2) * 20 - 20
        thick = np.clip((-z - 10) / 8, 0, 14)
        out = np.sqrt((x - 40 - 0.12 * np.clip(-z - 30, 0, 120)) ** 2 + (y - 4) ** 2)
        psoas = out - self.u(8, 13) - thick
        front = self.middle + self.depth - 6
        rectus = inside_all(
            np.sqrt(((x - 38) / 32) ** 2 + ((y - front) / 7) ** 2) * 7 - 7, z - self.dome + 20
        )
        crus = inside_all(
            np.sqrt((x - 15) ** 2 + (y - 27) ** 2) - self.u(5, 10), np.abs(z - 10) - 55
        )
        sheet = inside_all(np.abs(above) - self.u(0.8, 2.2), cavity)  # the diaphragm itself
        return inside_any(back, psoas, rectus, crus, sheet)

    def mass(self) -> Field:
        """A tumor, cyst or hematoma beside the liver, such as an adrenal mass."""
        radius = np.exp(self.u(np.log(14), np.log(62)))
        side = 1 if self.chance(0.5) else -1
        center = (side * self.u(10, 105), self.u(-30, 90), self.u(-105, 45))
        radii = [radius * self.u(0.8, 1.25) for _ in range(3)]
        return self.ball(center, radii) + self.noise(24, 3)

    def crowd(self, organs: dict[Organ, Field]) -> None:
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
            organs[organ] = organs[organ] + self.n(0, sd)
        if self.chance(0.3):  # hardly any fat between the organs
            for organ in spread:
                organs[organ] = organs[organ] - self.u(1, 7)
        for organ, p in ((Organ.GALLBLADDER, 0.25), (Organ.SPLEEN, 0.03), (Organ.KIDNEY, 0.02)):
            if self.chance(p):
                organs[organ] = np.full_like(organs[organ], FAR_MM)


def draw_body(rng: np.random.Generator, grid: Grid = TORSO, *, odd: bool = False) -> Body:
    """Draw a body; the same generator state and grid give the same voxels.

    ``odd`` adds what training needs and a demonstration does not: strong warps, masses
    beside the liver, organs that press on each other or are missing.
    """
    s = _Sculptor(rng, grid, odd)
    trunk = s.trunk()
    cavity = s.cavity(trunk)
    above = s.diaphragm(cavity) + 1.5 - s.z  # negative above the diaphragm
    below = 3.0 - above + s.u(0, 2)
    hilum = (s.n(38, 6), s.n(50, 7), s.n(6, 9))
    confluence = (s.n(20, 4), s.n(42, 5), s.dome - s.u(16, 30))
    heart = s.heart(above)
    organs = {
        Organ.MUSCLE: s.muscle(above, cavity),
        Organ.BONE: s.bone(trunk) - 0.5,
        Organ.LUNG: s.lung(trunk, above, heart),
        Organ.LIVER: s.liver(cavity, below),
        Organ.SPLEEN: s.spleen(cavity, below) - 3,
        Organ.KIDNEY: s.kidney() - 3,
        Organ.STOMACH: s.stomach(cavity, below),
        Organ.BOWEL: s.bowel(cavity, below),
        Organ.GALLBLADDER: s.gallbladder() - 4,
        Organ.HEART: heart,
        Organ.ARTERY: s.artery() - 1,
        Organ.VEIN: s.vein(hilum, confluence) - 1,
        Organ.OTHER: s.other(),
    }
    mass = None
    if odd:
        s.crowd(organs)
        if s.chance(0.25):
            mass = inside_all(s.mass(), cavity + 2)
            organs[Organ.OTHER] = inside_any(organs[Organ.OTHER], mass)
    inner = trunk + s.u(2, 6)
    for organ in organs.keys() - {Organ.BONE, Organ.MUSCLE, Organ.ARTERY, Organ.VEIN}:
        organs[organ] = np.maximum(organs[organ], inner)
    return Body(
        grid=grid,
        organs={o: np.clip(d, -FAR_MM, FAR_MM).astype(np.float32) for o, d in organs.items()},
        trunk=trunk.astype(np.float32),
        skin=s.skin(trunk).astype(np.float32),
        cavity=cavity.astype(np.float32),
        hilum=s.locate(hilum),
        confluence=s.locate(confluence),
        mass=None if mass is None else mass.astype(np.float32),
    )
