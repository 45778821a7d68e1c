"""Small scans for tests: one asymmetric volume in any orientation, damaged headers."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

ORIENTATIONS = [
    "".join(codes)
    for axes in itertools.permutations(("LR", "PA", "IS"))
    for codes in itertools.product(*axes)
]
"""All 48 ways to store the axes of a volume."""

SHAPE, SPACING = (5, 7, 9), (1.5, 2.0, 3.0)


def oriented(codes: str) -> tuple[np.ndarray, np.ndarray]:
    """One asymmetric scan, stored with the given axis codes: voxels and affine.

    In RAS+ it is always the same: value 100 i + 10 j + k at voxel (i, j, k).
    """
    i, j, k = np.indices(SHAPE)
    image = nib.Nifti1Image((100 * i + 10 * j + k).astype(np.int16), np.diag([*SPACING, 1]))
    image.affine[:3, 3] = (-20, 5, 40)
    ornt = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    turned = image.as_reoriented(ornt)
    return np.asanyarray(turned.dataobj), turned.affine


def patch(path: Path, **fields: Any) -> None:
    """Change header fields of a stored file, byte by byte, without nibabel's repairs."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        content = file.read()
    kind = nib.Nifti2Header if content[0] == 540 - 512 else nib.Nifti1Header
    size = kind.sizeof_hdr
    header = kind(content[:size], check=False)
    for name, value in fields.items():
        header[name] = value
    with opener(path, "wb") as file:
        file.write(bytes(header.binaryblock) + content[size:])


def itk_place(image: Any) -> np.ndarray:
    """The affine of a SimpleITK image, voxel index -> world mm, RAS+."""
    to_ras = np.diag([-1.0, -1.0, 1.0])
    affine = np.eye(4)
    affine[:3, :3] = to_ras @ np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = to_ras @ image.GetOrigin()
    return affine
