"""Strokes: edits in pieces that are one step, against an array that is drawn in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.editing.limits import EditLimits, Scope
from liverview.ui.state.session import Session
from liverview.ui.state.stroke import Stroke

SHAPE = (70, 60, 50)
starts = st.tuples(*(st.integers(0, n - 8) for n in SHAPE))


def make_session(labels: np.ndarray | None = None, **fields: object) -> Session:
    session = Session()
    hu = np.random.default_rng(1).integers(-50, 150, SHAPE).astype(np.int16)
    session.open(Volume(hu, np.eye(4)))
    if labels is not None:
        session.store.open_labels(LabelMap(labels, np.eye(4), **fields))  # type: ignore[arg-type]
    return session


def some_labels() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 4, (14, 12, 10), np.uint8)
    return np.asfortranarray(np.kron(coarse, np.ones((5, 5, 5), np.uint8)))


def voxels_of(session: Session) -> np.ndarray:
    assert session.labels is not None
    return session.labels.voxels


def steps_of(session: Session) -> list[str]:
    return [step.name for step in session.store.history.steps()]


@given(
    pieces=st.lists(st.tuples(starts, st.integers(0, 2**31)), min_size=1, max_size=6),
    erase=st.booleans(),
    erase_all=st.booleans(),
    label=st.sampled_from([Label.LIVER, Label.VESSEL, Label.TUMOR]),
    scope=st.sampled_from(Scope),
    locked=st.sets(st.sampled_from([Label.LIVER, Label.TUMOR])),
    hu=st.sampled_from([None, (0.0, 80.0)]),
    cancel=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_pieces_change_what_one_drawing_of_them_all_would(
    pieces: list[tuple[tuple[int, int, int], int]],
    erase: bool,
    erase_all: bool,
    label: Label,
    scope: Scope,
    locked: set[Label],
    hu: tuple[float, float] | None,
    cancel: bool,
) -> None:
    session = make_session(some_labels())
    session.set_style(Label.VESSEL, visible=False)
    session.editing.set_label(label)
    session.editing.set_erase_all(erase_all)
    session.editing.set_limits(scope=scope, one=Label.VESSEL, locked=frozenset(locked), hu=hu)
    before, earlier = voxels_of(session).copy(), steps_of(session)
    stroke = Stroke(session.store, "brush")
    everything = np.zeros(SHAPE, bool)
    for start, seed in pieces:
        box = Box.of_shape((8, 8, 8)).shifted(start)
        mask = np.random.default_rng(seed).random((8, 8, 8)) < 0.6
        everything[box] |= mask
        session.editing.add_to_stroke(stroke, box, mask, erase=erase)
    expected = before.copy()
    if not cancel:
        values = {
            Scope.ALL: [0, 1, 2, 3],
            Scope.VISIBLE: [0, 1, 3],
            Scope.ONE: [2],
            Scope.BACKGROUND: [0],
        }
        where = everything & np.isin(before, [v for v in values[scope] if v not in locked])
        if hu is not None:
            assert session.volume is not None
            where &= (session.volume.voxels >= hu[0]) & (session.volume.voxels <= hu[1])
        if not erase:
            expected[where] = label
        elif erase_all:
            expected[where] = 0
        else:
            mine = before > 0 if label is Label.LIVER else before == label  # the liver, whole
            expected[where & mine] = 0 if label is Label.LIVER else Label.LIVER
        stroke.end()
    else:
        stroke.cancel()
    assert np.array_equal(voxels_of(session), expected)
    assert session.store.modified is not np.array_equal(before, expected)
    liver = np.count_nonzero(expected) / 1000
    assert session.store.volume_ml(Label.LIVER) == pytest.approx(liver)
    if np.array_equal(before, expected):
        assert steps_of(session) == earlier
        return
    assert steps_of(session) == [*earlier, "brush"]
    session.store.history.undo()
    assert np.array_equal(voxels_of(session), before)
    assert not session.store.modified
    session.store.history.redo()
    assert np.array_equal(voxels_of(session), expected)


def test_the_first_drawing_of_a_scan_can_be_taken_back_whole() -> None:
    session = make_session()
    stroke = Stroke(session.store, "brush, tumor")
    session.editing.add_to_stroke(stroke, Box.of_shape((4, 4, 4)), np.ones((4, 4, 4), bool))
    assert session.store.has_labels
    stroke.cancel()
    assert not session.store.has_labels
    assert not session.store.modified
    assert not voxels_of(session).any()


def test_drawing_a_label_that_nothing_named_names_it() -> None:
    session = make_session(some_labels() * np.uint8(0), defined=frozenset({Label.LIVER}))
    box, mask = Box.of_shape((4, 4, 4)), np.ones((4, 4, 4), bool)
    stroke = Stroke(session.store, "brush, tumor")
    session.editing.add_to_stroke(stroke, box, np.zeros_like(mask))
    session.editing.add_to_stroke(stroke, box, mask, erase=True)
    assert np.isnan(session.store.volume_ml(Label.TUMOR))  # nothing was drawn yet
    session.editing.add_to_stroke(stroke, box, mask)
    assert session.store.volume_ml(Label.TUMOR) == pytest.approx(0.064)
    assert np.isnan(session.store.volume_ml(Label.VESSEL))
    stroke.cancel()
    assert np.isnan(session.store.volume_ml(Label.TUMOR))
    session.editing.apply_mask(box, mask, "lasso, tumor")
    assert session.store.volume_ml(Label.TUMOR) == pytest.approx(0.064)


def test_a_stroke_ends_where_labels_of_another_origin_come() -> None:
    box, mask = Box.of_shape((6, 6, 6)), np.ones((6, 6, 6), bool)
    session = make_session()
    stroke = Stroke(session.store, "brush, tumor")
    session.editing.add_to_stroke(stroke, box, mask)
    session.store.begin_segmentation()
    assert not stroke.is_open
    session.store.merge_slab(Slab(0, np.ones((*SHAPE[:2], 2), np.uint8)))
    streamed = voxels_of(session).copy()
    session.editing.add_to_stroke(stroke, Box.of_shape((9, 9, 9)), np.ones((9, 9, 9), bool))
    assert np.array_equal(voxels_of(session), streamed)
    session.store.end_segmentation(complete=True)
    stroke.cancel()  # too late
    assert np.array_equal(voxels_of(session), streamed)
    assert steps_of(session) == ["brush, tumor", "segmentation"]
    session.store.history.undo()
    session.store.history.undo()
    assert not voxels_of(session).any()


def test_settings_say_what_a_tool_will_do() -> None:
    session = make_session()
    editing = session.editing
    assert editing.describe() == "Draws tumor over all labels."
    assert editing.describe(erase=True) == "Erases tumor, which becomes liver."
    editing.set_label(Label.LIVER)
    assert editing.describe(erase=True) == "Erases liver with its parts, which becomes background."
    editing.set_label(Label.TUMOR)
    editing.set_limits(hu=(20, 90), locked=frozenset({Label.VESSEL}), scope=Scope.ONE)
    editing.set_adaptive(True)
    assert editing.describe() == (
        "Draws tumor over liver, not vessel, within 20 to 90 HU, up to the edge."
    )
    editing.set_erase_all(True)
    assert editing.edit_name("brush", erase=True) == "erase, all labels"
    editing.set_limits(**vars(EditLimits()))
    assert editing.describe(erase=True) == "Erases all labels down to background."
    editing.set_brush(radius_mm=1e9)
    assert editing.brush.radius_mm == 150


@given(seed=st.integers(0, 2**31), ends=st.sampled_from(["streams", "stopped", "complete"]))
@settings(max_examples=40, deadline=None)
def test_a_stroke_over_labels_that_stream_is_taken_back_as_if_it_had_never_been(
    seed: int, ends: str
) -> None:
    """What streamed in meanwhile is there, what was edited before stays, and nothing is held."""

    def run(with_stroke: bool) -> tuple[Session, np.ndarray]:
        rng = np.random.default_rng(seed)
        slabs = rng.integers(0, 4, (5, *SHAPE[:2], 10), np.uint8)
        corners = rng.integers(0, 40, (4, 3))
        session = make_session()
        store, pieces = session.store, [Box.of_shape((8, 8, 8)).shifted(c) for c in corners]
        store.begin_segmentation()
        store.merge_slab(Slab(0, slabs[0]))
        with store.edit(pieces[0], "brush, vessel") as voxels:  # before the stroke, and kept
            voxels[...] = Label.VESSEL
        stroke = Stroke(store, "brush, tumor") if with_stroke else None
        for number in (1, 2, 3):
            if stroke is not None:
                for piece in (pieces[number], pieces[0].expanded(number, SHAPE)):
                    session.editing.add_to_stroke(stroke, piece, np.ones(piece.shape, bool))
            store.merge_slab(Slab(10 * number, slabs[number]))
        if ends != "streams":
            store.end_segmentation(complete=ends == "complete")
        if stroke is not None:
            stroke.cancel()
        if ends == "streams":
            store.merge_slab(Slab(40, slabs[4]))
            store.merge_slab(Slab(0, slabs[4]))
            store.end_segmentation(complete=True)
        assert session.labels is not None
        return session, store.hand.result_of(session.labels).voxels

    (with_it, its_result), (without, result) = run(True), run(False)
    assert np.array_equal(voxels_of(with_it), voxels_of(without))
    assert np.array_equal(its_result, result)
    assert with_it.store.hand.volumes(with_it.labels) == without.store.hand.volumes(without.labels)
    with_it.store.history.jump(0)
    assert not voxels_of(with_it).any()
