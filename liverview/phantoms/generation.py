"""Generation of a phantom: a patient drawn, then painted and scanned slab by slab."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import torch

from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body, draw_head, iter_draw_body
from liverview.phantoms.config import Phantom, PhantomConfig, PhantomLesions, Region
from liverview.phantoms.diseases import draw_patient_lesions
from liverview.phantoms.fields import Grid, RandomSource, slices_with
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesions import Lesion, draw_lesions
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.scanner import Scanner, ScanSimulation
from liverview.phantoms.vessels import grow_trees

_SLAB = 12
_HALO = 2
_ANATOMY = 0.28  # the share of the time for anatomy, at the usual size
_LESION_STREAM = 1
_APART_MM = 12.0  # between the liver and an image that is not to show it


def iter_generate(config: PhantomConfig, device: str = "cpu") -> Iterator[Progress | Phantom]:
    """Generate a phantom; yields progress, then the `Phantom` as the last value.

    The same configuration gives the same voxels on one kind of device.
    """
    draw = RandomSource(config.seed, device)
    yield Progress("Drawing anatomy", 0.02)
    body = yield from _iter_anatomy(draw, config.region)
    trees = grow_trees(draw, body)
    appearance = draw_appearance(draw, config.phase)
    lesions = _draw_lesions(draw, body, config, appearance.lesion_contrast_hu)
    patient = Patient(body, appearance, *trees, lesions)
    scan = ScanSimulation(Scanner(noise_hu=config.noise_hu, seed=config.seed), body, draw)
    grid = Grid.centered((0.0, 25.0, _image_center_z(body, config)), config.spacing, config.shape)
    # Fortran order: axial slices are contiguous, as in a NIfTI file.
    voxels = np.empty(config.shape, np.int16, order="F")
    labels = np.empty(config.shape, np.uint8, order="F")
    for start in range(0, config.shape[2], _SLAB):
        stop = min(start + _SLAB, config.shape[2])
        # Some slices more on both sides, for what the blur brings in from the neighbors.
        slab = grid.crop((0, 0, start - _HALO), (*config.shape[:2], stop + _HALO))
        painting = paint(patient, slab)
        middle = (start + stop) / 2  # the other half of the work is the image
        yield Progress("Generating phantom", _ANATOMY + (1 - _ANATOMY) * middle / config.shape[2])
        hu = scan.image(painting, slab).round_().clamp_(-1024, 3071).to(torch.int16)
        inner = slice(_HALO, _HALO + stop - start)
        voxels[:, :, start:stop] = hu[:, :, inner].cpu().numpy()
        labels[:, :, start:stop] = painting.labels[:, :, inner].cpu().numpy()
        yield Progress("Generating phantom", _ANATOMY + (1 - _ANATOMY) * stop / config.shape[2])
    affine = np.diag([*config.spacing, 1.0])
    affine[:3, 3] = grid.origin
    name = f"phantom-{config.seed}"
    yield Phantom(
        Volume(voxels, affine, name=name), LabelMap(labels, affine, name=f"truth of {name}")
    )


def _draw_lesions(
    draw: RandomSource, body: Body, config: PhantomConfig, plain_hu: tuple[float, float]
) -> list[Lesion]:
    if config.lesion_kind is PhantomLesions.PLAIN:
        return draw_lesions(draw, body, config.lesions, plain_hu, (4.0, 24.0))
    # Random numbers of their own: a phase changes how many were drawn before.
    own = RandomSource((config.seed, _LESION_STREAM), body.device)
    return draw_patient_lesions(own, body, config.lesion_kind, config.phase, config.lesions)


def _iter_anatomy(draw: RandomSource, region: Region) -> Generator[Progress, None, Body]:
    if region is Region.HEAD:
        return draw_head(draw)
    for item in iter_draw_body(draw):
        if isinstance(item, Body):
            return item
        yield Progress("Drawing anatomy", 0.02 + (_ANATOMY - 0.02) * item)
    raise AssertionError("a body comes last")


def _image_center_z(body: Body, config: PhantomConfig) -> float:
    """World z, mm, that the image is centered on."""
    slices = slices_with(body.organs[Organ.LIVER])
    if not slices:
        return 0.0
    z = CANONICAL_GRID.axis(2)
    low, high = float(z[slices[0]]), float(z[slices[-1]])
    half = config.shape[2] * config.spacing[2] / 2
    if config.region is Region.CHEST:
        return high + half + _APART_MM
    if config.region is Region.PELVIS:
        return low - half - _APART_MM
    return (low + high) / 2
