"""Resampling by nearest neighbor: right to the voxel, in slices, said."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from liverview.core.grid import Grid, GridMismatchError
from liverview.core.nearest import iter_nearest
from liverview.core.placing import iter_place_labels, place_labels
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.sitk_images import to_sitk

SHAPE = (14, 17, 11)


def grid_affine(random: np.random.Generator, *, aligned: bool) -> np.ndarray:
    """Turned, or along the axes in any order and direction; spacing from .5 to 5 mm."""
    if aligned:
        turned = np.eye(3)[random.permutation(3)] * random.choice([-1, 1], 3)
    else:
        turned = Rotation.random(random_state=int(random.integers(1 << 30))).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turned * random.uniform(0.5, 5, 3)
    affine[:3, 3] = random.normal(0, 3, 3) - affine[:3, :3] @ (np.array(SHAPE) - 1) / 2
    return affine


def labels_on(affine: np.ndarray, random: np.random.Generator) -> LabelMap:
    return LabelMap.from_array(random.integers(0, 4, SHAPE).astype(np.uint8), affine, name="drawn")


def resampled(labels: LabelMap, target: Volume) -> np.ndarray:
    """By SimpleITK, on the target's stored grid."""
    image = sitk.Resample(
        to_sitk(labels), to_sitk(target), sitk.Transform(), sitk.sitkNearestNeighbor, 0
    )
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("seed", range(15))
def test_voxels_are_those_of_simpleitk_and_scipy(seed: int, aligned: bool) -> None:
    random = np.random.default_rng(seed)
    labels = labels_on(grid_affine(random, aligned=aligned), random)
    shape = tuple(int(n) for n in random.integers(6, 24, 3))
    affine = grid_affine(random, aligned=aligned)
    target = Volume.from_array(np.zeros(shape, np.int16), affine, name="ct")
    try:
        placed = place_labels(labels, target, resample=True)
    except GridMismatchError:
        assert not resampled(labels, target).any()
        return
    image = sitk.GetArrayFromImage(to_sitk(placed)).transpose(2, 1, 0)
    assert np.array_equal(image, resampled(labels, target))
    step = np.linalg.solve(labels.affine, target.affine)
    at = np.tensordot(step[:3, :3], np.indices(target.shape), 1) + step[:3, 3, None, None, None]
    # scipy ends the array at the last voxels' centers: a rim of zeros lets it go on to their edges
    expected = map_coordinates(np.pad(labels.voxels, 1), at + 1, order=0)
    assert np.array_equal(placed.voxels, expected)


@pytest.mark.parametrize("factor", [2, 4])
def test_halfway_the_higher_index_of_the_file_is_taken_as_in_itk(factor: int) -> None:
    random = np.random.default_rng(3)
    coarse = np.diag([float(factor), factor, factor, 1])
    target = Volume.from_array(np.zeros((20, 24, 18), np.int16), spacing=(1, 1, 1), name="ct")
    for signs in ((1, 1, 1), (-1, 1, -1)):
        affine = coarse @ np.diag([*signs, 1.0])
        affine[:3, 3] = [0 if sign > 0 else 28.0 * factor / 2 for sign in signs]
        labels = labels_on(affine, random)
        placed = place_labels(labels, target, resample=True)
        assert np.array_equal(placed.voxels, resampled(labels, target))


def test_outside_is_background_and_values_keep_their_type() -> None:
    array = np.full((4, 4, 4), 700, np.uint16)
    out = np.stack([v for _, v in iter_nearest(array, Grid(array.shape, np.eye(4)), _around())], 2)
    assert out.dtype == np.uint16
    assert (out == 700).sum() == 4**3
    assert (out[2:6, 2:6, 2:6] == 700).all()


def _around() -> Grid:
    affine = np.eye(4)
    affine[:3, 3] = -2
    return Grid((8, 8, 8), affine)


def test_the_memory_is_that_of_a_few_slices() -> None:
    random = np.random.default_rng(0)
    array = np.asfortranarray(random.integers(0, 4, (128, 128, 256)).astype(np.uint8))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("x", 20, degrees=True).as_matrix()
    work = iter_nearest(array, Grid(array.shape, np.eye(4)), Grid(array.shape, affine))
    next(work)
    tracemalloc.start()
    try:
        for _ in work:
            pass
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10 * 128 * 128 * 8  # ten slices of float64; the array itself has 25 times as much


def test_resampled_labels_have_the_grid_of_the_scan_and_say_so() -> None:
    random = np.random.default_rng(1)
    labels = labels_on(np.diag([2.0, 2, 5, 1]), random)
    scan = Volume.from_array(np.zeros((28, 34, 55), np.int16), spacing=(1, 1, 1), name="ct")
    with pytest.raises(GridMismatchError, match="--resample"):
        place_labels(labels, scan)
    *progress, placed = iter_place_labels(labels, scan, resample=True)
    assert {type(item) for item in progress} == {Progress}
    assert isinstance(placed, LabelMap)
    assert placed.grid.same_as(scan.grid)
    assert placed.source is scan.source
    (note,) = placed.warnings
    assert "drawn was resampled to the voxels of ct by nearest neighbor" in note
    assert "14x17x11, 2.00x2.00x5.00 mm" in note


def test_what_nobody_judged_is_resampled_with_the_labels() -> None:
    random = np.random.default_rng(2)
    labels = labels_on(np.diag([2.0, 2, 5, 1]), random)
    marked = LabelMap(
        labels.voxels, labels.affine, "drawn", partial=True, ignored=labels.voxels == 2
    )
    scan = Volume.from_array(np.zeros((20, 20, 20), np.int16), spacing=(1, 1, 1), name="ct")
    placed = place_labels(marked, scan, resample=True)
    assert placed.partial
    assert placed.ignored is not None
    assert np.array_equal(placed.ignored, placed.voxels == 2)


def test_labels_that_lie_wholly_outside_are_refused() -> None:
    random = np.random.default_rng(4)
    affine = np.eye(4)
    affine[:3, 3] = 500
    scan = Volume.from_array(np.zeros(SHAPE, np.int16), spacing=(1, 1, 1), name="ct")
    with pytest.raises(GridMismatchError, match="no label of drawn would lie inside"):
        place_labels(labels_on(affine, random), scan, resample=True)
