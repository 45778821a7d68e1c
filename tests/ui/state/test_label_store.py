"""The label store: every change goes through it, and jobs see what they were given."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.ui.state.label_changes import LabelChange, LabelSource, LabelState
from liverview.ui.state.label_store import LabelStore

SHAPE = (9, 8, 7)
BOX = Box.from_bounds((2, 3, 4), (5, 6, 7))


@pytest.fixture
def store() -> LabelStore:
    made = LabelStore()
    made.reset(Volume(np.zeros(SHAPE, np.int16), np.eye(4)))
    return made


def voxels_of(store: LabelStore) -> np.ndarray:
    assert store.labels is not None
    return store.labels.voxels


def segment(store: LabelStore, value: int, *, complete: bool = True) -> None:
    store.begin_segmentation("cpu")
    slab = np.zeros((*SHAPE[:2], 3), np.uint8)
    slab[1:4, 2:5] = value
    store.merge_slab(Slab(2, slab, label_bbox=(slice(1, 4), slice(2, 5))))
    store.end_segmentation(complete=complete)


def counted(store: LabelStore, label: Label) -> float:
    values = (label,) if label is not Label.LIVER else tuple(range(1, 4))
    return float(np.isin(voxels_of(store), values).sum()) / 1000


def assert_true(store: LabelStore) -> None:
    """Counts and box are those of the array."""
    for label in (Label.LIVER, Label.VESSEL, Label.TUMOR):
        assert store.volume_ml(label) == pytest.approx(counted(store, label))
    outside = voxels_of(store).copy()
    if store.label_bbox is not None:
        outside[store.label_bbox] = 0
    assert not outside.any()


def test_an_edit_changes_voxels_counts_box_and_version(store: LabelStore) -> None:
    boxes: list[Box] = []
    store.changed.connect(boxes.append)
    version = store.version
    with store.edit(BOX, "brush, tumor") as voxels:
        voxels[1, 1, :] = Label.TUMOR
        voxels[0, 0, 0] = Label.VESSEL
    assert boxes == [BOX]
    assert store.version > version
    assert store.modified
    assert store.state is LabelState.COMPLETE
    assert store.label_at((3, 4, 5)) is Label.TUMOR
    assert_true(store)
    with store.edit(Box.of_shape(SHAPE), "erase") as voxels:
        voxels[...] = 0
    assert_true(store)
    assert not voxels_of(store).any()


def test_an_edit_that_fails_or_does_nothing_leaves_everything_as_it_was(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    store.mark_saved()
    before, boxes = voxels_of(store).copy(), []
    store.changed.connect(boxes.append)

    def fail() -> None:
        with store.edit(BOX, "brush") as voxels:
            voxels[...] = Label.TUMOR
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.edit(BOX, "brush") as voxels:
        voxels[...] = voxels.copy()
    assert np.array_equal(voxels_of(store), before)
    assert boxes == []
    assert not store.modified
    assert_true(store)


def test_two_edits_are_never_open_at_once(store: LabelStore) -> None:
    with store.edit(BOX, "brush"), pytest.raises(RuntimeError, match="lasso"):
        store.edit(BOX, "lasso").__enter__()


@pytest.mark.parametrize("change", ["edit", "slab"])
def test_a_snapshot_never_changes(store: LabelStore, change: str) -> None:
    segment(store, Label.LIVER)
    lent = store.snapshot()
    before = lent.voxels.copy()
    if change == "edit":
        with store.edit(BOX, "brush") as voxels:
            voxels[...] = Label.TUMOR
    else:
        segment(store, Label.TUMOR)
    assert np.array_equal(lent.voxels, before)
    assert not np.array_equal(voxels_of(store), before)
    assert_true(store)


def test_nothing_is_copied_while_nobody_reads(store: LabelStore) -> None:
    lent = store.snapshot()
    with store.edit(BOX, "brush") as voxels:
        voxels[0] = Label.LIVER
    own = voxels_of(store)
    assert not np.shares_memory(own, lent.voxels)
    with store.edit(BOX, "brush") as voxels:  # the copy belongs to nobody else
        voxels[1] = Label.LIVER
    assert voxels_of(store) is own
    ended = store.snapshot()
    del ended
    gc.collect()
    with store.edit(BOX, "brush") as voxels:
        voxels[2] = Label.LIVER
    assert voxels_of(store) is own


def test_a_snapshot_from_before_a_segmentation_outlives_its_return(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    lent, before = store.snapshot(), voxels_of(store).copy()
    segment(store, Label.TUMOR, complete=False)
    store.drop_unfinished_labels()  # the array that was lent is the store's again
    with store.edit(BOX, "brush") as voxels:
        voxels[...] = Label.VESSEL
    assert np.array_equal(lent.voxels, before)
    assert_true(store)


def test_states_and_sources_follow_the_labels(store: LabelStore) -> None:
    assert store.state is LabelState.NONE
    assert not store.can_be_saved
    store.open_labels(LabelMap(np.ones(SHAPE, np.uint8), np.eye(4)), "drawn.nii.gz")
    assert store.source == LabelSource(file="drawn.nii.gz")
    assert store.state is LabelState.COMPLETE
    opened, result = voxels_of(store).copy(), store.result
    segment(store, Label.TUMOR, complete=False)
    assert store.state is LabelState.PARTIAL
    assert store.can_be_saved
    assert store.source == LabelSource(device="cpu")
    assert store.result != result
    store.drop_unfinished_labels()
    assert store.source == LabelSource(file="drawn.nii.gz")
    assert store.result == result
    assert store.state is LabelState.COMPLETE
    assert np.array_equal(voxels_of(store), opened)
    assert_true(store)


def test_only_the_version_that_was_saved_counts_as_saved(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    version = store.version
    with store.edit(BOX, "brush") as voxels:
        voxels[...] = Label.TUMOR
    store.mark_saved(version)
    assert store.modified
    store.mark_saved(store.version)
    assert not store.modified


def test_hooks_can_undo_every_change_to_the_bit(store: LabelStore) -> None:
    """A history of boxes is enough to go back, step by step, over edits, files, segmentations."""
    rng = np.random.default_rng(5)
    changes: list[LabelChange] = []
    store.add_history(changes.append)
    states, versions = [voxels_of(store).copy()], []

    def remember() -> None:
        states.append(voxels_of(store).copy())
        versions.append(store.version)

    for number in range(40):
        kind = rng.integers(6)
        if kind == 0:
            segment(store, int(rng.integers(1, 4)))
        elif kind == 1:
            other = rng.integers(0, 4, SHAPE, np.uint8)
            store.open_labels(LabelMap(np.asfortranarray(other), np.eye(4)))
        elif kind == 5:
            segment(store, int(rng.integers(1, 4)), complete=False)
            remember()
            store.drop_unfinished_labels()
        elif kind == 2:
            voxels = np.zeros(SHAPE, np.uint8)
            voxels[BOX] = rng.integers(0, 4, BOX.shape)
            store.replace_labels(LabelMap(voxels, np.eye(4)), BOX, "thresholds")
        else:
            start = rng.integers(0, 5, 3)
            box = Box.from_bounds(start, start + 2)
            with store.edit(box, f"brush {number}") as block:
                block[...] = rng.integers(0, 4, block.shape)
        if len(changes) == len(states):
            remember()
        assert len(changes) == len(states) - 1
        assert_true(store)
    assert len(changes) > 30
    assert [change.version for change in changes] == versions
    now = voxels_of(store).copy()
    for change, before in zip(reversed(changes), reversed(states[:-1]), strict=True):
        now[change.box] = change.before
        assert np.array_equal(now, before)


def test_labels_that_were_dropped_are_a_change_as_well(store: LabelStore) -> None:
    names: list[str] = []
    store.add_history(lambda change: names.append(change.name))
    segment(store, Label.LIVER)
    segment(store, Label.TUMOR, complete=False)
    store.drop_unfinished_labels()
    assert names == ["segmentation", "segmentation", "drop unfinished labels"]


def test_a_later_slab_clears_what_lies_beyond_its_box(store: LabelStore) -> None:
    store.begin_segmentation()
    slab = np.zeros((*SHAPE[:2], 2), np.uint8)
    slab[1:6, 1:6] = Label.LIVER
    store.merge_slab(Slab(3, slab, label_bbox=(slice(1, 6), slice(1, 6))))
    smaller = np.zeros_like(slab)
    smaller[2:3, 2:3] = Label.TUMOR
    store.merge_slab(Slab(3, smaller, label_bbox=(slice(2, 3), slice(2, 3))))
    assert np.array_equal(voxels_of(store)[:, :, 3:5], smaller)
    assert_true(store)


@pytest.mark.parametrize("how", ["open", "replace"])
def test_a_map_that_was_taken_stays_as_its_maker_has_it(store: LabelStore, how: str) -> None:
    own = LabelMap(np.ones(SHAPE, np.uint8), np.eye(4))
    if how == "open":
        store.open_labels(own)
    else:
        store.replace_labels(own, Box.of_shape(SHAPE), "thresholds")
    with store.edit(BOX, "brush") as voxels:
        voxels[...] = Label.TUMOR
    assert (own.voxels == 1).all()


def test_slabs_that_hold_nothing_leave_nothing_to_keep(store: LabelStore) -> None:
    store.begin_segmentation()
    store.merge_slab(Slab(0, np.zeros((*SHAPE[:2], 2), np.uint8)))
    assert not store.has_unfinished_labels
    store.end_segmentation(complete=False)
    assert store.state is LabelState.NONE


def test_an_edit_is_alone_and_stays_inside(store: LabelStore) -> None:
    with (
        store.edit(BOX, "brush"),
        pytest.raises(RuntimeError, match="another edit"),
        store.edit(BOX, "lasso"),
    ):
        pass
    for start, stop in (((-1, 0, 0), (2, 2, 2)), ((0, 0, 0), (2, 2, 8))):
        with (
            pytest.raises(ValueError, match="beyond"),
            store.edit(Box.from_bounds(start, stop), "x"),
        ):
            pass
    with store.edit(BOX, "brush"):
        pass


def test_a_save_counts_where_a_segmentation_came_and_went_meanwhile(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    version = store.version
    segment(store, Label.TUMOR, complete=False)
    store.drop_unfinished_labels()
    store.mark_saved(version)
    assert not store.modified
    with store.edit(BOX, "brush") as voxels:
        voxels[...] = Label.VESSEL
    assert store.version not in (version, version + 1)
    store.mark_saved(version)
    assert store.modified
