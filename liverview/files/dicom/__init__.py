"""DICOM in and out: series, label maps (SEG) and contours (RTSTRUCT); see docs/formats.md.

A place that holds DICOM is a folder, a zip archive, a DICOMDIR or a file. What is in it are
`SeriesVolume`s, which are the volumes of this format in `liverview.files.format`.
"""

from collections.abc import Iterator
from pathlib import Path

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.dicom import reading
from liverview.files.dicom.segmentations import label_reading
from liverview.files.dicom.segmentations.label_reading import (
    count_volumes_of,
    iter_read_stored,
    iter_read_stored_on,
    label_names,
    label_review,
    volume_names,
)
from liverview.files.dicom.segmentations.label_writing import iter_write_labels
from liverview.files.dicom.writing.series_writing import iter_write_volume
from liverview.files.format import Summary

__all__ = [
    "count_volumes_of",
    "iter_read",
    "iter_read_stored",
    "iter_read_stored_on",
    "iter_write_labels",
    "iter_write_volume",
    "label_names",
    "label_review",
    "read_summary",
    "volume_names",
]


def read_summary(path: Path) -> Summary:
    """Read the headers of a series, or of a label map."""
    if label_reading.holds_labels(path):
        return label_reading.read_label_summary(path)
    return reading.read_summary(path)


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read volume ``index`` of a series, or the values of a label map."""
    if label_reading.holds_labels(path):
        yield from label_reading.iter_read_values(path, max(index, 0))
    else:
        yield from reading.iter_read(path, index)
