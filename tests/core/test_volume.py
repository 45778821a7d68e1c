"""Volumes: where voxels are, how slices are cut."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from liverview.core.grid import same_grid
from liverview.core.slice_copies import iter_slice_contiguous_copy
from liverview.core.volume import LabelMap, Plane, Volume

AFFINE = np.array([[2.0, 0, 0, -10], [0, 3, 0, 20], [0, 0, 5, 7], [0, 0, 0, 1]])


def make(shape: tuple[int, int, int] = (4, 5, 6), affine: np.ndarray = AFFINE) -> Volume:
    return Volume(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), affine)


def test_world_and_voxel_are_inverse() -> None:
    volume = make()
    assert volume.voxel_to_world((1, 2, 3)).tolist() == [-8, 26, 22]
    assert volume.world_to_voxel((-8.4, 26.9, 23)) == (1, 2, 3)


def test_spacing_and_voxel_volume() -> None:
    volume = make()
    assert volume.spacing == (2, 3, 5)
    assert volume.voxel_ml == pytest.approx(0.03)


def test_hu_adds_the_intercept() -> None:
    volume = Volume(np.full((2, 2, 2), 1064, np.uint16), AFFINE, intercept=-1024)
    assert volume.hu_at((0, 1, 1)) == 40


def test_oblique_angle_is_that_of_the_rotation() -> None:
    angle = np.radians(12)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert make(affine=turn @ AFFINE).oblique_deg == pytest.approx(12)
    assert make().oblique_deg == pytest.approx(0)


@pytest.mark.parametrize(
    ("plane", "index", "expected"),
    [
        (Plane.AXIAL, 3, lambda v: v[:, :, 3].T),
        (Plane.CORONAL, 2, lambda v: v[:, 2, :].T),
        (Plane.SAGITTAL, 1, lambda v: v[1, :, :].T),
    ],
)
def test_a_cut_is_a_view_with_rows_upwards(plane: Plane, index: int, expected: object) -> None:
    voxels = make().voxels
    cut = plane.slice_of(voxels, index)
    assert np.array_equal(cut, expected(voxels))  # type: ignore[operator]
    assert np.shares_memory(cut, voxels)


@pytest.mark.parametrize("affine", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.eye(3)])
def test_unusable_affines_are_refused(affine: np.ndarray) -> None:
    with pytest.raises(ValueError, match="affine"):
        make(affine=affine)


def test_labels_must_be_uint8() -> None:
    with pytest.raises(TypeError, match="int16"):
        LabelMap(np.zeros((2, 2, 2), np.int16), AFFINE)  # type: ignore[arg-type]


def test_same_grid_sees_half_a_voxel_of_shift() -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] += 1.0
    assert same_grid(make(), make())
    assert not same_grid(make(), make(affine=shifted))
    assert not same_grid(make(), make(shape=(4, 5, 7)))


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_a_turned_copy_holds_the_slices_of_the_slowest_plane(
    order: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    """Whatever axis the file stores fastest, and in whatever direction."""
    stored = np.arange(3 * 70 * 20, dtype=np.int16).reshape(3, 70, 20)
    voxels = stored.transpose(order)[tuple(np.s_[::flip] for flip in flips)]
    plane = Plane.least_contiguous(voxels)
    assert voxels.shape[plane.axis] == 20  # the last axis of what is in memory
    *_, copy = iter_slice_contiguous_copy(voxels)
    assert copy is not None
    assert copy.flags.c_contiguous
    for index in range(voxels.shape[plane.axis]):
        assert np.array_equal(copy[index], plane.slice_of(voxels, index))
