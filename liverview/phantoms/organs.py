"""Fields of procedural organs; positions and sizes are drawn from adult ranges."""

from __future__ import annotations

import torch

from liverview.phantoms.fields import FAR_MM, Field, Point, intersection, union
from liverview.phantoms.frame import Organ
from liverview.phantoms.pose import Pose


def heart_field(pose: Pose, above: Field) -> Field:
    """The signed distance to the heart, which rests on the diaphragm, mm."""
    center = (pose.normal(-28, 10), pose.normal(70, 8), pose.dome + pose.uniform(2, 24))
    radii = (pose.uniform(48, 68), pose.uniform(38, 52), pose.uniform(40, 54))
    ball = pose.ellipsoid_field(center, radii, pose.uniform(-0.5, 0.1))
    return intersection(ball + pose.draw_noise(50, 2), above - 2)


def lung_field(pose: Pose, trunk: Field, above: Field, heart: Field) -> Field:
    """The signed distance to the lungs, around heart and mediastinum, mm."""
    mediastinum = intersection(
        torch.abs(pose.x + 5) - pose.uniform(18, 32), pose.y - pose.uniform(50, 95), -60 - pose.y
    )
    spine = torch.sqrt(pose.x**2 + (pose.y + 5) ** 2) - 33
    return intersection(trunk + pose.uniform(9, 14), above, 3 - heart, -mediastinum, -spine)


def liver_field(pose: Pose, cavity: Field, below: Field) -> Field:
    """The signed distance to the liver, mm.

    It lies under the right dome, above a visceral surface that rises to the left and back.
    """
    x, y, z = pose.x, pose.y, pose.z
    tip = pose.uniform(-115, -48)  # lowest point of the right lobe
    rise_left, rise_back = pose.uniform(0.42, 0.78), pose.uniform(0.0, 0.55)
    visceral = (
        tip + rise_left * (pose.uniform(108, 125) - x) - rise_back * (y - pose.uniform(40, 75))
    )
    visceral = visceral + pose.draw_noise(60, 6)
    steep = (1 + rise_left**2 + rise_back**2) ** -0.5
    # The left lobe: reaches to x = -reach, in front of stomach and esophagus.
    reach = pose.uniform(20, 95) if pose.chance(0.85) else pose.uniform(95, 130)
    behind = pose.uniform(15, 45) + 0.3 * (x - 20).clamp(max=0) * pose.uniform(-1.0, 0.6)
    back = torch.where(x < 22, behind - y + 0.35 * (x - 22), -FAR_MM)
    spine = torch.sqrt((x + 6) ** 2 + (y + 8) ** 2) - pose.uniform(46, 58)
    shape = intersection(cavity + pose.uniform(0.5, 3), below, (visceral - z) * steep, -x - reach)
    shape = intersection(shape, -spine, back)
    fissure = _fissure_field(pose, visceral)
    rounded = shape + pose.draw_noise(45, 3) + pose.draw_noise(22, pose.uniform(0.3, 1.6))
    return intersection(rounded, -fissure)


def _fissure_field(pose: Pose, visceral: Field) -> Field:
    """The fissure of the round ligament: a cleft of fat in the lower surface."""
    thickness = pose.uniform(-2, 5)
    lean = (pose.x - pose.normal(12, 10)) + pose.uniform(-0.4, 0.3) * (pose.y - 80)
    deep = pose.z - visceral - pose.uniform(10, 55)
    return intersection(
        torch.abs(lean) - thickness + pose.draw_noise(30, 2), deep, pose.uniform(55, 80) - pose.y
    )


def spleen_field(pose: Pose, cavity: Field, below: Field) -> Field:
    """The signed distance to the spleen, under the left dome, mm."""
    center = (pose.normal(-102, 6), pose.normal(-18, 10), pose.normal(32, 13))
    radii = (pose.uniform(23, 40), pose.uniform(34, 58), pose.uniform(38, 70))
    ball = pose.ellipsoid_field(center, radii, pose.uniform(-0.2, 0.6)) + pose.draw_noise(40, 3)
    return intersection(ball, cavity + 1, below)


def kidney_field(pose: Pose) -> Field:
    """The signed distance to the two kidneys without their sinuses, mm."""
    both = []
    for side in (1, -1):
        center = (
            side * pose.normal(66, 6),
            pose.normal(-2, 7),
            pose.normal(-22 if side > 0 else -10, 15),
        )
        radii = (pose.uniform(23, 32), pose.uniform(20, 29), pose.uniform(44, 62))
        ball = pose.ellipsoid_field(center, radii, side * -0.25)
        sinus = (center[0] - side * 10, center[1] + 5, center[2])
        hollow = pose.ellipsoid_field(
            sinus, (pose.uniform(6, 15), pose.uniform(6, 12), pose.uniform(14, 28))
        )
        both.append(intersection(ball, -hollow))
    return union(*both) + pose.draw_noise(30, 1.5)


def stomach_field(pose: Pose, cavity: Field, below: Field) -> Field:
    """The signed distance to the stomach: fundus, body and antrum, mm."""
    size = pose.uniform(0.65, 1.35)
    fundus = (
        (-pose.normal(66, 8), pose.normal(8, 12), pose.normal(42, 9)),
        (38 * size, 40 * size, 38 * size),
    )
    body = (
        (-pose.normal(48, 9), pose.normal(58, 10), pose.normal(6, 12)),
        (30 * size, 28 * size, pose.uniform(32, 56) * size),
    )
    antrum = (
        (-pose.normal(2, 12), pose.normal(78, 10), pose.normal(-28, 12)),
        (pose.uniform(28, 46) * size, 20 * size, 20 * size),
    )
    sections = [
        pose.ellipsoid_field(c, r, t) for (c, r), t in ((fundus, 0), (body, 0.4), (antrum, 0))
    ]
    whole = union(*sections) + pose.draw_noise(40, 4)
    return intersection(whole, cavity + 1, below)


def bowel_field(pose: Pose, cavity: Field, below: Field) -> Field:
    """The signed distance to the colon, small bowel and duodenum, mm."""
    normal = pose.normal
    low = pose.uniform(-85, -25)  # how high the transverse colon and flexures sit
    frame: list[Point] = [
        (104, normal(8, 10), -200),
        (106, normal(18, 10), -125),
        (normal(92, 10), normal(45, 15), low + normal(5, 15)),
        (normal(55, 10), normal(95, 15), low - normal(10, 10)),
        (0, normal(104, 12), low - normal(15, 15)),
        (-60, normal(88, 12), low + normal(0, 15)),
        (-normal(102, 6), normal(22, 15), low + pose.uniform(20, 75)),
        (-normal(112, 6), normal(2, 10), -75),
        (-normal(110, 6), normal(8, 10), -200),
    ]
    haustra = pose.draw_noise(18, 5)
    colon = pose.tube_field(frame, pose.uniform(13, 28)) + haustra
    loops = intersection(
        pose.uniform(-3, 5) - pose.draw_noise(pose.uniform(22, 32), 10),
        pose.z - normal(-38, 14) - pose.uniform(0.1, 0.6) * (-pose.x).clamp(0, 110),
        torch.abs(pose.x) - normal(92, 10),
        normal(8, 8) - pose.y,
    )
    duodenum = pose.tube_field(
        [
            (normal(20, 6), normal(72, 8), normal(-18, 8)),
            (normal(42, 6), normal(50, 6), normal(-25, 8)),
            (normal(40, 6), normal(42, 6), normal(-62, 8)),
            (-10, normal(38, 5), normal(-65, 8)),
        ],
        pose.uniform(9, 15),
    )
    return intersection(union(colon, loops, duodenum), cavity + 2, below)


def gallbladder_field(pose: Pose) -> Field:
    """The signed distance to the gallbladder, mm."""
    center = (pose.normal(56, 9), pose.normal(74, 10), pose.normal(-20, 13))
    radii = (pose.uniform(10, 20), pose.uniform(12, 24), pose.uniform(18, 38))
    return pose.ellipsoid_field(center, radii, pose.uniform(-0.5, 0.5)) + pose.draw_noise(25, 1)


def artery_field(pose: Pose) -> Field:
    """The signed distance to the aorta and its branches, mm."""
    normal, dome = pose.normal, pose.dome
    aorta: list[Point] = [
        (normal(-4, 5), 32, -115),
        (normal(-8, 5), 34, -40),
        (normal(-10, 4), 33, 0),
        (normal(-10, 4), 30, dome - 20),
        (normal(-14, 6), 22, 235),
    ]
    radius = pose.uniform(8, 14)
    mesenteric = pose.tube_field([(-7, 38, -14), (-2, 52, -40), (2, 62, -130)], pose.uniform(3, 5))
    celiac = pose.tube_field([(-8, 38, 2), (4, 56, 6), (25, 62, 4)], pose.uniform(2.5, 4))
    splenic = pose.tube_field([(4, 56, 6), (-40, 42, 14), (-84, -4, 22)], pose.uniform(2, 3.5))
    renal = [
        pose.tube_field([(-6, 30, -12), (s * 58, 4, -14)], pose.uniform(2.5, 4)) for s in (1, -1)
    ]
    iliac = [
        pose.tube_field([(-4, 32, -112), (s * 42, 45, -190)], pose.uniform(5, 8)) for s in (1, -1)
    ]
    return union(pose.tube_field(aorta, radius), mesenteric, celiac, splenic, *renal, *iliac)


def vein_field(pose: Pose, hilum: Point, confluence: Point) -> Field:
    """The signed distance to caval and portal veins and their branches, mm."""
    normal = pose.normal
    cava: list[Point] = [
        (normal(20, 4), 28, -118),
        (normal(21, 4), 30, -50),
        (normal(22, 3), 36, 5),
        confluence,
        (normal(14, 5), normal(58, 5), pose.dome + 28),
    ]
    cava_field = pose.tube_field(
        cava, [pose.uniform(8, 13), pose.uniform(8, 14), pose.uniform(9, 15), 14, 15]
    )
    join = (normal(6, 4), normal(58, 5), normal(-6, 6))
    portal = pose.tube_field(
        [join, (normal(16, 4), normal(58, 5), normal(2, 5)), hilum], pose.uniform(5, 9)
    )
    splenic = pose.tube_field(
        [join, (-45, normal(42, 6), 8), (-88, normal(-8, 8), 20)], pose.uniform(3, 6)
    )
    mesenteric = pose.tube_field([join, (8, 62, -50), (12, 68, -140)], pose.uniform(4, 7))
    renal = [pose.tube_field([(14, 30, -8), (s * 58, 6, -12)], pose.uniform(3, 6)) for s in (1, -1)]
    iliac = [
        pose.tube_field([(20, 28, -116), (s * 45, 38, -195)], pose.uniform(5, 8)) for s in (1, -1)
    ]
    return union(cava_field, portal, splenic, mesenteric, *renal, *iliac)


def other_field(pose: Pose) -> Field:
    """The signed distance to pancreas, esophagus, adrenals and spinal cord, mm."""
    normal = pose.normal
    pancreas = pose.tube_field(
        [
            (normal(38, 5), normal(52, 5), normal(-40, 8)),
            (normal(20, 5), normal(58, 5), normal(-22, 6)),
            (normal(-35, 6), normal(52, 7), normal(-4, 8)),
            (normal(-80, 6), normal(8, 9), normal(12, 9)),
        ],
        [pose.uniform(9, 15), pose.uniform(8, 13), pose.uniform(7, 12), pose.uniform(6, 12)],
    )
    esophagus = pose.tube_field(
        [(-8, 18, 240), (-10, 26, pose.dome - 4), (-34, 30, pose.dome - 26)], pose.uniform(6, 10)
    )
    adrenals = [
        pose.tube_field(
            [(s * 42, 16, 8), (s * normal(38, 3), normal(24, 3), 28)], pose.uniform(3.5, 7)
        )
        for s in (1, -1)
    ]
    cord = pose.tube_field([(0, -24, -200), (0, -24, 240)], pose.uniform(6, 9))
    return union(pancreas + pose.draw_noise(20, 3), esophagus, *adrenals, cord)


def head_fields(pose: Pose) -> dict[Organ, Field]:
    """The fields of a head with neck: skull, brain, airways, muscle, vessels."""
    normal, uniform = pose.normal, pose.uniform
    top = pose.ellipsoid_field(
        (0, normal(15, 5), 80), (uniform(66, 78), uniform(84, 98), uniform(72, 90))
    )
    face = pose.ellipsoid_field(
        (0, normal(45, 6), 0), (uniform(52, 64), uniform(58, 72), uniform(68, 84))
    )
    neck = pose.tube_field([(0, 5, -30), (0, -5, -230)], uniform(48, 62))
    skin = union(top, face, neck) + pose.draw_noise(45, 2)
    skull = intersection(torch.abs(top + 9) - uniform(2.5, 4), 30 - pose.z)
    jaw = intersection(torch.abs(face + uniform(9, 14)) - 4, torch.abs(pose.z) - 40, 30 - pose.y)
    spine = intersection(pose.tube_field([(0, -25, 30), (0, -32, -230)], 15), (pose.z % 22) - 18)
    sinuses = pose.ellipsoid_field(
        (0, normal(85, 5), normal(18, 5)), (uniform(18, 32), uniform(12, 20), uniform(14, 24))
    )
    airway = pose.tube_field([(0, 40, 10), (0, 25, -40), (0, 22, -230)], uniform(7, 10))
    return {
        Organ.MUSCLE: intersection(skin + uniform(4, 9), 20 - top),
        Organ.BONE: union(skull, jaw, spine),
        Organ.LUNG: union(sinuses, airway) - 4,
        Organ.OTHER: intersection(top + 14, 20 - pose.z),
        Organ.ARTERY: union(
            *(pose.tube_field([(s * 32, 10, 0), (s * 30, 8, -230)], 5) for s in (1, -1))
        ),
        Organ.VEIN: union(
            *(pose.tube_field([(s * 38, 0, 0), (s * 36, 2, -230)], 6) for s in (1, -1))
        ),
    }
