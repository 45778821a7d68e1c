"""NIfTI in and out: canonical RAS+ on reading, the source grid on writing, verified.

The only package that knows nibabel. Voxels are read by hand, because nibabel has no way to
keep stored integers, report progress, stop in the middle, or name what is wrong.
"""

from liverview.files.nifti.header import NiftiError
from liverview.files.nifti.named import NamedLabels, iter_read_named_labels, read_named_labels
from liverview.files.nifti.reading import (
    Summary,
    iter_read,
    name_without_suffix,
    read,
    read_labels,
    read_summary,
)
from liverview.files.nifti.writing import (
    check_target,
    iter_write_labels,
    iter_write_masks,
    iter_write_volume,
    mask_paths,
)

__all__ = [
    "NamedLabels",
    "NiftiError",
    "Summary",
    "check_target",
    "iter_read",
    "iter_read_named_labels",
    "iter_write_labels",
    "iter_write_masks",
    "iter_write_volume",
    "mask_paths",
    "name_without_suffix",
    "read",
    "read_labels",
    "read_named_labels",
    "read_summary",
]
