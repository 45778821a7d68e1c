"""Torsos to draw bodies from: procedural shapes, label maps of the bank, blends of both."""

from __future__ import annotations

import torch

from liverview.phantoms import bank, organs, wall
from liverview.phantoms.bank import Torso
from liverview.phantoms.fields import Field, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, CANONICAL_Z_RANGE, Organ
from liverview.phantoms.pose import Pose


def draw_torso(draw: RandomSource, training_variety: bool) -> Torso:
    """Draw a procedural torso, one of the bank, or a blend of both.

    Without ``training_variety``, the bank's are those known over the whole of
    `CANONICAL_GRID`.
    """
    names = bank.body_names()
    usable = names if training_variety else names[:1]
    kind = draw.choice((0.4, 0.35, 0.25))
    if kind == 0:
        return _draw_procedural_torso(draw)
    stored = bank.body(usable[draw.integer(0, len(usable))], draw.device)
    return stored if kind == 1 else _blend_torsos(draw, _draw_procedural_torso(draw), stored)


def _draw_procedural_torso(draw: RandomSource) -> Torso:
    pose = Pose(draw, CANONICAL_GRID)
    trunk = wall.trunk_field(pose)
    cavity = wall.cavity_field(pose, trunk)
    # Negative above the diaphragm.
    above = wall.diaphragm_height(pose, cavity) + 1.5 - pose.z
    below = 3.0 - above + pose.uniform(0, 2)
    hilum = (pose.normal(38, 6), pose.normal(50, 7), pose.normal(6, 9))
    confluence = (pose.normal(20, 4), pose.normal(42, 5), pose.dome - pose.uniform(16, 30))
    heart = organs.heart_field(pose, above)
    fields = {
        Organ.MUSCLE: wall.muscle_field(pose, above, cavity),
        Organ.BONE: wall.bone_field(pose, trunk) - 0.5,
        Organ.LUNG: organs.lung_field(pose, trunk, above, heart),
        Organ.LIVER: organs.liver_field(pose, cavity, below),
        Organ.SPLEEN: organs.spleen_field(pose, cavity, below) - 3,
        Organ.KIDNEY: organs.kidney_field(pose) - 3,
        Organ.STOMACH: organs.stomach_field(pose, cavity, below),
        Organ.BOWEL: organs.bowel_field(pose, cavity, below),
        Organ.GALLBLADDER: organs.gallbladder_field(pose) - 4,
        Organ.HEART: heart,
        Organ.ARTERY: organs.artery_field(pose) - 1,
        Organ.VEIN: organs.vein_field(pose, hilum, confluence) - 1,
        Organ.OTHER: organs.other_field(pose),
    }
    return Torso(
        organs={organ: pose.expand_field(field) for organ, field in fields.items()},
        trunk=pose.expand_field(trunk),
        cavity=pose.expand_field(cavity),
        hilum=hilum,
        confluence=confluence,
        known_z_range=CANONICAL_Z_RANGE,
    )


def _blend_torsos(draw: RandomSource, one: Torso, other: Torso) -> Torso:
    """Draw a torso between two, every organ with a share of its own."""
    middle = draw.uniform(0.2, 0.8)

    def blend_organ(a: Field, b: Field) -> Field:
        share = min(max(middle + draw.normal(0, 0.15), 0.0), 1.0)
        return torch.lerp(a, b, share)

    nearer = one if middle < 0.5 else other
    return Torso(
        organs={o: blend_organ(one.organs[o], other.organs[o]) for o in one.organs},
        trunk=torch.lerp(one.trunk, other.trunk, middle),
        cavity=torch.lerp(one.cavity, other.cavity, middle),
        hilum=nearer.hilum,
        confluence=nearer.confluence,
        known_z_range=(
            max(one.known_z_range[0], other.known_z_range[0]),
            min(one.known_z_range[1], other.known_z_range[1]),
        ),
    )
