"""Candidates for lesions in the labels: more or fewer of them, beneath what a person does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, LesionCandidates
from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.editing.beneath import find_edited
from liverview.files.candidate_record import candidates_content, read_candidates
from liverview.ui.state.label_store import LabelStore
from liverview.ui.state.lesion_review import LesionReview

from support.candidates import SHAPE, found_candidates, labels_from

LIVER, VESSEL, TUMOR = (int(x) for x in (Label.LIVER, Label.VESSEL, Label.TUMOR))


@pytest.fixture
def store() -> LabelStore:
    """A store whose labels a segmentation with candidates has made."""
    made = LabelStore()
    made.reset(Volume(np.zeros(SHAPE, np.int16), np.diag([1.5, 2.0, 3.0, 1.0])))
    segment(made, found_candidates())
    return made


def segment(store: LabelStore, found: LesionCandidates, *, keep_edits: bool = False) -> None:
    store.begin_segmentation(keep_edits=keep_edits)
    store.merge_slab(Slab(0, labels_from(found, found.least_certainty)))
    store.take_candidates(found)
    store.end_segmentation(complete=True)


def voxels_of(store: LabelStore) -> np.ndarray:
    assert store.labels is not None
    return store.labels.voxels


def tumors_at(store: LabelStore, least: float) -> np.ndarray:
    store.set_least_certainty(least)
    return voxels_of(store).copy()


def test_every_setting_has_the_labels_of_its_candidates(store: LabelStore) -> None:
    found = found_candidates()
    for least in (0.5, 0.0, 1.0, 0.31, 0.3, 0.9, 0.5, 0.05, 0.5):
        assert np.array_equal(tumors_at(store, least), labels_from(found, least)), least
    assert store.volume_ml(Label.TUMOR) == pytest.approx(
        np.count_nonzero(labels_from(found, 0.5) == TUMOR) * 9e-3
    )


def test_only_the_boxes_of_what_appears_are_touched(store: LabelStore) -> None:
    boxes: list[Box] = []
    store.changed.connect(boxes.append)
    store.set_least_certainty(0.25)
    parts = found_candidates().parts
    assert boxes == [part.box for part in parts if 0.25 <= part.certainty < 0.5]
    store.set_least_certainty(0.25)
    assert len(boxes) == 1


def test_edits_win_and_come_back_to_the_bit(store: LabelStore) -> None:
    """Painted over what is there, over what is not, with what it would be, and beside it."""
    parts = found_candidates().parts
    for index, label in ((0, VESSEL), (1, LIVER), (2, TUMOR), (3, 0), (3, VESSEL)):
        box = parts[index].box
        half = Box(slice(box.i.start - 1, (box.i.start + box.i.stop) // 2), box.j, box.k)
        with store.edit(half, "brush") as voxels:
            voxels[...] = label
    painted = find_edited(store.hand, Box.of_shape(SHAPE), store.labels)  # type: ignore[arg-type]
    before = voxels_of(store).copy()
    for least in (0.0, 1.0, 0.5):
        now = tumors_at(store, least)
        expected = np.where(painted, before, labels_from(found_candidates(), least))
        assert np.array_equal(now, expected)
    assert np.array_equal(voxels_of(store), before)
    volumes = store.hand.volumes(store.labels)  # type: ignore[arg-type]
    for _ in range(3):
        store.history.undo()
    assert np.array_equal(voxels_of(store), before)
    assert store.hand.volumes(store.labels) == volumes  # type: ignore[arg-type]
    while store.history.can_undo and store.history.undo_name == "brush":
        store.history.undo()
    assert np.array_equal(voxels_of(store), labels_from(found_candidates(), 0.5))
    assert not store.hand.has_any(store.labels)  # type: ignore[arg-type]


def test_each_setting_is_a_step_and_joined_ones_are_one(store: LabelStore) -> None:
    first = voxels_of(store).copy()
    store.set_least_certainty(0.9)
    for least in (0.7, 0.3, 0.1):
        store.set_least_certainty(least, follows=True)
    last = voxels_of(store).copy()
    assert not np.array_equal(first, last)
    store.history.undo()
    assert np.array_equal(voxels_of(store), first)
    assert store.labels is not None
    assert store.labels.least_certainty == 0.5
    store.history.redo()
    assert np.array_equal(voxels_of(store), last)
    assert store.labels.least_certainty == 0.1
    assert not store.hand.has_any(store.labels)


def test_what_a_person_spoke_of_stays_at_every_setting(store: LabelStore) -> None:
    review, parts = LesionReview(store), found_candidates().parts
    review.judge(parts[3], Verdict.ACCEPTED)  # that was not shown
    review.judge(parts[0], Verdict.RULED_OUT, "Not a lesion")  # that was
    review.judge(parts[4], Verdict.RULED_OUT, "Not a lesion")  # that was not, beside the liver
    for least in (0.5, 0.0, 1.0, 0.5):
        expected = labels_from(found_candidates(), least)
        expected[parts[3].box][parts[3].mask] = TUMOR
        for index in (0, 4):
            part = parts[index]
            expected[part.box][part.mask] = part.otherwise[part.mask]
        assert np.array_equal(tumors_at(store, least), expected)
    assert not store.hand.has_any(store.labels)  # type: ignore[arg-type]
    while store.history.undo_name == "sure lesions":
        store.history.undo()
    review.take_back(*review.in_force)
    assert np.array_equal(voxels_of(store), labels_from(found_candidates(), 0.5))
    store.history.undo()
    for _ in range(3):
        store.history.undo()
    assert np.array_equal(voxels_of(store), labels_from(found_candidates(), 0.5))
    assert review.remembered == ()


def test_a_part_that_is_painted_over_is_not_accepted_away(store: LabelStore) -> None:
    review, part = LesionReview(store), found_candidates().parts[3]
    with store.edit(part.box, "brush") as voxels:
        voxels[...] = VESSEL
    before = voxels_of(store).copy()
    review.judge(part, Verdict.ACCEPTED)
    assert review.in_force == ()
    assert np.array_equal(voxels_of(store), before)


def test_a_new_run_brings_its_own_and_undo_those_of_before(store: LabelStore) -> None:
    first = found_candidates()
    other = LesionCandidates(first.parts[1:3], 0.5)
    store.set_least_certainty(0.0)
    segment(store, other)
    assert store.labels is not None
    assert store.labels.candidates == other.parts
    assert store.labels.least_certainty == 0.5
    store.history.undo()
    assert [part.certainty for part in store.labels.candidates] == [
        part.certainty for part in first.parts
    ]
    assert store.labels.least_certainty == 0.0
    assert np.array_equal(tumors_at(store, 1.0), labels_from(first, 1.0))


def test_labels_of_a_file_have_none_and_no_setting_moves_them(store: LabelStore) -> None:
    assert store.labels is not None
    voxels = voxels_of(store).copy(order="F")
    from liverview.core.volume import LabelMap

    store.open_labels(LabelMap(voxels, store.labels.affine), "seg.nii.gz")
    store.set_least_certainty(0.0)
    assert store.shown_candidates == frozenset()
    assert np.array_equal(voxels_of(store), voxels)
    assert not store.modified


def test_a_history_of_a_file_moves_candidates_as_well(store: LabelStore) -> None:
    review, parts = LesionReview(store), found_candidates().parts
    review.judge(parts[4], Verdict.RULED_OUT, "Not a lesion")
    store.set_least_certainty(0.0)
    kept, voxels = store.history.dump(), voxels_of(store).copy()
    store.history.load(kept)
    store.history.undo()
    store.history.undo()
    assert np.array_equal(voxels_of(store), labels_from(found_candidates(), 0.5))
    store.history.redo()
    store.history.redo()
    assert np.array_equal(voxels_of(store), voxels)


def test_candidates_as_json_are_the_same_to_the_bit() -> None:
    parts = found_candidates().parts
    text = json.dumps(candidates_content(parts))
    for one, other in zip(read_candidates(json.loads(text), SHAPE), parts, strict=True):
        assert (one.box, one.certainty) == (other.box, other.certainty)
        assert np.array_equal(one.mask, other.mask)
        assert np.array_equal(one.otherwise[one.mask], other.otherwise[other.mask])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("certainty", 1.5),
        ("certainty", None),
        ("first_voxel_ras", [0, 0]),
        ("first_voxel_ras", [0, 0, 23]),
        ("shape_voxels", [0, 1, 1]),
        ("shape_voxels", ["x", 1, 1]),
        ("mask_zlib_base64", "AAAA"),
        ("otherwise_zlib_base64", 7),
    ],
)
def test_damaged_candidates_are_refused(key: str, value: object) -> None:
    from liverview.files.candidate_record import DAMAGED

    [item, *_] = candidates_content(found_candidates().parts)
    with pytest.raises(DAMAGED):
        read_candidates([{**item, key: value}], SHAPE)


def test_a_candidate_has_a_voxel_inside_and_a_count() -> None:
    mask = np.zeros((3, 3, 2), bool)
    mask[0, :, 1] = mask[:, 0, 1] = True
    box = Box.from_bounds((4, 5, 6), (7, 8, 8))
    part = LesionCandidate(box, mask, np.ones((3, 3, 2), np.uint8), 0.4)
    assert part.voxel_count == 5
    assert part.contains(part.inside)
    assert not part.contains((6, 7, 7))
    assert not part.contains((0, 0, 0))
