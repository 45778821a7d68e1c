"""From painted tissue to a CT image: table, blur, streaks, correlated noise, offset."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.phantom.anatomy import TORSO, Body, Organ
from liverview.phantom.fields import Field, Grid, resample, smooth_noise
from liverview.phantom.paint import Painting

_REACH_MM = 300.0


@dataclass(frozen=True)
class Scanner:
    """How the image is taken.

    Attributes
    ----------
    blur_mm : standard deviation of the point spread in the slice.
    slice_blur : the same across slices, in slices: partial volume.
    noise_hu : standard deviation of the noise.
    grain_mm : correlation of the noise in the slice; 0 is white.
    uneven : how much the noise varies over the body, 0 to about 0.5.
    streaks_hu : amplitude of streaks through the body.
    offset_hu : calibration error.
    table, arms : whether a table lies under the patient, arms beside the body.
    seed : decides where table, arms and streaks are.
    """

    blur_mm: float = 0.6
    slice_blur: float = 0.4
    noise_hu: float = 12.0
    grain_mm: float = 0.7
    uneven: float = 0.2
    streaks_hu: float = 0.0
    offset_hu: float = 0.0
    table: bool = True
    arms: bool = False
    seed: int = 0


def draw_scanner(rng: np.random.Generator, spacing: tuple[float, float, float]) -> Scanner:
    """Draw a scanner for training: from smooth thick slices to sharp noisy ones.

    Blur and noise suit voxels of ``spacing``: averaging voxels averages noise too.
    """
    u = rng.uniform
    coarse = spacing[0] > 2
    return Scanner(
        blur_mm=float(u(0.3, 0.65) * spacing[0] if coarse else u(0.4, 1.2)),
        slice_blur=float(u(0.3, 0.7) if rng.random() < 0.75 else u(0.7, 1.3)),
        noise_hu=float(np.exp(u(np.log(2), np.log(30 if coarse else 34)))),
        grain_mm=float(u(0.2, 0.8) * spacing[0] if rng.random() < 0.7 else 0),
        uneven=float(u(0, 0.4)),
        streaks_hu=float(u(3, 20)) if rng.random() < 0.12 else 0.0,
        offset_hu=float(rng.normal(0, 5)),
        table=bool(rng.random() < 0.6),
        arms=bool(rng.random() < 0.1),
        seed=int(rng.integers(2**31)),
    )


@dataclass(frozen=True, eq=False)
class Scan:
    """A scanner with one patient on its table; takes images of any part, piece by piece."""

    scanner: Scanner
    body: Body
    rng: np.random.Generator
    _gain: Field = field(init=False)

    def __post_init__(self) -> None:
        lattice = _lattice()
        knots = smooth_noise(np.random.default_rng(self.scanner.seed), lattice, 90)
        object.__setattr__(self, "_gain", 1 + np.float32(self.scanner.uneven) * knots)

    def image(self, painting: Painting, grid: Grid) -> Field:
        """HU of a painted piece, float32; its first and last slices see no neighbors."""
        fixed = np.random.default_rng(self.scanner.seed)
        hu = painting.hu.copy()
        air = painting.organs == Organ.OUTSIDE
        self._add_table(fixed, hu, air, grid)
        self._add_arms(fixed, hu, air, grid)
        sigma = [self.scanner.blur_mm / s for s in grid.spacing[:2]]
        hu = ndimage.gaussian_filter(hu, (*sigma, self.scanner.slice_blur), truncate=3.0)
        hu += self._noise(grid)
        if self.scanner.streaks_hu:
            hu += np.float32(self.scanner.streaks_hu) * _streaks(fixed, grid)
        hu += np.float32(self.scanner.offset_hu)
        return hu

    def _noise(self, grid: Grid) -> Field:
        noise = self.rng.standard_normal(grid.shape, np.float32)
        sigma = self.scanner.grain_mm / grid.spacing[0]
        if sigma > 0.2:
            noise = ndimage.gaussian_filter(noise, (sigma, sigma, 0), truncate=3.0)
            noise /= max(float(noise.std()), 1e-6)
        noise *= resample(self._gain, _lattice(), grid)
        noise *= np.float32(self.scanner.noise_hu)
        return noise

    def _add_table(
        self, fixed: np.random.Generator, hu: Field, air: NDArray[np.bool_], grid: Grid
    ) -> None:
        """A curved sheet with a light core a little below the back."""
        gap, curve = fixed.uniform(2, 18), fixed.uniform(0, 0.0009)
        sheet_mm, sheet_hu = fixed.uniform(2, 5), fixed.uniform(-600, 150)
        if not self.scanner.table:
            return
        x, y, _ = grid.axes()
        top = self.body.back_mm - gap + x**2 * np.float32(curve)
        under = y < top
        sheet = under & (y > top - max(sheet_mm, grid.spacing[1]))
        hu[air & under & (y > top - 45)] = -950
        hu[air & sheet] = sheet_hu

    def _add_arms(
        self, fixed: np.random.Generator, hu: Field, air: NDArray[np.bool_], grid: Grid
    ) -> None:
        places = fixed.uniform((165, -60, 28, 7, 300), (190, 40, 42, 12, 800), (2, 5))
        if not self.scanner.arms:
            return
        x, y, _ = grid.axes()
        for side, (cx, cy, flesh, bone, bone_hu) in zip((-1, 1), places, strict=True):
            away = np.sqrt((x - side * cx) ** 2 + (y - cy) ** 2)
            hu[air & (away < flesh)] = 50
            hu[air & (away < bone)] = bone_hu


def _lattice() -> Grid:
    """A coarse grid over the torso for what varies slowly."""
    steps = [int(s * n / 24) + 2 for s, n in zip(TORSO.spacing, TORSO.shape, strict=True)]
    return Grid(TORSO.origin, (24.0, 24.0, 24.0), (steps[0], steps[1], steps[2]))


def _streaks(fixed: np.random.Generator, grid: Grid) -> Field:
    """Parallel bands across the slice, at one angle."""
    angle = fixed.uniform(0, np.pi)
    knots = fixed.standard_normal(128).astype(np.float32)
    x, y, _ = grid.axes()
    across = np.cos(angle) * x + np.sin(angle) * y
    place = (across + _REACH_MM) / (2 * _REACH_MM) * (len(knots) - 1)
    return np.interp(place, np.arange(len(knots)), knots).astype(np.float32)
