"""NIfTI in and out: canonical RAS+ on reading, the source grid on writing, verified.

The only package that knows nibabel. Voxels are read by hand, because nibabel has no way to
keep stored integers, report progress, stop in the middle, or name what is wrong.
"""

from liverview.files.nifti.header import NiftiError
from liverview.files.nifti.named import NamedLabels, load_named, read_named
from liverview.files.nifti.reading import Summary, inspect, load, read, read_labels, stem
from liverview.files.nifti.writing import (
    check_target,
    mask_paths,
    save_labels,
    save_masks,
    save_volume,
)

__all__ = [
    "NamedLabels",
    "NiftiError",
    "Summary",
    "check_target",
    "inspect",
    "load",
    "load_named",
    "mask_paths",
    "read",
    "read_labels",
    "read_named",
    "save_labels",
    "save_masks",
    "save_volume",
    "stem",
]
