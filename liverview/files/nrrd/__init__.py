"""NRRD in and out, and Slicer's segmentations in it (.seg.nrrd); see docs/formats.md.

The header is read by hand: pynrrd drops letters that are no ASCII from names, and reads voxels
without progress, whole files at a time, and not where they are in several files or written in
hexadecimal digits. Tests compare with it, and with SimpleITK.
"""

from liverview.files.nrrd.reading import (
    iter_read,
    iter_read_stored,
    label_names,
    label_review,
    read_summary,
    volume_names,
)
from liverview.files.nrrd.writing import iter_write_labels, iter_write_volume

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
