"""Components by runs, nearest cores and closing, each beside SciPy's plain computation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from liverview.core.box import Box
from liverview.inference import streamed_components
from liverview.inference.candidates import nearest
from liverview.inference.candidates.survey import close
from liverview.inference.streamed_components import SlabwiseComponents, components_of, holes_of

SHAPES = [(1, 1, 1), (7, 1, 5), (1, 9, 4), (13, 11, 9)]


@pytest.mark.parametrize("connectivity", [6, 26])
@pytest.mark.parametrize("voxels", [1, 300, 10**9])
def test_components_are_those_of_the_whole_mask(
    connectivity: int, voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_components, "_VOXELS", voxels)
    rng = np.random.default_rng(voxels)
    structure = ndimage.generate_binary_structure(3, 1 if connectivity == 6 else 3)
    for shape in SHAPES:
        for density in (0.0, 0.1, 0.3, 0.6, 1.0):
            mask = rng.random(shape) < density
            inner = mask & (rng.random(shape) < 0.4)
            found = SlabwiseComponents(
                lambda slices, mask=mask: mask[:, :, slices],
                shape,
                connectivity,
                lambda slices, inner=inner: inner[:, :, slices],
            )
            assert sum(one.stop - one.start for one in found.iter_labeled_slabs()) == shape[2]
            # Transposed, for SciPy numbers components in its own order of voxels.
            numbers, count = ndimage.label(mask.T, structure)
            numbers = numbers.T
            assert found.count == count
            each = range(1, count + 1)
            assert found.voxel_counts.tolist() == [(numbers == n).sum() for n in each]
            assert found.inner_counts.tolist() == [(numbers[inner] == n).sum() for n in each]
            inside = np.zeros(shape, bool)
            inside[1:-1, 1:-1, 1:-1] = True
            border = [bool((numbers[~inside] == n).any()) for n in each]
            assert found.reaches_border.tolist() == border
            marks = np.arange(1, count + 1).astype(np.uint8)
            for slices, marked in found.iter_map_components(marks):
                expected = numbers[:, :, slices].astype(np.uint8)
                assert np.array_equal(
                    np.zeros_like(expected) if marked is None else marked, expected
                )
            asked = rng.permutation(count)[:3]
            for number, (box, cut) in zip(asked, found.cut(asked), strict=True):
                assert box == Box.around(numbers == number + 1)
                assert np.array_equal(cut, numbers[box] == number + 1)


def test_holes_are_what_a_mask_encloses() -> None:
    rng = np.random.default_rng(2)
    for density in (0.5, 0.8, 0.9):
        mask = rng.random((12, 10, 11)) < density
        expected = ndimage.binary_fill_holes(mask) & ~mask
        holes = holes_of(mask)
        assert expected.any()
        assert holes is not None
        assert np.array_equal(holes, expected)
    assert holes_of(np.ones((4, 4, 4), bool)) is None
    assert components_of(np.zeros((3, 3, 0), bool), 6).count == 0


@pytest.mark.parametrize("step_cost", [nearest._STEP_COST, -(10**9)])
def test_the_nearest_core_is_that_of_the_feature_transform(
    step_cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ties, too; with steps only, and where the rest is left to the transform."""
    monkeypatch.setattr(nearest, "_STEP_COST", step_cost)
    rng = np.random.default_rng(5)
    for density in (0.002, 0.02, 0.3):
        for shape in ((1, 6, 4), (40, 3, 9), (17, 35, 21)):
            numbers = np.zeros(shape, np.uint16, order="F")
            present = rng.random(shape) < density
            present[0, 0, 0] = True
            numbers[present] = rng.integers(1, 4, present.sum())
            index = ndimage.distance_transform_edt(
                numbers == 0, return_distances=False, return_indices=True
            )
            expected = numbers[tuple(index)].ravel(order="F")
            asked = np.flatnonzero(numbers.ravel(order="F") == 0)[::3]
            found = nearest.nearest_numbers(numbers, asked)
            assert np.array_equal(found, expected[asked])


def test_closing_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    neighbors = ndimage.generate_binary_structure(3, 2)
    for shape in ((1, 5, 9), (8, 9, 10)):
        for density in (0.02, 0.1, 0.4):
            mask = rng.random(shape) < density
            for times in (1, 2):
                expected = ndimage.binary_closing(mask, neighbors, times)
                assert np.array_equal(close(mask, times), expected)
