"""Sentences about a DICOM volume: what it is, and what is odd of where its slices lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.series import geometry
from liverview.files.dicom.series.geometry import SliceGrid
from liverview.files.dicom.series.multiframe import StackSlice
from liverview.files.dicom.series.series_volume import SeriesKind

_PLANES = ("sagittal", "coronal", "axial")
_NAMED = 8  # places that a sentence names
_APART = 1.5  # steps over thickness, from which tissue between slices is not in the scan
_ASIDE = 0.1  # mm


def plane_of(header: SliceHeader) -> str:
    """The plane of an image: axial, coronal or sagittal, and oblique where it is turned."""
    normal = np.abs(geometry.directions_of(header)[2])
    turned = "" if normal.max() > 0.999 else "oblique "
    return turned + _PLANES[int(normal.argmax())]


def place_of(header: SliceHeader, at: Sequence[float] | None = None) -> str:
    """Where an image lies along the patient axis that its normal is nearest to, RAS+."""
    place = header.position if at is None else at
    assert place is not None
    axis = int(np.abs(geometry.directions_of(header)[2]).argmax())
    return f"{'xyz'[axis]} {_mm(place[axis] if axis == 2 else -place[axis])} mm"


def kind_sentences(header: SliceHeader, kind: SeriesKind) -> list[str]:
    """What a person should know of the kind of images."""
    found = []
    if kind is SeriesKind.OTHER_MODALITY:
        found.append(f"This is {header.study.modality or 'no CT'}; liverview reads CT.")
    if header.study.burned_in:
        found.append("Its header says that names or other text are burned into the pixels.")
    return found


def grid_sentences(slices: Sequence[StackSlice], grid: SliceGrid) -> list[str]:
    """What a person should know of where slices lie."""
    headers = [each.header for each in slices]
    found = [_missing(headers[0], grid), _uneven(headers, grid)]
    if grid.tilt_deg:
        found.append(
            f"The gantry was tilted by {grid.tilt_deg:.1f} degrees: the slices are sheared against "
            "each other, and the volume keeps that exactly."
        )
    aside = geometry.off_line_mm(headers)
    if aside > max(_ASIDE, 0.1 * min(headers[0].pixel_spacing or (1.0,))):
        found.append(f"Slices lie up to {aside:.2g} mm beside their common line.")
    return [*filter(None, [*found, _thickness(headers[0], grid)])]


def _missing(header: SliceHeader, grid: SliceGrid) -> str:
    if not grid.filled or not grid.exact or _changes_step(grid):
        return ""
    start, step = grid.affine[:3, 3], grid.affine[:3, 2]
    places = [place_of(header, (start + k * step).tolist()) for k in grid.filled]
    named = _list([place.removesuffix(" mm") for place in places])
    one = len(grid.filled) == 1
    return (
        f"{len(grid.filled)} of {grid.count} slices {'is' if one else 'are'} missing, at {named} "
        f"mm: {'it was' if one else 'they were'} interpolated from the neighbors."
    )


def _uneven(headers: Sequence[SliceHeader], grid: SliceGrid) -> str:
    low, high = grid.steps_mm
    if grid.exact and not (grid.filled and _changes_step(grid)):
        return ""
    step = float(grid.affine[:3, 2] @ geometry.directions_of(headers[0])[2])
    how = (
        f"{len(grid.filled)} slices between the others were interpolated"
        if grid.exact
        else "they were resampled along their normal"
    )
    where = _list(_changes(headers))
    return (
        f"The steps between slices are uneven, {_mm(low)} to {_mm(high)} mm, changing at {where}: "
        f"{how}, so that the volume has even steps of {_mm(step)} mm."
    )


def _changes_step(grid: SliceGrid) -> bool:
    """True where wide steps follow each other: another step, and no slices that are missing."""
    wide = np.diff(grid.places) > 1.5
    return bool((wide[1:] & wide[:-1]).any()) and 3 * int(wide.sum()) > len(wide)


def _changes(headers: Sequence[SliceHeader]) -> list[str]:
    """Where one step is followed by another."""
    steps = np.diff(geometry.heights_of(headers))
    changed = np.flatnonzero(np.abs(np.diff(steps)) > geometry.SAME_PLACE) + 1
    return [place_of(headers[n]) for n in changed.tolist()]


def _thickness(header: SliceHeader, grid: SliceGrid) -> str:
    step = float(np.linalg.norm(grid.affine[:3, 2]))
    if grid.count == 1:
        stated = header.thickness or header.spacing_between
        return "" if stated else "Its one slice has no stated thickness: 1 mm is taken."
    thickness = header.thickness or 0
    if thickness <= 0 or step < _APART * thickness:
        return ""
    return (
        f"The slices are {_mm(thickness)} mm thick and {_mm(step)} mm apart: what lies between "
        "them is not in the scan."
    )


def _list(words: Sequence[str]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more


def _mm(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
