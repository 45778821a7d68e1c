"""A contact sheet of training material, to compare with real scans."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core.labels import color_lookup_table, default_styles
from liverview.core.stream import Progress
from liverview.phantoms.fields import Grid, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.scanner import Scanner, ScanSimulation, draw_scanner
from liverview.phantoms.subject import add_appearance, draw_subject

_COLUMNS = 3
_MM = 2.0
_SIZE = (208, 168, 120)  # voxels: i, j of the axial picture, i, k of the coronal one
_LEVEL, _WIDTH = 60.0, 400.0


def iter_contact_sheet(seed: int, count: int = 12) -> Iterator[Progress | NDArray[np.uint8]]:
    """Draw samples in rows of three: an axial slice plain and labeled, a labeled coronal one.

    ``count`` is a multiple of three. Yields progress, then the picture, (rows, columns, 3)
    uint8. Slices lie as in the viewer: the patient's right on the left, front or head up.
    """
    tiles = []
    for number in range(count):
        tiles.append(_draw_tile(RandomSource((seed, number))))
        yield Progress("Drawing samples", (number + 1) / count)
    rows = [np.hstack(tiles[n : n + _COLUMNS]) for n in range(0, count, _COLUMNS)]
    yield np.vstack(rows)


def _draw_tile(draw: RandomSource) -> NDArray[np.uint8]:
    """One sample: three slices side by side, (rows, columns, 3)."""
    subject = draw_subject(draw)
    patient = add_appearance(draw, subject, draw.integer(0, 7), 45)
    liver = (subject.body.organs[Organ.LIVER] < 0).nonzero().float()
    middle = (0.0, 25.0, 0.0)
    if len(liver):
        middle = CANONICAL_GRID.point(liver.mean(dim=0).tolist())
    i, j, k = _SIZE
    axial = Grid.centered((0, 25, middle[2]), (_MM,) * 3, (i, j, 5))
    coronal = Grid.centered((0, middle[1], middle[2]), (_MM,) * 3, (i, 3, k))
    scanner = draw_scanner(draw, (_MM,) * 3)
    plain, labeled = _render_slice(draw, patient, scanner, axial, 2)
    _, across = _render_slice(draw, patient, scanner, coronal, 1)
    coronal_tile = np.zeros((j, i, 3), np.uint8)
    coronal_tile[(j - k) // 2 : (j - k) // 2 + k] = across
    return np.hstack([plain, labeled, coronal_tile])


def _render_slice(
    draw: RandomSource, patient: Patient, scanner: Scanner, grid: Grid, axis: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The middle slice of a thin block, plain and with its labels: (rows, columns, 3) each."""
    painting = paint(patient, grid)
    hu = ScanSimulation(scanner, patient.body, draw).image(painting, grid)
    index = grid.shape[axis] // 2
    gray = ((hu.select(axis, index) - _LEVEL) / _WIDTH + 0.5).clamp(0, 1)
    plain = torch.stack([255 * gray] * 3, dim=-1).to(torch.uint8).numpy()
    color = color_lookup_table(default_styles())[painting.labels.select(axis, index).numpy()]
    opacity = color[..., 3:] / 255
    labeled = (plain * (1 - opacity) + color[..., :3] * opacity).astype(np.uint8)
    # Rows from top to bottom, columns from the patient's right to the left.
    upright = [np.ascontiguousarray(p.transpose(1, 0, 2)[::-1, ::-1]) for p in (plain, labeled)]
    return upright[0], upright[1]
