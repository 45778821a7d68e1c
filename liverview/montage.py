"""A picture of where a segmentation and its reference part, to be looked at.

Slices lie as in the viewer: anterior or superior up, the patient's right on the left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from liverview.files import replacing
from liverview.labels import Label
from liverview.metrics import Mask, dice, part
from liverview.volume import LabelMap, Plane, Volume

# Okabe and Ito's orange and sky blue: apart for color-blind eyes, and apart from gray.
REFERENCE_COLOR = (230, 159, 0)
PREDICTED_COLOR = (86, 180, 233)
_LEVEL_HU, _WIDTH_HU = 60, 400
_TILE = 480  # pixels along the longer side of a slice
_CAPTION = 22
_TEXT = (255, 255, 255)


def compared_slices(volume: Volume, predicted: LabelMap, reference: LabelMap) -> Image.Image:
    """The axial slice with the most wrong liver voxels beside the liver's middle coronal slice.

    All three lie on one grid. The contours are those of the liver as an organ: the reference's
    wide, the prediction's narrow on top of it.
    """
    found, true = (part(labels.voxels, Label.LIVER) for labels in (predicted, reference))
    wrong = (found ^ true).sum(axis=(0, 1))
    rows = np.flatnonzero((found | true).any(axis=(0, 2)))
    middle = int(rows[0] + rows[-1]) // 2 if len(rows) else volume.shape[1] // 2
    picture = Image.new("RGB", (2 * _TILE, _TILE + _CAPTION))
    worst = int(wrong.argmax())
    for left, plane, index in ((0, Plane.AXIAL, worst), (_TILE, Plane.CORONAL, middle)):
        masks = [plane.cut(mask, index) for mask in (found, true)]
        tile = _tile(volume, plane, index, *masks)
        picture.paste(tile, (left + (_TILE - tile.width) // 2, (_TILE - tile.height) // 2))
        score = dice(*masks)
        where = f"{plane.name.lower()} {index + 1} / {volume.shape[plane.axis]}"
        text = f"{where}, Dice {'-' if math.isnan(score) else format(score, '.3f')}"
        _write(picture, (left + 4, _TILE), text, _TEXT)
    return picture


def save_montage(path: Path, rows: Sequence[tuple[str, Image.Image]]) -> None:
    """Write a PNG with one `compared_slices` below the other, each under its scan's name.

    Raises
    ------
    TargetError : where the file cannot be written.
    """
    height = _CAPTION + sum(_CAPTION + picture.height for _, picture in rows)
    montage = Image.new("RGB", (2 * _TILE, height))
    _write(montage, (4, 0), "reference", REFERENCE_COLOR)
    _write(montage, (84, 0), "liverview", PREDICTED_COLOR)
    top = _CAPTION
    for name, picture in rows:
        _write(montage, (4, top), name, _TEXT)
        montage.paste(picture, (0, top + _CAPTION))
        top += _CAPTION + picture.height
    with replacing(path) as temporary:
        montage.save(temporary, "PNG")


def _tile(volume: Volume, plane: Plane, index: int, found: Mask, true: Mask) -> Image.Image:
    """One slice with both contours, in square pixels."""
    hu = plane.cut(volume.voxels, index).astype(np.float32) + volume.intercept
    gray = (255 * np.clip((hu - _LEVEL_HU) / _WIDTH_HU + 0.5, 0, 1)).astype(np.uint8)
    mm = gray.shape[1] * volume.spacing[plane.across], gray.shape[0] * volume.spacing[plane.up]
    size = [max(1, round(_TILE * side / max(mm))) for side in mm]
    pixels = np.array(_resized(gray, size, Image.Resampling.BILINEAR).convert("RGB"))
    for mask, width, color in ((true, 4, REFERENCE_COLOR), (found, 2, PREDICTED_COLOR)):
        inside = np.asarray(_resized(mask.view(np.uint8), size, Image.Resampling.NEAREST)) > 0
        pixels[inside & ~ndimage.binary_erosion(inside, iterations=width)] = color
    return Image.fromarray(pixels)


def _resized(drawn: NDArray[np.uint8], size: Sequence[int], how: Image.Resampling) -> Image.Image:
    """A slice as `Plane.cut` gives it, turned to the viewer's orientation, (width, height)."""
    upright = np.ascontiguousarray(drawn[::-1, ::-1])
    return Image.fromarray(upright).resize((size[0], size[1]), how)


def _write(picture: Image.Image, at: tuple[int, int], text: str, color: tuple[int, ...]) -> None:
    ImageDraw.Draw(picture).text(at, text, color, ImageFont.load_default(14))
