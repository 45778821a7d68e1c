"""The grid of a series, from the headers of its files in a folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from liverview.core.grid import Grid
from liverview.core.orientation import ras_affine
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.segmentations.frame_grid import FramePlanes, own_grid
from liverview.files.foreign_kinds import is_dicom
from liverview.files.opening import ImageFileError

_MOST_FILES = 5000
_TAGS = (
    "SOPClassUID", "SeriesInstanceUID", "FrameOfReferenceUID", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "SliceThickness",
)  # fmt: skip


def find_referenced_grid(folder: Path, series: str, frame_of_reference: str) -> Grid | None:
    """The RAS+ grid of a series whose files are in a folder; None where it is not there.

    Parameters
    ----------
    series : its UID; where it is empty, any series of the frame of reference is taken that is the
        only one.
    """
    wanted = [
        header
        for path in sorted(folder.iterdir())[:_MOST_FILES]
        if (header := _header(path)) is not None
        and (
            header.get("SeriesInstanceUID") == series
            if series
            else header.get("FrameOfReferenceUID") == frame_of_reference != ""
        )
    ]
    if not wanted or len({header.get("SeriesInstanceUID") for header in wanted}) > 1:
        return None
    common, _ = Counter(map(_shape_of, wanted)).most_common(1)[0]
    slices = [header for header in wanted if _shape_of(header) == common]
    try:
        found = own_grid(folder, _planes(slices))
    except (ImageFileError, ValueError, TypeError):
        return None
    i, j, k = (found.shape[int(axis)] for axis in np.argsort(found.orientation[:, 0]))
    return Grid((i, j, k), ras_affine(found.affine, found.orientation, found.shape))


def _header(path: Path) -> Any:
    """The places of an image; None of what is none."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with path.open("rb") as file:
            if not is_dicom(file.read(1024), path.name):
                return None
        with quiet_pydicom():
            header = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
            placed = all(header.get(tag) for tag in _TAGS[3:8])
    except (OSError, EOFError, InvalidDicomError, ValueError, AttributeError, KeyError, TypeError):
        return None
    return header if placed else None


def _shape_of(header: Any) -> tuple[Any, ...]:
    orientation = tuple(round(float(value), 3) for value in header.ImageOrientationPatient)
    return int(header.Rows), int(header.Columns), orientation


def _planes(slices: list[Any]) -> FramePlanes:
    first = slices[0]
    cosines = np.array(first.ImageOrientationPatient, np.float64).reshape(2, 3)
    down, across = (float(mm) for mm in first.PixelSpacing)
    return FramePlanes(
        np.array([header.ImagePositionPatient for header in slices], np.float64),
        np.stack([cosines[0] * across, cosines[1] * down], axis=1),
        int(first.Columns),
        int(first.Rows),
        thickness=float(first.get("SliceThickness") or 0),
    )
