"""The body of the phantom: signed distances of organs on a 4 mm grid.

Torsos come from three sources: procedural shapes, whole-torso label maps, and blends of
both. Into most of them a real liver is set: the body is bent so that its own liver takes
the other's shape, and what touches the liver comes along. Then the whole is scaled, turned
and warped at two scales. Organs compete by the smallest distance, which gives true contacts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from liverview.phantom import bank, wall
from liverview.phantom import organs as shape
from liverview.phantom.bank import LiverShape, Torso
from liverview.phantom.fields import (
    FAR_MM,
    Field,
    Grid,
    RandomSource,
    resample,
    smooth_noise,
    union,
)
from liverview.phantom.frame import CANONICAL_GRID, CANONICAL_Z_RANGE, Organ
from liverview.phantom.morph import (
    blur_displacement,
    grid_points,
    insert_ball,
    random_displacement,
    register_demons,
    rotation_matrix,
    sample_fields,
)
from liverview.phantom.pose import Pose

_LOOSE = {  # organs with a pose of their own: about which point, mm
    Organ.SPLEEN: (-100.0, -20.0, 30.0),
    Organ.STOMACH: (-50.0, 45.0, 10.0),
    Organ.HEART: (-28.0, 65.0, 100.0),
}
# How much surfaces of organs vary: offset, waves of 50 mm, waves of 22 mm; SD in mm.
_VARIES = {
    Organ.BONE: (1.0, 0.5, 0.5),
    Organ.LUNG: (2.0, 2.0, 1.0),
    Organ.LIVER: (0.7, 0.7, 0.5),
    Organ.SPLEEN: (4.0, 3.0, 1.5),
    Organ.KIDNEY: (2.0, 1.5, 1.0),
    Organ.STOMACH: (6.0, 5.0, 2.0),
    Organ.BOWEL: (4.0, 4.0, 4.0),
    Organ.GALLBLADDER: (3.0, 2.0, 1.0),
    Organ.HEART: (3.0, 3.0, 1.5),
    Organ.ARTERY: (1.0, 1.0, 0.5),
    Organ.VEIN: (1.0, 1.0, 0.5),
    Organ.OTHER: (2.0, 2.0, 2.0),
}
_STIFF = 8.0  # blur of the bend for the body wall, in voxels
_USUAL_CUBIC_MM = 1.55e6  # a liver that nobody would remark on
_CORNERED = 0.6  # a liver is placed by the corner where it meets the wall, and by its middle
_WALL = (Organ.BONE, Organ.MUSCLE, Organ.ARTERY, Organ.VEIN)


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
    span : lowest and highest z of what is known of the body, mm.
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
        """The lowest y of the skin, where a table would be."""
        rows = (self.skin < 0).any(dim=2).any(dim=0).nonzero()
        return float(CANONICAL_GRID.axis(1)[int(rows[0]) if len(rows) else 0])

    @cached_property
    def present(self) -> dict[Organ, Field]:
        """The organs that are somewhere."""
        return {organ: field for organ, field in self.organs.items() if (field < 0).any()}

    @property
    def device(self) -> torch.device:
        return self.skin.device


def draw_body(draw: RandomSource, *, odd: bool = False) -> Body:
    """Draw a body; the same state of ``draw`` gives the same voxels.

    ``odd`` adds what training needs and a demonstration does not: strong warps, masses
    beside the liver, organs that press on each other, are cut or missing, and torsos of
    which a part is not known.
    """
    torso = _draw_torso(draw, odd)
    at = grid_points(CANONICAL_GRID, draw.device)
    posed = _pose(draw, at, odd)
    mass = None
    if odd and draw.chance(0.5):
        posed, mass = _mass(draw, torso, posed)
    own = None
    if draw.chance(0.8) or not odd:
        own = _other_liver(draw, torso, odd)
        bend = register_demons(torso.organs[Organ.LIVER], own, CANONICAL_GRID)
        inner = posed + sample_fields(bend, CANONICAL_GRID, posed)
        stiff = posed + sample_fields(blur_displacement(bend, _STIFF), CANONICAL_GRID, posed)
    else:
        inner = stiff = posed
    fields = _sampled(draw, torso, inner, stiff, odd)
    organs = {organ: fields[organ] for organ in torso.organs}
    if own is not None:
        organs[Organ.LIVER] = sample_fields(own[None], CANONICAL_GRID, posed)[0]
    if odd:
        _vary(draw, organs)
        _cut_notch(draw, organs)
    if mass is not None:
        for organ in organs.keys() - {Organ.BONE, Organ.MUSCLE}:
            organs[organ] = torch.maximum(organs[organ], -mass)
        organs[Organ.OTHER] = torch.minimum(organs[Organ.OTHER], mass)
    trunk, cavity = fields["trunk"], fields["cavity"]
    # The wall gives way where an organ has grown.
    belly = union(*(organs[o] for o in (Organ.LIVER, Organ.SPLEEN, Organ.STOMACH)))
    cavity = torch.minimum(cavity, belly - 0.5)
    smooth = blur_displacement(torch.minimum(trunk, belly + 9)[None], 4.0)[0]
    trunk = torch.minimum(smooth, belly + 5)
    inner_skin = trunk + draw.uniform(2, 6)
    for organ in organs.keys() - set(_WALL):
        organs[organ] = torch.maximum(organs[organ], inner_skin)
    return Body(
        organs={o: d.clamp(-FAR_MM, FAR_MM) for o, d in organs.items()},
        trunk=trunk,
        skin=_skin(draw, trunk),
        cavity=cavity,
        hilum=_locate(inner, torso.hilum),
        confluence=_locate(inner, torso.confluence),
        known_z_range=_span(inner, torso.span),
        mass=mass,
    )


def draw_head(draw: RandomSource) -> Body:
    """A head with neck: what a network should find no liver in."""
    pose = Pose(draw, CANONICAL_GRID)
    far = torch.full(CANONICAL_GRID.shape, FAR_MM, device=draw.device)
    organs = {organ: far for organ in Organ if organ > Organ.FAT}
    organs |= {organ: pose.full(field) for organ, field in shape.head(pose).items()}
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


# ---- torsos ---------------------------------------------------------------------------


def _draw_torso(draw: RandomSource, odd: bool) -> Torso:
    names = bank.body_names()
    whole = names if odd else names[:1]
    kind = draw.choice((0.4, 0.35, 0.25))
    if kind == 0:
        return _procedural(draw)
    real = bank.body(whole[draw.integer(0, len(whole))], draw.device)
    return real if kind == 1 else _blend(draw, _procedural(draw), real)


def _procedural(draw: RandomSource) -> Torso:
    s = Pose(draw, CANONICAL_GRID)
    trunk = wall.trunk_field(s)
    cavity = wall.cavity_field(s, trunk)
    above = wall.diaphragm_height(s, cavity) + 1.5 - s.z  # negative above the diaphragm
    below = 3.0 - above + s.u(0, 2)
    hilum = (s.n(38, 6), s.n(50, 7), s.n(6, 9))
    confluence = (s.n(20, 4), s.n(42, 5), s.dome - s.u(16, 30))
    heart = shape.heart(s, above)
    organs = {
        Organ.MUSCLE: wall.muscle_field(s, above, cavity),
        Organ.BONE: wall.bone_field(s, trunk) - 0.5,
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
    return Torso(
        organs={organ: s.full(field) for organ, field in organs.items()},
        trunk=s.full(trunk),
        cavity=s.full(cavity),
        hilum=hilum,
        confluence=confluence,
        span=CANONICAL_Z_RANGE,
    )


def _blend(draw: RandomSource, one: Torso, other: Torso) -> Torso:
    """Between two torsos, every organ with a share of its own."""
    middle = draw.uniform(0.2, 0.8)

    def mix(a: Field, b: Field) -> Field:
        share = min(max(middle + draw.normal(0, 0.15), 0.0), 1.0)
        return torch.lerp(a, b, share)

    nearer = one if middle < 0.5 else other
    return Torso(
        organs={o: mix(one.organs[o], other.organs[o]) for o in one.organs},
        trunk=torch.lerp(one.trunk, other.trunk, middle),
        cavity=torch.lerp(one.cavity, other.cavity, middle),
        hilum=nearer.hilum,
        confluence=nearer.confluence,
        span=(max(one.span[0], other.span[0]), min(one.span[1], other.span[1])),
    )


# ---- the liver ------------------------------------------------------------------------


def _other_liver(draw: RandomSource, torso: Torso, odd: bool) -> Field:
    """A liver of the bank in the place of the torso's own, on `CANONICAL_GRID`."""
    names = bank.liver_names()
    name = names[draw.integer(0, len(names))]
    cut: tuple[int, ...] = ()
    if odd and draw.chance(0.06):
        choices = bank.resections(name)
        cut = choices[draw.integer(0, len(choices))] if choices else ()
    liver = bank.liver(name, draw.device, cut)
    own = torso.organs[Organ.LIVER]
    spread = draw.log_uniform(0.75, 1.35)
    wanted = float((own < 0).sum()) * 64.0 * spread if odd else _USUAL_CUBIC_MM * spread
    scale = min(max((wanted / liver.volume) ** (1 / 3), 0.8), 1.25)
    jitter = [draw.normal(0, 4) for _ in range(3)]
    center = [
        (1 - _CORNERED) * (a - scale * b) + _CORNERED * (c - scale * d) + j
        for a, c, b, d, j in zip(
            *_extent(own, CANONICAL_GRID), *_extent(liver.distance, liver.grid), jitter, strict=True
        )
    ]
    place = grid_points(CANONICAL_GRID, draw.device)
    place = place - torch.tensor(center, device=draw.device)[:, None, None, None]
    return _shaped(draw, liver, place / scale, scale, odd)


def _extent(liver: Field, grid: Grid) -> tuple[list[float], list[float]]:
    """A liver's middle, and the corner where it meets the wall: right, back and top, mm."""
    inside = (liver < 0).nonzero().float()
    step = torch.tensor(grid.spacing, device=liver.device)
    where = torch.tensor(grid.origin, device=liver.device) + inside * step
    every = where[:: max(1, len(where) // 5000)]
    wall = [float(every[:, axis].quantile(q)) for axis, q in enumerate((0.98, 0.02, 0.98))]
    return where.mean(dim=0).tolist(), wall


def _shaped(draw: RandomSource, liver: LiverShape, place: Field, scale: float, odd: bool) -> Field:
    """The liver's distance at points of its own frame, stretched and made uneven."""
    x, y, z = (p / draw.uniform(0.93, 1.08) for p in place)
    if odd:
        x, y, z = (p / draw.uniform(0.9, 1.12) for p in (x, y, z))
        if draw.chance(0.3):  # a left lobe that reaches over the spleen, and around the stomach
            x = torch.where(x < 0, x / draw.uniform(1.15, 1.8), x)
            beyond = (-x - 20).clamp(min=0)
            y = y + beyond * draw.uniform(-0.1, 0.6)
            z = z + beyond * draw.uniform(-0.2, 0.3)
        if draw.chance(0.08):  # Riedel's lobe
            z = torch.where((z < 0) & (x > 0), z / draw.uniform(1.2, 1.6), z)
    distance = sample_fields(liver.distance[None], liver.grid, torch.stack([x, y, z]))[0]
    # Beyond the shape's own box the distance goes on to grow.
    outside = 0.0
    for axis, p in enumerate((x, y, z)):
        low = liver.grid.origin[axis]
        high = low + liver.grid.spacing[axis] * (liver.grid.shape[axis] - 1)
        outside = outside + (low - p).clamp(min=0) ** 2 + (p - high).clamp(min=0) ** 2
    distance = scale * (distance + torch.as_tensor(outside).sqrt())
    if odd and draw.chance(0.1):  # cirrhosis: nodules
        distance = distance + smooth_noise(
            draw, CANONICAL_GRID, draw.uniform(10, 20)
        ) * draw.uniform(1.0, 2.8)
    return distance


# ---- pose -----------------------------------------------------------------------------


def _pose(draw: RandomSource, at: Field, odd: bool) -> Field:
    """Body coordinates of every point: scale, turn, shift, two-scale warp."""
    angles = [draw.normal(0, 0.05), draw.normal(0, 0.05), draw.normal(0, 0.08)]
    if odd and draw.chance(0.04):
        angles[2] += draw.uniform(-0.6, 0.6)  # lying on the side
    size = 1 / (draw.uniform(0.82, 1.14) if odd else draw.uniform(0.9, 1.08))
    scale = [size * draw.uniform(0.92, 1.08) for _ in range(3)]
    matrix = rotation_matrix(angles, draw.device) * torch.tensor(scale, device=draw.device)[:, None]
    shift = [draw.normal(0, 8) if odd else 0.0 for _ in range(3)]
    moved = torch.tensordot(matrix, at, dims=1)
    moved = moved + torch.tensor(shift, device=draw.device)[:, None, None, None]
    large_mm, small_mm = (draw.uniform(2, 7), draw.uniform(0.5, 2.5)) if odd else (3.0, 1.0)
    moved = moved + random_displacement(draw, CANONICAL_GRID, draw.uniform(70, 110), large_mm)
    return moved + random_displacement(draw, CANONICAL_GRID, draw.uniform(28, 45), small_mm)


def _sampled(
    draw: RandomSource, torso: Torso, inner: Field, stiff: Field, odd: bool
) -> dict[Organ | str, Field]:
    """Every field of a torso at bent points; loose organs with a small pose of their own."""
    loose = _LOOSE if odd else {}
    walls: dict[Organ | str, Field] = {o: torso.organs[o] for o in (Organ.BONE, Organ.MUSCLE)}
    walls |= {"trunk": torso.trunk, "cavity": torso.cavity}
    soft = {o: f for o, f in torso.organs.items() if o not in loose and o not in walls}
    out: dict[Organ | str, Field] = {}
    out.update(
        zip(
            soft,
            sample_fields(torch.stack(list(soft.values())), CANONICAL_GRID, inner),
            strict=True,
        )
    )
    out.update(
        zip(
            walls,
            sample_fields(torch.stack(list(walls.values())), CANONICAL_GRID, stiff),
            strict=True,
        )
    )
    half = CANONICAL_GRID.coarser(2)
    for organ, middle in loose.items():
        center = torch.tensor(middle, device=draw.device)[:, None, None, None]
        stretch = torch.tensor(
            [math.exp(draw.normal(0, 0.09)) for _ in range(3)], device=draw.device
        )
        shift = torch.tensor([draw.normal(0, 6) for _ in range(3)], device=draw.device)
        own = (inner - center) * stretch[:, None, None, None] + center
        own = own[:, ::2, ::2, ::2] + shift[:, None, None, None]
        small = sample_fields(torso.organs[organ][None], CANONICAL_GRID, own)[0]
        wide = torch.nn.functional.pad(small[None, None], (0, 1, 0, 1, 0, 1), mode="replicate")
        out[organ] = resample(wide[0, 0], half, CANONICAL_GRID)
    return out


def _span(inner: Field, span: tuple[float, float]) -> tuple[float, float]:
    """World z between which every voxel of a slice is known."""
    known = ((inner[2] >= span[0]) & (inner[2] <= span[1])).float().mean(dim=(0, 1)) > 0.97
    z = CANONICAL_GRID.axis(2)[known.cpu()]
    return (float(z[0]), float(z[-1])) if len(z) else (0.0, 0.0)


def _locate(inner: Field, point: tuple[float, float, float]) -> tuple[float, float, float]:
    """World mm of the grid point that shows ``point`` of the torso."""
    target = torch.tensor(point, device=inner.device)[:, None, None, None]
    index = int((inner - target).square().sum(dim=0).argmin())
    j, k = CANONICAL_GRID.shape[1:]
    return CANONICAL_GRID.point((index // (j * k), index // k % j, index % k))


# ---- oddities -------------------------------------------------------------------------


def _mass(draw: RandomSource, torso: Torso, posed: Field) -> tuple[Field, Field | None]:
    """A tumor, cyst or hematoma beside the liver that pushes organs away."""
    radius = draw.log_uniform(16, 66)
    liver = torso.organs[Organ.LIVER]
    free = (liver > 0.3 * radius) & (liver < 0.3 * radius + 40) & (torso.cavity < -4)
    free &= torso.organs[Organ.LUNG] > 8
    index = free.nonzero()
    if len(index) == 0:
        return posed, None
    chosen = index[draw.integer(0, len(index))].tolist()
    center = CANONICAL_GRID.point(chosen)
    squeezed = posed + smooth_noise(draw, CANONICAL_GRID, draw.uniform(30, 50)) * 0.08 * radius
    return insert_ball(squeezed, center, radius)


def _vary(draw: RandomSource, organs: dict[Organ, Field]) -> None:
    """Swell or shrink organs, make their surfaces uneven, take some away."""
    waves, ripples = smooth_noise(draw, CANONICAL_GRID, 50), smooth_noise(draw, CANONICAL_GRID, 22)
    crowded = draw.uniform(1, 6) if draw.chance(0.3) else 0.0  # hardly any fat between the organs
    for organ, (offset, wave, ripple) in _VARIES.items():
        change = draw.normal(0, offset)
        if organ not in _WALL and organ is not Organ.LUNG:
            change -= crowded if organ is not Organ.LIVER else 0.3 * crowded
        organs[organ] = (
            organs[organ]
            + change
            + waves * (wave * draw.uniform(0.2, 1.4))
            + ripples * (ripple * draw.uniform(0.2, 1.4))
        )
    for organ, p, swelling in (
        (Organ.STOMACH, 0.2, (4, 20)),
        (Organ.SPLEEN, 0.12, (4, 14)),
        (Organ.HEART, 0.12, (3, 11)),
        (Organ.GALLBLADDER, 0.2, (2, 9)),
        (Organ.BOWEL, 0.12, (2, 8)),
    ):
        if draw.chance(p):
            organs[organ] = organs[organ] - draw.uniform(*swelling)
    for organ, p in ((Organ.GALLBLADDER, 0.12), (Organ.SPLEEN, 0.03), (Organ.KIDNEY, 0.02)):
        if draw.chance(p):
            organs[organ] = torch.full_like(organs[organ], FAR_MM)


def _cut_notch(draw: RandomSource, organs: dict[Organ, Field]) -> None:
    """What is taken for tumors at the liver's edge: a thick diaphragm, folds of it, clefts of fat.

    A fold is a wedge that cuts into the liver from its surface, of muscle or of fat.
    """
    liver = organs[Organ.LIVER]
    if draw.chance(0.3):
        sheet = draw.uniform(2, 7) + 2 * smooth_noise(draw, CANONICAL_GRID, 40)
        between = torch.maximum(liver - sheet, organs[Organ.LUNG] - 1)
        organs[Organ.LUNG] = torch.maximum(organs[Organ.LUNG], sheet - liver)
        organs[Organ.MUSCLE] = torch.minimum(organs[Organ.MUSCLE], between)
    surface = (liver.abs() < 3).nonzero()
    if len(surface) == 0 or not draw.chance(0.4):
        return
    uneven = smooth_noise(draw, CANONICAL_GRID, 28)
    at = grid_points(CANONICAL_GRID, draw.device)
    for _ in range(draw.integer(1, 4)):
        center = CANONICAL_GRID.point(surface[draw.integer(0, len(surface))].tolist())
        way = torch.tensor([draw.normal(0, 1) for _ in range(3)], device=draw.device)
        away = at - torch.tensor(center, device=draw.device)[:, None, None, None]
        across = torch.tensordot(way / way.norm().clamp(min=1e-3), away, dims=1)
        deep, thick, reach = draw.uniform(8, 35), draw.uniform(2, 7), draw.uniform(15, 55)
        width = thick * (1 + liver / deep)  # widest at the surface, none where it ends
        fold = torch.maximum((across + 4 * uneven).abs() - width, away.norm(dim=0) - reach)
        fold = torch.maximum(fold, liver - 5)
        organs[Organ.LIVER] = torch.maximum(organs[Organ.LIVER], -fold)
        if draw.chance(0.5):
            organs[Organ.MUSCLE] = torch.minimum(organs[Organ.MUSCLE], fold + draw.uniform(0, 2))


def _skin(draw: RandomSource, trunk: Field) -> Field:
    """The trunk with fat under its skin, thicker in front or behind."""
    thickness = draw.log_uniform(3, 46)
    y = CANONICAL_GRID.axes(draw.device)[1]
    front = draw.uniform(-0.15, 0.12) / 100 * (y - 25)
    uneven = 1 + 0.15 * smooth_noise(draw, CANONICAL_GRID, 60)
    fat = (thickness * (uneven + front)).clamp(2, 90)
    return trunk - fat
