"""Volumes and label maps from and to arrays."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.core.errors import LiverviewError
from liverview.core.volume import LabelMap, Volume

RAMP = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def test_an_array_is_shared_and_turned() -> None:
    affine = np.diag([-2.0, -3, 4, 1])
    volume = Volume.from_array(RAMP, affine, name="ramp")
    assert np.shares_memory(volume.voxels, RAMP)
    assert np.array_equal(volume.voxels, RAMP[::-1, ::-1])
    assert np.array_equal(np.diag(volume.affine), [2, 3, 4, 1])
    # The first stored voxel lies where the affine puts it.
    assert np.allclose(volume.voxel_to_world((2, 3, 0)), affine[:3, 3])
    assert repr(volume) == 'Volume 3x4x5, 2.00x3.00x4.00 mm, RAS+, int16, HU, "ramp"'


@pytest.mark.parametrize(
    ("voxels", "intercept", "dtype", "shared"),
    [
        (RAMP, 0, np.int16, True),
        (RAMP, -1024, np.int16, False),
        (RAMP.astype(np.uint16), -1024, np.int16, False),
        (RAMP.astype(np.int32) * 1000, 0, np.float32, False),
        (RAMP, 32767, np.float32, False),
        (RAMP.astype(np.float32), 0, np.float32, True),
    ],
)
def test_hu_are_int16_where_that_is_exact(
    voxels: np.ndarray, intercept: int, dtype: type, shared: bool
) -> None:
    volume = Volume(voxels, np.eye(4), intercept)
    hu = volume.to_numpy()
    assert hu.dtype == dtype
    assert np.array_equal(hu, voxels.astype(np.float64) + intercept)
    assert np.shares_memory(hu, voxels) is shared
    assert np.array_equal(np.asarray(volume), hu)
    assert np.asarray(volume, np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(volume), voxels)


def test_labels_are_shared_or_converted() -> None:
    values = (RAMP % 4).astype(np.uint8)
    labels = LabelMap.from_array(values, spacing=(1, 1, 2))
    assert labels.to_numpy() is labels.voxels
    assert np.shares_memory(np.asarray(labels), values)
    converted = LabelMap.from_array((RAMP % 4).astype(np.float64), spacing=(1, 1, 2))
    assert np.array_equal(converted.voxels, values)


def test_the_repr_of_labels_counts_the_organ() -> None:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[:5], voxels[5], voxels[6] = 1, 2, 3
    labels = LabelMap.from_array(voxels, spacing=(10, 10, 10), name="x")
    told = "liver 700 mL, vessel 100 mL, tumor 100 mL"
    assert repr(labels) == f'LabelMap 10x10x10, 10.00x10.00x10.00 mm, RAS+, {told}, "x"'


@pytest.mark.parametrize(
    ("array", "options", "words"),
    [
        (RAMP, {}, "one of both"),
        (RAMP, {"affine": np.eye(4), "spacing": (1, 1, 1)}, "one of both"),
        (RAMP, {"spacing": (1, 0, 1)}, "above 0"),
        (RAMP, {"spacing": (1, 1)}, "three numbers"),
        (RAMP, {"affine": np.zeros((4, 4))}, "singular"),
        (RAMP[0], {"spacing": (1, 1, 1)}, "three axes"),
        (np.full((2, 2, 2), np.nan), {"spacing": (1, 1, 1)}, "not finite"),
        (RAMP.astype(str), {"spacing": (1, 1, 1)}, "must be numbers"),
    ],
)
def test_what_can_be_no_volume_is_one_sentence(
    array: np.ndarray, options: dict[str, object], words: str
) -> None:
    with pytest.raises(LiverviewError, match=words) as caught:
        Volume.from_array(array, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value) or "singular" in words


@pytest.mark.parametrize("value", [-1, 256, 0.5, 0.98, np.inf])
def test_labels_are_whole_numbers(value: float) -> None:
    with pytest.raises(LiverviewError, match="whole numbers"):
        LabelMap.from_array(np.full((2, 2, 2), value), spacing=(1, 1, 1))
