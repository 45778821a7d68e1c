"""Scans of other formats for tests, written by SimpleITK, or by hand, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def sitk_image(voxels: np.ndarray, affine: np.ndarray) -> Any:
    """An image of (i, j, k) voxels with an affine to world mm, RAS+, without shear."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    place = _LPS @ affine
    spacing = np.linalg.norm(place[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((place[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(place[:3, 3].tolist())
    return image


def oblique() -> np.ndarray:
    """An affine that is turned about two axes, with three different spacings."""
    a, b = np.radians([17, -9])
    one = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    two = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = one @ two @ np.diag([0.703125, 0.8, 2.5])
    affine[:3, 3] = (-61.25, 12.125, -340.5)
    return affine


def write_mha(path: Path, data: bytes, **fields: str | None) -> Path:
    """A MetaImage header, 2 x 3 x 4 int16 with a turned matrix where nothing else is said."""
    lines: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "Offset": "10 20 30",
        "TransformMatrix": "0 1 0 0 0 1 1 0 0",
        "ElementSpacing": "1 2 3",
        "DimSize": "2 3 4",
        "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    }
    last = fields.pop("ElementDataFile", "LOCAL")
    lines.pop("ElementDataFile")
    lines |= fields
    lines["ElementDataFile"] = last
    text = "".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None)
    path.write_bytes(text.encode() + data)
    return path


def write_nrrd(path: Path, data: bytes, **fields: str | None) -> Path:
    """An NRRD of 2 x 3 x 4 int16, raw, where nothing else is said; _ for spaces in names."""
    lines: dict[str, str | None] = {
        "type": "short",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "2 3 4",
        "space_directions": "(1,0,0) (0,2,0) (0,0,3)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space_origin": "(10,20,30)",
    }
    lines |= fields
    text = "".join(
        f"{key}:={value}\n" if key.startswith("Segment") else f"{key.replace('_', ' ')}: {value}\n"
        for key, value in lines.items()
        if value is not None
    )
    path.write_bytes(b"NRRD0005\n" + text.encode() + b"\n" + data)
    return path
