"""Agreement with a reference, on label maps whose overlap is known by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liverview.labels import Label
from liverview.metrics import GridMismatchError, dice, evaluate
from liverview.volume import LabelMap

AFFINE = np.diag([10.0, 10, 10, 1])  # voxels of 1 mL


def labels(values: list[int], affine: np.ndarray = AFFINE) -> LabelMap:
    return LabelMap(np.array(values, np.uint8).reshape(-1, 1, 1), affine)


def test_dice_of_known_overlap() -> None:
    a = np.array([1, 1, 1, 0, 0, 0], bool)
    b = np.array([0, 1, 1, 1, 1, 0], bool)
    assert dice(a, b) == pytest.approx(2 * 2 / 7)
    assert dice(a, a) == 1
    assert dice(a, ~a) == 0


def test_empty_labels_follow_the_stated_policy() -> None:
    none, some = np.zeros(4, bool), np.array([1, 0, 0, 0], bool)
    assert math.isnan(dice(none, none))
    assert dice(none, some) == dice(some, none) == 0


def test_the_liver_is_scored_as_an_organ() -> None:
    liver, vessel, tumor = evaluate(labels([1, 1, 2, 3, 0, 1]), labels([1, 2, 2, 1, 0, 0]))
    assert liver.label is Label.LIVER
    assert liver.dice == pytest.approx(2 * 4 / 9)
    assert (liver.predicted_ml, liver.reference_ml) == pytest.approx((5, 4))
    assert vessel.dice == pytest.approx(2 * 1 / 3)
    assert tumor.dice == 0


def test_nothing_to_score_is_no_number() -> None:
    scores = evaluate(labels([1, 0]), labels([1, 0]))
    assert scores[0].to_dict()["dice"] == 1
    assert scores[1].to_dict()["dice"] is None


def test_other_voxels_are_refused() -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] = 5
    for other in (labels([1, 1, 1]), labels([1, 1], shifted)):
        with pytest.raises(GridMismatchError, match="same voxels"):
            evaluate(labels([1, 1]), other)
