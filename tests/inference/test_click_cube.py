"""The cube around marks: where its points lie, and the way back to the scan's voxels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.inference.click_changes import changed_at, marked_changes
from liverview.inference.click_cube import Cube

AXES = {
    "thick": np.diag([0.7, 0.7, 5.0, 1.0]),
    "flipped": np.diag([-0.8, -0.8, 2.5, 1.0]),
    "turned": np.array(
        [[0.6, 0.0, 0.8, 5], [0.0, 1.5, 0.0, -9], [-0.8, 0.0, 0.6, 3], [0, 0, 0, 1.0]]
    ),
}


def smooth_scan(affine: np.ndarray) -> Volume:
    """HU that change slowly with the place in the patient, so that every sampling must agree."""
    index = np.stack(np.meshgrid(*map(np.arange, (60, 50, 24)), indexing="ij"), axis=-1)
    return Volume.from_array(wave(index @ affine[:3, :3].T + affine[:3, 3]), affine)


def wave(world: np.ndarray) -> np.ndarray:
    x, y, z = np.moveaxis(world, -1, 0)
    return (40 + 60 * np.sin(x / 15) * np.cos(y / 18) + z / 2).astype(np.float32)


@pytest.mark.parametrize("name", AXES)
def test_a_cube_holds_the_density_at_its_points_in_the_patient(name: str) -> None:
    scan = smooth_scan(AXES[name])
    middle = tuple(float(n - 1) / 2 for n in scan.shape)
    cube = Cube(middle, 0.9, (16, 16, 16), scan.spacing)
    points = np.argwhere(np.ones(cube.shape, bool)).astype(float)
    voxels = cube.voxels(points)
    assert cube.places(voxels) == pytest.approx(points)
    world = voxels @ scan.affine[:3, :3].T + scan.affine[:3, 3]
    sides = [world.reshape(16, 16, 16, 3)[n] for n in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    steps = [np.linalg.norm(side - world[0]) for side in sides]
    assert steps == pytest.approx([0.9] * 3)
    assert cube.holds(voxels, -0.001)
    assert not cube.holds(voxels, 1)
    found = cube.sample(scan).numpy().ravel()
    assert np.abs(found - wave(world)).max() < 2.0


def test_wide_steps_average_what_lies_between_them() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(50, 100, (120, 120, 60)).astype(np.float32)
    scan = Volume.from_array(noise, spacing=(0.7, 0.7, 1.5))
    cube = Cube((60.0, 60.0, 30.0), 4.0, (16, 16, 16), scan.spacing)
    found = cube.sample(scan).numpy()
    assert found.mean() == pytest.approx(50, abs=3)
    assert found.std() < 40


@pytest.mark.parametrize("name", AXES)
def test_a_shape_comes_back_from_the_cube_as_it_was(name: str) -> None:
    scan = smooth_scan(AXES[name])
    cube = Cube((30.0, 25.0, 12.0), 1.3, (24, 24, 24), scan.spacing)
    points = np.argwhere(np.ones(cube.shape, bool)).astype(float)
    away = np.linalg.norm((cube.voxels(points) - (30, 25, 12)) * scan.spacing, axis=1)
    soft = torch.from_numpy(1 / (1 + np.exp(away - 9.0))).float().reshape(cube.shape)
    box = cube.box(scan)
    found = cube.interpolate(soft, box) > 0.5
    index = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1)
    ball = np.linalg.norm((index - (30, 25, 12)) * scan.spacing, axis=-1) < 9.0
    assert 2 * (found & ball).sum() / (found.sum() + ball.sum()) > 0.97
    # The same by an interpolation of another library.
    places = cube.places(index.reshape(-1, 3)).T
    other = ndimage.map_coordinates(soft.numpy(), places, order=1, mode="nearest")
    np.testing.assert_allclose(cube.interpolate(soft, box).ravel(), other, atol=1e-4)


def test_labels_are_shares_and_the_liver_has_its_parts() -> None:
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4:16, 4:16, 4:16] = Label.LIVER
    labels[8:12, 8:12, 8:12] = Label.TUMOR
    labels[4:16, 6, 6] = Label.VESSEL
    cube = Cube((9.5, 9.5, 9.5), 1.0, (20, 20, 20), (1.0, 1.0, 1.0))
    liver, vessel, tumor = cube.sample_labels(labels).numpy()
    np.testing.assert_allclose(liver, labels > 0)
    np.testing.assert_allclose(vessel, labels == Label.VESSEL)
    np.testing.assert_allclose(tumor, labels == Label.TUMOR)


def test_beyond_the_scan_a_cube_goes_on_and_its_box_ends() -> None:
    scan = Volume.from_array(np.full((20, 20, 10), 30, np.int16), spacing=(1, 1, 2))
    cube = Cube((0.0, 19.0, 0.0), 1.0, (16, 16, 16), scan.spacing)
    np.testing.assert_allclose(cube.sample(scan).numpy(), 30)
    box = cube.box(scan)
    assert box.start == (0, 11, 0)
    assert box.stop == (9, 20, 5)


# ---- which changes are taken ---------------------------------------------------------------------

ONE = (1.0, 1.0, 1.0)
NONE = np.zeros((0, 3))


def test_a_lesion_is_what_hangs_together_with_the_mark() -> None:
    found = np.zeros((30, 30, 30), bool)
    found[2:10, 2:10, 2:10] = True
    found[20:28, 20:28, 20:28] = True
    current = np.zeros_like(found)
    current[20:24, 20:28, 20:28] = True
    mask, add, remove = marked_changes(
        Label.TUMOR, found, current, np.array([[5.0, 5, 5]]), NONE, ONE
    )
    expected = np.zeros_like(found)
    expected[2:10, 2:10, 2:10] = True
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(add, expected)
    assert not remove.any()


def test_a_labeled_lesion_becomes_the_one_that_it_mostly_lies_in() -> None:
    found = np.zeros((30, 30, 30), bool)
    found[5:15, 5:15, 5:15] = True
    current = np.zeros_like(found)
    current[5:15, 5:15, 8:18] = True  # 7 of 10 slices are right
    mask, add, remove = marked_changes(
        Label.TUMOR, found, current, np.array([[10.0, 10, 10]]), NONE, ONE
    )
    np.testing.assert_array_equal((current | add) & ~remove, mask)
    current[5:29, 5:29, 15:29] = True  # far larger: another lesion that it runs together with
    _, _, remove = marked_changes(
        Label.TUMOR, found, current, np.array([[10.0, 10, 10]]), NONE, ONE
    )
    assert not remove.any()


@pytest.mark.parametrize("label", [Label.LIVER, Label.VESSEL])
def test_liver_and_vessels_change_at_the_marks_alone(label: Label) -> None:
    truth = np.zeros((40, 40, 40), bool)
    truth[5:30, 5:30, 5:30] = True
    current = truth.copy()
    current[5:12, 5:12, 5:12] = False  # missing, marked
    current[24:30, 24:30, 24:30] = False  # missing, not marked
    current[30:38, 5:15, 5:15] = True  # too much, marked
    positive, negative = np.array([[8.0, 8, 8]]), np.array([[34.0, 9, 9]])
    mask, add, remove = marked_changes(label, truth, current, positive, negative, ONE)
    expected = current.copy()
    expected[5:12, 5:12, 5:12] = True
    expected[30:38, 5:15, 5:15] = False
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(mask, (current | add) & ~remove)
    assert not add[24:30, 24:30, 24:30].any()
    _, add, remove = marked_changes(label, truth, current, NONE, NONE, ONE)
    assert not add.any()
    assert not remove.any()


def test_a_thin_sheet_along_the_border_is_no_part_of_a_change() -> None:
    current = np.zeros((40, 40, 40), bool)
    current[5:30, 5:30, 5:30] = True
    found = current.copy()
    found[29, :, :] = False  # the network draws this border a voxel further in
    found[22:30, 5:15, 5:15] = False
    mask, _, remove = marked_changes(
        Label.LIVER, found, current, NONE, np.array([[26.0, 9, 9]]), ONE
    )
    assert remove[23:30, 6:14, 6:14].all()
    assert not remove[29, 20:, 20:].any()
    np.testing.assert_array_equal(mask, current & ~remove)


def test_a_further_mark_changes_its_own_part_alone() -> None:
    before = np.zeros((40, 40, 40), bool)
    before[10:30, 10:30, 10:30] = True
    found = before.copy()
    found[24:30, 10:16, 10:16] = False  # at the mark
    found[10:16, 24:30, 24:30] = False  # elsewhere
    found[30:36, 20:26, 20:26] = True  # elsewhere, too much
    after = changed_at(before, found, NONE, np.array([[27.0, 12, 12]]), ONE)
    assert not after[25:29, 11:15, 11:15].any()
    assert after[10:16, 24:30, 24:30].all()
    assert not after[30:36, 20:26, 20:26].any()
    after = changed_at(before, found, np.array([[33.0, 23, 23]]), NONE, ONE)
    assert after[31:35, 21:25, 21:25].all()
    assert after[24:30, 10:16, 10:16].all()
    # Where the network sees no reason, the mark itself still counts.
    after = changed_at(before, before, np.array([[35.0, 35, 35]]), np.array([[20.0, 20, 20]]), ONE)
    assert after[35, 35, 35]
    assert not after[20, 20, 20]
