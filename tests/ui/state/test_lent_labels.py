"""Labels lent to jobs: exact to the voxel, whatever is written meanwhile, without a whole copy."""

from __future__ import annotations

import dataclasses
import gc
import threading
import tracemalloc
import weakref
from queue import SimpleQueue

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.differences import disjoint_boxes
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.ui.state.label_store import LabelStore
from liverview.ui.state.lent_labels import Ledger, LentLabels, Moment

SHAPE = (24, 20, 16)


def store_of(voxels: np.ndarray) -> LabelStore:
    store = LabelStore()
    store.reset(Volume(np.zeros(voxels.shape, np.int16), np.eye(4)))
    store.open_labels(LabelMap(np.asfortranarray(voxels), np.eye(4), "drawn", warnings=("odd",)))
    return store


def random_box(rng: np.random.Generator, shape: tuple[int, ...], most: int) -> Box:
    start = [int(rng.integers(0, n - 1)) for n in shape]
    stop = [min(n, s + int(rng.integers(1, most + 1))) for n, s in zip(shape, start, strict=True)]
    return Box.from_bounds(start, stop)


def scribble(store: LabelStore, rng: np.random.Generator, most: int = 9) -> None:
    assert store.labels is not None
    box = random_box(rng, store.labels.shape, most)
    with store.edit(box, "brush") as voxels:
        voxels[...] = rng.integers(0, 4, voxels.shape)


def live(store: LabelStore) -> np.ndarray:
    assert store.labels is not None
    return store.labels.voxels


def test_every_snapshot_is_the_labels_of_its_version() -> None:
    rng = np.random.default_rng(3)
    store = store_of(rng.integers(0, 4, SHAPE, np.uint8))
    kept: list[tuple[LentLabels, np.ndarray]] = []
    for number in range(60):
        if number % 3 == 0:
            kept.append((store.snapshot(), live(store).copy()))
        if number == 30:
            store.begin_segmentation()
            store.end_segmentation(complete=False)
        if number == 40:
            store.open_labels(LabelMap(np.full(SHAPE, 2, np.uint8, order="F"), np.eye(4)))
        scribble(store, rng)
    for lent, expected in kept:
        box = random_box(rng, SHAPE, 12)
        assert np.array_equal(lent.read(box), expected[box])
        assert np.array_equal(lent.take().voxels, expected)
        assert np.array_equal(lent.voxels, expected)
        assert np.array_equal(lent.read(box), expected[box])  # from what was taken
        assert lent.voxels is lent.voxels


def test_readers_on_other_threads_see_exact_labels_while_the_store_writes() -> None:
    rng = np.random.default_rng(7)
    shape = (96, 96, 96)
    store = store_of(rng.integers(0, 4, shape, np.uint8))
    work: SimpleQueue[tuple[LentLabels, np.ndarray, Box] | None] = SimpleQueue()
    wrong: list[str] = []
    read: list[bool] = []

    def check() -> None:
        while (item := work.get()) is not None:
            lent, expected, box = item
            part, whole = lent.read(box), lent.take().voxels
            read.append(lent.differences(lent) == [])
            if not np.array_equal(part, expected[box]):
                wrong.append("box")
            if not np.array_equal(whole, expected):
                wrong.append("whole")

    readers = [threading.Thread(target=check) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(150):
        expected = live(store).copy()
        work.put((store.snapshot(), expected, random_box(rng, shape, 90)))
        for _ in range(4):  # while they read
            scribble(store, rng, 90)
    for _ in readers:
        work.put(None)
    for reader in readers:
        reader.join()
    assert wrong == []
    assert read == [True] * 150


class _Torn(np.ndarray):
    """An array that is written into while it is copied: half of the copy is from before."""

    write = staticmethod(lambda: None)

    def copy(self, order: str = "K") -> np.ndarray:  # type: ignore[override]
        half = len(self) // 2
        out = np.array(self, copy=True, order="K", subok=False)
        _Torn.write()
        out[half:] = np.asarray(self)[half:]
        return out


def test_a_copy_that_was_torn_by_a_write_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.zeros(SHAPE, np.uint8, order="F")
    labels, ledger = LabelMap(array.view(_Torn), np.eye(4)), Ledger()
    written = [Box.from_bounds((5, 5, 5), (20, 15, 10)), Box.from_bounds((0, 8, 2), (18, 19, 9))]

    def write() -> None:
        for value, box in enumerate(written, start=1):
            ledger.note(box, array[box].copy())
            array[box] = value

    lent = ledger.lend(labels)
    monkeypatch.setattr(_Torn, "write", staticmethod(write))
    whole = Box.of_shape(SHAPE)
    torn = labels.voxels[whole].copy()
    assert torn.any()  # what a plain copy would have had
    assert not lent.read(whole).any()


def test_an_edit_copies_no_more_than_its_box() -> None:
    shape = (160, 160, 160)
    store = store_of(np.ones(shape, np.uint8))
    scribble(store, np.random.default_rng(0))  # the map of its maker is gone by now
    box = Box.from_bounds((10, 10, 10), (50, 50, 50))
    lent, array = [store.snapshot() for _ in range(5)], live(store)
    tracemalloc.start()
    with store.edit(box, "brush") as voxels:
        voxels[...] = Label.TUMOR
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert live(store) is array
    assert most < 8 * box.size < array.size / 4
    assert all((one.read(box) == 1).sum() > 60_000 for one in lent)


def test_a_lent_label_map_is_a_label_map() -> None:
    store = store_of(np.ones(SHAPE, np.uint8))
    lent = store.snapshot()
    scribble(store, np.random.default_rng(1))
    assert isinstance(lent, LabelMap)
    assert lent.shape == SHAPE
    assert (lent.name, lent.warnings, lent.voxel_ml) == ("drawn", ("odd",), 0.001)
    changed = dataclasses.replace(lent, partial=True)
    assert type(changed) is LabelMap
    assert changed.partial
    assert (changed.voxels == 1).all()
    taken = lent.take()
    assert type(taken) is LabelMap
    assert (taken.name, taken.warnings) == ("drawn", ("odd",))
    assert repr(lent) == repr(taken)
    assert np.array_equal(np.asarray(lent), taken.voxels)


def test_differences_are_the_boxes_written_between_two_snapshots() -> None:
    store = store_of(np.ones((60, 60, 60), np.uint8))
    rng = np.random.default_rng(4)
    snapshots, states = [store.snapshot()], [live(store).copy()]
    for _ in range(12):
        scribble(store, rng)
        snapshots.append(store.snapshot())
        states.append(live(store).copy())
    for first, second in ((0, 3), (2, 9), (5, 6), (7, 7), (3, 12)):
        found = snapshots[second].differences(snapshots[first])
        assert found is not None
        rebuilt = states[first].copy()
        for one in found:
            assert np.array_equal(one.before, rebuilt[one.box])
            rebuilt[one.box] = one.after
        assert np.array_equal(rebuilt, states[second])
    assert snapshots[3].differences(snapshots[12]) is None  # backwards
    store.open_labels(LabelMap(states[0], np.eye(4)))
    assert store.snapshot().differences(snapshots[12]) is None  # another array
    before = store.snapshot()
    with store.edit(Box.of_shape((60, 60, 60)), "brush") as voxels:
        voxels[...] = 2
    assert store.snapshot().differences(before) is None  # nearly everything


def test_boxes_that_overlap_are_made_one() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        boxes = [random_box(rng, SHAPE, 6) for _ in range(int(rng.integers(0, 9)))]
        counts = np.zeros(SHAPE, int)
        for box in disjoint_boxes([*boxes, Box.of_shape((0, 0, 0))]):
            counts[box] += 1
        assert counts.max(initial=0) <= 1
        for box in boxes:
            assert (counts[box] == 1).all()


def test_notes_go_with_the_last_snapshot_that_needs_them() -> None:
    store = store_of(np.ones(SHAPE, np.uint8))
    notes: list[weakref.ref[np.ndarray]] = []
    store.add_history(lambda change: notes.append(weakref.ref(change.before)))
    first = store.snapshot()
    scribble(store, np.random.default_rng(1))
    second = store.snapshot()
    gc.collect()
    assert [note() is None for note in notes] == [False]
    del first
    gc.collect()
    assert [note() is None for note in notes] == [True]
    scribble(store, np.random.default_rng(2))
    assert [note() is None for note in notes] == [True, False]
    assert (second.voxels != live(store)).any()  # taken: nothing else is needed
    gc.collect()
    assert [note() is None for note in notes] == [True, True]


def test_very_many_notes_are_let_go_of_at_once() -> None:
    """Each leads to the next one: their end must not go through all of them on the stack."""
    ledger = Ledger()
    start: Moment = ledger.now
    box, before = Box.of_shape((1, 1, 1)), np.zeros((1, 1, 1), np.uint8)
    for _ in range(200_000):
        ledger.note(box, before)
    assert sum(1 for _ in start.iter_writes()) == 200_000
    del start
    assert ledger.now.later is None
