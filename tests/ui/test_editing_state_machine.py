"""Edits, undo, redo, segment, cancel, open and save in any order, on a real session and its jobs.

Labels are those of a model that keeps whole copies and knows nothing of differences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEventLoop, QThread

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Progress, Slab
from liverview.core.volume import Volume
from liverview.editing.history import History
from liverview.ui.jobs import generators
from liverview.ui.jobs.controller import Controller
from liverview.ui.live.marked_labels import MarkedLabels
from liverview.ui.state.session import Session

from support.answers import TIMEOUT_MS

SHAPE = (12, 10, 8)
SPACING = (2.0, 3.0, 4.0)
AFFINE = np.diag([*SPACING, 1.0])
BUDGET = 20_000  # of memory: a few of the steps, so that most are in the file


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = QDeadlineTimer(TIMEOUT_MS)
    while not reached():
        assert not deadline.hasExpired()
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


class Segmentation:
    """A segmentation of slabs that are made at once; it ends when it is let, or is canceled."""

    def __init__(self) -> None:
        self.slabs: list[np.ndarray] = []
        self.may_end = Event()

    def run(self, *arguments: Any) -> Iterator[object]:
        for start, slab in enumerate(self.slabs):
            yield Slab(2 * start, slab)
        while not self.may_end.wait(0.002):
            yield Progress("Refining", 0.5)


SEGMENTATION = Segmentation()


class Editing(RuleBasedStateMachine):
    """A person at work: labels after each step are what plain arrays say."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.session = Session()
        self.controller = Controller(self.session)
        self.marked = MarkedLabels(self.session, self.controller.start_background)
        self.controller.failed.connect(lambda *said: self.failures.append(said))
        self.failures: list[tuple[str, ...]] = []
        rng = np.random.default_rng(7)
        hu = rng.normal(60, 10, SHAPE).astype(np.int16)
        self.controller.show_volume(Volume(hu, AFFINE, name="scan"), None)
        self.store = self.session.store
        self.history = self.store.history
        parts, tell = self.history._parts, self.history.failed.emit
        self.history.core = History(parts, BUDGET, None, tell)
        self.states = [np.zeros(SHAPE, np.uint8)]
        self.position = 0
        self.on_disk: np.ndarray | None = None
        self.streamed: np.ndarray | None = None

    def teardown(self) -> None:
        if self.store.segmenting:
            self.cancel(drop=False)
        self.controller.shut_down()
        QCoreApplication.processEvents()
        self.history.clear()
        assert not [job for job in self.controller.findChildren(QThread) if job.isRunning()]
        self.folder.cleanup()

    # ---- the model -------------------------------------------------------------------------

    @property
    def expected(self) -> np.ndarray:
        return self.streamed if self.streamed is not None else self.states[self.position]

    def step(self, voxels: np.ndarray) -> None:
        self.states[self.position + 1 :] = [voxels]
        self.position += 1

    idle = precondition(lambda self: not self.store.segmenting)
    streaming = precondition(lambda self: self.store.segmenting)
    boxes = st.tuples(*(st.tuples(st.integers(0, n - 1), st.integers(1, 5)) for n in SHAPE))

    # ---- what a person does ----------------------------------------------------------------

    @idle
    @rule(sides=boxes, label=st.sampled_from(list(Label)), erase=st.booleans())
    def draw(self, sides: Any, label: Label, erase: bool) -> None:
        """A shape by a tool, as all tools apply theirs."""
        start = [a for a, _ in sides]
        stop = [min(a + n, side) for (a, n), side in zip(sides, SHAPE, strict=True)]
        box = Box.from_bounds(start, stop)
        mask = np.indices(box.shape).sum(axis=0) % 3 != 0
        label = label or Label.LIVER
        self.session.editing.set_label(label)
        self.session.editing.apply_mask(box, mask, "brush", erase=erase)
        voxels = self.expected.copy()
        part, parent, family = voxels[box], {1: 0, 2: 1, 3: 1}, {1: (1, 2, 3), 2: (2,), 3: (3,)}
        where = mask & np.isin(part, family[label]) if erase else mask
        part[where] = parent[label] if erase else label
        if not np.array_equal(voxels, self.expected):
            self.step(voxels)

    @idle
    @rule(seeds=st.lists(st.integers(0, 99), min_size=1, max_size=4))
    def segment(self, seeds: list[int]) -> None:
        SEGMENTATION.slabs = [
            np.random.default_rng(seed).integers(0, 4, (*SHAPE[:2], 2), np.uint8) for seed in seeds
        ]
        SEGMENTATION.may_end.clear()
        self.streamed = np.zeros(SHAPE, np.uint8)
        for start, slab in enumerate(SEGMENTATION.slabs):
            self.streamed[:, :, 2 * start : 2 * start + 2] = slab
        self.controller.segment("cpu")
        wait_until(lambda: np.array_equal(self.voxels, self.streamed))

    @streaming
    @rule()
    def finish(self) -> None:
        SEGMENTATION.may_end.set()
        wait_until(lambda: not self.controller.busy)
        self.end()

    @streaming
    @rule(drop=st.booleans())
    def cancel(self, drop: bool) -> None:
        before = self.states[self.position]
        self.controller.cancel()
        SEGMENTATION.may_end.set()
        self.end()
        if drop:
            self.store.drop_unfinished_labels()
            self.step(before)

    def end(self) -> None:
        assert self.streamed is not None
        streamed, self.streamed = self.streamed, None
        self.step(streamed)

    @rule()
    def undo(self) -> None:
        self.history.undo()
        if self.streamed is None:
            self.position = max(0, self.position - 1)

    @rule()
    def redo(self) -> None:
        self.history.redo()
        if self.streamed is None:
            self.position = min(len(self.states) - 1, self.position + 1)

    @rule(where=st.floats(0, 1))
    def jump(self, where: float) -> None:
        position = round(where * (len(self.states) - 1))
        self.history.jump(position)
        if self.streamed is None:
            self.position = position

    @precondition(lambda self: self.store.can_be_saved)
    @rule()
    def save(self) -> None:
        path = Path(self.folder.name) / "labels.nii.gz"
        self.controller.saving.save_labels(path)
        wait_until(lambda: not self.controller.saving.is_running)
        assert not self.store.modified
        self.on_disk = np.asarray(nib.load(path).dataobj).astype(np.uint8)
        assert np.array_equal(self.on_disk, self.expected)

    @idle
    @precondition(lambda self: self.on_disk is not None)
    @rule()
    def open_saved(self) -> None:
        """Also while edits are not saved: they are a step away."""
        opened: list[bool] = []
        self.controller.loading.labels_opened.connect(lambda: opened.append(True))
        self.controller.loading.open_labels(Path(self.folder.name) / "labels.nii.gz")
        wait_until(lambda: bool(opened))
        assert self.on_disk is not None
        self.step(self.on_disk.copy())
        assert not self.store.modified

    # ---- what has to be so -----------------------------------------------------------------

    @property
    def voxels(self) -> np.ndarray:
        assert self.session.labels is not None
        return self.session.labels.voxels

    @invariant()
    def labels_are_those_of_the_model(self) -> None:
        assert np.array_equal(self.voxels, self.expected)
        if self.streamed is None:
            assert self.history.position == self.position
            assert len(self.history.steps()) == len(self.states) - 1
        assert self.failures == []

    @invariant()
    def counts_are_fresh(self) -> None:
        voxel_ml = np.prod(SPACING) / 1000
        counts = np.bincount(self.expected.ravel(), minlength=4)
        store = self.store
        assert store.volume_ml(Label.LIVER) == pytest.approx(counts[1:].sum() * voxel_ml)
        assert store.volume_ml(Label.VESSEL) == pytest.approx(counts[2] * voxel_ml)
        assert store.volume_ml(Label.TUMOR) == pytest.approx(counts[3] * voxel_ml)

    @invariant()
    def what_is_saved_is_on_disk(self) -> None:
        if self.store.can_be_saved and not self.store.modified:
            assert self.on_disk is not None
            assert np.array_equal(self.voxels, self.on_disk)


@pytest.fixture(autouse=True)
def _quick_segmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generators, "iter_segment", SEGMENTATION.run)


def run(examples: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    how = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=checks
    )
    run_state_machine_as_test(Editing, settings=how)


def test_any_sequence_leaves_what_a_plain_model_says() -> None:
    run(20)


@pytest.mark.slow
def test_three_hundred_sequences_leave_what_a_plain_model_says() -> None:
    run(300)
