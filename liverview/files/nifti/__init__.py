"""NIfTI in and out: canonical RAS+ on reading, the source grid on writing, verified.

Voxels are read by hand, because nibabel has no way to keep stored integers, report progress,
stop in the middle, or name what is wrong.
"""

from liverview.files.nifti.reading import (
    iter_read,
    iter_read_stored,
    label_names,
    read_summary,
    volume_names,
)
from liverview.files.nifti.review_extension import label_review
from liverview.files.nifti.writing import iter_write_labels, iter_write_volume

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
