"""Diameters of lesions whose size, place and direction are known, on grids of every kind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.measure import find_contours, points_in_poly

from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.measurement.compute import measure
from liverview.measurement.results import Diameter, Lesion

GRIDS = {
    "isotropic": np.eye(3) * 0.5,
    "anisotropic": np.diag([0.4, 0.7, 2.0]),
    "oblique": Rotation.from_euler("xyz", (20, -15, 30), degrees=True).as_matrix() * (0.5, 0.5, 1),
    "sheared in the slice": np.array([[0.5, 0.25, 0], [0, 0.5, 0], [0, 0, 1.0]]),
    "gantry tilt": np.array([[0.5, 0, 0], [0, 0.5, 0.4], [0, 0, 1.0]]),
}


def grid(linear: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An affine whose world has its zero in the middle of a volume."""
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = -linear @ ((np.array(shape) - 1) / 2)
    return affine


def only_lesion(mask: np.ndarray, affine: np.ndarray) -> Lesion:
    labels = LabelMap(np.where(mask, Label.TUMOR, Label.LIVER).astype(np.uint8), affine)
    (lesion,) = measure(labels, smallest_lesion_ml=0).lesions
    return lesion


def direction(line: Diameter) -> np.ndarray:
    start, end = np.array(line.ends_mm)
    return (end - start) / np.linalg.norm(end - start)


def in_plane(linear: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """mm of every pixel along two directions at right angles in the slice, and how far away."""
    first = linear[:, 0] / np.linalg.norm(linear[:, 0])
    normal = np.cross(linear[:, 0], linear[:, 1])
    second = np.cross(normal / np.linalg.norm(normal), first)
    places = (np.indices(shape).reshape(3, -1).T - (np.array(shape) - 1) / 2) @ linear.T
    return (places @ first).reshape(shape), (places @ second).reshape(shape)


@pytest.mark.parametrize("name", GRIDS)
def test_an_ellipse_has_its_two_axes(name: str) -> None:
    linear, shape = GRIDS[name], (161, 161, 5)
    x, y = in_plane(linear, shape)
    angle = math.radians(35)
    along, across = (
        x * math.cos(angle) + y * math.sin(angle),
        y * math.cos(angle) - x * math.sin(angle),
    )
    mask = (along / 20) ** 2 + (across / 9) ** 2 <= 1
    mask[:, :, (0, 1, 3, 4)] = False
    lesion = only_lesion(mask, grid(linear, shape))
    pixel = max(np.linalg.norm(linear[:, :2], axis=0))
    assert lesion.axial.length_mm == pytest.approx(40, abs=pixel)
    assert lesion.perpendicular.length_mm == pytest.approx(18, abs=pixel)
    assert lesion.axial_slice == 2
    assert abs(direction(lesion.axial) @ direction(lesion.perpendicular)) < 1e-9
    first = linear[:, 0] / np.linalg.norm(linear[:, 0])
    turned = math.degrees(math.acos(abs(direction(lesion.axial) @ first)))
    assert turned == pytest.approx(35, abs=4)


@pytest.mark.parametrize("name", GRIDS)
def test_a_ball_is_as_wide_as_it_is(name: str) -> None:
    linear, shape = GRIDS[name], (91, 91, 61)
    places = np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2
    mask = np.linalg.norm(places @ linear.T, axis=-1) <= 9.7
    lesion = only_lesion(mask, grid(linear, shape))
    voxel = max(np.linalg.norm(linear, axis=0))
    assert lesion.diameter_3d.length_mm == pytest.approx(19.4, abs=voxel)
    # A plane through the middle holds the whole diameter, however it is turned.
    assert lesion.axial.length_mm == pytest.approx(19.4, abs=voxel)
    assert lesion.axial.length_mm <= lesion.diameter_3d.length_mm + 1e-9
    assert lesion.volume_ml == pytest.approx(4 / 3 * math.pi * 0.97**3, rel=0.02)


@pytest.mark.parametrize("name", GRIDS)
def test_ends_lie_where_the_line_is(name: str) -> None:
    linear, shape = GRIDS[name], (40, 40, 9)
    rng = np.random.default_rng(5)
    mask = np.zeros(shape, bool)
    mask[5:30, 8:20, 2:7] = True
    mask[10:35, 15:25, 3:6] |= rng.random((25, 10, 3)) < 0.7
    affine = grid(linear, shape)
    lesion = only_lesion(mask, affine)
    for line in (lesion.axial, lesion.perpendicular, lesion.diameter_3d):
        voxels, world = np.array(line.ends_voxel), np.array(line.ends_mm)
        assert world == pytest.approx(voxels @ linear.T + affine[:3, 3])
        assert np.linalg.norm(world[1] - world[0]) == pytest.approx(line.length_mm)
    assert set(np.array(lesion.axial.ends_voxel)[:, 2]) == {lesion.axial_slice}
    assert set(np.array(lesion.perpendicular.ends_voxel)[:, 2]) == {lesion.axial_slice}


@pytest.mark.parametrize("name", GRIDS)
def test_the_longest_is_that_of_all_pairs(name: str) -> None:
    linear = GRIDS[name]
    mask = np.random.default_rng(3).random((9, 8, 7)) < 0.8
    lesion = only_lesion(mask, grid(linear, mask.shape))
    shifts = np.concatenate([np.eye(3), -np.eye(3)]) / 2
    faces = np.concatenate([np.argwhere(mask) + shift for shift in shifts])
    apart = np.linalg.norm((faces[:, None] - faces) @ linear.T, axis=-1)
    assert lesion.diameter_3d.length_mm == pytest.approx(apart.max())
    same_slice = (faces[:, None, 2] == faces[:, 2]) & (faces[:, 2] % 1 == 0)
    assert lesion.axial.length_mm == pytest.approx(apart[same_slice].max())


def test_a_bar_is_measured_from_edge_to_edge() -> None:
    mask = np.zeros((20, 9, 5), bool)
    mask[4:12, 6, 2] = True
    lesion = only_lesion(mask, np.diag([0.7, 1.3, 2.0, 1.0]))
    assert lesion.axial.length_mm == pytest.approx(8 * 0.7)
    assert sorted(lesion.axial.ends_voxel) == [(3.5, 6, 2), (11.5, 6, 2)]
    assert lesion.perpendicular.length_mm == pytest.approx(1.3)
    low, high = sorted(lesion.perpendicular.ends_voxel, key=lambda end: end[1])
    assert (low[1], high[1]) == pytest.approx((5.5, 6.5))
    assert low[0] == pytest.approx(high[0])
    assert lesion.diameter_3d.length_mm == pytest.approx(8 * 0.7)


def test_a_single_voxel_has_diameters() -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    lesion = only_lesion(mask, np.diag([0.7, 1.3, 2.0, 1.0]))
    assert lesion.axial.length_mm == pytest.approx(1.3)
    assert lesion.perpendicular.length_mm == pytest.approx(0.7)
    assert lesion.diameter_3d.length_mm == pytest.approx(2)


def test_the_perpendicular_stays_within_the_outline() -> None:
    mask = np.zeros((60, 40, 3), bool)
    mask[5:55, 10:14, 1] = True  # a comb: the long axis along its back
    mask[10:13, 14:30, 1] = mask[20:24, 14:34, 1] = True
    mask[21:23, 20:24, 1] = False  # a hole in the longest tooth
    lesion = only_lesion(mask, np.eye(4))
    assert lesion.axial.length_mm == pytest.approx(math.hypot(50, 3), abs=0.2)
    low, high = np.array(lesion.perpendicular.ends_voxel)
    assert lesion.perpendicular.length_mm == pytest.approx(24, abs=1)
    for share in np.linspace(0.02, 0.98, 100):
        i, j, _ = low + share * (high - low)
        assert 19.5 <= i <= 23.5
        assert 9.5 <= j <= 33.5


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_perpendicular_may_be_longest_right_beside_a_notch(mirrored: bool) -> None:
    mask = np.zeros((62, 20, 3), bool)
    mask[1:61, 2, 1] = True  # the long axis
    for i in range(11, 26):  # a slope, higher by one with every column
        mask[i, 2 : i - 5, 1] = True
    mask[22:26, 7:11, 1] = False  # a notch from the right
    lesion = only_lesion(mask[::-1] if mirrored else mask, np.eye(4))
    assert lesion.axial.length_mm == pytest.approx(60)
    assert lesion.perpendicular.length_mm == pytest.approx(14.5)
    (at, _, _), _ = lesion.perpendicular.ends_voxel
    assert at == pytest.approx(61 - 21.5 if mirrored else 21.5)


def test_parts_that_lie_apart_in_a_slice_are_measured_one_by_one() -> None:
    mask = np.zeros((60, 20, 4), bool)
    mask[5:15, 5:10, 1] = mask[40:55, 5:10, 1] = True
    mask[14:41, 7, 2] = True  # joins them in the next slice
    lesion = only_lesion(mask, np.diag([1.0, 1, 2, 1]))
    assert lesion.axial_slice == 2
    assert lesion.axial.length_mm == pytest.approx(27)  # and not the 50 mm from end to end


def test_of_equal_slices_the_middle_one_is_shown() -> None:
    mask = np.zeros((20, 20, 11), bool)
    mask[5:15, 5:12, 1:10] = True
    assert only_lesion(mask, np.eye(4)).axial_slice == 5


@pytest.mark.parametrize("seed", range(8))
def test_the_perpendicular_is_the_longest_of_all_lines_across(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((20, 20, 3), bool)
    place = np.array([10, 10])
    for _ in range(80):  # a walk: crooked, with notches and diagonal contacts
        mask[place[0], place[1], 1] = True
        place = np.clip(place + rng.integers(-1, 2, 2), 1, 18)
    affine = grid(np.array([[0.8, 0.3, 0], [0, 0.7, 0], [0, 0, 1.0]]), mask.shape)
    lesion = only_lesion(mask, affine)

    contours = find_contours(np.pad(mask[:, :, 1], 1).astype(float), 0.5, fully_connected="high")
    outer = max(contours, key=lambda contour: np.ptp(contour, axis=0).prod()) - 1
    outline = outer @ affine[:2, :2].T + affine[:2, 3]
    along = direction(lesion.axial)[:2]
    across = np.array([-along[1], along[0]])
    step, best = 0.04, 0.0
    heights = np.arange((outline @ across).min() - step, (outline @ across).max() + step, step)
    for at in np.arange((outline @ along).min(), (outline @ along).max(), step):
        inside = points_in_poly(at * along + heights[:, None] * across, outline)
        ends = np.flatnonzero(np.diff(inside, prepend=False, append=False))
        best = max(best, step * np.diff(ends)[::2].max(initial=0))
    # Only lines 0.04 mm apart were tried: the longest of all may be a little longer.
    assert best - 2 * step <= lesion.perpendicular.length_mm <= best + 0.3

    low, high = np.array(lesion.perpendicular.ends_mm)[:, :2]
    points = low + np.linspace(0.01, 0.99, 60)[:, None] * (high - low)
    beside = [points_in_poly(points + shift * along, outline) for shift in (-1e-6, 1e-6)]
    assert beside[0].all() or beside[1].all()
