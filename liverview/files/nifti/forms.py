"""The two orientations of a NIfTI header, sform and qform, read as the standard means them.

The reference library's rules are followed where a header says more or less than it should: a code
of 0 or less is "not stored", pixdim[0] is -1 where it is negative and else +1, voxel sizes are
positive, a quaternion that rounding made longer than 1 is normalized.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.quaternions import quat2mat
from numpy.typing import NDArray

from liverview.core.grid import Affine, is_usable_affine

_LONGEST = 1.01  # quaternion; three rounded digits make 1.002 at most, two 1.006
_ROWS = ("srow_x", "srow_y", "srow_z")
_KNOWN_CODES = 5


@dataclass(frozen=True, eq=False)
class Form:
    """An orientation of a header.

    Attributes
    ----------
    affine : stored voxel index -> world in the header's unit; None where it cannot be used.
    fault : why it cannot be used, in words that follow "its sform" or "its qform".
    is_empty : nothing but zeros stand where it should be.
    """

    affine: Affine | None
    fault: str = ""
    is_empty: bool = False


def read_sform(nifti: Any) -> Form | None:
    """The sform; None where the header stores none."""
    if int(nifti["sform_code"]) <= 0:
        return None
    affine = np.eye(4)
    affine[:3] = [np.asarray(nifti[row], np.float64) for row in _ROWS]
    if is_usable_affine(affine):
        return Form(affine)
    told = affine[:3].round(3).tolist()
    if not np.isfinite(affine).all():
        return Form(None, f"is not a number everywhere ({told})")
    if not affine[:3, :3].any():
        return Form(None, "is all zeros", is_empty=True)
    return Form(None, f"is singular ({told})")


def read_qform(nifti: Any, shape: tuple[int, int, int]) -> Form | None:
    """The qform of an array of this shape; None where the header stores none."""
    if int(nifti["qform_code"]) <= 0:
        return None
    parts = np.array([float(nifti[f"quatern_{part}"]) for part in "bcd"])
    length, told = float(np.linalg.norm(parts)), parts.round(6).tolist()
    if not np.isfinite(parts).all():
        return Form(None, f"has a quaternion that is not a number ({told})")
    if length > _LONGEST:
        return Form(None, f"has a quaternion {told} of length {length:.4g}, above 1")
    sizes = voxel_sizes(nifti, shape)
    if sizes is None:
        told = np.asarray(nifti["pixdim"][1:4], np.float64).round(6).tolist()
        return Form(None, f"needs voxel sizes, and those of the header are {told}")
    affine = np.eye(4)
    affine[:3, :3] = rotation_of(parts) * (sizes * (1, 1, handedness(nifti)))
    affine[:3, 3] = [float(nifti[f"qoffset_{axis}"]) for axis in "xyz"]
    if not np.isfinite(affine).all():
        return Form(None, f"has an offset that is not a number ({affine[:3, 3].tolist()})")
    if not is_usable_affine(affine):
        return Form(None, f"is singular ({affine[:3].round(3).tolist()})")
    return Form(affine)


def rotation_of(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation (3, 3) of a unit quaternion's b, c, d; those that are too long are shortened."""
    length = float(np.linalg.norm(parts))
    if length > 1:
        parts = parts / length
    first = np.sqrt(max(0.0, 1 - length**2))
    return np.asarray(quat2mat([first, *parts]), np.float64)


def handedness(nifti: Any) -> float:
    """1, or -1 where the third axis runs against the quaternion (pixdim[0] is negative)."""
    return -1.0 if float(nifti["pixdim"][0]) < 0 else 1.0


def voxel_sizes(nifti: Any, shape: tuple[int, int, int]) -> NDArray[np.float64] | None:
    """The voxel sizes, positive, in the header's unit; None where they cannot be.

    An axis with a single voxel takes no step: where its size is missing, it is 1.
    """
    sizes = np.abs(np.asarray(nifti["pixdim"][1:4], np.float64))
    missing = ~np.isfinite(sizes) | (sizes == 0)
    sizes[missing & (np.array(shape) == 1)] = 1
    return None if (missing & (np.array(shape) > 1)).any() else sizes


def form_warnings(nifti: Any, *, uses_qform: bool) -> list[str]:
    """Sentences about what is odd in the fields that the used orientation is made of."""
    found = []
    sizes = np.asarray(nifti["pixdim"][:4], np.float64)
    if (sizes[1:] < 0).any():
        told = " x ".join(f"{size:.3g}" for size in sizes[1:])
        found.append(f"Its voxel sizes ({told}) are negative; they were taken as positive.")
    if uses_qform and sizes[0] not in (0, 1, -1):
        found.append(
            f"Its pixdim[0] is {sizes[0]:g}, neither 1 nor -1; it was taken as "
            f"{handedness(nifti):.0f}."
        )
    name = "qform_code" if uses_qform else "sform_code"
    if int(nifti[name]) > _KNOWN_CODES:
        found.append(
            f"Its {name} {int(nifti[name])} has no meaning in NIfTI; some programs place it "
            "elsewhere."
        )
    return found


def mend_sform(nifti: Any, affine: Affine) -> None:
    """Store an affine, in the header's unit, as the sform, whose code stays what it is."""
    for name, row in zip(_ROWS, affine, strict=False):
        nifti[name] = row
