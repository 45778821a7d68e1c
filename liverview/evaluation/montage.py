"""A picture of where a segmentation and its reference part, to be looked at.

Slices lie as in the viewer: anterior or superior up, the patient's right on the left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label, label_parent
from liverview.core.text import printable
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.core.wording import slice_words
from liverview.evaluation.metrics import Mask, dice
from liverview.evaluation.scoring import compared_masks, why_not_judged
from liverview.files.atomic import atomic_write

# Okabe and Ito's orange and sky blue: apart for color-blind eyes, and apart from gray.
REFERENCE_COLOR = (230, 159, 0)
PREDICTED_COLOR = (86, 180, 233)
_LEVEL_HU, _WIDTH_HU = 60, 400
_TILE = 480  # pixels along the longer side of a slice
_CAPTION = 22
_TEXT = (255, 255, 255)
_PARTS = tuple(label for label in FOREGROUND if label_parent(label) is not None)
_REGION_MM = 64.0
_REGIONS = 3  # that went best, and as many that went worst


def draw_comparison(volume: Volume, predicted: LabelMap, reference: LabelMap) -> Image.Image:
    """`draw_compared_slices` above `draw_compared_regions`."""
    parts = [
        how(volume, predicted, reference) for how in (draw_compared_slices, draw_compared_regions)
    ]
    picture = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)))
    picture.paste(parts[0], (0, 0))
    picture.paste(parts[1], (0, parts[0].height))
    return picture


def draw_compared_slices(volume: Volume, predicted: LabelMap, reference: LabelMap) -> Image.Image:
    """The axial slice with the most wrong liver voxels beside the liver's middle coronal slice.

    All three lie on one grid. The contours are those of the liver as an organ: the reference's
    wide, the prediction's narrow on top of it; of a reference that is no measure of the liver,
    none.
    """
    found, true = compared_masks(predicted, reference, Label.LIVER)
    if why_not_judged(reference, Label.LIVER):
        true = np.zeros_like(true)
    wrong = (found ^ true).sum(axis=(0, 1))
    rows = np.flatnonzero((found | true).any(axis=(0, 2)))
    middle = int(rows[0] + rows[-1]) // 2 if len(rows) else volume.shape[1] // 2
    picture = Image.new("RGB", (2 * _TILE, _TILE + _CAPTION))
    worst = int(wrong.argmax())
    for left, plane, index in ((0, Plane.AXIAL, worst), (_TILE, Plane.CORONAL, middle)):
        masks = [plane.slice_of(mask, index) for mask in (found, true)]
        tile = _draw_slice(volume, plane, index, *masks)
        picture.paste(tile, (left + (_TILE - tile.width) // 2, (_TILE - tile.height) // 2))
        score = dice(*masks)
        where = slice_words(plane, index, volume.shape[plane.axis])
        text = f"{where}, Dice {'-' if math.isnan(score) else format(score, '.3f')}"
        write_text(picture, (left + 4, _TILE), text, _TEXT)
    return picture


@dataclass(frozen=True)
class _Region:
    """A block of the scan and how a label went there."""

    label: Label
    block: Box
    right_ml: float
    wrong_ml: float


def draw_compared_regions(volume: Volume, predicted: LabelMap, reference: LabelMap) -> Image.Image:
    """Draw the regions where vessels, tumors and other parts went best, below them the worst.

    The scan is divided into blocks of 64 mm, and of each label's blocks those are shown in which
    the volume that both have exceeds the one that only one of them has by most, and by least.
    Each is shown in the axial slice that shows this best, with the contours of its label.
    """
    masks = {
        label: compared_masks(predicted, reference, label)
        for label in _PARTS
        if not why_not_judged(reference, label)
    }
    regions = [
        region for label, pair in masks.items() for region in _find_regions(volume, label, *pair)
    ]
    ordered = sorted(regions, key=lambda region: region.wrong_ml - region.right_ml)
    best = [region for region in ordered if region.right_ml > region.wrong_ml]
    worst = [region for region in ordered[::-1] if region.right_ml < region.wrong_ml]
    side = 2 * _TILE // _REGIONS
    rows = [some[:_REGIONS] for some in (best, worst) if some]
    picture = Image.new("RGB", (2 * _TILE, len(rows) * (side + _CAPTION)))
    for row, shown in enumerate(rows):
        for column, region in enumerate(shown):
            at = column * side, row * (side + _CAPTION)
            pair = masks[region.label]
            k = _most_telling_slice(region, *pair)
            stored, found, true = (
                Plane.AXIAL.slice_of(array[region.block], k - region.block[2].start)
                for array in (volume.voxels, *pair)
            )
            picture.paste(draw_contours(volume, Plane.AXIAL, stored, found, true, side), at)
            text = f"{region.label.name.lower()}, axial {k}: "
            text += f"{region.right_ml:.1f} mL right, {region.wrong_ml:.1f} mL wrong"
            write_text(picture, (at[0] + 4, at[1] + side), text, _TEXT)
    return picture


def _find_regions(volume: Volume, label: Label, found: Mask, true: Mask) -> list[_Region]:
    """The blocks in which a label went best and worst, as many of each as are shown."""
    size = [
        min(n, max(1, round(_REGION_MM / s)))
        for n, s in zip(volume.shape, volume.spacing, strict=True)
    ]
    starts = [np.arange(0, n, s) for n, s in zip(volume.shape, size, strict=True)]
    ml = []
    for mask in (found & true, found ^ true):
        counts = mask.view(np.uint8)
        for axis, at in enumerate(starts):
            counts = np.add.reduceat(counts, at, axis, dtype=np.int64)
        ml.append(counts * volume.voxel_ml)
    regions = []
    numbers = np.argwhere(ml[0] + ml[1] > 0)
    order = np.argsort((ml[1] - ml[0])[tuple(numbers.T)], kind="stable")
    shown = np.unique(np.concatenate([order[:_REGIONS], order[-_REGIONS:]]))
    for number in numbers[shown]:
        # A block at the edge reaches as far back as it takes to be as large as the others.
        ends = [
            min((int(at) + 1) * s, n) for at, s, n in zip(number, size, volume.shape, strict=True)
        ]
        right, wrong = (float(part[tuple(number)]) for part in ml)
        block = Box.from_bounds(np.subtract(ends, size).tolist(), ends)
        regions.append(_Region(label, block, right, wrong))
    return regions


def _most_telling_slice(region: _Region, found: Mask, true: Mask) -> int:
    """The slice of the volume in which a region is most of what it is as a whole."""
    right = region.right_ml > region.wrong_ml
    seen = (found & true if right else found ^ true)[region.block]
    return region.block[2].start + int(seen.sum(axis=(0, 1)).argmax())


def save_montage(path: Path, rows: Sequence[tuple[str, Image.Image]]) -> None:
    """Write a PNG with one `draw_compared_slices` below the other, each under its scan's name.

    Raises
    ------
    TargetError : where the file cannot be written.
    """
    height = _CAPTION + sum(_CAPTION + picture.height for _, picture in rows)
    montage = Image.new("RGB", (2 * _TILE, height))
    write_text(montage, (4, 0), "reference", REFERENCE_COLOR)
    write_text(montage, (84, 0), "liverview", PREDICTED_COLOR)
    top = _CAPTION
    for name, picture in rows:
        write_text(montage, (4, top), printable(name), _TEXT)
        montage.paste(picture, (0, top + _CAPTION))
        top += _CAPTION + picture.height
    with atomic_write(path) as temporary:
        montage.save(temporary, "PNG")


def _draw_slice(volume: Volume, plane: Plane, index: int, found: Mask, true: Mask) -> Image.Image:
    """One slice with both contours, in square pixels."""
    return draw_contours(volume, plane, plane.slice_of(volume.voxels, index), found, true, _TILE)


def draw_contours(
    volume: Volume, plane: Plane, stored: NDArray[Any], found: Mask, true: Mask, side: int
) -> Image.Image:
    """A part of a slice as `Plane.slice_of` gives it, with both contours, in square pixels.

    Its longer edge has ``side`` of them.
    """
    hu = stored.astype(np.float32) + volume.intercept
    gray = (255 * np.clip((hu - _LEVEL_HU) / _WIDTH_HU + 0.5, 0, 1)).astype(np.uint8)
    mm = (
        gray.shape[1] * volume.spacing[plane.horizontal_axis],
        gray.shape[0] * volume.spacing[plane.vertical_axis],
    )
    size = [max(1, round(side * edge / max(mm))) for edge in mm]
    pixels = np.array(_resize_slice(gray, size, Image.Resampling.BILINEAR).convert("RGB"))
    for mask, width, color in ((true, 4, REFERENCE_COLOR), (found, 2, PREDICTED_COLOR)):
        inside = np.asarray(_resize_slice(mask.view(np.uint8), size, Image.Resampling.NEAREST)) > 0
        pixels[inside & ~ndimage.binary_erosion(inside, iterations=width, border_value=1)] = color
    return Image.fromarray(pixels)


def _resize_slice(
    drawn: NDArray[np.uint8], size: Sequence[int], how: Image.Resampling
) -> Image.Image:
    """A slice as `Plane.slice_of` gives it, turned to the viewer's orientation, (width, height)."""
    upright = np.ascontiguousarray(drawn[::-1, ::-1])
    return Image.fromarray(upright).resize((size[0], size[1]), how)


def write_text(
    picture: Image.Image, at: tuple[int, int], text: str, color: tuple[int, ...]
) -> None:
    ImageDraw.Draw(picture).text(at, text, color, ImageFont.load_default(14))
