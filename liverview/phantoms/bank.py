"""The bank of real shapes: label maps of two torsos, many livers and some vessels, no images.

`resources/bank/README.md` names their sources and licenses; `build_bank.py` beside it made
the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from scipy import ndimage
from scipy.special import ndtri

from liverview.core import paths
from liverview.phantoms.fields import Field, Grid, slices_with
from liverview.phantoms.frame import CANONICAL_GRID, Organ

STEP_MM = 0.5
"""The mm of one count of a stored distance."""

_VESSELS = "vessels/"
_LIVER_MM = 2.0
_REACH_MM = 32.0
_BLUR_MM = 2.3  # of one voxel of 2 mm and a mean over 4 mm together
_RESECTIONS = ((4, 5, 6, 7, 8), (5, 6, 7, 8), (6, 7), (2, 3), (2, 3, 4))
"""Couinaud segments that the usual resections take away."""


@dataclass(frozen=True, eq=False)
class Torso:
    """A trunk and its organs before they are posed, on `CANONICAL_GRID`.

    Attributes
    ----------
    organs : signed distance per organ, mm; organs overlap, the smallest distance wins.
    trunk : distance to the trunk without its subcutaneous fat.
    cavity : distance to the inside of the chest and belly wall.
    hilum, confluence : world mm of the point at which the portal vein enters the liver, and
        of the one at which the hepatic veins meet the vena cava.
    known_z_range : lowest and highest z that is known, mm.
    """

    organs: dict[Organ, Field]
    trunk: Field
    cavity: Field
    hilum: tuple[float, float, float]
    confluence: tuple[float, float, float]
    known_z_range: tuple[float, float]


@cache
def _arrays() -> dict[str, np.ndarray]:
    """The arrays of the bank but the vessels, which are large and seldom wanted together."""
    with np.load(paths.resources() / "bank" / "bank.npz") as stored:
        return {name: stored[name] for name in stored.files if not name.startswith(_VESSELS)}


@cache
def vessel_names() -> tuple[str, ...]:
    """Names of the livers whose vessels the bank holds."""
    with np.load(paths.resources() / "bank" / "bank.npz") as stored:
        return tuple(n.removeprefix(_VESSELS) for n in stored.files if n.startswith(_VESSELS))


@lru_cache(maxsize=4)
def vessels(name: str) -> torch.Tensor:
    """The mask of a liver's vessels: bool, in the box that just holds the liver, 1 mm."""
    with np.load(paths.resources() / "bank" / "bank.npz") as stored:
        return torch.from_numpy(stored[_VESSELS + name])


@cache
def liver_names() -> tuple[str, ...]:
    """Names of the livers of the bank."""
    return tuple(n.removeprefix("liver/") for n in _arrays() if n.startswith("liver/"))


@cache
def body_names() -> tuple[str, ...]:
    """Names of the bodies, those first that are known over the whole of `CANONICAL_GRID`."""
    names = {n.split("/")[1] for n in _arrays() if n.startswith("body/")}
    return tuple(sorted(names, key=lambda n: -_arrays()[f"body/{n}/span"][1]))


@cache
def body(name: str, device: torch.device) -> Torso:
    """A torso of the bank."""

    def load_field(part: str) -> Field:
        return torch.from_numpy(_arrays()[f"body/{name}/{part}"]).to(device).float() * STEP_MM

    organs = {organ: load_field(organ.name.lower()) for organ in Organ if organ > Organ.FAT}
    liver, vein = organs[Organ.LIVER], organs[Organ.VEIN]
    low, high = (float(v) for v in _arrays()[f"body/{name}/span"])
    return Torso(
        organs=organs,
        trunk=load_field("trunk"),
        cavity=load_field("cavity"),
        hilum=_contact_point(liver, vein, 0.35),
        confluence=_contact_point(liver, vein, 0.9),
        known_z_range=(low, high),
    )


def _contact_point(liver: Field, vein: Field, height: float) -> tuple[float, float, float]:
    """World mm of a point where veins touch the liver.

    ``height`` is where to look between the liver's lowest point, 0, and its highest, 1.
    """
    z = CANONICAL_GRID.axis(2, liver.device)
    slices = slices_with(liver)
    wanted = z[slices[0]] + height * (z[slices[-1]] - z[slices[0]])
    apart = liver.clamp(min=0) + vein.clamp(min=0) + 0.25 * (z - wanted).abs()
    # At the height of the hilum the vena cava touches the liver, too: prefer what lies in front.
    if height < 0.5:
        apart = apart - 0.1 * CANONICAL_GRID.axis(1, liver.device)[None, :, None]
    index = np.unravel_index(int(apart.argmin()), CANONICAL_GRID.shape)
    return CANONICAL_GRID.point([int(i) for i in index])


@dataclass(frozen=True, eq=False)
class LiverShape:
    """A single liver.

    Attributes
    ----------
    distance : signed distance, mm.
    grid : the grid of the distance; world (0, 0, 0) is the liver's center of mass.
    """

    distance: Field
    grid: Grid

    @property
    def volume(self) -> float:
        """The volume in cubic mm."""
        return float((self.distance < 0).sum()) * math.prod(self.grid.spacing)


def resections(name: str) -> tuple[tuple[int, ...], ...]:
    """Sets of segments that could be taken away and leave at least 350 mL."""
    count = np.bincount(_arrays()[f"liver/{name}"].ravel(), minlength=9)
    left = {cut: (count[1:].sum() - count[list(cut)].sum()) * _LIVER_MM**3 for cut in _RESECTIONS}
    return tuple(cut for cut, volume in left.items() if volume > 350_000)


def liver(name: str, device: torch.device, without: tuple[int, ...] = ()) -> LiverShape:
    """A liver of the bank, less the segments of a resection."""
    segments = _arrays()[f"liver/{name}"]
    mask = (segments > 0) & ~np.isin(segments, without)
    reach = int(_REACH_MM / _LIVER_MM) // 2 * 2
    mask = np.pad(mask, [(reach, reach + n % 2) for n in mask.shape])
    share = ndimage.gaussian_filter(mask.astype(np.float32), 1.0)
    i, j, k = (n // 2 for n in mask.shape)
    share = share.reshape(i, 2, j, 2, k, 2).mean(axis=(1, 3, 5))
    spacing = 2 * _LIVER_MM
    outside = ndimage.distance_transform_edt(share < 0.5, sampling=spacing)
    inside = ndimage.distance_transform_edt(share >= 0.5, sampling=spacing)
    distance = outside - inside + np.where(share >= 0.5, spacing / 2, -spacing / 2)
    # A plane blurred by _BLUR_MM gives away its distance to a fraction of a voxel.
    close = (share > 0.02) & (share < 0.98)
    distance[close] = -_BLUR_MM * ndtri(share[close])
    center = [(float(c) + 0.5) * spacing for c in ndimage.center_of_mass(share)]
    origin = (spacing / 2 - center[0], spacing / 2 - center[1], spacing / 2 - center[2])
    grid = Grid(origin, (spacing,) * 3, (i, j, k))
    return LiverShape(torch.from_numpy(distance.astype(np.float32)).to(device), grid)
