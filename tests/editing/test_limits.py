"""Limits of edits, against masks written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.editing.limits import EditLimits, Scope, erased_value

LABELS = np.array([[[0, 1, 2, 3]]], np.uint8)
STORED = np.array([[[1000, 1040, 1160, 1080]]], np.int16)  # HU + 1000


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (EditLimits(), [1, 1, 1, 1]),
        (EditLimits(locked=frozenset({Label.VESSEL})), [1, 1, 0, 1]),
        (EditLimits(Scope.VISIBLE), [1, 1, 0, 1]),
        (EditLimits(Scope.ONE, one=Label.LIVER), [0, 1, 0, 0]),
        (EditLimits(Scope.ONE, one=Label.LIVER, locked=frozenset({Label.LIVER})), [0, 0, 0, 0]),
        (EditLimits(Scope.BACKGROUND), [1, 0, 0, 0]),
        (EditLimits(hu=(40, 80)), [0, 1, 0, 1]),
    ],
)
def test_only_what_the_limits_allow_may_change(limits: EditLimits, expected: list[int]) -> None:
    visible = [Label.LIVER, Label.TUMOR]
    where = limits.allowed(LABELS, STORED, -1000, visible)
    assert where.ravel().tolist() == [bool(one) for one in expected]


def test_erasing_a_part_leaves_what_it_is_a_part_of() -> None:
    assert erased_value(Label.TUMOR) is erased_value(Label.VESSEL) is Label.LIVER
    assert erased_value(Label.LIVER) is erased_value(Label.BACKGROUND) is Label.BACKGROUND
