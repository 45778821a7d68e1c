"""A comparison that follows changes has the scores of a fresh one, to the bit."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liverview.core.box import Box
from liverview.core.differences import Difference
from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import LabelMap
from liverview.evaluation import incremental
from liverview.evaluation.incremental import (
    ComparedLabels,
    follow_counts,
    iter_compare,
    iter_compare_outdated,
)
from liverview.evaluation.scores import LabelScore
from liverview.evaluation.scoring import evaluate

SHAPE = (18, 16, 12)
AFFINE = np.diag([1.5, 2.0, 3.0, 1.0])
COUNTED = ("dice", "predicted_ml", "reference_ml", "volume_error_ml", "volume_error_percent")


def last(work: object) -> ComparedLabels:
    *_, found = work  # type: ignore[misc]
    assert isinstance(found, ComparedLabels)
    return found


def drawn(rng: np.random.Generator, values: int) -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    voxels[2:15, 2:13, 1:11] = Label.LIVER
    for _ in range(4):
        start = [int(rng.integers(0, n - 3)) for n in SHAPE]
        box = tuple(slice(s, s + int(rng.integers(1, 7))) for s in start)
        voxels[box] = rng.integers(0, values)
    return voxels


def edit(rng: np.random.Generator, labels: LabelMap) -> tuple[LabelMap, Difference]:
    start = [int(rng.integers(0, n - 1)) for n in SHAPE]
    stop = [min(n, s + int(rng.integers(1, 7))) for n, s in zip(SHAPE, start, strict=True)]
    box, new = Box.from_bounds(start, stop), labels.voxels.copy(order="F")
    new[box] = rng.integers(0, 4) if rng.integers(2) else rng.integers(0, 4, box.shape)
    return replace(labels, voxels=new), Difference(box, labels.voxels[box], new[box])


def assert_same(found: ComparedLabels, fresh: list[LabelScore]) -> None:
    assert not found.outdated
    for score in fresh:
        ours = found.scores[score.label]
        # Lesion by lesion is for who asks for it, which a comparison that follows does not.
        figures = [f.name for f in fields(score) if f.name not in ("reason", "nsd_by", "lesions")]
        np.testing.assert_array_equal(
            np.array([getattr(ours, name) for name in figures], float),
            np.array([getattr(score, name) for name in figures], float),
        )
        assert (ours.reason, ours.nsd_by) == (score.reason, score.nsd_by)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans(), st.booleans())
def test_after_any_edits_it_is_a_fresh_comparison(
    seed: int, values: int, in_part: bool, named: bool
) -> None:
    rng = np.random.default_rng(seed)
    reference = LabelMap(drawn(rng, values), AFFINE)
    if in_part:
        reference = replace(reference, ignored=np.asfortranarray(rng.random(SHAPE) < 0.1))
    if named:
        some = frozenset(label for label in FOREGROUND if rng.integers(2))
        reference = replace(reference, defined=some)
    labels = LabelMap(drawn(rng, 4), AFFINE)
    known = last(iter_compare(labels, reference))
    assert_same(known, evaluate(labels, reference))
    for _ in range(4):
        labels, change = edit(rng, labels)
        known = follow_counts(known, [change])
        fresh = evaluate(labels, reference)
        for score in fresh:
            for name in COUNTED:
                expected = getattr(score, name)
                assert getattr(known.scores[score.label], name) == pytest.approx(
                    expected, abs=0, rel=0, nan_ok=True
                )
        if rng.integers(2):  # else counts follow several edits before distances do
            known = last(iter_compare_outdated(known, labels))
            assert_same(known, fresh)


def test_labels_that_did_not_change_are_not_compared_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    reference, labels = LabelMap(drawn(rng, 4), AFFINE), LabelMap(drawn(rng, 4), AFFINE)
    labels.voxels[4:8, 4:8, 4:8] = reference.voxels[5:9, 4:9, 4:8] = Label.TUMOR
    known = last(iter_compare(labels, reference))
    scored: list[Label] = []
    own = incremental.iter_score

    def count(*given: object) -> object:
        scored.append(given[2])  # type: ignore[arg-type]
        return own(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(incremental, "iter_score", count)
    box = Box.from_bounds((4, 4, 4), (6, 6, 6))  # of the tumor, to the liver: the organ stays
    new = labels.voxels.copy(order="F")
    new[box] = Label.LIVER
    counted = follow_counts(known, [Difference(box, labels.voxels[box], new[box])])
    assert counted.outdated == {Label.TUMOR}
    assert counted.scores[Label.LIVER] is known.scores[Label.LIVER]
    assert counted.scores[Label.TUMOR].dice != known.scores[Label.TUMOR].dice
    found = last(iter_compare_outdated(counted, replace(labels, voxels=new)))
    assert scored == [Label.TUMOR]
    assert_same(found, evaluate(replace(labels, voxels=new), reference))
