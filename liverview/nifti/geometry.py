"""From a header to the one affine that is used, and what is odd about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from liverview.nifti.header import Header, NiftiError
from liverview.volume import Affine, is_usable


def find_affine(path: Path, header: Header) -> tuple[Affine, bool, list[str]]:
    """The voxel-to-world matrix: sform, else qform, else spacing alone; and what to say."""
    nifti = header.nifti
    notes: list[str] = []
    sform = _usable(lambda: nifti.get_sform(coded=True))
    qform = _usable(lambda: nifti.get_qform(coded=True))
    coded = int(nifti["sform_code"]) > 0, int(nifti["qform_code"]) > 0
    repaired = (coded[0] and sform is None) or (coded[1] and qform is None)
    if sform is not None and qform is not None and not _agree(sform, qform, header.shape):
        notes.append("Its two orientations (sform and qform) disagree; the sform is used.")
    if sform is not None or qform is not None:
        affine = sform if sform is not None else qform
        if repaired:
            other = "sform" if sform is None else "qform"
            used = "qform" if sform is None else "sform"
            notes.append(f"Its {other} cannot be used; the {used} is, and will be saved as both.")
    elif any(coded):
        which = nifti.get_sform() if coded[0] else nifti["pixdim"][:4]
        raise NiftiError(
            f"{path}: the orientation in the header is singular or not a number "
            f"({np.asarray(which).round(3).tolist()}); export it again."
        )
    else:
        affine = _from_spacing(path, header)
        notes.append("It stores no orientation: left and right cannot be assured.")
    assert affine is not None
    notes.extend(_shape_notes(affine))
    return affine, repaired, notes


def _usable(get: Callable[[], Any]) -> Affine | None:
    """A coded affine that is finite and not singular, else None."""
    try:
        affine, code = get()
    except (HeaderDataError, ValueError, np.linalg.LinAlgError):
        return None
    if affine is None or not code:
        return None
    affine = np.asarray(affine, np.float64)
    return affine if is_usable(affine) else None


def _agree(sform: Affine, qform: Affine, shape: tuple[int, int, int]) -> bool:
    """Whether both place every corner within a tenth of a voxel or 0.05 mm."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], [1])).reshape(4, -1)
    spacing = np.linalg.norm(sform[:3, :3], axis=0)
    return bool(np.abs((sform - qform) @ corners).max() <= max(0.05, 0.1 * spacing.min()))


def _from_spacing(path: Path, header: Header) -> Affine:
    spacing = np.asarray(header.nifti["pixdim"][1:4], np.float64)
    if not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
        raise NiftiError(
            f"{path}: the voxel spacing {spacing.tolist()} must be above 0 mm; export it again."
        )
    affine: Affine = np.asarray(header.nifti.get_base_affine(), np.float64)
    return affine


def _shape_notes(affine: Affine) -> list[str]:
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-3:
        return ["Its axes are not at right angles; it is shown along its voxels."]
    angle = np.degrees(np.arccos(np.clip(np.abs(direction).max(axis=0), 0, 1)).max())
    return [f"It is oblique by {angle:.0f}°; it is shown along its voxels."] if angle > 1 else []
