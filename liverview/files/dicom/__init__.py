"""DICOM in and out: series, label maps (SEG) and contours (RTSTRUCT); see docs/formats.md.

A place that holds DICOM is a folder, a zip archive, a DICOMDIR or a file. What is in it are
`SeriesVolume`s, which are the volumes of this format in `liverview.files.format`.
"""

from liverview.files.dicom.label_reading import (
    iter_read_stored,
    label_names,
    label_review,
    volume_names,
)
from liverview.files.dicom.label_writing import iter_write_labels
from liverview.files.dicom.reading import iter_read, read_summary
from liverview.files.dicom.series_writing import iter_write_volume

__all__ = [
    "iter_read",
    "iter_read_stored",
    "iter_write_labels",
    "iter_write_volume",
    "label_names",
    "label_review",
    "read_summary",
    "volume_names",
]
