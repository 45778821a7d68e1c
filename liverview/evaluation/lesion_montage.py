"""Pictures of the lesions that went best and worst, and of the worst false ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.text import printable
from liverview.core.volume import Plane, Volume
from liverview.evaluation.lesion_table import FalseLesion, LesionTable, ReferenceLesion
from liverview.evaluation.metrics import Mask
from liverview.evaluation.montage import (
    PREDICTED_COLOR,
    REFERENCE_COLOR,
    draw_contours,
    write_text,
)
from liverview.files.atomic import atomic_write

SHOWN = 3
"""Lesions in each row: the best, the worst, the worst false ones."""
_TILE = 240
_CAPTION = 20
_LEAST_MM = 64.0  # what a tile shows at least
_ROOM = 1.5  # of the lesion's own size
_TEXT = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class LesionPicture:
    """A lesion of a case with its picture: an axial slice beside a coronal one."""

    case: str
    lesion: ReferenceLesion | FalseLesion
    picture: Image.Image


def choose_best(lesions: Sequence[ReferenceLesion]) -> list[ReferenceLesion]:
    """The lesions that went best by their Dice; missed ones never did."""
    return sorted((one for one in lesions if one.found), key=lambda one: -one.dice)[:SHOWN]


def choose_worst(lesions: Sequence[ReferenceLesion]) -> list[ReferenceLesion]:
    """The lesions that went worst: missed ones first, the largest of them first, then by Dice."""
    return sorted(lesions, key=_badness)[:SHOWN]


def choose_false(lesions: Sequence[FalseLesion]) -> list[FalseLesion]:
    """The worst false lesions, which are the largest."""
    return sorted(lesions, key=lambda one: -one.ml)[:SHOWN]


def _badness(lesion: ReferenceLesion) -> tuple[bool, float, float]:
    return lesion.found, lesion.dice if lesion.found else 0.0, -lesion.ml


def draw_lesions(
    case: str,
    volume: Volume,
    masks: tuple[Mask, Mask],
    table: LesionTable,
) -> list[LesionPicture]:
    """Draw those lesions of a case that may be among the best and worst of all cases.

    ``masks`` are the predicted and the reference's tumors, (I, J, K) bool, on the scan's voxels.
    """
    chosen = [*choose_best(table.lesions), *choose_worst(table.lesions)]
    once = list({lesion.number: lesion for lesion in chosen}.values())
    every: list[ReferenceLesion | FalseLesion] = [*once, *choose_false(table.false)]
    return [LesionPicture(case, one, _draw_lesion(volume, masks, one)) for one in every]


def _draw_lesion(
    volume: Volume, masks: tuple[Mask, Mask], lesion: ReferenceLesion | FalseLesion
) -> Image.Image:
    """The axial and the coronal slice in which most of a lesion is, side by side."""
    middle = volume.grid.world_to_place([lesion.center_mm])[0]
    half = max(_LEAST_MM, _ROOM * max(lesion.axial_mm, _ball_mm(lesion.ml))) / 2
    margin = half / np.asarray(volume.spacing)
    start = np.clip(np.rint(middle - margin), 0, np.subtract(volume.shape, 1)).astype(int)
    stop = np.clip(np.rint(middle + margin) + 1, start + 1, volume.shape).astype(int)
    box = Box.from_bounds(start.tolist(), stop.tolist())
    own = _component_at(masks[isinstance(lesion, ReferenceLesion)][box], middle - start)
    picture = Image.new("RGB", (2 * _TILE, _TILE))
    for left, plane in ((0, Plane.AXIAL), (_TILE, Plane.CORONAL)):
        others = tuple(axis for axis in range(3) if axis != plane.axis)
        index = int(own.sum(axis=others).argmax())
        stored, found, true = (
            plane.slice_of(array[box], index) for array in (volume.voxels, *masks)
        )
        tile = draw_contours(volume, plane, stored, found, true, _TILE - 2)
        picture.paste(tile, (left + (_TILE - tile.width) // 2, (_TILE - tile.height) // 2))
    return picture


def _component_at(mask: Mask, place: NDArray[np.float64]) -> Mask:
    """The component of a mask whose voxel is nearest to a place."""
    numbers, _ = ndimage.label(mask, np.ones((3, 3, 3), np.bool_))
    voxels = np.argwhere(mask)
    nearest = voxels[np.argmin(((voxels - place) ** 2).sum(axis=1))]
    own: Mask = numbers == numbers[tuple(nearest)]
    return own


def _ball_mm(ml: float) -> float:
    """The diameter of a sphere of a volume."""
    return 10 * (6 * ml / math.pi) ** (1 / 3)


def save_lesion_montage(path: Path, pictures: Sequence[LesionPicture]) -> None:
    """Write a PNG of the best three lesions of all cases, the worst three, and the false ones.

    The worst three are of those that are not among the best.

    Raises
    ------
    TargetError : where the file cannot be written.
    """
    rows = _choose_rows(pictures)
    width = SHOWN * 2 * _TILE
    height = sum(_TILE + 2 * _CAPTION for _, shown in rows if shown) + 2 * _CAPTION
    montage = Image.new("RGB", (width, height))
    write_text(montage, (4, 0), "reference", REFERENCE_COLOR)
    write_text(montage, (84, 0), "liverview", PREDICTED_COLOR)
    if not any(shown for _, shown in rows):
        write_text(montage, (4, _CAPTION), "No lesions, and no false ones.", _TEXT)
    top = _CAPTION
    for title, shown in rows:
        if not shown:
            continue
        write_text(montage, (4, top), title, _TEXT)
        for column, one in enumerate(shown):
            left = column * 2 * _TILE
            montage.paste(one.picture, (left, top + _CAPTION))
            write_text(montage, (left + 4, top + _CAPTION + _TILE), caption(one), _TEXT)
        top += _TILE + 2 * _CAPTION
    with atomic_write(path) as temporary:
        montage.save(temporary, "PNG")


def _choose_rows(
    pictures: Sequence[LesionPicture],
) -> list[tuple[str, list[LesionPicture]]]:
    """The rows of the montage: a title, and what is shown."""
    of_lesion = {id(one.lesion): one for one in pictures}
    known = [one.lesion for one in pictures if isinstance(one.lesion, ReferenceLesion)]
    false = [one.lesion for one in pictures if isinstance(one.lesion, FalseLesion)]
    best = choose_best(known)
    worst = choose_worst([one for one in known if not any(one is other for other in best)])
    chosen: list[tuple[str, Sequence[ReferenceLesion | FalseLesion]]] = [
        ("lesions that went best", best),
        ("lesions that went worst", worst),
        ("largest false lesions", choose_false(false)),
    ]
    return [(title, [of_lesion[id(one)] for one in lesions]) for title, lesions in chosen]


def caption(shown: LesionPicture) -> str:
    """Case, diameter, Dice or place, and contrast, in a line."""
    lesion = shown.lesion
    words = [f"{printable(shown.case)}: {lesion.axial_mm:.0f} mm"]
    if isinstance(lesion, FalseLesion):
        words += [f"{lesion.ml:.1f} mL", lesion.place.value]
    else:
        words.append(
            f"Dice {lesion.dice:.2f}" if lesion.found else f"missed, Dice {lesion.dice:.2f}"
        )
    if not math.isnan(lesion.contrast_hu):
        words.append(f"{lesion.contrast_hu:+.0f} HU")
    if not math.isnan(lesion.certainty):
        words.append(f"certainty {lesion.certainty:.2f}")
    return ", ".join(words)
