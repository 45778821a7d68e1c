"""A sheet of lesions large enough to judge, those of real scans under those of phantoms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.grid import same_grid
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.formats import find_named
from liverview.files.opening import ImageFileError
from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body
from liverview.phantoms.fields import Grid, Point, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesion_variety import draw_contrast, draw_varied_lesion
from liverview.phantoms.lesions import Lesion, LesionKind
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.scanner import Scanner, ScanSimulation
from liverview.phantoms.subject import Subject, draw_subject

Picture = NDArray[np.uint8]

_COLUMNS, _ROWS = 6, 2  # tiles of phantoms
_SIDE, _MM = 160, 0.7  # pixels of a tile, and mm per pixel
_SLICE_MM, _SLICES = (1.5, 2.5, 5.0), 5
_NOISE_HU = (6.0, 16.0)
_WIDTH_HU = 200.0  # of gray values, around the liver's median
_BODIES = 2
_TRIES = 120  # draws of a lesion of the wanted look
_OUTLINE = (255, 64, 64)
_GROUND = 24  # gray of what is beside a scan
_LIVER_VALUES = (1, 4)  # in liver.nii.gz
_APART_MM = 30.0  # slices of one scan that show different lesions

LOOKS: dict[str, Callable[[Lesion], bool]] = {
    "dark": lambda n: _is_even(n) and n.contrast_hu < -40,
    "faint": lambda n: _is_even(n) and -25 < n.contrast_hu < -14,
    "bright": lambda n: _is_even(n) and n.contrast_hu > 25,
    "cyst": lambda n: n.kind is LesionKind.CYST,
    "rim": lambda n: n.rim_hu > 22 and n.rim_mm > 2 and not n.nodular and n.contrast_hu < -20,
    "dead inside": lambda n: n.core_hu < -40 and not n.calcium_hu,
    "capsule": lambda n: n.rim_hu > 25 and n.rim_mm < 1.7 and abs(n.contrast_hu) > 15,
    "nodules": lambda n: n.nodular and not n.calcium_hu,
    "mosaic": lambda n: n.texture_waves > 4 and n.texture_hu > 14 and not n.calcium_hu,
    "infiltrating": lambda n: _is_even(n) and n.edge_mm > 6 and -70 < n.contrast_hu < -30,
    "calcified": lambda n: 100 < n.calcium_hu < 500 and not n.nodular,
    "patch, no lesion": lambda n: n.kind is LesionKind.PATCH and abs(n.contrast_hu) > 14,
}
"""What the tiles show, in reading order; all but cysts and patches are tumors."""


def _is_even(lesion: Lesion) -> bool:
    """True for a tumor without rim, core, mosaic and calcium that show."""
    parts = lesion.rim_hu, lesion.core_hu, lesion.calcium_hu
    return lesion.kind is LesionKind.TUMOR and not any(parts) and lesion.texture_hu < 10


def iter_lesion_sheet(
    seed: int, scans: Sequence[Path] = (), per_scan: int = 1
) -> Iterator[Progress | Picture]:
    """Draw twelve lesions of phantoms, then ``per_scan`` of each real scan, six in a row.

    Every row is there twice: plain, and with the outline of what is labeled as a tumor. A scan is
    a folder with ``ct.nii.gz`` and ``liver.nii.gz``, in which 3 is tumor. Yields progress, then
    the picture, (rows, columns, 3) uint8; slices lie as in the viewer.

    Raises
    ------
    ImageFileError : where a scan cannot be read, or shows no tumor.
    """
    steps = len(LOOKS) + len(scans)
    draw = RandomSource((seed, 2))
    bodies: list[Subject] = []
    tiles: list[tuple[Picture, Picture]] = []
    for number, look in enumerate(LOOKS):
        if len(bodies) < _BODIES:
            bodies.append(draw_subject(draw))
        tiles.append(_draw_phantom_tile(draw, bodies[number % len(bodies)], look))
        yield Progress("Drawing lesions", (number + 1) / steps)
    for number, folder in enumerate(scans):
        tiles += _read_squares(folder, per_scan)
        yield Progress("Reading scans", (len(LOOKS) + number + 1) / steps)
    empty = np.full((_SIDE, _SIDE, 3), _GROUND, np.uint8)
    tiles += [(empty, empty)] * (-len(tiles) % _COLUMNS)
    rows = [tiles[n : n + _COLUMNS] for n in range(0, len(tiles), _COLUMNS)]
    yield np.vstack([np.hstack([t[kind] for t in row]) for row in rows for kind in (0, 1)])


def _draw_phantom_tile(draw: RandomSource, subject: Subject, look: str) -> tuple[Picture, Picture]:
    """A lesion of the wanted look in the middle of a slice."""
    body = subject.body
    appearance = draw_appearance(draw)
    lesion = _draw_lesion(draw, _draw_place(draw, body), look)
    patient = Patient(body, appearance, subject.portal, subject.hepatic, [lesion])
    slice_mm = _SLICE_MM[draw.choice((1, 2, 2))]
    grid = Grid.centered(lesion.center, (_MM, _MM, slice_mm), (_SIDE, _SIDE, _SLICES))
    painting = paint(patient, grid, thick_slices=True)
    scanner = Scanner(
        blur_mm=draw.uniform(0.5, 0.9),
        slice_blur=0.0,
        noise_hu=draw.uniform(*_NOISE_HU),
        grain_mm=draw.uniform(0.5, 1.0),
        seed=draw.integer(0, 2**31),
    )
    hu = ScanSimulation(scanner, body, draw).image(painting, grid)[:, :, _SLICES // 2].numpy()
    labels = painting.labels[:, :, _SLICES // 2].numpy()
    return _render(hu, labels == Label.TUMOR, appearance.mean_hu[Organ.LIVER])


def _draw_place(draw: RandomSource, body: Body) -> Point:
    """Draw a point in the liver, anywhere in a body without one."""
    inside = (body.organs[Organ.LIVER] < -12).nonzero()
    if not len(inside):
        return (0.0, 25.0, 0.0)
    return CANONICAL_GRID.point(inside[draw.integer(0, len(inside))].tolist())


def _draw_lesion(draw: RandomSource, place: Point, look: str) -> Lesion:
    """Draw lesions until one has the look; the last one if none has."""
    for _ in range(_TRIES):
        contrast = draw_contrast(draw, (-45.0, 20.0), 0.25)
        lesion = draw_varied_lesion(draw, place, draw.log_uniform(8, 24), contrast)
        if LOOKS[look](lesion):
            break
    return lesion


def _read_squares(folder: Path, count: int) -> list[tuple[Picture, Picture]]:
    """Slices of a real scan through its largest tumors."""
    ct, known = find_named(folder, "ct"), find_named(folder, "liver")
    volume, labels = images.read(ct), images.read_label_values(known)
    if not same_grid(volume, labels):
        raise ImageFileError(f"{known} does not lie on the voxels of {ct}: save it on their grid.")
    values = np.asarray(labels.voxels)
    numbers, found = ndimage.label(values == Label.TUMOR)
    if not found:
        raise ImageFileError(f"{known} shows no tumor (3): leave {folder} out of the sheet.")
    sizes = np.bincount(numbers.ravel())[1:]
    liver = volume.voxels[np.isin(values, _LIVER_VALUES)]
    tumor_hu = volume.voxels[values == Label.TUMOR]
    level = float(np.median(liver if len(liver) else tumor_hu)) + volume.intercept
    largest = np.argsort(sizes)[::-1][:count] + 1
    return [_cut_tile(volume, values, numbers == number, level) for number in largest]


def _cut_tile(
    volume: Volume, values: NDArray[np.generic], lesion: NDArray[np.bool_], level: float
) -> tuple[Picture, Picture]:
    """The slice in which the lesion is largest, cut around it."""
    k = int(lesion.sum(axis=(0, 1)).argmax())
    middle = np.argwhere(lesion[:, :, k]).mean(axis=0)
    steps = (np.arange(_SIDE) - (_SIDE - 1) / 2) * _MM
    points = np.meshgrid(
        *(middle[axis] + steps / volume.spacing[axis] for axis in (0, 1)), indexing="ij"
    )
    hu = volume.voxels[:, :, k].astype(np.float32) + volume.intercept
    cut = ndimage.map_coordinates(hu, points, order=1, cval=-1024.0)
    tumor = (values[:, :, k] == Label.TUMOR).astype(np.float32)
    return _render(cut, ndimage.map_coordinates(tumor, points, order=1) > 0.5, level)


def _render(
    hu: NDArray[np.float32], tumor: NDArray[np.bool_], level: float
) -> tuple[Picture, Picture]:
    """A slice (i, j) as pictures, plain and with an outline: rows front to back."""
    gray = np.clip((hu - level) / _WIDTH_HU + 0.5, 0, 1)
    plain = np.repeat((255 * gray).astype(np.uint8)[..., None], 3, axis=-1)
    outlined = plain.copy()
    outlined[ndimage.binary_dilation(tumor) & ~tumor] = _OUTLINE
    # Rows from top to bottom, columns from the patient's right to the left.
    upright = [np.ascontiguousarray(p.transpose(1, 0, 2)[::-1, ::-1]) for p in (plain, outlined)]
    return upright[0], upright[1]
