"""From a header to the one affine that is used, and what is odd about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from liverview.core.grid import Affine, affine_spacing, is_usable_affine, oblique_deg
from liverview.files.nifti.header import Header
from liverview.files.opening import ImageFileError

_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: meters, millimeters, micrometers
_VOXEL_MM = (0.01, 100.0)


@dataclass(frozen=True, eq=False)
class Geometry:
    """The place of the voxels in the patient.

    Attributes
    ----------
    affine : stored voxel index -> world mm.
    repaired : the stored affine could not be used as it was.
    unit_mm : millimeters in the unit of the header.
    notes : what is odd about it.
    """

    affine: Affine
    repaired: bool
    unit_mm: float
    notes: tuple[str, ...]


def find_geometry(path: Path, header: Header) -> Geometry:
    """The voxel-to-world matrix: sform, else qform, else spacing alone; and what to say.

    Raises
    ------
    ImageFileError : where none of them can be used.
    """
    # A signaling NaN in a damaged header makes numpy warn when it is widened to 64 bits.
    with np.errstate(invalid="ignore"):
        affine, repaired, notes = _find_affine(path, header)
    unit_mm = _UNIT_MM.get(int(header.nifti["xyzt_units"]) & 7, 1.0)
    if unit_mm != 1:
        name = "meters" if unit_mm > 1 else "micrometers"
        spacing = affine_spacing(affine)
        in_mm = [size * unit_mm for size in spacing]
        if _VOXEL_MM[0] <= min(in_mm) <= max(in_mm) <= _VOXEL_MM[1]:
            affine = np.diag([unit_mm] * 3 + [1.0]) @ affine
            notes.append(f"Its header counts in {name}; they were converted to mm.")
        else:
            voxel = " x ".join(f"{s:.3g}" for s in spacing)
            notes.append(
                f"Its header says {name}, but voxels of {voxel} must be mm, and are used so."
            )
            unit_mm = 1.0
    return Geometry(affine, repaired, unit_mm, tuple(notes))


def _find_affine(path: Path, header: Header) -> tuple[Affine, bool, list[str]]:
    nifti = header.nifti
    notes: list[str] = []
    sform = _usable_affine(lambda: nifti.get_sform(coded=True))
    qform = _usable_affine(lambda: nifti.get_qform(coded=True))
    coded = int(nifti["sform_code"]) > 0, int(nifti["qform_code"]) > 0
    repaired = (coded[0] and sform is None) or (coded[1] and qform is None)
    if sform is not None and qform is not None and not _affines_agree(sform, qform, header.shape):
        notes.append("Its two orientations (sform and qform) disagree; the sform is used.")
    if sform is not None or qform is not None:
        affine = sform if sform is not None else qform
        if sform is not None and qform is None:
            notes.extend(_pixdim_warnings(sform, header))
        if repaired:
            other = "sform" if sform is None else "qform"
            used = "qform" if sform is None else "sform"
            notes.append(f"Its {other} cannot be used; the {used} is, and will be saved as both.")
    elif any(coded):
        which = nifti.get_sform() if coded[0] else nifti["pixdim"][:4]
        raise ImageFileError(
            f"{path}: the orientation in the header is singular or not a number "
            f"({np.asarray(which).round(3).tolist()}); export it again."
        )
    else:
        affine = _from_spacing(path, header)
        notes.append("It stores no orientation: left and right cannot be assured.")
    assert affine is not None
    notes.extend(_shape_warnings(affine))
    return affine, repaired, notes


def _usable_affine(get: Callable[[], Any]) -> Affine | None:
    """A coded affine that is finite and not singular, else None."""
    try:
        affine, code = get()
    except (HeaderDataError, ValueError, np.linalg.LinAlgError):
        return None
    if affine is None or not code:
        return None
    affine = np.asarray(affine, np.float64)
    return affine if is_usable_affine(affine) else None


def _affines_agree(sform: Affine, qform: Affine, shape: tuple[int, int, int]) -> bool:
    """True where both place every corner within a tenth of a voxel."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], [1])).reshape(4, -1)
    return bool(np.abs((sform - qform) @ corners).max() <= 0.1 * min(affine_spacing(sform)))


def _from_spacing(path: Path, header: Header) -> Affine:
    spacing = np.asarray(header.nifti["pixdim"][1:4], np.float64)
    if not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
        raise ImageFileError(
            f"{path}: the voxel spacing {spacing.tolist()} must be above 0 mm; export it again."
        )
    affine: Affine = np.asarray(header.nifti.get_base_affine(), np.float64)
    if not is_usable_affine(affine):
        raise ImageFileError(
            f"{path}: the voxel spacing {spacing.tolist()} cannot be; export it again."
        )
    return affine


def _pixdim_warnings(sform: Affine, header: Header) -> list[str]:
    """Tools that read only the voxel sizes would see another scan."""
    sizes = np.asarray(header.nifti["pixdim"][1:4], np.float64)
    spacing = affine_spacing(sform)
    if np.allclose(sizes, spacing, rtol=0.01):
        return []
    said, used = (" x ".join(f"{s:.3g}" for s in values) for values in (sizes, spacing))
    return [f"Its voxel sizes ({said}) contradict its sform ({used}), which is used."]


def _shape_warnings(affine: Affine) -> list[str]:
    direction = affine[:3, :3] / affine_spacing(affine)
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-3:
        return ["Its axes are not at right angles; it is shown along its voxels."]
    angle = oblique_deg(affine)
    return [f"It is oblique by {angle:.0f}°; it is shown along its voxels."] if angle > 1 else []
