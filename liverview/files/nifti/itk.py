"""The place that ITK (SimpleITK, ITK-SNAP, 3D Slicer, nnU-Net, ANTs, c3d) reads from a header.

Measured on SimpleITK 2.5 (ITK 5.4). Of a qform and an sform with a code above 1, the qform counts;
an sform with shear gives way to the qform; voxel sizes are those of pixdim, whatever the sform
says; without any code, the axes run left, back and up from (0, 0, 0), where nibabel has left,
front and up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from liverview.core.grid import Affine, is_usable_affine
from liverview.files.nifti.forms import handedness, read_sform, rotation_of

_UNIT_MM = {1: 1000.0, 3: 0.001}
_SKEW = 1e-4  # of the normalized columns, above which an sform does not count


def itk_affine(nifti: Any) -> Affine | None:
    """Stored voxel index -> world mm, RAS+, by ITK's rules; None where it cannot use the header."""
    if int(nifti["dim"][0]) < 3:
        return None
    sizes = np.asarray(nifti["pixdim"][1:4], np.float64)
    sizes[~np.isfinite(sizes) | (sizes == 0)] = 1
    coded = int(nifti["sform_code"]), int(nifti["qform_code"])
    if max(coded) <= 0:
        place: Affine | None = np.diag([-1.0, -1.0, 1.0, 1.0])
    else:
        sform = _plain_sform(nifti)
        by_sform = sform is not None and (coded[0] == 1 or coded[1] <= 0)
        place = sform if by_sform else _qform(nifti) if coded[1] > 0 else None
    if place is None:
        return None
    affine = place.copy()
    affine[:3, :3] *= sizes / np.linalg.norm(affine[:3, :3], axis=0)
    affine[:3] *= _UNIT_MM.get(int(nifti["xyzt_units"]) & 7, 1.0)
    return affine if is_usable_affine(affine) else None


def _plain_sform(nifti: Any) -> Affine | None:
    """The sform where it has no shear."""
    sform = read_sform(nifti)
    if sform is None or sform.affine is None:
        return None
    columns = sform.affine[:3, :3] / np.linalg.norm(sform.affine[:3, :3], axis=0)
    return sform.affine if np.abs(columns @ columns.T - np.eye(3)).max() <= _SKEW else None


def _qform(nifti: Any) -> Affine:
    """Directions and offset of the qform; what is no number counts as 0."""
    parts = np.nan_to_num([float(nifti[f"quatern_{part}"]) for part in "bcd"], posinf=0, neginf=0)
    affine = np.eye(4)
    affine[:3, :3] = rotation_of(parts) * (1, 1, handedness(nifti))
    offset = [float(nifti[f"qoffset_{axis}"]) for axis in "xyz"]
    affine[:3, 3] = np.nan_to_num(offset, posinf=0, neginf=0)
    return affine
