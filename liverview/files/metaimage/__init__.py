"""MetaImage in and out (.mha; .mhd with its voxels beside it); see docs/formats.md.

A text header and plain voxels: read by hand, so that SimpleITK, ten times as large as all of
liverview's readers, need not be there. Tests compare with it.
"""

from liverview.files.metaimage.reading import (
    iter_read,
    iter_read_stored,
    label_names,
    label_review,
    read_summary,
    volume_names,
)
from liverview.files.metaimage.writing import iter_write_labels, iter_write_volume

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
