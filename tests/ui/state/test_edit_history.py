"""Undo and redo of labels, verdicts and measurements: exact, in one order, whatever is between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PySide6.QtCore import QSettings

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.editing.differences import HistoryError
from liverview.editing.history import History
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.state import label_facts
from liverview.ui.state.edit_history import EditHistory
from liverview.ui.state.label_changes import LabelSource, LabelState
from liverview.ui.state.label_store import LabelStore
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.state.session import Session

SHAPE = (9, 8, 7)
BOX = Box.from_bounds((2, 3, 4), (5, 6, 7))
WHOLE = Box.of_shape(SHAPE)
BUDGET = 12_000


def new_session() -> Session:
    session = Session()
    session.open(Volume(np.zeros(SHAPE, np.int16), np.diag([2.0, 3.0, 4.0, 1.0])))
    return session


@pytest.fixture
def session() -> Session:
    return new_session()


@pytest.fixture
def store(session: Session) -> LabelStore:
    return session.store


def voxels_of(store: LabelStore) -> np.ndarray:
    assert store.labels is not None
    return store.labels.voxels


def paint(store: LabelStore, value: int, box: Box = BOX, name: str = "brush, tumor") -> None:
    with store.edit(box, name) as voxels:
        voxels[...] = value


def segment(store: LabelStore, value: int, *, complete: bool = True) -> None:
    store.begin_segmentation("cpu")
    slab = np.zeros((*SHAPE[:2], 3), np.uint8)
    slab[1:4, 2:5] = value
    store.merge_slab(Slab(2, slab, label_bbox=(slice(1, 4), slice(2, 5))))
    store.end_segmentation(complete=complete)


def known(store: LabelStore) -> dict[str, Any]:
    """All that is known of the labels, as a plain copy."""
    labels = store.labels
    assert labels is not None
    rest = {f.name: getattr(labels, f.name) for f in fields(labels)}
    ignored = rest.pop("ignored")
    return rest | {
        "voxels": labels.voxels.copy(),
        "affine": labels.affine.tolist(),
        "ignored": None if ignored is None else ignored.copy(),
        "version": store.version,
        "result": store.result,
        "has_labels": store.has_labels,
        "source of labels": store.source,
        "state": store.state,
        "ml": [store.volume_ml(label) for label in FOREGROUND],
    }


def assert_known(store: LabelStore, before: dict[str, Any]) -> None:
    now = known(store)
    for name, value in before.items():
        same = np.array_equal if isinstance(value, np.ndarray) else lambda a, b: repr(a) == repr(b)
        assert same(now[name], value), name


class EditingMachine(RuleBasedStateMachine):
    """Everything that changes labels, against whole copies of all that is known of them."""

    def __init__(self) -> None:
        super().__init__()
        self.session = new_session()
        self.store = self.session.store
        self.history = self.store.history
        self.history.core._budget = BUDGET
        self.saved = [known(self.store)]
        self.states = [self.look()]
        self.told: list[str] = []
        self.history.failed.connect(self.told.append)

    def teardown(self) -> None:
        self.history.clear()

    def look(self) -> tuple[dict[str, Any], tuple[LesionMark, ...]]:
        return known(self.store), self.session.review.remembered

    def note(self, *, after: int) -> None:
        """A step has been made at a position: those behind it are gone."""
        self.states[after + 1 :] = [self.look()]

    boxes = st.tuples(*(st.tuples(st.integers(0, n - 1), st.integers(1, n)) for n in SHAPE))
    values = st.integers(0, 3)

    @staticmethod
    def box(sides: tuple[tuple[int, int], ...]) -> Box:
        return Box(*(slice(a, max(a + 1, b)) for a, b in sides))

    @rule(sides=boxes, value=values, seed=st.none() | st.integers(0, 99))
    def edit(self, sides: Any, value: int, seed: int | None) -> None:
        position, box, before = self.history.position, self.box(sides), voxels_of(self.store).copy()
        with self.store.edit(box, "brush, tumor") as voxels:
            noise = np.random.default_rng(seed).integers(0, 4, voxels.shape, np.uint8)
            voxels[...] = value if seed is None else noise
        if not np.array_equal(voxels_of(self.store), before):
            self.note(after=position)

    @rule(pieces=st.lists(st.tuples(boxes, values), max_size=4), cancel=st.booleans())
    def stroke(self, pieces: list[Any], cancel: bool) -> None:
        position, before = self.history.position, known(self.store)
        self.history.begin_step("brush, liver")
        changed = False
        for sides, value in pieces:
            with self.store.edit(self.box(sides), "piece") as voxels:
                changed |= bool((voxels != value).any())
                voxels[...] = value
            assert not self.history.can_undo
            self.history.undo()
        if cancel:
            self.history.cancel_step()
            assert_known(self.store, before)
            return
        self.history.end_step()
        if changed:
            self.note(after=position)

    @rule(value=st.integers(1, 3), complete=st.booleans(), drop=st.booleans())
    def segment(self, value: int, complete: bool, drop: bool) -> None:
        position, before = self.history.position, known(self.store)
        segment(self.store, value, complete=complete)
        self.note(after=position)
        if drop:
            self.store.drop_unfinished_labels()
            if not complete:
                self.note(after=position + 1)
                assert_known(self.store, before)

    @rule(complete=st.booleans())
    def segment_nothing(self, complete: bool) -> None:
        position, before = self.history.position, known(self.store)
        self.store.begin_segmentation("cpu")
        self.store.merge_slab(Slab(0, np.zeros((*SHAPE[:2], 2), np.uint8)))
        self.store.end_segmentation(complete=complete)
        if complete:
            self.note(after=position)
        else:
            assert_known(self.store, before)

    @rule(seed=st.integers(0, 99), partial=st.booleans(), extras=st.booleans())
    def open_labels(self, seed: int, partial: bool, extras: bool) -> None:
        position = self.history.position
        rng = np.random.default_rng(seed)
        voxels = np.zeros(SHAPE, np.uint8)
        voxels[1:6, 2:6] = rng.integers(0, 4, (5, 4, SHAPE[2]))
        labels = LabelMap(voxels, np.diag([2.0, 3.0, 4.0, 1.0]), "theirs", partial=partial)
        if extras:
            labels = replace(
                labels,
                source=SourceGrid(SHAPE, np.array([[0, 1], [1, 1], [2, 1.0]]), "nifti", b"\1\2"),
                warnings=("odd",),
                defined=frozenset([Label.LIVER]),
                ignored=rng.random(SHAPE) > 0.8,
                made_by="somebody",
            )
        self.store.open_labels(labels, f"{seed}.nii")
        self.note(after=position)
        self.saved.append(known(self.store))

    @rule(seed=st.integers(0, 99))
    def thresholds(self, seed: int) -> None:
        position = self.history.position
        voxels = np.zeros(SHAPE, np.uint8)
        voxels[BOX] = np.random.default_rng(seed).integers(0, 4, BOX.shape)
        self.store.replace_labels(LabelMap(voxels, np.eye(4)), BOX, "thresholds")
        self.note(after=position)

    @precondition(lambda self: self.session.review.can_change)
    @rule(sides=boxes, verdict=st.sampled_from(list(Verdict)), again=st.booleans())
    def say(self, sides: Any, verdict: Verdict, again: bool) -> None:
        """A verdict on whatever tumor is in a box, or the last one taken back."""
        position, review, box = self.history.position, self.session.review, self.box(sides)
        before = review.remembered, review.in_force
        if again and review.in_force:
            review.take_back(review.in_force[-1])
        else:
            lesion = type("Part", (), {"start": box.start, "mask": np.ones(box.shape, bool)})()
            review.mark([lesion], verdict, "said")
        if (review.remembered, review.in_force) != before:
            self.note(after=position)

    @rule()
    def undo(self) -> None:
        self.go(self.history.undo, self.history.position - 1)

    @rule()
    def redo(self) -> None:
        self.go(self.history.redo, self.history.position + 1)

    @rule(where=st.floats(0, 1))
    def jump(self, where: float) -> None:
        position = round(where * (len(self.states) - 1))
        self.go(lambda: self.history.jump(position), position)

    def go(self, command: Callable[[], None], position: int) -> None:
        boxes: list[Box] = []
        self.store.changed.connect(boxes.append)
        before = voxels_of(self.store).copy()
        command()
        self.store.changed.disconnect(boxes.append)
        after = voxels_of(self.store)
        assert self.history.position == min(max(position, 0), len(self.states) - 1)
        assert len(boxes) <= 1
        for box in boxes:
            before[box] = after[box]
        assert np.array_equal(before, after)

    @rule()
    def save(self) -> None:
        if self.store.can_be_saved:
            self.store.mark_saved()
            assert not self.store.modified
            self.saved = [known(self.store)]

    @rule()
    def with_a_file(self) -> None:
        """Taken along in a file: the same steps, with numbers of their own."""
        names, position = self.history.steps(), self.history.position
        numbers = self.store.version, self.store.result
        data = self.history.dump()
        for _, (one, _) in enumerate(self.states):
            one["version"] = one["result"] = None  # others now, but for the labels as they are
        self.history.load(data)
        assert (self.history.steps(), self.history.position) == (names, position)
        assert (self.store.version, self.store.result) == numbers

    @invariant()
    def labels_are_those_of_the_model(self) -> None:
        assert len(self.states) == len(self.history.core) + 1
        state, remembered = self.states[self.history.position]
        compared = {
            k: v for k, v in state.items() if v is not None or k not in ("version", "result")
        }
        compared.pop("marks")
        assert_known(self.store, compared)
        for one, other in zip(remembered, self.session.review.remembered, strict=True):
            assert_same_mark(one, other)
        for one, other in zip(state["marks"], self.session.review.in_force, strict=True):
            assert_same_mark(one, other)
        assert self.told == []

    @invariant()
    def counts_and_box_are_those_of_the_voxels(self) -> None:
        voxels, labels = voxels_of(self.store), self.store.labels
        assert labels is not None
        family = {Label.LIVER: (1, 2, 3), Label.VESSEL: (2,), Label.TUMOR: (3,)}
        for label, values in family.items():
            counted = np.isin(voxels, values).sum() * labels.voxel_ml
            expected = counted if labels.defines(label) else np.nan
            assert self.store.volume_ml(label) == pytest.approx(expected, nan_ok=True)
        outside = voxels.copy()
        if self.store.label_bbox is not None:
            outside[self.store.label_bbox] = 0
        assert not outside.any()

    @invariant()
    def what_counts_as_saved_was_saved(self) -> None:
        if not self.store.modified and self.store.has_labels:
            now = voxels_of(self.store)
            assert any(np.array_equal(now, one["voxels"]) for one in self.saved) or not now.any()


def assert_same_mark(one: LesionMark, other: LesionMark) -> None:
    assert (one.verdict, one.reason, one.start) == (other.verdict, other.reason, other.start)
    assert np.array_equal(one.voxels, other.voxels)


EditingMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestEditing = EditingMachine.TestCase


def test_every_field_of_a_label_map_is_kept_and_written() -> None:
    """A field that is added has to be told how it is written."""
    assert set(label_facts._FIELDS) == {f.name for f in fields(LabelMap)} - {"voxels"}


def test_undo_is_named_and_ends_at_the_beginning(store: LabelStore) -> None:
    history = store.history
    assert (history.undo_name, history.can_undo, history.can_redo) == ("", False, False)
    history.undo()
    history.redo()
    paint(store, Label.TUMOR)
    paint(store, Label.LIVER, name="lasso, liver")
    assert (history.undo_name, history.redo_name) == ("lasso, liver", "")
    history.undo()
    assert (history.undo_name, history.redo_name) == ("brush, tumor", "lasso, liver")
    assert [entry.done for entry in history.steps()] == [True, False]


def test_a_new_edit_ends_what_could_be_done_again(store: LabelStore) -> None:
    for value in (1, 2, 3):
        paint(store, value)
    store.history.jump(1)
    paint(store, 2, name="lasso, vessel")
    assert [entry.name for entry in store.history.steps()] == ["brush, tumor", "lasso, vessel"]
    assert not store.history.can_redo


def test_an_undone_edit_is_unsaved_only_where_it_is(store: LabelStore) -> None:
    paint(store, 1)
    store.mark_saved()
    paint(store, 2)
    assert store.modified
    store.history.undo()
    assert not store.modified
    store.history.undo()
    assert not store.modified  # there is nothing that could be saved
    assert store.state is LabelState.NONE
    store.history.redo()
    assert not store.modified
    version = store.version
    store.history.redo()
    assert store.modified
    store.history.undo()
    store.mark_saved(version + 1)  # a save that began with other labels ends
    assert store.modified
    assert store.version == version


def test_while_a_segmentation_streams_nothing_is_undone(store: LabelStore) -> None:
    paint(store, 1)
    told: list[bool] = []
    store.history.changed.connect(lambda: told.append(store.history.can_undo))
    store.begin_segmentation("cpu")
    assert "segmentation" in store.history.why_not
    assert told[-1:] == [False]
    store.history.undo()
    store.history.jump(0)
    assert store.segmenting
    store.end_segmentation(complete=True)
    assert store.history.can_undo
    assert told[-1:] == [True]


@pytest.mark.parametrize("complete", [True, False])
def test_a_segmentation_is_taken_back_as_one_step(store: LabelStore, complete: bool) -> None:
    paint(store, Label.VESSEL)
    before = known(store)
    segment(store, Label.LIVER, complete=complete)
    after = known(store)
    assert store.history.undo_name == "segmentation"
    store.history.undo()
    assert_known(store, before)
    assert store.state is LabelState.COMPLETE
    store.history.redo()
    assert_known(store, after)
    assert store.source == LabelSource(device="cpu")
    assert store.state is (LabelState.COMPLETE if complete else LabelState.PARTIAL)


def test_unfinished_labels_can_be_dropped_after_edits_and_undone_steps(store: LabelStore) -> None:
    paint(store, Label.VESSEL)
    before = known(store)
    segment(store, Label.LIVER, complete=False)
    paint(store, Label.TUMOR, Box.from_bounds((0, 0, 0), (2, 2, 2)))
    paint(store, Label.TUMOR, Box.from_bounds((6, 6, 0), (8, 8, 2)))
    store.history.undo()
    edited, expected = known(store), voxels_of(store).copy()
    store.drop_unfinished_labels()
    expected[...] = before["voxels"]
    expected[:2, :2, :2] = Label.TUMOR  # what was edited stays
    assert np.array_equal(voxels_of(store), expected)
    assert store.history.undo_name == "drop unfinished labels"
    store.history.undo()
    assert_known(store, edited)
    store.history.undo()
    store.history.undo()
    assert_known(store, before)
    store.drop_unfinished_labels()  # they are not here any more
    assert_known(store, before)
    assert len(store.history.core) == 4


def test_a_snapshot_never_changes_when_steps_are_undone(store: LabelStore) -> None:
    paint(store, 1)
    paint(store, 2)
    lent = store.snapshot()
    before = lent.voxels.copy()
    store.history.jump(0)
    assert np.array_equal(lent.voxels, before)
    assert not voxels_of(store).any()


def test_another_volume_begins_without_steps(session: Session) -> None:
    paint(session.store, 1)
    session.open(Volume(np.zeros((4, 4, 4), np.int16), np.eye(4)))
    assert session.store.history.steps() == []
    assert not session.store.history.can_undo
    assert session.store.history.core.memory_bytes == 0


def test_measurements_and_labels_are_undone_in_the_order_they_were_made(
    session: Session, tmp_path: Any
) -> None:
    ini = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    markups, store, history = ScanMarkups(session, ini), session.store, session.store.history
    markups.add(Ruler(Plane.AXIAL, (1, 1, 1), (5, 1, 1)))
    paint(store, Label.TUMOR)
    markups.rename(1, "mine")
    markups.choose(1)
    markups.remove_chosen()
    markups.clear()  # nothing is there: no step
    names = ["ruler", "brush, tumor", "rename Ruler 1", "remove mine"]
    assert [entry.name for entry in history.steps()] == names
    history.undo()
    assert [entry.name for entry in markups.entries()] == ["mine"]
    history.undo()
    assert [entry.name for entry in markups.entries()] == ["Ruler 1"]
    assert voxels_of(store).any()
    history.undo()
    assert not voxels_of(store).any()
    assert len(markups.entries()) == 1
    data = history.dump()
    history.undo()
    assert markups.entries() == []
    history.jump(4)
    assert markups.entries() == []
    history.jump(1)
    history.load(data)
    history.jump(3)
    assert [entry.name for entry in markups.entries()] == ["mine"]
    assert markups.entries()[0].markup == Ruler(Plane.AXIAL, (1, 1, 1), (5, 1, 1))
    assert voxels_of(store).any()


def test_a_history_of_other_labels_is_refused(store: LabelStore) -> None:
    paint(store, 1)
    data = store.history.dump()
    paint(store, 2)
    steps = store.history.steps()
    with pytest.raises(HistoryError, match="other labels"):
        store.history.load(data)
    assert store.history.steps() == steps
    with pytest.raises(HistoryError, match="damaged"):
        store.history.load(data[:-1])
    store.history.undo()
    store.history.load(data)
    assert [entry.name for entry in store.history.steps()] == ["brush, tumor"]


def test_a_history_comes_to_a_session_that_has_the_same_labels(store: LabelStore) -> None:
    """As from a file: its numbers are those of the new session, and what is saved stays so."""
    states = [voxels_of(store).copy()]
    for value in (1, 2, 3):
        paint(store, value, Box.from_bounds((0, 0, value), (value, 3, value + 2)))
        states.append(voxels_of(store).copy())
    store.history.undo()
    other = new_session().store
    other.open_labels(LabelMap(states[2].copy(), np.diag([2.0, 3.0, 4.0, 1.0])), "kept.liverview")
    version = other.version
    other.history.load(store.history.dump())
    assert not other.modified
    assert other.version == version
    for position in (3, 0, 1, 2):
        other.history.jump(position)
        assert np.array_equal(voxels_of(other), states[position])
        assert other.modified == (position in (1, 3))
    assert other.version == version
    paint(other, 1)
    assert other.version not in range(version + 1)


def test_steps_that_cannot_be_kept_are_told_and_labels_stay(
    store: LabelStore, tmp_path: Any
) -> None:
    told: list[str] = []
    store.history.failed.connect(told.append)
    history: EditHistory = store.history
    history.core = History(history._parts, 20_000, tmp_path / "gone", history.failed.emit)
    for number in range(60):
        paint(store, 1 + number % 3, Box.from_bounds((0, 0, 0), (1 + number % 9, 2, 2)))
    now = voxels_of(store).copy()
    assert len(told) == 1
    assert "gone" in told[0]
    while history.can_undo:
        history.undo()
    assert history.core.forgotten > 0
    assert voxels_of(store).any()  # as far back as steps are kept
    while history.can_redo:
        history.redo()
    assert np.array_equal(voxels_of(store), now)


def test_a_file_that_is_lost_ends_undo_with_a_sentence(store: LabelStore) -> None:
    told: list[str] = []
    store.history.failed.connect(told.append)
    core = store.history.core
    core._budget = 5000
    states = [voxels_of(store).copy()]
    for number in range(30):
        paint(store, 1 + number % 3, Box.from_bounds((0, 0, 0), (1 + number % 9, 2, 2)))
        states.append(voxels_of(store).copy())
    assert core._file is not None
    core._file.seek(0)
    core._file.write(bytes(core.file_bytes))
    store.history.jump(0)
    (sentence,) = told
    assert "cannot be read" in sentence
    assert core.forgotten
    assert np.array_equal(voxels_of(store), states[core.forgotten])
    counted = np.isin(voxels_of(store), (1, 2, 3)).sum() * 24 / 1000
    assert store.volume_ml(Label.LIVER) == pytest.approx(counted)
    store.history.clear()
