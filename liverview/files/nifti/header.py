"""NIfTI headers: what they say, checked, before any voxel is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from liverview.files.gzipped import GzipError, GzipReader
from liverview.files.opening import ImageFileError
from liverview.files.pairs import refuse_header_of_pair, refuse_voxels_of_pair

FORMAT = "NIfTI"
_KNOWN_KINDS = "iuf"
_LARGEST = 1e6  # slope or intercept


@dataclass(frozen=True, eq=False)
class Header:
    """A checked header.

    Attributes
    ----------
    nifti : nibabel's Nifti1Header or Nifti2Header.
    shape : voxels along the three stored axes.
    volumes : how many volumes the file holds; more than one for 4D, or for the components of
        a vector along the fifth axis, as ITK and c3d write them.
    dtype : as stored, byte order included.
    offset : where the voxels start; consumed : bytes of it that are read already.
    slope, intercept : HU are slope * stored + intercept.
    notes : what a person should know.
    window : level and width of the display range that it asks for (cal_min, cal_max), or None.
    """

    nifti: Any
    shape: tuple[int, int, int]
    volumes: int
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    notes: tuple[str, ...]
    consumed: int
    window: tuple[float, float] | None


def read_header(path: Path, reader: GzipReader) -> Header:
    """Read and check the header at the start of a file.

    Raises
    ------
    ImageFileError : where it is no NIfTI header, or asks for what cannot be.
    """
    try:
        head = reader.read(4)
        kind, order = header_kind(head)
        if kind is None:
            refuse_voxels_of_pair(path)
            raise ImageFileError(
                f"{path} is not a NIfTI file: it starts with {head!r}, not with a header size "
                "of 348 or 540; choose a .nii or .nii.gz file."
            )
        size = kind.sizeof_hdr
        block = head + reader.read(size - 4)
    except GzipError as error:
        raise ImageFileError(f"{path} is incomplete or damaged: {error}; copy it again.") from error
    if len(block) < size:
        raise ImageFileError(
            f"{path} is incomplete: {len(block)} bytes, a header alone has {size}; copy it again."
        )
    nifti = kind(block, endianness=order, check=False)
    return _check_header(path, nifti, size)


def header_kind(head: bytes) -> tuple[Any, str]:
    """nibabel's header class and byte order by the first four bytes; (None, "<") if none."""
    for kind in (nib.Nifti1Header, nib.Nifti2Header):
        for order, name in (("<", "little"), (">", "big")):
            if int.from_bytes(head, name) == kind.sizeof_hdr:  # type: ignore[arg-type]
                return kind, order
    return None, "<"


def _check_header(path: Path, nifti: Any, size: int) -> Header:
    magic = bytes(nifti["magic"])
    if magic[:3] not in (b"n+1", b"n+2"):
        refuse_voxels_of_pair(path)
        refuse_header_of_pair(path, magic)
        raise ImageFileError(
            f"{path} is not a NIfTI file: its magic is {magic!r}, not b'n+1\\x00'."
        )
    shape, volumes = _dimensions(path, nifti)
    dtype = _voxel_type(path, nifti)
    slope, intercept, notes = _scaling(path, nifti, dtype)
    offset = float(nifti["vox_offset"])
    if not np.isfinite(offset) or offset < 0:
        raise ImageFileError(f"{path}: the voxels start at byte {offset:g}, which cannot be.")
    start, window = max(int(offset), size), _window(nifti)
    return Header(nifti, shape, volumes, dtype, start, slope, intercept, notes, size, window)


def _dimensions(path: Path, nifti: Any) -> tuple[tuple[int, int, int], int]:
    dim = [int(n) for n in nifti["dim"]]
    count = dim[0]
    if not 1 <= count <= 7:
        raise ImageFileError(f"{path}: the header gives {count} dimensions, possible are 1 to 7.")
    # Beyond the third axis, a size of 0 says no more than 1 does: there is one volume.
    further = [max(n, 1) for n in dim[4 : count + 1]]
    sizes = (dim[1 : min(count, 3) + 1] + further + [1] * 7)[:7]
    if count < 2 or any(n < 1 for n in sizes):
        raise ImageFileError(
            f"{path} has the dimensions {dim[1 : count + 1]}: each must be at least 1, and a "
            "scan needs three."
        )
    if sizes[3] == 1:  # three axes, no time, and the components of a vector
        sizes[3:5] = sizes[4], 1
    if any(n > 1 for n in sizes[4:]):
        raise ImageFileError(
            f"{path} has {count} dimensions {dim[1 : count + 1]}: only 3D and 4D files can be "
            "shown; split it first."
        )
    return (sizes[0], sizes[1], sizes[2]), sizes[3]


def _voxel_type(path: Path, nifti: Any) -> np.dtype[Any]:
    code = int(nifti["datatype"])
    try:
        dtype = nifti.get_data_dtype()
    except (HeaderDataError, KeyError) as error:
        raise ImageFileError(f"{path}: voxel type {code} is not known to NIfTI.") from error
    if dtype.fields is not None or dtype.kind == "c":
        what = "complex numbers" if dtype.kind == "c" else "colors (RGB)"
        raise ImageFileError(
            f"{path} holds {what}, not CT values: export the scan as one gray value."
        )
    if dtype.kind not in _KNOWN_KINDS or dtype.itemsize > 8:
        raise ImageFileError(
            f"{path}: voxels of NIfTI type {code} ({dtype.name}) cannot be shown; store int16."
        )
    return dtype


def _scaling(path: Path, nifti: Any, dtype: np.dtype[Any]) -> tuple[float, float, tuple[str, ...]]:
    """Slope and intercept as the standard reads them: slope 0 or NaN is "not scaled"."""
    slope, intercept = float(nifti["scl_slope"]), float(nifti["scl_inter"])
    if np.isinf(slope) or np.isinf(intercept):
        raise ImageFileError(
            f"{path}: scl_slope {slope:g} and scl_inter {intercept:g} must be finite; "
            "export it again."
        )
    if slope == 0 or np.isnan(slope):
        ignored = np.isfinite(intercept) and intercept != 0
        note = f"The header's slope is {slope:g}: its intercept {intercept:g} was not applied."
        return 1.0, 0.0, (note,) if ignored else ()
    if np.isnan(intercept):
        return slope, 0.0, ("The header's intercept is not a number; 0 was used.",)
    # What scales any range into wide integers has a slope as small as they are wide.
    wide = 2.0 ** (8 * dtype.itemsize - 16) if dtype.kind in "iu" and dtype.itemsize > 2 else 1.0
    if not (1 / _LARGEST / wide <= abs(slope) <= _LARGEST and abs(intercept) <= _LARGEST):
        raise ImageFileError(
            f"{path}: scl_slope {slope:g} and scl_inter {intercept:g} lead far from any HU; "
            "export it again."
        )
    return slope, intercept, ()


def _window(nifti: Any) -> tuple[float, float] | None:
    """The display range, given in scaled values; two equal ends, as two zeros, mean none."""
    low, high = float(nifti["cal_min"]), float(nifti["cal_max"])
    width = high - low
    return ((low + high) / 2, width) if np.isfinite(width) and width > 0 else None
