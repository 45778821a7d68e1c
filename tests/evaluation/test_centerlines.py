"""Centerlines of shapes whose middle is known, in all 48 orientations of a cube."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

import cc3d
import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import euler_number

from liverview.evaluation.metrics import cl_dice
from liverview.evaluation.thinning import iter_centerline_points


def points_of(mask: np.ndarray) -> np.ndarray:
    *_, points = iter_centerline_points(mask)
    assert points is not None
    return points


def rod(*size: int, shape: tuple[int, int, int] = (44, 16, 16)) -> np.ndarray:
    """A block whose first voxel is 3, 3, 3."""
    mask = np.zeros(shape, bool)
    mask[tuple(slice(3, 3 + n) for n in size)] = True
    return mask


def on_lattice(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    drawn = np.zeros([2 * n + 1 for n in shape], bool)
    drawn[tuple((points + 1).T)] = True
    return drawn


def tube(direction: tuple[float, float, float], radius: float, length: float) -> np.ndarray:
    """Voxels within a distance of a straight line that goes through no voxel's center."""
    along = np.array(direction) / np.linalg.norm(direction)
    places = np.indices((52, 52, 52)).reshape(3, -1).T - (25.7, 25.6, 25.9)
    near = np.clip(places @ along, -length / 2, length / 2)
    away = np.linalg.norm(places - near[:, None] * along, axis=1)
    return (away <= radius).reshape(52, 52, 52)


def tree(thick: int) -> np.ndarray:
    """A trunk with three branches at a right angle, all equally thick."""
    mask = np.zeros((60, 40, 40), bool)
    across = slice(18, 18 + thick)
    mask[4:56, across, across] = True
    mask[14 : 14 + thick, 18:38, across] = True
    mask[30 : 30 + thick, 2:20, across] = True
    mask[44 : 44 + thick, across, 18:38] = True
    return mask


def noise(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(26, 21, 18))
    return ndimage.gaussian_filter(values, 1.2) > 0.08 * seed


def iter_orientations() -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    yield from product(permutations(range(3)), product((1, -1), repeat=3))


def turned(mask: np.ndarray, order: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    return mask.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]


@pytest.mark.parametrize("thick", range(1, 8))
def test_the_line_of_a_rod_lies_in_its_middle_up_to_its_ends(thick: int) -> None:
    points = points_of(rod(38, thick, thick))
    middle = 6 + thick - 1
    assert (points[:, 1:] == middle).all()
    # From the middle of one end to that of the other: a ball of the rod's thickness fits there.
    assert sorted(points[:, 0]) == list(range(6 + thick - 1, 6 + 2 * 37 - thick + 2))


@pytest.mark.parametrize(("a", "b"), [(1, 6), (2, 5), (2, 6), (3, 4), (4, 8), (5, 6)])
def test_a_plate_becomes_the_line_along_its_middle(a: int, b: int) -> None:
    points = points_of(rod(38, a, b))
    assert (points[:, 1:] == (6 + a - 1, 6 + b - 1)).all()
    assert sorted(points[:, 0]) == list(range(6 + b - 1, 6 + 2 * 37 - b + 2))
    square = points_of(rod(a, b, b))
    assert square.tolist() == [[6 + a - 1, 6 + b - 1, 6 + b - 1]]


@pytest.mark.parametrize("thick", range(1, 7))
def test_a_tree_keeps_all_its_branches_in_one_piece(thick: int) -> None:
    mask = tree(thick)
    line = on_lattice(points_of(mask), mask.shape)
    assert cc3d.connected_components(line.astype(np.uint8), connectivity=26).max() == 1
    around = ndimage.convolve(line.astype(np.uint8), np.ones((3, 3, 3), np.uint8), mode="constant")
    assert np.count_nonzero(line & (around == 2)) == 5  # two ends of the trunk, three branches
    lengths = 2 * (52 + 20 + 18 + 20) - 3 * 2 * thick  # in half voxels, from the trunk's face on
    assert line.sum() == pytest.approx(lengths, abs=10 * thick)


@pytest.mark.parametrize("direction", [(1, 0.3, 0.2), (1, 0.6, 0.45), (1, 1, 0)])
@pytest.mark.parametrize("radius", [0.9, 1.5, 2.2])
def test_an_oblique_tube_has_a_thin_line_in_its_middle(
    direction: tuple[float, float, float], radius: float
) -> None:
    mask = tube(direction, radius, 36)
    points = points_of(mask)
    along = np.array(direction) / np.linalg.norm(direction)
    places = points / 2 - (25.7, 25.6, 25.9)
    near = places @ along
    away = np.linalg.norm(places - near[:, None] * along, axis=1)
    assert away.mean() < 0.6
    assert np.ptp(near) > 36 - 4
    assert len(points) == pytest.approx(72 * np.abs(along).max(), rel=0.25)


@pytest.mark.parametrize("seed", [0, 1])
def test_orientation_changes_nothing(seed: int) -> None:
    block = slice(0, 13), slice(0, 11), slice(0, 9)
    first, second = noise(seed)[block], ndimage.binary_dilation(noise(seed + 1)[block])
    points, agreement = points_of(first), cl_dice(first, second)
    for number, (order, signs) in enumerate(iter_orientations()):
        shape = np.array(first.shape)[list(order)]
        expected = points[:, order]
        expected = np.where(np.array(signs) < 0, 2 * (shape - 1) - expected, expected)
        assert set(map(tuple, points_of(turned(first, order, signs)))) == set(map(tuple, expected))
        if number % 7 == 3:  # it is made of the points, and takes twice their time
            masks = (turned(mask, order, signs) for mask in (first, second))
            assert cl_dice(*masks) == agreement


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_components_and_loops_stay(seed: int) -> None:
    mask = np.pad(noise(seed), 1)
    line = on_lattice(points_of(mask), mask.shape)
    parts = [cc3d.connected_components(m.astype(np.uint8), connectivity=26) for m in (mask, line)]
    assert parts[0].max() == parts[1].max()
    assert euler_number(line, connectivity=3) == euler_number(mask, connectivity=3)
    assert line.sum() < 2 * mask.sum()


@pytest.mark.parametrize("thick", range(1, 8))
def test_a_quarter_of_a_vessel_is_a_quarter_of_its_line(thick: int) -> None:
    whole, quarter = rod(40, thick, thick), rod(10, thick, thick)
    line = 2 * 40 - 1 - 2 * (thick - 1)
    # Its points from the first end to the quarter's cut, on which one lies: that is half in.
    recall = (2 * 10 - 1 - (thick - 1) + 0.5) / line
    assert cl_dice(quarter, whole) == pytest.approx(2 * recall / (1 + recall))
    assert cl_dice(whole, quarter) == pytest.approx(2 * recall / (1 + recall))


@pytest.mark.parametrize("thick", [2, 4, 6])
def test_a_trunk_that_lost_half_of_its_length_is_seen(thick: int) -> None:
    whole = tree(thick)
    cut = whole.copy()
    cut[34:56, 18 : 18 + thick, 18 : 18 + thick] = False  # behind the second branch
    assert cl_dice(whole, whole) == 1
    assert 0.7 < cl_dice(cut, whole) < 0.93


def test_half_of_a_width_is_half_of_a_line_between_two_voxels() -> None:
    whole, half = rod(38, 4, 4), rod(38, 2, 4)
    # The whole one's line lies between the half that is there and the one that is not.
    assert cl_dice(half, whole) == pytest.approx(2 * 0.5 / 1.5)


def test_the_block_around_a_mask_changes_nothing() -> None:
    first, second = noise(0), noise(1)
    wide = [np.pad(mask, ((5, 9), (0, 3), (8, 1))) for mask in (first, second)]
    assert cl_dice(*wide) == cl_dice(first, second)
