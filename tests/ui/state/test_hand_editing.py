"""Edits by hand in the label store, against a model of whole arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.edited_volume import EditedVolume
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.ui.state.hand_edits import MEANWHILE, Edited, HandEditing
from liverview.ui.state.label_changes import LabelChange, LabelState
from liverview.ui.state.label_store import LabelStore

SHAPE = (36, 5, 6)
WHOLE = Box.of_shape(SHAPE)
BOX = Box.from_bounds((30, 1, 1), (34, 4, 4))  # in two blocks

Voxels = NDArray[np.uint8]
State: TypeAlias = tuple[Voxels, Voxels]  # labels, and the result beneath


@pytest.fixture
def store() -> LabelStore:
    return make_store()


def make_store() -> LabelStore:
    made = LabelStore()
    made.reset(Volume(np.zeros(SHAPE, np.int16), np.eye(4)))
    return made


def voxels_of(store: LabelStore) -> Voxels:
    assert store.labels is not None
    return store.labels.voxels


def volumes_of(store: LabelStore) -> dict[Label, EditedVolume]:
    assert store.labels is not None
    return store.hand.volumes(store.labels)


def paint(store: LabelStore, box: Box, label: int) -> None:
    with store.edit(box, "brush") as voxels:
        voxels[...] = label


def merge(store: LabelStore, value: int, start: int = 0, stop: int = SHAPE[2]) -> None:
    labels = np.full((*SHAPE[:2], stop - start), value, np.uint8)
    store.merge_slab(Slab(start, labels))


def segment(store: LabelStore, value: int, *, keep_edits: bool = False) -> None:
    store.begin_segmentation("cpu", keep_edits=keep_edits)
    merge(store, value)
    store.end_segmentation(complete=True)


def test_a_new_run_keeps_edits_or_starts_over(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    paint(store, BOX, Label.TUMOR)
    erased = Box.from_bounds((0, 0, 0), (2, 2, 2))
    paint(store, erased, 0)
    segment(store, Label.VESSEL, keep_edits=True)
    expected = np.full(SHAPE, Label.VESSEL, np.uint8)
    expected[BOX], expected[erased] = Label.TUMOR, 0
    assert np.array_equal(voxels_of(store), expected)
    assert volumes_of(store) == {
        Label.LIVER: EditedVolume(0, pytest.approx(0.008)),
        Label.VESSEL: EditedVolume(0, pytest.approx(0.044)),
        Label.TUMOR: EditedVolume(pytest.approx(0.036), 0),
    }
    segment(store, Label.TUMOR, keep_edits=True)  # where the network agrees, nothing is marked
    assert volumes_of(store) == {
        Label.LIVER: EditedVolume(0, pytest.approx(0.008)),
        Label.TUMOR: EditedVolume(0, pytest.approx(0.008)),
    }
    segment(store, Label.LIVER)
    assert (voxels_of(store) == Label.LIVER).all()
    assert volumes_of(store) == {}


def test_kept_edits_are_there_before_the_first_slab(store: LabelStore) -> None:
    paint(store, BOX, Label.TUMOR)
    store.begin_segmentation("cpu", keep_edits=True)
    assert (voxels_of(store)[BOX] == Label.TUMOR).all()
    assert np.count_nonzero(voxels_of(store)) == 36
    assert store.volume_ml(Label.TUMOR) == pytest.approx(0.036)
    merge(store, Label.LIVER, 2, 4)
    assert (voxels_of(store)[BOX] == Label.TUMOR).all()
    store.end_segmentation(complete=False)
    store.drop_unfinished_labels()
    assert np.count_nonzero(voxels_of(store)) == 36


def test_an_edit_wins_over_slabs_that_come_later(store: LabelStore) -> None:
    messages: list[str] = []
    editing = HandEditing(store)
    editing.message.connect(messages.append)
    for _ in range(2):  # told once in each run
        store.begin_segmentation("cpu")
        merge(store, Label.LIVER)
        paint(store, BOX, Label.TUMOR)
        paint(store, Box.from_bounds((30, 1, 1), (31, 4, 4)), 0)
        merge(store, Label.LIVER, 1, 5)  # a second look
        merge(store, Label.VESSEL, 0, 6)  # and the clean-up
        store.end_segmentation(complete=True)
    assert messages == [MEANWHILE] * 2
    expected = np.full(SHAPE, Label.VESSEL, np.uint8)
    expected[BOX] = Label.TUMOR
    expected[30, 1:4, 1:4] = 0
    assert np.array_equal(voxels_of(store), expected)
    assert store.state is LabelState.COMPLETE
    assert store.modified


@pytest.mark.parametrize("found", [True, False])
def test_edits_outlive_a_segmentation_that_is_dropped(store: LabelStore, found: bool) -> None:
    segment(store, Label.LIVER)
    store.mark_saved()
    store.begin_segmentation("cpu")
    if found:
        merge(store, Label.VESSEL)
    paint(store, BOX, Label.TUMOR)
    store.end_segmentation(complete=False)  # one that found nothing goes by itself
    if found:
        assert store.has_unfinished_labels
        store.drop_unfinished_labels()
    expected = np.full(SHAPE, Label.LIVER, np.uint8)
    expected[BOX] = Label.TUMOR
    assert np.array_equal(voxels_of(store), expected)
    assert store.state is LabelState.COMPLETE
    assert store.modified
    assert volumes_of(store) == {Label.TUMOR: EditedVolume(pytest.approx(0.036), 0)}


def test_what_was_painted_as_it_was_found_outlives_the_segmentation_too(store: LabelStore) -> None:
    store.begin_segmentation("cpu")
    paint(store, BOX, Label.TUMOR)
    merge(store, Label.TUMOR)
    store.end_segmentation(complete=False)
    store.drop_unfinished_labels()
    assert np.count_nonzero(voxels_of(store)) == 36


def test_edits_stay_over_other_thresholds(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    paint(store, BOX, Label.TUMOR)
    other = np.full(SHAPE, Label.VESSEL, np.uint8, order="F")
    given = LabelMap(other, np.eye(4))
    store.replace_labels(given, WHOLE, "thresholds")
    assert (other == Label.VESSEL).all()
    assert (voxels_of(store)[BOX] == Label.TUMOR).all()
    assert np.count_nonzero(voxels_of(store) == Label.VESSEL) == np.prod(SHAPE) - 36
    paint(store, BOX, Label.VESSEL)
    assert volumes_of(store) == {}


def test_the_labels_of_a_file_are_a_result_and_say_what_was_edited_before(
    store: LabelStore,
) -> None:
    earlier = {Label.TUMOR: EditedVolume(1.5, 0.25)}
    labels = LabelMap(np.full(SHAPE, 1, np.uint8), np.eye(4), edited=earlier)
    store.open_labels(labels, "labels.nii.gz")
    assert store.snapshot().edited == earlier
    paint(store, BOX, Label.TUMOR)
    expected = {Label.TUMOR: EditedVolume(pytest.approx(1.536), 0.25)}
    assert store.snapshot().edited == expected
    store.begin_segmentation("cpu")
    store.end_segmentation(complete=False)  # comes back, counted once
    assert store.snapshot().edited == expected
    segment(store, Label.LIVER, keep_edits=True)
    assert store.snapshot().edited == {Label.TUMOR: EditedVolume(pytest.approx(0.036), 0)}


def test_a_run_with_edits_is_two_steps_to_undo(store: LabelStore) -> None:
    changes: list[tuple[LabelChange, Voxels]] = []
    store.add_history(lambda change: changes.append((change, voxels_of(store).copy())))
    segment(store, Label.LIVER)
    store.begin_segmentation("cpu")
    paint(store, BOX, Label.TUMOR)
    merge(store, Label.VESSEL)
    store.end_segmentation(complete=True)
    assert [change.name for change, _ in changes] == ["segmentation", "segmentation", "edits kept"]
    after = np.zeros(SHAPE, np.uint8)
    for change, now in changes:  # each begins where the one before ended
        expected = after.copy()
        expected[change.box] = change.before
        assert np.array_equal(expected, after)
        after = now
    assert np.array_equal(after, voxels_of(store))
    assert (changes[1][1] == Label.VESSEL).all()  # the network's own labels, between the two


def test_views_get_what_was_edited_in_a_slice(store: LabelStore) -> None:
    segment(store, Label.LIVER)
    editing = HandEditing(store)
    paint(store, BOX, Label.TUMOR)
    paint(store, Box.from_bounds((0, 0, 2), (3, 2, 3)), 0)
    with store.edit(WHOLE, "brush") as voxels:
        voxels[20, 0, 2] = Label.VESSEL
    found = editing.slice_of(Plane.AXIAL, 2)
    assert found is not None
    ways, box = found
    expected = np.zeros((SHAPE[1], SHAPE[0]), np.uint8)
    expected[1:4, 30:34], expected[:2, :3], expected[0, 20] = Edited.ADDED, Edited.REMOVED, 1
    assert np.array_equal(ways, expected[box.j, box.i])
    assert not np.delete(expected, np.arange(SHAPE[0])[box.i], axis=1).any()
    assert editing.slice_of(Plane.AXIAL, 5) is None
    with store.edit(WHOLE, "undo") as voxels:
        voxels[...] = Label.LIVER
    editing.refresh()
    assert editing.slice_of(Plane.AXIAL, 2) is None
    assert not editing.there


def test_a_label_in_place_of_another_is_neither_added_nor_removed(store: LabelStore) -> None:
    segment(store, Label.TUMOR)
    paint(store, BOX, Label.VESSEL)
    found = HandEditing(store).slice_of(Plane.SAGITTAL, 31)
    assert found is not None
    assert set(found[0].ravel().tolist()) == {0, Edited.OTHER}


class Editing(RuleBasedStateMachine):
    """A person and networks at work on one scan; whole arrays say what has to be there."""

    def __init__(self) -> None:
        super().__init__()
        self.store = make_store()
        self.now = np.zeros(SHAPE, np.uint8)
        self.result = np.zeros(SHAPE, np.uint8)
        self.mine = np.zeros(SHAPE, bool)  # in a segmentation that has not ended
        self.before: State | None = None
        self.steps: list[tuple[State, State]] = []
        self.done = 0
        self.stopped = False

    def step(self, old: State) -> None:
        """A step that can be undone has led from a state to that of now."""
        self.steps = [*self.steps[: self.done], (old, (self.now, self.result))]
        self.done += 1

    @rule(seed=st.integers(0, 999), label=st.integers(0, 3))
    def edit(self, seed: int, label: int) -> None:
        random = np.random.default_rng(seed)
        a, b = np.sort([random.integers(0, n + 1, 2) for n in SHAPE], axis=1).T
        box = Box.from_bounds(a, b)
        where = random.random(box.shape) < 0.5
        with self.store.edit(box, "brush") as voxels:
            voxels[where] = label
        old, self.now = self.now, self.now.copy()
        self.now[box][where] = label
        changed = self.now != old
        if self.store.segmenting:
            self.mine = self.mine | changed
        elif changed.any():
            self.mine = np.where(changed, self.now != self.result, self.mine)
            self.step((old, self.result))

    @precondition(lambda self: not self.store.segmenting and not self.stopped)
    @rule(to=st.integers(0, 40))
    def jump(self, to: int) -> None:
        """Undo steps, or do them again."""
        to = min(to, len(self.steps))
        self.store.history.jump(to)
        for number in range(self.done, to):
            self.now, self.result = self.steps[number][1]
        for number in range(self.done, to, -1):
            self.now, self.result = self.steps[number - 1][0]
        self.done, self.mine = to, self.now != self.result

    @precondition(lambda self: not self.store.segmenting)
    @rule(keep=st.booleans())
    def begin(self, keep: bool) -> None:
        self.store.begin_segmentation("cpu", keep_edits=keep)
        self.before = self.now, self.result
        self.mine = (self.mine | (self.now != self.result)) & keep
        self.now = np.where(self.mine, self.now, 0).astype(np.uint8)
        self.result = np.zeros(SHAPE, np.uint8)
        self.found = False

    @precondition(lambda self: self.store.segmenting)
    @rule(seed=st.integers(0, 999), start=st.integers(0, 5), count=st.integers(1, 6))
    def merge(self, seed: int, start: int, count: int) -> None:
        stop = min(start + count, SHAPE[2])
        random = np.random.default_rng(seed)
        labels = random.integers(0, 4, (*SHAPE[:2], stop - start)).astype(np.uint8)
        self.store.merge_slab(Slab(start, labels))
        self.result[:, :, start:stop] = labels
        self.now = np.where(self.mine, self.now, self.result).astype(np.uint8)
        self.found |= bool(labels.any())

    @precondition(lambda self: self.store.segmenting)
    @rule()
    def complete(self) -> None:
        self.store.end_segmentation(complete=True)
        self._end_of_segmentation()
        self.before, self.mine = None, np.zeros(SHAPE, bool)

    def _end_of_segmentation(self) -> None:
        """Two steps, of which the first has the network's own labels."""
        now, self.now = self.now, self.result
        assert self.before is not None
        self.step(self.before)
        self.now = now
        if (self.now != self.result).any():
            self.step((self.result, self.result))

    @precondition(lambda self: self.store.segmenting)
    @rule()
    def stop(self) -> None:
        self.store.end_segmentation(complete=False)
        self.stopped = True
        if self.found:
            self._end_of_segmentation()
        else:
            self._go_back()
            if (self.now != self._now_before).any():
                self.step((self._now_before, self.result))

    @precondition(lambda self: self.before is not None and not self.store.segmenting)
    @rule()
    def drop(self) -> None:
        old = self.now, self.result
        self.store.drop_unfinished_labels()
        self._go_back()
        self.step(old)

    def _go_back(self) -> None:
        assert self.before is not None
        mine = self.mine | (self.now != self.result)
        now, self.result = self.before
        self._now_before = now
        self.now = np.where(mine, self.now, now).astype(np.uint8)
        self.before, self.mine = None, np.zeros(SHAPE, bool)

    @precondition(lambda self: not self.store.segmenting and self.before is None)
    @rule(seed=st.integers(0, 999), opened=st.booleans())
    def replace(self, seed: int, opened: bool) -> None:
        old = self.now, self.result
        voxels = np.random.default_rng(seed).integers(0, 4, SHAPE).astype(np.uint8)
        labels = LabelMap(voxels.copy(), np.eye(4))
        mine = self.now != self.result
        if opened:
            self.store.open_labels(labels, "labels.nii")
            mine[...] = False
        else:
            self.store.replace_labels(labels, WHOLE, "thresholds")
        assert np.array_equal(labels.voxels, voxels)
        self.result, self.mine = voxels, np.zeros(SHAPE, bool)
        self.now = np.where(mine, self.now, voxels).astype(np.uint8)
        self.step(old)

    @invariant()
    def all_is_as_it_has_to_be(self) -> None:
        store = self.store
        assert store.labels is not None
        assert np.array_equal(voxels_of(store), self.now)
        assert len(store.history.steps()) == len(self.steps)
        assert store.history.position == self.done
        assert np.array_equal(store.hand.result_of(store.labels).voxels, self.result)
        expected = {
            label: tuple(np.count_nonzero(change) / 1000 for change in (is_ & ~was, was & ~is_))
            for label, values in zip(FOREGROUND, ((1, 2, 3), (2,), (3,)), strict=True)
            for was, is_ in [(np.isin(self.result, values), np.isin(self.now, values))]
        }
        known = store.hand.volumes(store.labels)
        for label, volumes in expected.items():
            assert known.get(label, (0, 0)) == pytest.approx(volumes)
        for label in (Label.VESSEL, Label.TUMOR):
            counted = np.count_nonzero(self.now == label) / 1000
            assert store.volume_ml(label) == pytest.approx(counted)


Editing.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestEditing = Editing.TestCase
