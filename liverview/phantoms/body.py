"""The body of the phantom: signed distances of organs on a 4 mm grid.

A body begins with a torso (see `torso`). Into most of them a liver of the bank is set: the
torso is bent so that its own liver takes the other's shape, and what touches the liver comes
along. The whole is scaled, rotated and warped at two scales. Organs compete by the smallest
distance, which gives true contacts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from liverview.phantoms.bank import Torso
from liverview.phantoms.deformation import deform_torso, draw_deformation
from liverview.phantoms.fields import FAR_MM, Field, RandomSource, smooth_noise, union
from liverview.phantoms.frame import CANONICAL_GRID, CANONICAL_Z_RANGE, WALL_ORGANS, Organ
from liverview.phantoms.implant import draw_implant
from liverview.phantoms.irregularities import carve_mass, cut_notches, draw_mass, vary_organs
from liverview.phantoms.morph import blur_displacement, register_demons, sample_fields
from liverview.phantoms.organs import head_fields
from liverview.phantoms.pose import Pose
from liverview.phantoms.torso import draw_torso

_WALL_BLUR = 8.0  # blur of the bend for the body wall, in voxels


@dataclass(frozen=True, eq=False)
class Body:
    """One drawn body, on `CANONICAL_GRID`.

    Attributes
    ----------
    organs : signed distance (mm, negative inside) per organ from LUNG to OTHER and of
        MUSCLE and BONE; organs overlap, the smallest distance wins.
    trunk : distance to the trunk without its subcutaneous fat.
    skin : distance to the skin.
    cavity : distance to the inside of the chest and belly wall.
    hilum : world mm where the portal vein enters the liver.
    confluence : world mm where the hepatic veins meet the vena cava.
    known_z_range : lowest and highest z of what is known of the body, mm.
    mass : distance to a mass outside the liver, which is part of OTHER; None without one.
    """

    organs: dict[Organ, Field]
    trunk: Field
    skin: Field
    cavity: Field
    hilum: tuple[float, float, float]
    confluence: tuple[float, float, float]
    known_z_range: tuple[float, float]
    mass: Field | None = None

    @property
    def back_mm(self) -> float:
        """The lowest y of the skin, mm, which is the height of a table."""
        rows = (self.skin < 0).any(dim=2).any(dim=0).nonzero()
        return float(CANONICAL_GRID.axis(1)[int(rows[0]) if len(rows) else 0])

    @cached_property
    def present(self) -> dict[Organ, Field]:
        """The organs that are anywhere inside the grid."""
        return {organ: field for organ, field in self.organs.items() if (field < 0).any()}

    @property
    def device(self) -> torch.device:
        """The device that the fields are on."""
        return self.skin.device


def draw_body(draw: RandomSource, *, training_variety: bool = False) -> Body:
    """Draw a body; the same state of ``draw`` gives the same voxels.

    ``training_variety`` adds what training needs and a demonstration does not: strong warps,
    masses beside the liver, organs that press on each other, are cut or missing, and torsos
    of which a part is not known.
    """
    *_, body = iter_draw_body(draw, training_variety=training_variety)
    assert isinstance(body, Body)
    return body


def iter_draw_body(draw: RandomSource, *, training_variety: bool = False) -> Iterator[float | Body]:
    """Draw a body as `draw_body` does; yields the share that is done, 0 to 1, and the body last."""
    torso = draw_torso(draw, training_variety)
    yield 0.4
    points = draw_deformation(draw, training_variety)
    mass = None
    if training_variety and draw.chance(0.5):
        points, mass = draw_mass(draw, torso, points)
    implant = None
    organ_points = wall_points = points
    if draw.chance(0.8) or not training_variety:
        implant = draw_implant(draw, torso, training_variety)
        yield 0.55
        organ_points, wall_points = _bend_to_implant(torso, implant, points)
    yield 0.85
    torso = deform_torso(draw, torso, organ_points, wall_points, training_variety)
    organs = torso.organs
    if implant is not None:
        organs[Organ.LIVER] = sample_fields(implant[None], CANONICAL_GRID, points)[0]
    if training_variety:
        vary_organs(draw, organs)
        cut_notches(draw, organs)
    if mass is not None:
        carve_mass(organs, mass)
    trunk, cavity = _fit_wall(draw, torso)
    yield 1.0
    yield Body(
        organs={organ: field.clamp(-FAR_MM, FAR_MM) for organ, field in organs.items()},
        trunk=trunk,
        skin=_draw_skin(draw, trunk),
        cavity=cavity,
        hilum=torso.hilum,
        confluence=torso.confluence,
        known_z_range=torso.known_z_range,
        mass=mass,
    )


def draw_head(draw: RandomSource) -> Body:
    """Draw a head with its neck, in which no network should find a liver."""
    pose = Pose(draw, CANONICAL_GRID)
    far = torch.full(CANONICAL_GRID.shape, FAR_MM, device=draw.device)
    organs = {organ: far for organ in Organ if organ > Organ.FAT}
    organs |= {organ: pose.expand_field(field) for organ, field in head_fields(pose).items()}
    trunk = union(*(organs[o] for o in (Organ.MUSCLE, Organ.OTHER, Organ.BONE))) - 1
    return Body(
        organs=organs,
        trunk=trunk,
        skin=trunk - draw.uniform(2, 7),
        cavity=trunk + 20,
        hilum=(0, 0, 0),
        confluence=(0, 0, 0),
        known_z_range=CANONICAL_Z_RANGE,
    )


def _bend_to_implant(torso: Torso, implant: Field, points: Field) -> tuple[Field, Field]:
    """Bend points so that the torso's liver takes the implant's shape: for organs, for the wall."""
    bend = register_demons(torso.organs[Organ.LIVER], implant, CANONICAL_GRID)
    organ_points = points + sample_fields(bend, CANONICAL_GRID, points)
    stiff = blur_displacement(bend, _WALL_BLUR)
    return organ_points, points + sample_fields(stiff, CANONICAL_GRID, points)


def _fit_wall(draw: RandomSource, torso: Torso) -> tuple[Field, Field]:
    """Trunk and cavity that give way where an organ has grown; keeps organs inside, in place."""
    organs = torso.organs
    belly = union(*(organs[o] for o in (Organ.LIVER, Organ.SPLEEN, Organ.STOMACH)))
    cavity = torch.minimum(torso.cavity, belly - 0.5)
    smooth = blur_displacement(torch.minimum(torso.trunk, belly + 9)[None], 4.0)[0]
    trunk = torch.minimum(smooth, belly + 5)
    inner_skin = trunk + draw.uniform(2, 6)
    for organ in organs.keys() - set(WALL_ORGANS):
        organs[organ] = torch.maximum(organs[organ], inner_skin)
    return trunk, cavity


def _draw_skin(draw: RandomSource, trunk: Field) -> Field:
    """The trunk with fat under its skin, thicker in front or behind."""
    thickness = draw.log_uniform(3, 46)
    y = CANONICAL_GRID.axes(draw.device)[1]
    front = draw.uniform(-0.15, 0.12) / 100 * (y - 25)
    uneven = 1 + 0.15 * smooth_noise(draw, CANONICAL_GRID, 60)
    fat = (thickness * (uneven + front)).clamp(2, 90)
    return trunk - fat
