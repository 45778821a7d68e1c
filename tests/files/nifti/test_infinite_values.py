"""Values beyond single precision and signaling NaN: no warning, a sentence, air."""

from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.files import images

SIGNALING = {
    np.dtype(np.float32): np.array([0x7FA00000], np.uint32).view(np.float32)[0],
    np.dtype(np.float64): np.array([0x7FF4000000000000], np.uint64).view(np.float64)[0],
}
FIELDS = {"scl_slope": 112, "scl_inter": 116, "cal_max": 124, "toffset": 136, "quatern_b": 256}


def written(path: Path, voxels: np.ndarray, field: str | None = None) -> Path:
    """A plain file of these bytes; a signaling NaN in a field of its header."""
    header = nib.Nifti1Image(np.zeros_like(voxels), np.eye(4)).header
    header["vox_offset"] = 352
    block = bytearray(header.binaryblock)
    if field is not None:
        block[FIELDS[field] : FIELDS[field] + 4] = np.uint32(0x7FA00000).tobytes()
    path.write_bytes(bytes(block) + bytes(4) + voxels.tobytes(order="F"))
    return path


@pytest.mark.parametrize("value", ["1e190", "-1e190", "inf", "nan", "signaling"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_air_and_said_without_a_warning(
    tmp_path: Path, dtype: type[np.floating], value: str
) -> None:
    voxels = np.linspace(-1000, 400, 12 * 10 * 8).astype(dtype).reshape(12, 10, 8)
    with np.errstate(all="ignore"):
        if value == "signaling":
            bits = np.uint32 if dtype == np.float32 else np.uint64
            voxels.view(bits)[3, 4, 5] = SIGNALING[np.dtype(dtype)].view(bits)
        else:
            voxels[3, 4, 5] = np.float64(value)
    path = written(tmp_path / "scan.nii", voxels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan = images.read(path)
    assert "1 voxels are not finite numbers; they are shown as air." in scan.warnings
    assert (scan.to_numpy() == -1024).sum() == 1
    kept = np.isfinite(voxels) & (np.abs(voxels) < 1e30)
    assert sorted(scan.to_numpy().ravel())[1:] == sorted(voxels[kept].astype(np.float32))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_fields_of_the_header_may_hold_one(tmp_path: Path, dtype: type, field: str) -> None:
    voxels = np.linspace(-1000, 400, 12 * 10 * 8).astype(dtype).reshape(12, 10, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read(written(tmp_path / "scan.nii", voxels, field))
