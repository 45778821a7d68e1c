"""Reading RTSTRUCT: contours of structures, filled on the grid of a scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.coding import meaning_from_name
from liverview.core.grid import Grid
from liverview.core.labels import Label
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.files.dicom.segmentations.codes import coded, name_segment
from liverview.files.dicom.segmentations.contours import fill_contours, find_planes
from liverview.files.dicom.segmentations.frame_grid import LPS_TO_RAS
from liverview.files.dicom.segmentations.segmentation_file import damage_in_words
from liverview.files.dicom.segmentations.segmentation_reading import NAMES
from liverview.files.dicom.series.referenced_series import find_referenced_grid
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.dicom.writing.kept_elements import template_of
from liverview.files.format import StoredVolume
from liverview.files.formats import name_without_suffix
from liverview.files.opening import ImageFileError

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_WHAT = "a DICOM structure set"
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_STRAIGHT = np.array([(0, 1), (1, 1), (2, 1)], np.float64)


class Structure(NamedTuple):
    """A structure: its name, and its closed contours, each (n, 3) mm, RAS+."""

    name: str
    contours: tuple[NDArray[np.float64], ...]


def read_structures(path: Path, data: Any) -> tuple[Structure, ...]:
    """The structures that have closed contours, in the order of the file.

    Those that are known to be none of ours, as the spleen, are left out where there are others.

    Raises
    ------
    ImageFileError : where there are none.
    """
    with damage_in_words(path, _WHAT):
        names = _names(data)
        found = []
        for item in data.get("ROIContourSequence") or ():
            number = int(item.ReferencedROINumber)
            contours = tuple(_iter_contours(path, item))
            if contours:
                found.append(Structure(names.get(number, f"Structure {number}"), contours))
    if not found:
        raise ImageFileError(
            f"{path} has no closed contours: choose a structure set that has, or a DICOM SEG."
        )
    wanted = [one for one in found if meaning_from_name(one.name) is not Label.BACKGROUND]
    return tuple(wanted or found)


def count_structures(path: Path, data: Any) -> int:
    """How many volumes are read: one for each structure."""
    return len(read_structures(path, data))


def structures_grid(path: Path, data: Any) -> Grid:
    """The grid of the series that contours were drawn on, from its files in the same folder.

    Raises
    ------
    ImageFileError : where it is not there.
    """
    grid = find_referenced_grid(path.parent, *_referenced(path, data))
    if grid is None:
        raise ImageFileError(
            f"{path} holds contours, which have no voxels of their own, and the series that they "
            "were drawn on is not in its folder: open the scan first, or put both into one folder."
        )
    return grid


def iter_read_structures(
    path: Path, data: Any, grid: Grid | None
) -> Iterator[Progress | StoredVolume]:
    """Fill the contours of every structure; yields progress, and a volume of 0 and 1 for each.

    Raises
    ------
    ImageFileError : where no grid is known, or contours do not lie in its slices.
    """
    structures = read_structures(path, data)
    grid = grid or structures_grid(path, data)
    with damage_in_words(path, _WHAT):
        source = _source(data, structures, grid)
    planes = [find_planes(path, structure.contours, grid) for structure in structures]
    pairs = zip(structures, planes, strict=True)
    remarks = tuple(note for one, found in pairs for note in found.describe(one.name, grid))
    for count, found in enumerate(planes):
        yield Progress("Filling contours", count / len(structures))
        voxels = fill_contours(found, grid)
        name = name_without_suffix(path)
        yield StoredVolume(voxels, 1.0, 0.0, grid.affine, name, source, remarks)


def _names(data: Any) -> dict[int, str]:
    """The name of each structure by its codes, else as it is called."""
    observed = {
        int(item.ReferencedROINumber): item
        for item in data.get("RTROIObservationsSequence") or ()
        if item.get("ReferencedROINumber") is not None
    }
    names = {}
    for item in data.get("StructureSetROISequence") or ():
        number = int(item.ROINumber)
        given = str(item.get("ROIName") or "").strip()
        seen = observed.get(number)
        types = (seen.get("RTROIIdentificationCodeSequence") or ()) if seen is not None else ()
        regions = (
            [coded(one) for one in types[0].get("AnatomicRegionSequence") or ()] if types else []
        )
        kind = coded(types[0]) if types else ("", "")
        names[number] = name_segment(given, kind, regions) or f"Structure {number}"
    return names


def _iter_contours(path: Path, item: Any) -> Iterator[NDArray[np.float64]]:
    for contour in item.get("ContourSequence") or ():
        if str(contour.get("ContourGeometricType") or "").upper() not in _CLOSED:
            continue
        values = np.array(contour.get("ContourData") or (), np.float64)
        if len(values) % 3 or not np.isfinite(values).all():
            raise ImageFileError(
                f"{path} is damaged: a contour of it has {len(values)} coordinates, or such that "
                "are no numbers; export it again."
            )
        if len(values) >= 9:
            yield values.reshape(-1, 3) @ LPS_TO_RAS[:3, :3]


def _referenced(path: Path, data: Any) -> tuple[str, str]:
    """The series that contours were drawn on, and its frame of reference; empty where not said."""
    series, frame = "", str(data.get("FrameOfReferenceUID") or "")
    with damage_in_words(path, _WHAT):
        for item in data.get("ReferencedFrameOfReferenceSequence") or ():
            frame = str(item.get("FrameOfReferenceUID") or frame)
            for study in item.get("RTReferencedStudySequence") or ():
                for one in study.get("RTReferencedSeriesSequence") or ():
                    series = series or str(one.get("SeriesInstanceUID") or "")
    return series, frame


def _source(data: Any, structures: tuple[Structure, ...], grid: Grid) -> SourceGrid:
    names = [structure.name for structure in structures]
    content = {"values": {"1": names[0]} if len(names) == 1 else {}, "volumes": names}
    rows = tuple(tuple(float(mm) for mm in row) for row in LPS_TO_RAS @ grid.affine)
    header = SeriesHeader(template_of(data), rows, ())
    kept = ((NAMES, json.dumps(content).encode("ascii")),)
    return SourceGrid(grid.shape, _STRAIGHT, "DICOM", header.encode(), extensions=kept)
