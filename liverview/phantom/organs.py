"""The organs as signed distances; positions and sizes are drawn from adult ranges."""

from __future__ import annotations

import torch

from liverview.phantom.fields import FAR_MM, Field, Point, intersection, union
from liverview.phantom.frame import Organ
from liverview.phantom.pose import Pose


def heart(pose: Pose, above: Field) -> Field:
    center = (pose.n(-28, 10), pose.n(70, 8), pose.dome + pose.u(2, 24))
    radii = (pose.u(48, 68), pose.u(38, 52), pose.u(40, 54))
    ball = pose.ball(center, radii, pose.u(-0.5, 0.1))
    return intersection(ball + pose.noise(50, 2), above - 2)


def lung(pose: Pose, trunk: Field, above: Field, heart: Field) -> Field:
    mediastinum = intersection(
        torch.abs(pose.x + 5) - pose.u(18, 32), pose.y - pose.u(50, 95), -60 - pose.y
    )
    spine = torch.sqrt(pose.x**2 + (pose.y + 5) ** 2) - 33
    return intersection(trunk + pose.u(9, 14), above, 3 - heart, -mediastinum, -spine)


def liver(pose: Pose, cavity: Field, below: Field) -> Field:
    """Under the right dome, above a visceral surface that rises to the left and back."""
    x, y, z = pose.x, pose.y, pose.z
    tip = pose.u(-115, -48)  # lowest point of the right lobe
    rise_left, rise_back = pose.u(0.42, 0.78), pose.u(0.0, 0.55)
    visceral = tip + rise_left * (pose.u(108, 125) - x) - rise_back * (y - pose.u(40, 75))
    visceral = visceral + pose.noise(60, 6)
    steep = (1 + rise_left**2 + rise_back**2) ** -0.5
    # The left lobe: reaches to x = -reach, in front of stomach and esophagus.
    reach = pose.u(20, 95) if pose.chance(0.85) else pose.u(95, 130)
    behind = pose.u(15, 45) + 0.3 * (x - 20).clamp(max=0) * pose.u(-1.0, 0.6)
    back = torch.where(x < 22, behind - y + 0.35 * (x - 22), -FAR_MM)
    spine = torch.sqrt((x + 6) ** 2 + (y + 8) ** 2) - pose.u(46, 58)
    shape = intersection(cavity + pose.u(0.5, 3), below, (visceral - z) * steep, -x - reach)
    shape = intersection(shape, -spine, back)
    fissure = _fissure(pose, visceral)
    rounded = shape + pose.noise(45, 3) + pose.noise(22, pose.u(0.3, 1.6))
    return intersection(rounded, -fissure)


def _fissure(pose: Pose, visceral: Field) -> Field:
    """The fissure of the round ligament: a cleft of fat in the lower surface."""
    thickness = pose.u(-2, 5)
    lean = (pose.x - pose.n(12, 10)) + pose.u(-0.4, 0.3) * (pose.y - 80)
    deep = pose.z - visceral - pose.u(10, 55)
    return intersection(
        torch.abs(lean) - thickness + pose.noise(30, 2), deep, pose.u(55, 80) - pose.y
    )


def spleen(pose: Pose, cavity: Field, below: Field) -> Field:
    center = (pose.n(-102, 6), pose.n(-18, 10), pose.n(32, 13))
    radii = (pose.u(23, 40), pose.u(34, 58), pose.u(38, 70))
    ball = pose.ball(center, radii, pose.u(-0.2, 0.6)) + pose.noise(40, 3)
    return intersection(ball, cavity + 1, below)


def kidney(pose: Pose) -> Field:
    both = []
    for side in (1, -1):
        center = (side * pose.n(66, 6), pose.n(-2, 7), pose.n(-22 if side > 0 else -10, 15))
        radii = (pose.u(23, 32), pose.u(20, 29), pose.u(44, 62))
        ball = pose.ball(center, radii, side * -0.25)
        sinus = (center[0] - side * 10, center[1] + 5, center[2])
        hollow = pose.ball(sinus, (pose.u(6, 15), pose.u(6, 12), pose.u(14, 28)))
        both.append(intersection(ball, -hollow))
    return union(*both) + pose.noise(30, 1.5)


def stomach(pose: Pose, cavity: Field, below: Field) -> Field:
    k = pose.u(0.65, 1.35)
    fundus = ((-pose.n(66, 8), pose.n(8, 12), pose.n(42, 9)), (38 * k, 40 * k, 38 * k))
    body = (
        (-pose.n(48, 9), pose.n(58, 10), pose.n(6, 12)),
        (30 * k, 28 * k, pose.u(32, 56) * k),
    )
    antrum = (
        (-pose.n(2, 12), pose.n(78, 10), pose.n(-28, 12)),
        (pose.u(28, 46) * k, 20 * k, 20 * k),
    )
    parts = [pose.ball(c, r, t) for (c, r), t in ((fundus, 0), (body, 0.4), (antrum, 0))]
    whole = union(*parts) + pose.noise(40, 4)
    return intersection(whole, cavity + 1, below)


def bowel(pose: Pose, cavity: Field, below: Field) -> Field:
    n = pose.n
    low = pose.u(-85, -25)  # how high the transverse colon and flexures sit
    frame: list[Point] = [
        (104, n(8, 10), -200),
        (106, n(18, 10), -125),
        (n(92, 10), n(45, 15), low + n(5, 15)),
        (n(55, 10), n(95, 15), low - n(10, 10)),
        (0, n(104, 12), low - n(15, 15)),
        (-60, n(88, 12), low + n(0, 15)),
        (-n(102, 6), n(22, 15), low + pose.u(20, 75)),
        (-n(112, 6), n(2, 10), -75),
        (-n(110, 6), n(8, 10), -200),
    ]
    haustra = pose.noise(18, 5)
    colon = pose.pipe(frame, pose.u(13, 28)) + haustra
    loops = intersection(
        pose.u(-3, 5) - pose.noise(pose.u(22, 32), 10),
        pose.z - n(-38, 14) - pose.u(0.1, 0.6) * (-pose.x).clamp(0, 110),
        torch.abs(pose.x) - n(92, 10),
        n(8, 8) - pose.y,
    )
    duodenum = pose.pipe(
        [
            (n(20, 6), n(72, 8), n(-18, 8)),
            (n(42, 6), n(50, 6), n(-25, 8)),
            (n(40, 6), n(42, 6), n(-62, 8)),
            (-10, n(38, 5), n(-65, 8)),
        ],
        pose.u(9, 15),
    )
    return intersection(union(colon, loops, duodenum), cavity + 2, below)


def gallbladder(pose: Pose) -> Field:
    center = (pose.n(56, 9), pose.n(74, 10), pose.n(-20, 13))
    radii = (pose.u(10, 20), pose.u(12, 24), pose.u(18, 38))
    return pose.ball(center, radii, pose.u(-0.5, 0.5)) + pose.noise(25, 1)


def artery(pose: Pose) -> Field:
    n, dome = pose.n, pose.dome
    aorta: list[Point] = [
        (n(-4, 5), 32, -115),
        (n(-8, 5), 34, -40),
        (n(-10, 4), 33, 0),
        (n(-10, 4), 30, dome - 20),
        (n(-14, 6), 22, 235),
    ]
    radius = pose.u(8, 14)
    mesenteric = pose.pipe([(-7, 38, -14), (-2, 52, -40), (2, 62, -130)], pose.u(3, 5))
    celiac = pose.pipe([(-8, 38, 2), (4, 56, 6), (25, 62, 4)], pose.u(2.5, 4))
    splenic = pose.pipe([(4, 56, 6), (-40, 42, 14), (-84, -4, 22)], pose.u(2, 3.5))
    renal = [pose.pipe([(-6, 30, -12), (s * 58, 4, -14)], pose.u(2.5, 4)) for s in (1, -1)]
    iliac = [pose.pipe([(-4, 32, -112), (s * 42, 45, -190)], pose.u(5, 8)) for s in (1, -1)]
    return union(pose.pipe(aorta, radius), mesenteric, celiac, splenic, *renal, *iliac)


def vein(pose: Pose, hilum: Point, confluence: Point) -> Field:
    n = pose.n
    cava: list[Point] = [
        (n(20, 4), 28, -118),
        (n(21, 4), 30, -50),
        (n(22, 3), 36, 5),
        confluence,
        (n(14, 5), n(58, 5), pose.dome + 28),
    ]
    cava_field = pose.pipe(cava, [pose.u(8, 13), pose.u(8, 14), pose.u(9, 15), 14, 15])
    join = (n(6, 4), n(58, 5), n(-6, 6))
    portal = pose.pipe([join, (n(16, 4), n(58, 5), n(2, 5)), hilum], pose.u(5, 9))
    splenic = pose.pipe([join, (-45, n(42, 6), 8), (-88, n(-8, 8), 20)], pose.u(3, 6))
    mesenteric = pose.pipe([join, (8, 62, -50), (12, 68, -140)], pose.u(4, 7))
    renal = [pose.pipe([(14, 30, -8), (s * 58, 6, -12)], pose.u(3, 6)) for s in (1, -1)]
    iliac = [pose.pipe([(20, 28, -116), (s * 45, 38, -195)], pose.u(5, 8)) for s in (1, -1)]
    return union(cava_field, portal, splenic, mesenteric, *renal, *iliac)


def other(pose: Pose) -> Field:
    """Pancreas, esophagus, adrenals: soft tissue that is none of the named organs."""
    n = pose.n
    pancreas = pose.pipe(
        [
            (n(38, 5), n(52, 5), n(-40, 8)),
            (n(20, 5), n(58, 5), n(-22, 6)),
            (n(-35, 6), n(52, 7), n(-4, 8)),
            (n(-80, 6), n(8, 9), n(12, 9)),
        ],
        [pose.u(9, 15), pose.u(8, 13), pose.u(7, 12), pose.u(6, 12)],
    )
    esophagus = pose.pipe(
        [(-8, 18, 240), (-10, 26, pose.dome - 4), (-34, 30, pose.dome - 26)], pose.u(6, 10)
    )
    adrenals = [
        pose.pipe([(s * 42, 16, 8), (s * n(38, 3), n(24, 3), 28)], pose.u(3.5, 7)) for s in (1, -1)
    ]
    cord = pose.pipe([(0, -24, -200), (0, -24, 240)], pose.u(6, 9))
    return union(pancreas + pose.noise(20, 3), esophagus, *adrenals, cord)


def head(pose: Pose) -> dict[Organ, Field]:
    """A head with neck, far from any liver: skull, brain, airways, muscle."""
    n, u = pose.n, pose.u
    top = pose.ball((0, n(15, 5), 80), (u(66, 78), u(84, 98), u(72, 90)))
    face = pose.ball((0, n(45, 6), 0), (u(52, 64), u(58, 72), u(68, 84)))
    neck = pose.pipe([(0, 5, -30), (0, -5, -230)], u(48, 62))
    skin = union(top, face, neck) + pose.noise(45, 2)
    skull = intersection(torch.abs(top + 9) - u(2.5, 4), 30 - pose.z)
    jaw = intersection(torch.abs(face + u(9, 14)) - 4, torch.abs(pose.z) - 40, 30 - pose.y)
    spine = intersection(pose.pipe([(0, -25, 30), (0, -32, -230)], 15), (pose.z % 22) - 18)
    sinuses = pose.ball((0, n(85, 5), n(18, 5)), (u(18, 32), u(12, 20), u(14, 24)))
    airway = pose.pipe([(0, 40, 10), (0, 25, -40), (0, 22, -230)], u(7, 10))
    return {
        Organ.MUSCLE: intersection(skin + u(4, 9), 20 - top),
        Organ.BONE: union(skull, jaw, spine),
        Organ.LUNG: union(sinuses, airway) - 4,
        Organ.OTHER: intersection(top + 14, 20 - pose.z),
        Organ.ARTERY: union(*(pose.pipe([(s * 32, 10, 0), (s * 30, 8, -230)], 5) for s in (1, -1))),
        Organ.VEIN: union(*(pose.pipe([(s * 38, 0, 0), (s * 36, 2, -230)], 6) for s in (1, -1))),
    }
