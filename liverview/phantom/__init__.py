"""Seeded synthetic abdominal CT with its exact label map.

`generate` draws a patient, paints it on the grid that is asked for and scans it, slab by
slab. The same configuration gives the same voxels. It is a demonstration, a self-test and,
through the parts in this package, the material that the networks are trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from liverview.phantom.anatomy import Organ, draw_body
from liverview.phantom.appearance import PHASES, Phase, draw_appearance
from liverview.phantom.fields import Grid
from liverview.phantom.lesions import draw_lesions
from liverview.phantom.paint import Painting, Patient, paint
from liverview.phantom.scanner import Scan, Scanner
from liverview.phantom.vessels import grow_trees
from liverview.stream import Progress
from liverview.volume import LabelMap, Volume

__all__ = ["PHASES", "Case", "PhantomConfig", "Phase", "generate"]

_SLAB = 12
_HALO = 2


@dataclass(frozen=True)
class PhantomConfig:
    """What to generate.

    Attributes
    ----------
    shape : voxels along i, j, k.
    spacing : mm per voxel.
    seed : another seed is another patient.
    lesions : how many liver lesions.
    noise_hu : standard deviation of the image noise.
    phase : contrast phase.
    """

    shape: tuple[int, int, int] = (512, 512, 120)
    spacing: tuple[float, float, float] = (0.75, 0.75, 2.5)
    seed: int = 0
    lesions: int = 4
    noise_hu: float = 12.0
    phase: Phase = Phase.PORTAL

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or not all(1 <= n <= 2048 for n in self.shape):
            raise ValueError(f"shape must be three numbers from 1 to 2048, got {self.shape}")
        if len(self.spacing) != 3 or not all(0.1 <= s <= 50 for s in self.spacing):
            raise ValueError(f"spacing must be three numbers from 0.1 to 50, got {self.spacing}")
        if self.seed < 0:
            raise ValueError(f"the seed must be 0 or more, got {self.seed}")
        if not 0 <= self.lesions <= 200:
            raise ValueError(f"lesions must be 0 to 200, got {self.lesions}")
        if not 0 <= self.noise_hu <= 500:
            raise ValueError(f"noise must be 0 to 500 HU, got {self.noise_hu}")


@dataclass(frozen=True, eq=False)
class Case:
    """A volume with its reference label map."""

    volume: Volume
    labels: LabelMap


def generate(config: PhantomConfig) -> Iterator[Progress | Case]:
    """Generate a phantom; yields progress, then the case as the last value."""
    rng = np.random.default_rng(config.seed)
    yield Progress("Drawing anatomy", 0.02)
    body = draw_body(rng)
    trees = grow_trees(rng, body)
    look = draw_appearance(rng, body, config.phase)
    lesions = draw_lesions(rng, body, config.lesions, look.lesion_contrast_hu, (4.0, 24.0))
    patient = Patient(body, look, *trees, lesions)
    scanner = Scanner(noise_hu=config.noise_hu, seed=config.seed)
    scan = Scan(scanner, body, rng)
    grid = Grid.centered(_center(body.organs[Organ.LIVER], body.grid), config.spacing, config.shape)
    # Fortran order: axial slices are contiguous, as in a NIfTI file.
    voxels = np.empty(config.shape, np.int16, order="F")
    labels = np.empty(config.shape, np.uint8, order="F")
    for start in range(0, config.shape[2], _SLAB):
        stop = min(start + _SLAB, config.shape[2])
        # Some slices more on both sides, for what the blur brings in from the neighbors.
        part = grid.crop((0, 0, start - _HALO), (*config.shape[:2], stop + _HALO))
        painting = paint(patient, part)
        inner = slice(_HALO, _HALO + stop - start)
        voxels[:, :, start:stop] = _stored(scan, painting, part)[:, :, inner]
        labels[:, :, start:stop] = painting.labels[:, :, inner]
        yield Progress("Generating phantom", 0.1 + 0.9 * stop / config.shape[2])
    affine = np.diag([*config.spacing, 1.0])
    affine[:3, 3] = grid.origin
    name = f"phantom-{config.seed}"
    yield Case(Volume(voxels, affine, name=name), LabelMap(labels, affine, name=name))


def _stored(scan: Scan, painting: Painting, grid: Grid) -> np.ndarray:
    return np.clip(np.rint(scan.image(painting, grid)), -1024, 3071).astype(np.int16)


def _center(liver: np.ndarray, grid: Grid) -> tuple[float, float, float]:
    """World mm to center the image on: the body's axis, at the height of the liver."""
    slices = np.flatnonzero((liver < 0).any(axis=(0, 1)))
    z = grid.axis(2)
    middle = float((z[slices[0]] + z[slices[-1]]) / 2) if len(slices) else 0.0
    return 0.0, 25.0, middle
