"""From painted tissue to a CT image: table, blur, streaks, correlated noise, offset."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from liverview.phantoms.body import Body
from liverview.phantoms.fields import Field, Grid, RandomSource, gaussian, resample, smooth_noise
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.paint import Painting

_REACH_MM = 300.0
_LATTICE = CANONICAL_GRID.coarser(6)
"""A coarse grid over the body for what varies slowly."""


@dataclass(frozen=True)
class Scanner:
    """The settings that an image is taken with.

    Attributes
    ----------
    blur_mm : standard deviation of the point spread in the slice.
    slice_blur : the same across slices, in slices: partial volume.
    sharpen : how much of what the blur takes a sharp kernel brings back, and more.
    noise_hu : standard deviation of the noise.
    grain_mm : correlation of the noise in the slice; 0 is white.
    band : how much of its lowest frequencies filtered back-projection takes from the noise.
    uneven : how much the noise varies over the body, 0 to about 0.5.
    streaks_hu : amplitude of streaks through the body.
    shading_hu : amplitude of slow errors, such as beam hardening.
    offset_hu : calibration error.
    table, arms, metal : whether a table lies under the patient, arms beside the body, and
        something of metal in it.
    seed : decides where table, arms, streaks and metal are.
    """

    blur_mm: float = 0.6
    slice_blur: float = 0.4
    sharpen: float = 0.0
    noise_hu: float = 12.0
    grain_mm: float = 0.7
    band: float = 0.0
    uneven: float = 0.2
    streaks_hu: float = 0.0
    shading_hu: float = 0.0
    offset_hu: float = 0.0
    table: bool = True
    arms: bool = False
    metal: bool = False
    seed: int = 0

    def without_thickness(self) -> Scanner:
        """The scanner for paintings in which slices are averaged over their own thickness.

        Variances add, and that of a mean over a slice is a twelfth of its thickness squared.
        """
        return replace(self, slice_blur=max(self.slice_blur**2 - 1 / 12, 0.0) ** 0.5)


def draw_scanner(draw: RandomSource, spacing: tuple[float, float, float]) -> Scanner:
    """Draw a scanner for training, from smooth thick slices to sharp noisy ones.

    Blur and noise suit voxels of ``spacing``: averaging voxels averages noise too.
    """
    uniform, chance = draw.uniform, draw.chance
    coarse = spacing[0] > 2
    return Scanner(
        blur_mm=uniform(0.3, 0.65) * spacing[0] if coarse else uniform(0.4, 1.2),
        slice_blur=uniform(0.3, 0.7) if chance(0.75) else uniform(0.7, 1.3),
        sharpen=uniform(0.2, 1.2) if chance(0.2) else 0.0,
        noise_hu=draw.log_uniform(2, 30 if coarse else 34),
        grain_mm=uniform(0.2, 0.8) * spacing[0] if chance(0.7) else 0.0,
        band=uniform(0.3, 1.0) if chance(0.4) else 0.0,
        uneven=uniform(0, 0.4),
        streaks_hu=uniform(3, 20) if chance(0.12) else 0.0,
        shading_hu=uniform(1, 8) if chance(0.3) else 0.0,
        offset_hu=draw.normal(0, 5),
        table=chance(0.6),
        arms=chance(0.1),
        metal=chance(0.03),
        seed=draw.integer(0, 2**31),
    )


@dataclass(frozen=True, eq=False)
class ScanSimulation:
    """A scanner with one patient on its table; takes images of any part, piece by piece."""

    scanner: Scanner
    body: Body
    draw: RandomSource
    _gain: Field = field(init=False)
    _shade: Field = field(init=False)

    def __post_init__(self) -> None:
        fixed = self._fixed_source()
        knots = smooth_noise(fixed, _LATTICE, 90)
        object.__setattr__(self, "_gain", (1 + self.scanner.uneven * knots).clamp(min=0.2))
        shade = smooth_noise(fixed, _LATTICE, 120) * self.scanner.shading_hu
        object.__setattr__(self, "_shade", shade)

    def _fixed_source(self) -> RandomSource:
        """Random numbers that are the same for every piece."""
        return RandomSource(self.scanner.seed, self.body.device)

    def image(self, painting: Painting, grid: Grid) -> Field:
        """HU of a painted piece, float32; its first and last slices see no neighbors."""
        scanner, fixed = self.scanner, self._fixed_source()
        hu = painting.hu.clone()
        air = painting.organs == Organ.OUTSIDE
        self._add_table(fixed, hu, air, grid)
        self._add_arms(fixed, hu, air, grid)
        metal_hu = self._add_metal(fixed, hu, ~air, grid)
        sigma = [scanner.blur_mm / s for s in grid.spacing[:2]]
        hu = gaussian(hu, (*sigma, scanner.slice_blur))
        if scanner.sharpen:
            hu += scanner.sharpen * (hu - gaussian(hu, (max(sigma[0], 0.5), max(sigma[1], 0.5), 0)))
        hu += self._draw_noise(grid)
        if scanner.streaks_hu:
            hu += scanner.streaks_hu * _streak_field(fixed, grid)
        if scanner.shading_hu:
            hu += resample(self._shade, _LATTICE, grid)
        return hu + metal_hu + scanner.offset_hu

    def _draw_noise(self, grid: Grid) -> Field:
        noise = self.draw.white_noise(grid.shape)
        sigma = self.scanner.grain_mm / grid.spacing[0]
        if sigma > 0.2:
            noise = gaussian(noise, (sigma, sigma, 0))
        if self.scanner.band:
            wide = max(2.5 * sigma, 1.5)
            noise = noise - self.scanner.band * gaussian(noise, (wide, wide, 0))
        noise = noise / noise.std().clamp(min=1e-6)
        return noise * resample(self._gain, _LATTICE, grid) * self.scanner.noise_hu

    def _add_table(self, fixed: RandomSource, hu: Field, air: Tensor, grid: Grid) -> None:
        """Add a table: a curved sheet with a light core a little below the back."""
        gap, curve = fixed.uniform(2, 18), fixed.uniform(0, 0.0009)
        sheet_mm, sheet_hu = fixed.uniform(2, 5), fixed.uniform(-600, 150)
        if not self.scanner.table:
            return
        x, y, _ = grid.axes(hu.device)
        top = self.body.back_mm - gap + x**2 * curve
        under = y < top
        sheet = under & (y > top - max(sheet_mm, grid.spacing[1]))
        hu.masked_fill_(air & under & (y > top - 45), -950.0)
        hu.masked_fill_(air & sheet, sheet_hu)

    def _add_arms(self, fixed: RandomSource, hu: Field, air: Tensor, grid: Grid) -> None:
        """Add arms with their bone beside the body."""
        arms = [
            (
                side * fixed.uniform(165, 215),
                fixed.uniform(-60, 40),
                fixed.uniform(28, 42),
                fixed.uniform(7, 12),
            )
            for side in (-1, 1)
        ]
        bone_hu = fixed.uniform(300, 800)
        if not self.scanner.arms:
            return
        x, y, _ = grid.axes(hu.device)
        for cx, cy, flesh, bone in arms:
            away = torch.sqrt((x - cx) ** 2 + (y - cy) ** 2)
            hu.masked_fill_(air & (away < flesh), 50.0)
            hu.masked_fill_(air & (away < bone), bone_hu)

    def _add_metal(
        self, fixed: RandomSource, hu: Field, inside: Tensor, grid: Grid
    ) -> Field | float:
        """Add a clip, stent or implant; returns its artifacts in the slices that it lies in."""
        cx, cy = fixed.uniform(-90, 90), fixed.uniform(-30, 90)
        cz, radius = fixed.uniform(-100, 120), fixed.uniform(2, 9)
        if not self.scanner.metal:
            return 0.0
        x, y, z = grid.axes(hu.device)
        away = torch.sqrt((x - cx) ** 2 + (y - cy) ** 2)
        hu.masked_fill_(inside & (away < radius) & ((z - cz).abs() < 3 * radius), 2500.0)
        angle = torch.atan2(y - cy, x - cx)
        rays = sum(torch.cos(n * angle + fixed.uniform(0, 6.3)) for n in (4, 7, 11))
        fade = torch.exp(-away / 45) * ((z - cz).abs() < 3 * radius + 4)
        return 25 * radius * rays * fade


def _streak_field(fixed: RandomSource, grid: Grid) -> Field:
    """Draw parallel bands across the slice, at one angle, of about unit variance."""
    angle = fixed.uniform(0, math.pi)
    knots = fixed.white_noise((128,))
    x, y, _ = grid.axes(knots.device)
    across = math.cos(angle) * x + math.sin(angle) * y
    position = ((across + _REACH_MM) / (2 * _REACH_MM) * 127).clamp(0, 126.999)
    low = position.floor().long()
    return torch.lerp(knots[low], knots[low + 1], position - low)
