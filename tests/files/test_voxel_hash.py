"""The hash of what a volume shows, whatever it is stored as."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from liverview.core.volume import Volume
from liverview.files.voxel_hash import iter_hash_voxels

HU = np.random.default_rng(3).integers(-1024, 2000, (4, 5, 6)).astype(np.int16)


def digits(volume: Volume) -> str:
    *_, found = iter_hash_voxels(volume)
    assert isinstance(found, str)
    return found


def test_it_is_that_of_the_hu_axial_slice_by_slice() -> None:
    wanted = sha256(b"(4, 5, 6)")
    for k in range(6):
        wanted.update(HU[:, :, k].astype("<i4").tobytes("F"))
    assert digits(Volume(HU, np.eye(4))) == wanted.hexdigest()


def test_the_way_of_storing_changes_nothing_and_a_voxel_does() -> None:
    first = digits(Volume(HU, np.eye(4)))
    shifted = (HU.astype(np.int32) + 1024).astype(np.uint16)
    assert digits(Volume(shifted, np.eye(4), intercept=-1024)) == first
    assert digits(Volume(np.asfortranarray(HU), np.eye(4))) == first
    other = HU.copy()
    other[3, 4, 5] += 1
    assert digits(Volume(other, np.eye(4))) != first
    turned = HU.reshape(5, 4, 6)
    assert digits(Volume(turned, np.eye(4))) != first


def test_floats_are_told_apart_too() -> None:
    values = HU.astype(np.float32) + np.float32(0.5)
    assert digits(Volume(values, np.eye(4))) != digits(Volume(values + 1, np.eye(4)))
