"""Edits by hand, against whole arrays that are compared voxel by voxel."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.edited_volume import EditedVolume
from liverview.core.labels import FOREGROUND, Label
from liverview.core.review import LesionMark, Verdict, take_out
from liverview.core.volume import LabelMap
from liverview.editing.edited_blocks import BLOCK_SIDE
from liverview.editing.hand_edits import HandEdits

SHAPE = (40, 35, 33)  # two blocks along each axis
ORGAN = (Label.LIVER, Label.VESSEL, Label.TUMOR)

Voxels = NDArray[np.uint8]


def labels_of(voxels: Voxels, marks: tuple[LesionMark, ...] = ()) -> LabelMap:
    return LabelMap(voxels, np.diag([2.0, 1.0, 0.5, 1.0]), marks=marks)


def draw(hand: HandEdits, labels: LabelMap, box: Box, value: int) -> None:
    before = labels.voxels[box].copy()
    labels.voxels[box] = value
    hand.follow(box, before, labels)


def counted(result: Voxels, now: Voxels) -> dict[Label, EditedVolume]:
    """The same by plain counting of whole arrays; a voxel is 1 microliter."""
    found = {}
    for label in FOREGROUND:
        values = ORGAN if label is Label.LIVER else (label,)
        was, is_ = np.isin(result, values), np.isin(now, values)
        ml = [np.count_nonzero(is_ & ~was) / 1000, np.count_nonzero(was & ~is_) / 1000]
        if any(ml):
            found[label] = EditedVolume(*ml)
    return found


def assert_follows(hand: HandEdits, result: Voxels, labels: LabelMap) -> None:
    expected = counted(result, labels.voxels)
    volumes = hand.volumes(labels)
    assert list(volumes) == list(expected)
    for label, volume in expected.items():
        assert volumes[label] == pytest.approx(volume)
    assert hand.has_any(labels) == bool((result != labels.voxels).any())
    assert np.array_equal(hand.result_of(labels).voxels, result)
    laid = result.copy()
    for one in hand.find_painted(labels):
        laid[one.box][one.mask] = one.values[one.mask]
    assert np.array_equal(laid, labels.voxels)
    for axis in range(3):
        for index in (0, 17, 32):
            assert_slice_follows(hand, result, labels, axis, index)


def assert_slice_follows(
    hand: HandEdits, result: Voxels, labels: LabelMap, axis: int, index: int
) -> None:
    was, now = result.take([index], axis), labels.voxels.take([index], axis)
    found = hand.slice_of(labels, axis, index)
    if found is None:
        assert np.array_equal(was, now)
        return
    box, before, after = found
    assert np.array_equal(before, result[box])
    assert np.array_equal(after, labels.voxels[box])
    outside = np.moveaxis(labels.voxels != result, axis, 0)[index].copy()
    outside[tuple(side for n, side in enumerate(box) if n != axis)] = False
    assert not outside.any()


@st.composite
def boxes(draw_: Callable[..., int]) -> Box:
    start = [draw_(st.integers(0, n - 1)) for n in SHAPE]
    stop = [first + draw_(st.integers(1, n - first)) for first, n in zip(start, SHAPE, strict=True)]
    return Box.from_bounds(start, stop)


EDITS = st.lists(st.tuples(boxes(), st.integers(0, 3)), max_size=6)


def random_labels(seed: int) -> Voxels:
    """Runs of labels, so that blocks of one value are among them."""
    random = np.random.default_rng(seed)
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    for _ in range(4):
        a, b = np.sort(random.integers(0, 41, (2, 3)), axis=0)
        voxels[a[0] : b[0], a[1] : b[1], a[2] : b[2]] = random.integers(0, 4)
    return voxels


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), EDITS)
def test_edits_are_where_labels_differ_from_the_result(
    seed: int, edits: list[tuple[Box, int]]
) -> None:
    result = random_labels(seed)
    labels, hand = labels_of(result.copy(order="F")), HandEdits()
    steps = []
    for box, value in edits:
        steps.append((box, labels.voxels[box].copy()))
        draw(hand, labels, box, value)
        assert_follows(hand, result, labels)
    made = HandEdits.between(labels_of(result), labels)
    assert_follows(made, result, labels)
    assert_follows(
        HandEdits.from_json(json.loads(json.dumps(hand.to_json())), SHAPE), result, labels
    )
    kept, there = hand.copy(), labels_of(labels.voxels.copy())
    for box, before in reversed(steps):  # undone
        now = labels.voxels[box].copy()
        labels.voxels[box] = before
        hand.follow(box, now, labels)
    assert_follows(hand, result, labels)
    assert not hand.has_any(labels)
    assert not hand.find_painted(labels)
    assert_follows(kept, result, there)  # a copy knows nothing of it


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), EDITS, EDITS, st.integers(0, 99), st.booleans())
def test_a_new_result_comes_under_the_edits(
    seed: int,
    edits: list[tuple[Box, int]],
    meanwhile: list[tuple[Box, int]],
    other: int,
    keep: bool,
) -> None:
    old = labels_of(random_labels(seed))
    hand = HandEdits()
    for box, value in edits:
        draw(hand, old, box, value)
    painted = hand.find_painted(old) if keep else []
    # The model: which voxels are the person's, and what they are.
    mine = (old.voxels != random_labels(seed)) & keep
    model = np.where(mine, old.voxels, 0).astype(np.uint8)
    labels, hand = labels_of(np.zeros(SHAPE, np.uint8, order="F")), HandEdits()
    hand.hold()
    for one in painted:
        before = labels.voxels[one.box].copy()
        labels.voxels[one.box][one.mask] = one.values[one.mask]
        hand.follow(one.box, before, labels, one.mask)
    assert np.array_equal(labels.voxels, model)
    first, second = random_labels(other), random_labels(other + 1)
    steps = [(first, 0, 20), (first, 20, 33), (second, 10, 30)]  # the last looks again
    for n, (network, start, stop) in enumerate(steps):
        box = Box.from_bounds((0, 0, start), (*SHAPE[:2], stop))
        merged = hand.take_result(box, network[box], labels)
        labels.voxels[box] = merged
        model[box] = np.where(mine[box], model[box], network[box])
        assert np.array_equal(labels.voxels, model)
        for where, value in meanwhile[n::3]:
            mine[where] |= model[where] != value
            model[where] = value
            draw(hand, labels, where, value)
    hand.release(complete=True)
    network = first.copy()
    network[:, :, 10:30] = second[:, :, 10:30]
    assert np.array_equal(labels.voxels, model)
    assert_follows(hand, network, labels)


def test_what_a_person_erased_stays_erased_under_a_new_result() -> None:
    old, hand = labels_of(np.full(SHAPE, Label.TUMOR, np.uint8)), HandEdits()
    box = Box.from_bounds((3, 4, 5), (9, 9, 9))
    draw(hand, old, box, 0)
    painted = hand.find_painted(old)
    labels, hand = labels_of(np.zeros(SHAPE, np.uint8)), HandEdits()
    hand.hold()
    for one in painted:
        hand.follow(one.box, labels.voxels[one.box], labels, one.mask)
    whole = Box.of_shape(SHAPE)
    merged = hand.take_result(whole, np.full(SHAPE, Label.LIVER, np.uint8), labels)
    assert not merged[box].any()
    assert np.count_nonzero(merged) == np.prod(SHAPE) - np.prod(box.shape)


def test_an_edit_of_a_stopped_segmentation_that_is_undone_is_none() -> None:
    labels, hand = labels_of(np.zeros(SHAPE, np.uint8)), HandEdits()
    hand.hold()
    first, second = Box.from_bounds((1, 1, 1), (3, 3, 3)), Box.from_bounds((5, 5, 5), (7, 7, 7))
    draw(hand, labels, first, Label.TUMOR)
    whole = Box.of_shape(SHAPE)
    labels.voxels[...] = hand.take_result(whole, np.full(SHAPE, 3, np.uint8), labels)
    hand.release(complete=False)
    assert not hand.has_any(labels)
    assert [one.box for one in hand.find_painted(labels)] == [first]  # as found, and yet painted
    draw(hand, labels, second, Label.LIVER)
    draw(hand, labels, second, Label.TUMOR)
    assert [one.box for one in hand.find_painted(labels)] == [first]
    again = HandEdits.from_json(json.loads(json.dumps(hand.to_json())), SHAPE)
    assert [one.box for one in again.find_painted(labels)] == [first]


def test_lesions_that_are_ruled_out_are_no_edits() -> None:
    result = np.full(SHAPE, Label.LIVER, np.uint8, order="F")
    lesion = Box.from_bounds((30, 10, 10), (34, 14, 14))  # in two blocks
    result[lesion] = Label.TUMOR
    mark = LesionMark(Verdict.RULED_OUT, "cyst", lesion.start, result[lesion].copy())
    labels, hand = labels_of(result.copy(order="F"), (mark,)), HandEdits()
    take_out(labels.voxels, mark)
    assert not hand.has_any(labels)
    draw(hand, labels, Box.from_bounds((29, 9, 9), (31, 11, 11)), Label.VESSEL)
    assert hand.volumes(labels) == {  # 7 voxels of liver and one of the lesion
        Label.VESSEL: EditedVolume(pytest.approx(0.008), 0),
        Label.TUMOR: EditedVolume(0, pytest.approx(0.001)),
    }
    painted = hand.find_painted(labels)
    assert sum(np.count_nonzero(one.mask) for one in painted) == 8
    assert np.array_equal(hand.result_of(labels).voxels, result)
    labels = labels_of(labels.voxels, ())  # included again, and brought back
    labels.voxels[lesion][labels.voxels[lesion] == Label.LIVER] = Label.TUMOR
    assert hand.volumes(labels)[Label.TUMOR].removed_ml == pytest.approx(0.001)


def test_only_blocks_that_were_edited_are_kept() -> None:
    labels, hand = labels_of(np.zeros((512, 512, 64), np.uint8, order="F")), HandEdits()
    draw(hand, labels, Box.from_bounds((40, 40, 40), (44, 44, 44)), Label.TUMOR)
    found = hand.slice_of(labels, 2, 41)
    assert found is not None
    assert found[0].shape == (BLOCK_SIDE, BLOCK_SIDE, 1)
    assert hand.slice_of(labels, 2, 10) is None
    [one] = hand.find_painted(labels)
    assert one.box == Box.from_bounds((40, 40, 40), (44, 44, 44))


@pytest.mark.parametrize(
    "damage",
    [
        {"first_voxel_ras": [0, 0, 1]},
        {"first_voxel_ras": [64, 0, 0]},
        {"first_voxel_ras": [0, 0]},
        {"first_voxel_ras": None},
        {"result_zlib_base64": "AAAA"},
        {"result_zlib_base64": 3},
        {"held_zlib_base64": "eJwDAAAAAAE="},
    ],
)
def test_blocks_that_cannot_be_are_refused(damage: dict[str, object]) -> None:
    labels, hand = labels_of(np.zeros(SHAPE, np.uint8)), HandEdits()
    draw(hand, labels, Box.from_bounds((1, 1, 1), (3, 3, 3)), Label.TUMOR)
    [block] = hand.to_json()
    with pytest.raises((KeyError, TypeError, ValueError, zlib.error)):
        HandEdits.from_json([{**block, **damage}], SHAPE)
    with pytest.raises(KeyError):
        HandEdits.from_json([{}], SHAPE)


def test_volumes_of_before_are_added_to_those_of_now() -> None:
    earlier = {Label.TUMOR: EditedVolume(2.0, 0.5)}
    labels, hand = replace(labels_of(np.full(SHAPE, 1, np.uint8)), edited=earlier), HandEdits()
    assert hand.volumes(labels) == earlier
    assert not hand.has_any(labels)
    draw(hand, labels, Box.from_bounds((0, 0, 0), (10, 10, 10)), Label.TUMOR)
    assert hand.volumes(labels) == {Label.TUMOR: EditedVolume(pytest.approx(3.0), 0.5)}
