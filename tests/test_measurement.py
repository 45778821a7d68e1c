"""Volumes and lesions, on shapes whose size is known."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.labels import Label
from liverview.measurement import measure, report
from liverview.phantom import Case
from liverview.volume import LabelMap, Volume


def ball(
    labels: np.ndarray, center: tuple[float, ...], radius_mm: float, spacing: tuple[float, ...]
) -> None:
    away = sum(
        ((index - c) * s) ** 2
        for index, c, s in zip(np.indices(labels.shape), center, spacing, strict=True)
    )
    labels[away <= radius_mm**2] = Label.TUMOR


def test_volumes_count_the_liver_with_its_parts() -> None:
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[0], voxels[1], voxels[2, :2] = 1, 2, 3
    found = measure(LabelMap(voxels, np.diag([10.0, 10, 5, 1])))
    assert found.volume_ml == pytest.approx(
        {Label.LIVER: 40 * 0.5, Label.VESSEL: 16 * 0.5, Label.TUMOR: 8 * 0.5}
    )
    assert found.to_dict()["tumor_burden_percent"] == pytest.approx(20)


def test_lesions_have_the_size_and_place_they_were_given() -> None:
    spacing = (0.8, 0.8, 2.0)
    voxels = np.ones((100, 100, 30), np.uint8)
    ball(voxels, (30, 40, 15), 12, spacing)
    ball(voxels, (75, 70, 20), 6, spacing)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-50, -60, 100)
    large, small = measure(LabelMap(voxels, affine)).lesions
    assert large.volume_ml == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=0.05)
    assert large.axial_diameter_mm == pytest.approx(24, abs=1)
    assert large.centroid_mm == pytest.approx((30 * 0.8 - 50, 40 * 0.8 - 60, 130), abs=0.2)
    assert small.axial_diameter_mm == pytest.approx(12, abs=1)


def test_an_oblong_lesion_is_measured_along_its_length() -> None:
    voxels = np.ones((60, 60, 3), np.uint8)
    for step in range(30):  # 30 voxels along a diagonal: 29 steps of sqrt(2) mm and its ends
        voxels[10 + step, 10 + step : 13 + step, 1] = Label.TUMOR
    (lesion,) = measure(LabelMap(voxels, np.eye(4))).lesions
    assert lesion.axial_diameter_mm == pytest.approx(29 * np.sqrt(2), abs=2.5)


def test_specks_count_in_the_volume_only() -> None:
    voxels = np.ones((10, 10, 10), np.uint8)
    voxels[5, 5, 5] = Label.TUMOR  # 0.001 mL
    found = measure(LabelMap(voxels, np.eye(4)))
    assert found.lesions == ()
    assert found.volume_ml[Label.TUMOR] == pytest.approx(0.001)


def test_diagonal_neighbors_are_one_lesion() -> None:
    voxels = np.ones((10, 10, 10), np.uint8)
    voxels[2:4, 2:4, 2:4] = voxels[4:6, 4:6, 4:6] = Label.TUMOR
    assert len(measure(LabelMap(voxels, np.diag([2.0, 2, 2, 1]))).lesions) == 1


def test_no_labels_no_figures() -> None:
    found = measure(LabelMap(np.zeros((3, 3, 3), np.uint8), np.eye(4)))
    assert found.lesions == ()
    assert found.to_dict()["tumor_burden_percent"] is None


def test_the_report_names_units_and_says_what_it_is_not(case: Case) -> None:
    figures = report(case.volume, measure(case.labels), device="cpu")
    assert figures["disclaimer"] == "Research use only, not a medical device."
    assert figures["device"] == "cpu"
    assert figures["liver_with_vessels_and_tumors_ml"] > 0
    assert figures["spacing_mm"] == [4, 4, 5]
    assert isinstance(case.volume, Volume)
