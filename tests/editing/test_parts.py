"""Parts of labels against scipy's labeling of the whole array, on random label maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label, label_mask
from liverview.editing import parts as parts_module
from liverview.editing.components import Components
from liverview.editing.parts import (
    Part,
    Seed,
    dilated,
    find_part,
    find_parts,
    iter_find_part,
    seed_of,
    value_without,
)

STRUCTURES = {
    26: np.ones((3, 3, 3), bool),
    6: ndimage.generate_binary_structure(3, 1),
    4: ndimage.generate_binary_structure(3, 1) & (np.arange(3) == 1),
}
SEEDS = st.integers(0, 2**32 - 1)


def random_labels(seed: int) -> np.ndarray:
    """Blobs of all labels, in Fortran's order or C's."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 14, 3)
    values = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.3, 1.5))
    cuts = np.quantile(values, [0.3, 0.7, 0.85])
    labels = np.searchsorted(cuts, values).astype(np.uint8)
    return labels if seed % 2 else np.asfortranarray(labels)


def part_of(mask: np.ndarray, label: Label = Label.TUMOR) -> Part:
    """A mask of the whole volume as one part, connected or not."""
    box = Box.around(mask)
    assert box is not None
    i, j, k = (int(v) for v in np.argwhere(mask)[0])
    return Part(Seed((i, j, k), label), box.start, mask[box])


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.sampled_from([26, 6, 4]))
def test_components_are_those_of_scipy(seed: int, connectivity: int) -> None:
    mask = random_labels(seed) > 1
    found = Components(mask, connectivity)
    numbers = found.numbers()
    expected, count = ndimage.label(mask, STRUCTURES[connectivity])
    assert found.count == count
    pairs = set(zip(numbers.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == count + int(not mask.all())
    assert np.array_equal(numbers > 0, mask)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    assert found.sizes[1:].tolist() == sizes[1:].tolist()
    chosen = np.arange(count + 1) % 2 == 1
    assert np.array_equal(found.mask_of(chosen), chosen[numbers] & mask)
    for number, first, last, place in zip(
        range(1, count + 1), *found.bounds(), found.firsts(), strict=True
    ):
        inside = np.argwhere(numbers == number)
        assert (inside.min(axis=0) == first).all()
        assert (inside.max(axis=0) + 1 == last).all()
        assert found.at(place) == number == numbers[tuple(place)]


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.sampled_from([Label.LIVER, Label.VESSEL, Label.TUMOR]), st.data())
def test_a_part_is_the_component_at_its_voxel(seed: int, label: Label, data: st.DataObject) -> None:
    labels = random_labels(seed)
    i, j, k = (data.draw(st.integers(0, n - 1)) for n in labels.shape)
    whole = label_mask(labels, label)
    ids, _ = ndimage.label(whole, STRUCTURES[26])
    part = find_part(labels, Seed((i, j, k), label))
    if not whole[i, j, k]:
        assert part is None
        return
    assert part is not None
    expected = ids == ids[i, j, k]
    assert np.array_equal(part.mask_in(Box.of_shape(labels.shape)), expected)
    assert part.box == Box.around(expected)
    assert part.voxel_count == expected.sum()
    assert part.contains((i, j, k))


def test_the_box_grows_only_with_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long tube is followed to its end; a large volume beside a small part is not read."""
    monkeypatch.setattr(parts_module, "_FIRST_MARGIN", 3)
    labels = np.zeros((90, 80, 70), np.uint8, order="F")
    labels[5:85, 40, 30] = Label.VESSEL
    labels[84, 40:80, 30] = Label.VESSEL  # around a corner, to the border of the scan
    labels[20:23, 50:53, 30:33] = Label.TUMOR
    steps = list(iter_find_part(labels, Seed((21, 51, 31), Label.TUMOR)))
    assert steps[:-1] == [Box.from_bounds((18, 48, 28), (25, 55, 35))]
    *boxes, part = iter_find_part(labels, Seed((5, 40, 30), Label.VESSEL))
    assert isinstance(part, Part)
    assert part.voxel_count == 80 + 39
    looked_at = [box for box in boxes if isinstance(box, Box)]
    assert max(box.shape[2] for box in looked_at) == 7  # it never left these slices


def test_a_seed_outside_of_the_volume_or_the_label_has_no_part() -> None:
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[1, 1, 1] = Label.TUMOR
    assert find_part(labels, Seed((1, 1, 9), Label.TUMOR)) is None
    assert find_part(labels, Seed((-1, 1, 1), Label.TUMOR)) is None
    assert find_part(labels, Seed((1, 1, 2), Label.TUMOR)) is None
    assert find_part(labels, Seed((1, 1, 1), Label.VESSEL)) is None


def test_parts_are_found_once_each() -> None:
    labels = np.zeros((9, 3, 3), np.uint8)
    labels[0:3] = labels[5:8] = Label.TUMOR
    seeds = [Seed((i, 1, 1), Label.TUMOR) for i in (0, 2, 4, 6)]
    assert [part.start for part in find_parts(labels, seeds)] == [(0, 0, 0), (5, 0, 0)]


def test_the_liver_has_its_vessels_and_tumors_in_it() -> None:
    labels = np.full((3, 3, 3), Label.LIVER, np.uint8)
    labels[1] = Label.TUMOR
    part = find_part(labels, Seed((0, 0, 0), Label.LIVER))
    assert part is not None
    assert part.voxel_count == 27


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_dilation_is_that_of_scipy(seed: int) -> None:
    mask = random_labels(seed) > 2
    assert np.array_equal(dilated(mask), ndimage.binary_dilation(mask, STRUCTURES[26]))


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.sampled_from([Label.LIVER, Label.VESSEL, Label.TUMOR]))
def test_a_part_becomes_what_most_of_its_surroundings_are(seed: int, label: Label) -> None:
    labels = random_labels(seed)
    ids, count = ndimage.label(label_mask(labels, label), STRUCTURES[26])
    for number in range(1, count + 1):
        mask = ids == number
        around = labels[ndimage.binary_dilation(mask, STRUCTURES[26]) & ~mask]
        inside = label is not Label.LIVER and 2 * (around > 0).sum() >= len(around)
        expected = Label.LIVER if inside else Label.BACKGROUND
        assert value_without(labels, part_of(mask, label)) is expected


def test_a_part_is_found_again_by_what_is_left_of_it() -> None:
    labels = np.zeros((20, 5, 5), np.uint8)
    labels[2:12, 1:4, 1:4] = Label.TUMOR
    part = find_part(labels, Seed((2, 1, 1), Label.TUMOR))
    assert part is not None
    assert seed_of(labels, part) == part.seed
    labels[:6] = 0
    again = seed_of(labels, part)
    assert again is not None
    assert again.voxel in {(8, 2, 2), (9, 2, 2)}  # the middle of what is left
    labels[:] = Label.LIVER
    assert seed_of(labels, part) is None
