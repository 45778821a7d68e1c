"""Small pictures of scans with the outlines of their labels, from the files that are there.

Slices lie as in the viewer: anterior or superior up, the patient's right on the left.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liverview.cohort.attempting import EXPECTED, error_sentence
from liverview.cohort.page.quantities import Focus
from liverview.cohort.work import Attempt
from liverview.core.display_window import default_window
from liverview.core.grid import Grid
from liverview.core.labels import Label, default_styles, label_mask
from liverview.core.placing import place_labels
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.core.wording import slice_words
from liverview.files import formats, images
from liverview.files.label_maps import checked_label_map
from liverview.files.named_labels import NamedLabels

_SIDE = 400  # pixels of the longer edge
_LINE = 2  # pixels to each side
_QUALITIES = (80, 60, 40, 20)
MOST_BYTES = 40_000
"""Of one picture: it is saved worse where it would have more."""
_SCAN, _REFERENCE = "ct.nii.gz", "reference.nii.gz"  # of a case


@dataclass(frozen=True)
class ScanPicture:
    """A slice as JPEG, (width, height) in pixels, and what it shows."""

    jpeg: bytes
    size: tuple[int, int]
    caption: str


@dataclass(frozen=True)
class NoPicture:
    """The reason for a missing picture, one sentence."""

    reason: str


def iter_picture(
    attempt: Attempt, focus: Focus, results: Path
) -> Generator[Progress, None, ScanPicture | NoPicture]:
    """Read a scan and its labels, and draw the slice that shows most; yields progress.

    Parameters
    ----------
    results : the folder that relative paths are in, where they are not in the working folder.
    """
    scan, labels = _files_of(attempt, results)
    if scan is None and labels is None:
        return NoPicture("No picture: neither scan nor label map is at its place any more.")
    try:
        volume: Volume | None = None
        if scan is not None:
            for step in images.iter_read(scan, _index(attempt)):
                if isinstance(step, Volume):
                    volume = step
                else:
                    yield step
        found: LabelMap | None = None
        if labels is not None:
            found = yield from _iter_labels(labels, None if volume is None else volume.grid)
        return _draw(volume, found, focus)
    except EXPECTED as error:
        return NoPicture(f"No picture: {error_sentence(error)}")


def _iter_labels(path: Path, grid: Grid | None) -> Generator[Progress, None, LabelMap]:
    named: NamedLabels | None = None
    for step in images.iter_read_named_labels(path, None, grid):
        if isinstance(step, NamedLabels):
            named = step
        else:
            yield step
    assert named is not None
    return checked_label_map(named)


def _files_of(attempt: Attempt, results: Path) -> tuple[Path | None, Path | None]:
    """The scan and its label map, of those that are there."""
    path = _there(attempt.path, results, moved=False)
    if path is not None and (path / _REFERENCE).is_file():
        return path / _SCAN, path / _REFERENCE
    written = (_there(name, results, moved=True) for name in attempt.written)
    maps = [one for one in written if one is not None and formats.has_known_suffix(one)]
    labels = next(iter(maps), None)
    if attempt.kind == "measure":
        return None, path
    return path, labels


def _there(name: str, results: Path, *, moved: bool) -> Path | None:
    """The path of a name; a result may have moved with its folder."""
    for path in (Path(name), results / name, *([results / Path(name).name] if moved else [])):
        try:
            if name and path.exists():
                return path
        except (OSError, ValueError):  # a name that no system takes
            continue
    return None


def _index(attempt: Attempt) -> int | None:
    """The number of the volume that was worked on."""
    text = attempt.made_with.get("volume", "")
    return int(text) if text.isdecimal() and text != "0" else None


def _draw(volume: Volume | None, labels: LabelMap | None, focus: Focus) -> ScanPicture:
    if volume is not None and labels is not None:
        labels = place_labels(labels, volume)
    on = volume if volume is not None else labels
    assert on is not None
    plane = Plane.CORONAL if focus is Focus.ENDS else Plane.AXIAL
    index, words = _slice(labels, plane, focus, on.shape)
    cut = np.zeros(plane.slice_of(on.voxels, index).shape, np.uint8)
    gray = cut
    if volume is not None:
        gray = _gray(plane.slice_of(volume.voxels, index), volume)
    if labels is not None:
        cut = plane.slice_of(labels.voxels, index)
    spacing = on.spacing[plane.horizontal_axis], on.spacing[plane.vertical_axis]
    picture = draw_slice(gray, cut, spacing)
    where = slice_words(plane, index, on.shape[plane.axis])
    without = "" if volume is not None else " Labels alone: their scan is not known."
    data = _jpeg(picture)
    return ScanPicture(data, picture.size, f"{where.capitalize()}{words}.{without}")


def _slice(
    labels: LabelMap | None, plane: Plane, focus: Focus, shape: tuple[int, ...]
) -> tuple[int, str]:
    """The slice with most of what is looked for, and how to call that."""
    if labels is not None:
        wanted = [Label.TUMOR, Label.LIVER] if focus is Focus.TUMOR else [Label.LIVER]
        for label in wanted:
            areas = _areas(labels.voxels, label, plane.axis)
            if areas.any():
                return int(areas.argmax()), f", with most {label.name.lower()}"
    return shape[plane.axis] // 2, ", the middle one"


def _areas(voxels: NDArray[np.uint8], label: Label, axis: int) -> NDArray[np.int64]:
    """The voxels of a label in each slice across an axis, (n,), 16 axial slices at a time."""
    counts = np.zeros(voxels.shape[axis], np.int64)
    for first in range(0, voxels.shape[2], 16):
        mask = label_mask(voxels[:, :, first : first + 16], label)
        some = mask.sum(axis=tuple({0, 1, 2} - {axis}))
        if axis == 2:
            counts[first : first + 16] = some
        else:
            counts += some
    return counts


def _gray(stored: NDArray[Any], volume: Volume) -> NDArray[np.uint8]:
    level, width = default_window(volume)
    hu = stored.astype(np.float32) + volume.intercept
    return (255 * np.clip((hu - level) / width + 0.5, 0, 1)).astype(np.uint8)


def draw_slice(
    gray: NDArray[np.uint8], labels: NDArray[np.uint8], spacing: tuple[float, float]
) -> Image.Image:
    """A slice in square pixels with the outline of each label in its color.

    Parameters
    ----------
    gray, labels : (rows, columns) uint8, as `Plane.slice_of` gives them.
    spacing : mm from column to column, and from row to row.
    """
    mm = gray.shape[1] * spacing[0], gray.shape[0] * spacing[1]
    size = [max(1, round(_SIDE * edge / max(mm))) for edge in mm]
    pixels = np.array(_resized(gray, size, Image.Resampling.BILINEAR).convert("RGB"))
    for color, inside in _iter_masks(labels, size):
        pixels[inside & ~_core(inside)] = color
    return Image.fromarray(pixels)


def _iter_masks(
    labels: NDArray[np.uint8], size: list[int]
) -> Iterator[tuple[tuple[int, int, int], NDArray[np.bool_]]]:
    upright = np.asarray(_resized(labels, size, Image.Resampling.NEAREST))
    for label, style in default_styles().items():
        yield style.color, label_mask(upright, label)


def _core(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels of a mask with all of their neighbors in it; the picture's edge is none."""
    padded = np.pad(inside, _LINE, constant_values=True)
    core = inside.copy()
    for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
        core &= padded[y * _LINE :, x * _LINE :][: inside.shape[0], : inside.shape[1]]
    return core


def _resized(part: NDArray[np.uint8], size: list[int], how: Image.Resampling) -> Image.Image:
    upright = np.ascontiguousarray(part[::-1, ::-1])
    return Image.fromarray(upright).resize((size[0], size[1]), how)


def _jpeg(picture: Image.Image) -> bytes:
    data = b""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        # Colors at full resolution: outlines are two pixels wide.
        picture.save(buffer, "JPEG", quality=quality, subsampling=0, optimize=True)
        data = buffer.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return data
