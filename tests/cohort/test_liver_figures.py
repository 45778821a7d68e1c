"""Figures of a liver beside its measurement."""

from __future__ import annotations

import numpy as np
import pytest

import liverview as lv
from liverview.cohort.liver_figures import liver_figures


@pytest.mark.parametrize("orientation", [(1, 1, 1), (-1, 1, -1)])
def test_mean_and_ends_are_those_of_the_voxels(orientation: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    hu = rng.integers(-100, 200, (20, 22, 37)).astype(np.int16)
    voxels = rng.choice(np.array([0, 1, 2, 3], np.uint8), hu.shape)
    voxels[:, :, 0] = 0
    affine = np.diag([*orientation, 1.0])
    scan, labels = (lv.Volume.from_array(hu, affine), lv.LabelMap.from_array(voxels, affine))
    figures = liver_figures(scan, labels)
    assert figures["liver_mean_hu"] == round(float(hu[voxels == 1].mean()), 1)
    ends = figures["liver_on_first_slice"], figures["liver_on_last_slice"]
    assert ends == ((False, True) if orientation[2] > 0 else (True, False))


def test_without_a_liver_there_is_no_mean() -> None:
    scan = lv.Volume.from_array(np.zeros((8, 8, 8), np.int16), spacing=(1, 1, 1))
    labels = lv.LabelMap.from_array(np.zeros((8, 8, 8), np.uint8), spacing=(1, 1, 1))
    assert liver_figures(scan, labels) == {
        "liver_mean_hu": None,
        "liver_on_first_slice": False,
        "liver_on_last_slice": False,
    }
