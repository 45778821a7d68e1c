"""The simulated user, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from liverview.inference import simulated_user
from liverview.phantoms.fields import RandomSource

SPACING = (0.8, 0.8, 2.5)


def blob(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((24, 26, 14))
    return np.asarray(ndimage.gaussian_filter(noise, 3) > 0.02)


@pytest.mark.parametrize("seed", range(4))
def test_the_interior_point_is_farthest_from_what_is_outside(seed: int) -> None:
    mask = blob(seed)
    padded = np.pad(mask, 1)
    outside = np.argwhere(~padded) * SPACING
    inside = np.argwhere(padded)
    nearest = [np.linalg.norm(outside - voxel * SPACING, axis=1).min() for voxel in inside]
    found = simulated_user.interior_point(mask, SPACING)
    assert mask[found]
    depth = nearest[int(np.flatnonzero((inside == np.add(found, 1)).all(axis=1))[0])]
    assert depth == pytest.approx(max(nearest))


def test_an_empty_mask_has_no_interior() -> None:
    with pytest.raises(ValueError, match="empty"):
        simulated_user.interior_point(np.zeros((3, 3, 3), bool), SPACING)


def test_a_click_goes_into_the_largest_error_and_says_which_kind_it_is() -> None:
    truth = np.zeros((20, 20, 20), bool)
    truth[2:8, 2:8, 2:8] = True  # missing altogether: 216 voxels
    truth[12:16, 12:16, 12:16] = True
    proposed = np.zeros_like(truth)
    proposed[12:16, 12:16, 12:18] = True  # 32 too much
    click = simulated_user.next_click(proposed, truth, (1, 1, 1))
    assert click is not None
    assert not click.negative
    assert all(3 <= v <= 6 for v in click.voxel)
    proposed[2:8, 2:8, 2:8] = True
    click = simulated_user.next_click(proposed, truth, (1, 1, 1))
    assert click is not None
    assert click.negative
    assert proposed[click.voxel]
    assert not truth[click.voxel]
    assert simulated_user.next_click(truth, truth, (1, 1, 1)) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_scribble_stays_inside_and_in_one_plane(seed: int) -> None:
    mask = blob(seed)
    points = simulated_user.scribble(RandomSource(seed), mask, SPACING)
    assert len(points) >= 1
    whole = np.rint(points).astype(int)
    assert mask[tuple(whole.T)].all()
    assert (np.ptp(points, axis=0) == 0).any()
    again = simulated_user.scribble(RandomSource(seed), mask, SPACING)
    np.testing.assert_array_equal(points, again)


def test_the_line_is_the_longest_axial_diameter_and_its_ends_move_by_the_error() -> None:
    i, j, k = np.meshgrid(*map(np.arange, (40, 40, 12)), indexing="ij")
    mask = ((i - 20) * 0.8 / 12) ** 2 + ((j - 20) * 0.8 / 7) ** 2 + ((k - 6) * 2.5 / 9) ** 2 <= 1
    affine = np.diag([0.8, 0.8, 2.5, 1.0])
    line = simulated_user.diameter_line(mask, affine)
    assert np.ptp(line[:, 2]) == 0
    mm = np.linalg.norm((line[1] - line[0]) * SPACING)
    points = np.argwhere(mask[:, :, 6]) * SPACING[:2]
    longest = max(np.linalg.norm(points - p, axis=1).max() for p in points)
    assert longest <= mm <= longest + 1.2  # to the edges of voxels, not their centers
    moved = simulated_user.misplaced_line(RandomSource(5), line, affine, 2.0)
    away = np.linalg.norm((moved - line) * SPACING, axis=1)
    assert away == pytest.approx([2.0, 2.0])
    assert moved[:, 2] == pytest.approx(line[:, 2])
    assert not np.allclose(moved[0] - line[0], moved[1] - line[1])
