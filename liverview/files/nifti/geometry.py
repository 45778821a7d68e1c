"""From a header to the one affine that is used, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liverview.core.grid import Affine, Grid, affine_spacing, is_usable_affine, oblique_deg
from liverview.files.nifti.forms import Form, form_warnings, read_qform, read_sform, voxel_sizes
from liverview.files.nifti.header import Header
from liverview.files.nifti.itk import itk_affine
from liverview.files.opening import ImageFileError

_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: meters, millimeters, micrometers
_VOXEL_MM = (0.01, 100.0)


@dataclass(frozen=True, eq=False)
class Geometry:
    """The place of the voxels in the patient.

    Attributes
    ----------
    affine : stored voxel index -> world mm.
    repaired : the stored sform could not be used as it was.
    unit_mm : millimeters in the unit of the header.
    notes : what is odd about it.
    itk_affine : as ITK makes it of the header, in mm; None where it cannot.
    """

    affine: Affine
    repaired: bool
    unit_mm: float
    notes: tuple[str, ...]
    itk_affine: Affine | None


def find_geometry(path: Path, header: Header) -> Geometry:
    """The voxel-to-world matrix: sform, else qform, else spacing alone; and what to say.

    Raises
    ------
    ImageFileError : where none of them can be used.
    """
    # A signaling NaN in a damaged header makes numpy warn when it is widened to 64 bits.
    with np.errstate(invalid="ignore"):
        affine, repaired, notes = _find_affine(path, header)
        by_itk = itk_affine(header.nifti)
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
    return Geometry(affine, repaired, unit_mm, tuple(notes), by_itk)


def _find_affine(path: Path, header: Header) -> tuple[Affine, bool, list[str]]:
    sform, qform = read_sform(header.nifti), read_qform(header.nifti, header.shape)
    affine, notes = _pick_affine(path, header, sform, qform)
    repaired = sform is not None and sform.affine is None
    return affine, repaired, [*notes, *_shape_warnings(affine)]


def _pick_affine(
    path: Path, header: Header, sform: Form | None, qform: Form | None
) -> tuple[Affine, list[str]]:
    """The affine that is used, and what is odd about what it is made of."""
    if sform is not None and sform.affine is not None:
        notes = _warnings_beside_sform(sform.affine, qform, header)
        return sform.affine, [*notes, *form_warnings(header.nifti, uses_qform=False)]
    if qform is not None and qform.affine is not None:
        notes = form_warnings(header.nifti, uses_qform=True)
        if sform is not None:
            notes.insert(
                0,
                f"Its sform cannot be used, it {sform.fault}; the qform is, and is saved as both.",
            )
        return qform.affine, notes
    faults = [
        f"its {name} {form.fault}"
        for name, form in (("sform", sform), ("qform", qform))
        if form is not None
    ]
    if faults and not (sform is not None and sform.is_empty and qform is None):
        raise ImageFileError(
            f"{path}: no orientation of its header can be used: {' and '.join(faults)}; "
            "export it again."
        )
    notes = form_warnings(header.nifti, uses_qform=False)
    if faults:
        notes.append("Its sform cannot be used, it is all zeros; the voxel sizes are.")
    notes.append(
        "It stores no orientation: left and right cannot be assured, nor front and back, where "
        "ITK and nibabel differ."
    )
    return _from_spacing(path, header), notes


def _warnings_beside_sform(sform: Affine, qform: Form | None, header: Header) -> list[str]:
    if qform is None:
        return _pixdim_warnings(sform, header)
    if qform.affine is None:
        return [f"Its qform cannot be used, it {qform.fault}; the sform is."]
    if Grid(header.shape, sform).same_as(Grid(header.shape, qform.affine)):
        return []
    return ["Its two orientations (sform and qform) disagree; the sform is used."]


def _from_spacing(path: Path, header: Header) -> Affine:
    """Centered, x to the left, as nibabel places what has no orientation."""
    sizes = voxel_sizes(header.nifti, header.shape)
    if sizes is None:
        told = np.asarray(header.nifti["pixdim"][1:4], np.float64).tolist()
        raise ImageFileError(
            f"{path}: the voxel spacing {told} must be above 0 mm; export it again."
        )
    affine = np.diag([-sizes[0], sizes[1], sizes[2], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(header.shape) - 1) / 2
    if not is_usable_affine(affine):
        raise ImageFileError(
            f"{path}: the voxel spacing {sizes.tolist()} cannot be; export it again."
        )
    return affine


def _pixdim_warnings(sform: Affine, header: Header) -> list[str]:
    """Tools that read only the voxel sizes would see another scan."""
    sizes = np.abs(np.asarray(header.nifti["pixdim"][1:4], np.float64))
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
