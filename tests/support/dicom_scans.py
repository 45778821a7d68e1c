"""Scans as a DICOM series gives them, put together in tests without liverview's reader."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom

from liverview.core.orientation import find_orientation, ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.volume import LabelMap, Volume
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice


def volume_of(paths: Sequence[Path], hu: np.ndarray, name: str = "series") -> Volume:
    """The volume of files in order of their slices; ``hu`` is (slices, rows, columns)."""
    first, last = (pydicom.dcmread(path, force=True) for path in (paths[0], paths[-1]))
    origin = np.array([float(v) for v in first.ImagePositionPatient])
    end = np.array([float(v) for v in last.ImagePositionPatient])
    along, down = np.reshape([float(v) for v in first.ImageOrientationPatient], (2, 3))
    rows_mm, columns_mm = (float(v) for v in first.PixelSpacing)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = along * columns_mm, down * rows_mm
    lps[:3, 2], lps[:3, 3] = (end - origin) / (len(paths) - 1), origin
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    stored = hu.transpose(2, 1, 0)
    orientation = find_orientation(affine)
    slices = []
    for place, path in enumerate(paths):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        slices.append(SourceSlice(place, str(data.SOPClassUID), str(data.SOPInstanceUID)))
    header = SeriesHeader(template_of(paths[0]), tuple(map(tuple, lps.tolist())), tuple(slices))
    source = SourceGrid(stored.shape, orientation, format="DICOM", header=header.encode())
    return Volume(
        turn_to_ras(stored, orientation), ras_affine(affine, orientation, stored.shape), name=name,
        source=source,
    )  # fmt: skip


def template_of(path: Path) -> bytes:
    """A file's data set without pixels and private elements."""
    data = pydicom.dcmread(path, stop_before_pixels=True)
    data.remove_private_tags()
    written = io.BytesIO()
    data.save_as(written, enforce_file_format=True)
    return written.getvalue()


def labels_of(stored: np.ndarray, volume: Volume) -> LabelMap:
    """Labels, (slices, rows, columns), on a volume of `volume_of`."""
    assert volume.source is not None
    voxels = turn_to_ras(stored.transpose(2, 1, 0), volume.source.orientation)
    return LabelMap(np.array(voxels, np.uint8), volume.affine, volume.name, volume.source)
