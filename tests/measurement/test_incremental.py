"""A measurement that follows changes is that of a fresh look, to the bit."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liverview.core.box import Box
from liverview.core.differences import Difference
from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict, apply_marks, changed_box
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.measurement import incremental
from liverview.measurement.compute import measure
from liverview.measurement.incremental import (
    MeasuredParts,
    iter_measure_changes,
    iter_measure_parts,
)
from liverview.measurement.recist import assess_recist
from liverview.measurement.results import Measurement

SHAPE = (26, 22, 14)
AFFINE = np.array([[2.0, 0.3, 0, -20], [0, 2.5, 0.2, 5], [0, 0, 4.0, 9], [0, 0, 0, 1]])


def last(work: object) -> MeasuredParts:
    *_, found = work  # type: ignore[misc]
    assert isinstance(found, MeasuredParts)
    return found


def scan(rng: np.random.Generator) -> Volume:
    return Volume(rng.integers(-100, 200, SHAPE).astype(np.int16), AFFINE)


def assert_same(found: Measurement, fresh: Measurement) -> None:
    """Every figure, with no tolerance, and every mask."""
    for field in fields(Measurement):
        if field.name != "grid":
            assert getattr(found, field.name) == getattr(fresh, field.name), field.name
    for one, other in zip(found.lesions, fresh.lesions, strict=True):
        assert np.array_equal(one.mask, other.mask)
    for out, other_out in zip(found.ruled_out, fresh.ruled_out, strict=True):
        assert np.array_equal(out.lesion.mask, other_out.lesion.mask)
    assert found.to_dict() == fresh.to_dict()
    assert assess_recist(found) == assess_recist(fresh)


def blobs(rng: np.random.Generator, count: int) -> np.ndarray:
    """Liver with balls and specks of tumor, of which several have the same size."""
    voxels = np.full(SHAPE, Label.LIVER, np.uint8, order="F")
    place = np.indices(SHAPE)
    for _ in range(count):
        middle = [rng.integers(0, n) for n in SHAPE]
        away = sum((p - m) ** 2 for p, m in zip(place, middle, strict=True))
        voxels[away <= rng.integers(0, 4) ** 2] = Label.TUMOR
    return voxels


def edit(rng: np.random.Generator, voxels: np.ndarray) -> tuple[np.ndarray, Difference]:
    """A brush, an eraser, noise, or nothing, in a box that is larger than what changes."""
    start = [int(rng.integers(0, n - 1)) for n in SHAPE]
    size = rng.integers(1, 9, 3)
    stop = [min(n, a + int(b)) for n, a, b in zip(SHAPE, start, size, strict=True)]
    box, new = Box.from_bounds(start, stop), voxels.copy(order="F")
    kind = rng.integers(4)
    if kind == 0:
        new[box] = Label.TUMOR
    elif kind == 1:
        new[box] = rng.choice([0, 1, 2])
    elif kind == 2:
        new[box] = rng.integers(0, 4, box.shape)
    wide = box.expanded(int(rng.integers(0, 3)), SHAPE)
    return new, Difference(wide, voxels[wide].copy(), new[wide].copy())


def mark_of(rng: np.random.Generator, labels: LabelMap) -> LesionMark | None:
    lesions = measure(labels, smallest_lesion_ml=0.0).lesions
    if not lesions:
        return None
    lesion = lesions[int(rng.integers(len(lesions)))]
    voxels = lesion.mask.astype(np.uint8) * np.uint8(Label.TUMOR)
    verdict = [Verdict.RULED_OUT, Verdict.NO_TARGET, Verdict.TARGET][int(rng.integers(3))]
    return LesionMark(verdict, "cyst", lesion.start, voxels)


def change_marks(rng: np.random.Generator, labels: LabelMap) -> tuple[LabelMap, Difference]:
    """Say something of a lesion, or take it back, as the label store does."""
    marks = list(labels.marks)
    mark = mark_of(rng, labels)
    if marks and rng.integers(2):
        marks.pop(int(rng.integers(len(marks))))
    elif mark is not None:
        marks.append(mark)
    box, new = changed_box(labels.marks, marks), labels.voxels.copy(order="F")
    apply_marks(new, labels.marks, marks)
    change = Difference(box, labels.voxels[box], new[box])
    return replace(labels, voxels=new, marks=tuple(marks)), change


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.integers(0, 14), st.booleans(), st.sampled_from([0.03, 0.0]))
def test_after_any_edits_it_is_a_fresh_measurement(
    seed: int, count: int, in_hu: bool, smallest: float
) -> None:
    rng = np.random.default_rng(seed)
    volume = scan(rng) if in_hu else None
    labels = LabelMap(blobs(rng, count), AFFINE)
    state = last(iter_measure_parts(labels, volume, smallest_lesion_ml=smallest))
    assert_same(state.measurement, measure(labels, volume, smallest_lesion_ml=smallest))
    for _ in range(6):
        changes = []
        if rng.integers(4) == 0:
            labels, change = change_marks(rng, labels)
            changes.append(change)
        else:
            voxels, change = edit(rng, labels.voxels)
            changes.append(change)
            second, other = edit(rng, voxels)
            if other.box.intersection(change.box) is None:  # two boxes at once
                voxels = second
                changes.append(other)
            labels = replace(labels, voxels=voxels)
        state = last(iter_measure_changes(state, changes, labels, volume))
        assert_same(state.measurement, measure(labels, volume, smallest_lesion_ml=smallest))
        parts = {part.place for part in state.parts}
        assert len(parts) == len(state.parts)


def test_only_what_a_change_touches_is_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    voxels = np.full(SHAPE, Label.LIVER, np.uint8, order="F")
    for n in range(5):
        voxels[5 * n : 5 * n + 3, 4:10, 3:8] = Label.TUMOR
    labels = LabelMap(voxels, AFFINE)
    state = last(iter_measure_parts(labels, None))
    measured: list[tuple[int, int, int]] = []
    own = incremental.measure_lesion

    def count(number: int, mask: np.ndarray, *given: object) -> object:
        measured.append(mask.shape)  # type: ignore[arg-type]
        return own(number, mask, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(incremental, "measure_lesion", count)
    box = Box.from_bounds((10, 9, 3), (13, 12, 8))
    new = voxels.copy(order="F")
    new[10:13, 10:12, 3:8] = Label.TUMOR
    change = Difference(box, voxels[box], new[box])
    labels = replace(labels, voxels=new)
    state = last(iter_measure_changes(state, [change], labels))
    assert measured == [(3, 8, 5)]
    assert_same(state.measurement, measure(labels))
    vessel = Difference(box, new[box], np.where(new[box] == 1, 2, new[box]).astype(np.uint8))
    last(iter_measure_changes(state, [vessel], labels))
    assert len(measured) == 1  # no tumor changed


def test_its_steps_can_be_stopped_between() -> None:
    rng = np.random.default_rng(1)
    labels = LabelMap(blobs(rng, 12), AFFINE)
    steps = list(iter_measure_parts(labels, scan(rng)))
    progress = [step.fraction for step in steps if isinstance(step, Progress)]
    assert progress == sorted(progress)
    assert len(progress) == len(steps) - 1 > len(measure(labels).lesions)
