"""Label maps and scans are told apart by what they hold, in whatever type they are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.kinds import may_hold_dicom, resembles_labels
from liverview.phantoms.config import Phantom

RNG = np.random.default_rng(2)
AREAS = np.kron(RNG.integers(0, 118, (6, 6, 6)), np.ones((8, 8, 4), int))


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4"])
def test_label_maps_are_known_in_any_type(case: Phantom, dtype: str) -> None:
    voxels = case.labels.voxels.astype(dtype)
    assert resembles_labels(Volume(voxels, case.labels.affine))
    assert not resembles_labels(case.volume)


@pytest.mark.parametrize(
    "values",
    [
        AREAS.astype("u1"),  # as many labels as TotalSegmentator has
        (AREAS * 0.999999).astype("f4"),  # whole but for rounding
        (AREAS > 60).astype("u1") * 255,  # a mask of 255
        np.where(AREAS > 60, 1, -1e-6).astype("f4"),  # what was no number
        AREAS.astype("u2") * 500,
    ],
)
def test_these_are_label_maps(values: np.ndarray) -> None:
    assert resembles_labels(Volume(values, np.eye(4)))


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(40, 15, (48, 48, 6)).astype("i2"),  # HU
        RNG.integers(0, 256, (48, 48, 6)).astype("u1"),  # gray values
        RNG.normal(1000, 15, (48, 48, 6)).astype("u2"),  # HU + 1024
        RNG.random((48, 48, 6)).astype("f4"),  # 0..1
        AREAS.astype("f4") + 0.3,
        AREAS.astype("i2") - 1000,
        np.zeros((8, 8, 8), "u1"),  # nothing
    ],
)
def test_these_are_none(values: np.ndarray) -> None:
    assert not resembles_labels(Volume(values, np.eye(4)))


def test_a_label_map_of_liverview_is_known_by_its_names(
    case: Phantom, tmp_path: Path, write: Callable[..., Path]
) -> None:
    """Single voxels in a pattern look like noise; names in the header settle it."""
    voxels = (np.indices(case.labels.voxels.shape).sum(axis=0) % 3 + 1).astype(np.uint8)
    plain = images.read(write(voxels, name="plain.nii.gz"))
    assert not resembles_labels(plain)
    from dataclasses import replace

    path = tmp_path / "named.nii.gz"
    images.write_labels(path, replace(case.labels, voxels=voxels))
    assert resembles_labels(images.read(path))


def test_unsigned_voxels_with_an_intercept_are_hu_below_zero() -> None:
    stored = np.arange(1000, 1512, dtype=np.uint16).reshape(8, 8, 8)
    assert not resembles_labels(Volume(stored, np.eye(4), intercept=-1024))
    assert resembles_labels(Volume(AREAS.astype(np.uint16) + 1024, np.eye(4), intercept=-1024))


def test_places_of_dicom_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    contents = {
        "IM0001": b"\0" * 128 + b"DICM",
        "disc.zip": b"PK\x03\x04" + b"\0" * 200,
        "case.liverview": b"PK\x03\x04" + b"\0" * 200,
        "scan.nii": (348).to_bytes(4, "little") + b"\0" * 348,
        "empty": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = {path.name for path in tmp_path.iterdir() if may_hold_dicom(path)}
    assert found == {"folder", "IM0001", "disc.zip"}
    assert not may_hold_dicom(tmp_path / "gone")
