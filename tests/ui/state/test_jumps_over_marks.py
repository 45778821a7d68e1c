"""Edits, strokes, verdicts, runs and files in any order: what was edited by hand after jumps."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.ui.state.session import Session
from liverview.ui.state.stroke import Stroke

SHAPE = (40, 36, 34)  # two blocks along each axis

Voxels = NDArray[np.uint8]


@dataclass(frozen=True)
class Lesion:
    """A lesion as it is marked."""

    start: tuple[int, int, int]
    mask: NDArray[np.bool_]


class Person:
    """Does something that a seed decides, on a session of its own."""

    def __init__(self, seed: int) -> None:
        self.random, self.rng = Random(seed), np.random.default_rng(seed)
        self.session = Session()
        self.session.open(Volume(np.full(SHAPE, 50, np.int16), np.eye(4)))
        self.store = self.session.store
        self.stroke: Stroke | None = None

    @property
    def voxels(self) -> Voxels:
        assert self.session.labels is not None
        return self.session.labels.voxels

    def result(self) -> Voxels:
        assert self.session.labels is not None
        return self.store.hand.result_of(self.session.labels).voxels.copy()

    def act(self) -> None:
        anytime = [self.edit, self.begin_stroke, self.draw, self.draw, self.end_stroke]
        streams = [self.merge, self.merge, self.end]
        still = [self.mark, self.mark, self.begin, self.open, self.jump]
        self.random.choice(anytime + (streams if self.store.segmenting else still))()

    # ---- what a person does ----------------------------------------------------------------

    def some_labels(self) -> Voxels:
        coarse = self.rng.integers(0, 4, (8, 8, 7), np.uint8)
        return np.asfortranarray(np.kron(coarse, np.ones((5, 5, 5), np.uint8))[:40, :36, :34])

    def some_box(self) -> Box:
        start = [self.random.randrange(n) for n in SHAPE]
        size = [self.random.randint(1, 12) for _ in SHAPE]
        return Box.from_bounds(start, np.minimum(np.add(start, size), SHAPE).tolist())

    def edit(self) -> None:
        with self.store.edit(self.some_box(), "brush") as voxels:
            voxels[...] = self.random.randrange(4)

    def begin_stroke(self) -> None:
        if self.stroke is None:
            self.stroke = Stroke(self.store, "stroke")

    def draw(self) -> None:
        if self.stroke is not None:
            box = self.some_box()
            mask, erase = self.rng.random(box.shape) < 0.7, self.random.random() < 0.4
            self.session.editing.add_to_stroke(self.stroke, box, mask, erase=erase)

    def end_stroke(self) -> None:
        if self.stroke is not None:
            self.random.choice([self.stroke.end, self.stroke.cancel])()
            self.stroke = None

    def mark(self) -> None:
        parts, count = ndimage.label(self.voxels == Label.TUMOR)
        if count:
            number = self.random.randint(1, count)
            sides = ndimage.find_objects(parts)[number - 1]
            i, j, k = (side.start for side in sides)
            lesion = Lesion((i, j, k), parts[sides] == number)
            self.session.review.mark([lesion], self.random.choice(list(Verdict)), "seen")

    def begin(self) -> None:
        self.store.begin_segmentation(keep_edits=self.random.random() < 0.6)

    def merge(self) -> None:
        start = self.random.randrange(0, SHAPE[2], 8)
        self.store.merge_slab(Slab(start, self.some_labels()[:, :, start : start + 8]))

    def end(self) -> None:
        self.store.end_segmentation(complete=self.random.random() < 0.5)
        if self.random.random() < 0.3:
            self.store.drop_unfinished_labels()

    def open(self) -> None:
        self.store.open_labels(LabelMap(self.some_labels(), np.eye(4)))

    def jump(self) -> None:
        history = self.store.history
        history.jump(self.random.randint(0, len(history.steps())))


@pytest.mark.parametrize("seed", range(3, 11))
def test_a_jump_and_one_back_change_nothing(seed: int) -> None:
    """Nor what was edited, nor marks, nor whether there is something to save."""
    person = Person(seed)
    store, review, history = person.store, person.session.review, person.store.history
    for _ in range(60):
        person.act()
        if history.why_not:
            continue
        voxels, result, here = person.voxels.copy(), person.result(), history.position
        known = store.modified, review.in_force, review.remembered
        person.jump()
        history.jump(here)
        assert np.array_equal(person.voxels, voxels)
        assert np.array_equal(person.result(), result)
        assert (store.modified, review.in_force, review.remembered) == known


def test_labels_that_are_opened_during_a_stroke_are_a_step_of_their_own() -> None:
    person = Person(0)
    stroke = Stroke(person.store, "stroke")
    box = Box.of_shape((5, 5, 5))
    person.session.editing.add_to_stroke(stroke, box, np.ones(box.shape, bool))
    drawn = person.voxels.copy()
    person.open()
    opened = person.voxels.copy()
    stroke.cancel()  # too late
    history = person.store.history
    assert [step.name for step in history.steps()] == ["stroke", "open labels"]
    assert np.array_equal(person.voxels, opened)
    assert np.array_equal(person.result(), opened)
    history.undo()
    assert np.array_equal(person.voxels, drawn)
    assert not person.result().any()  # all of it was edited by hand
