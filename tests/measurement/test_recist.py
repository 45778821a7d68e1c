"""RECIST 1.1: which lesions are measurable, which are targets, what is said with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.measurement.compute import measure
from liverview.measurement.recist import Recist, assess_recist
from liverview.measurement.results import Measurement


def bars(*lengths: int, spacing: tuple[float, float, float] = (1, 1, 1)) -> Measurement:
    """Lesions of known axial diameters in mm along i; the shorter, the thicker."""
    voxels = np.ones((60, 20 * len(lengths), 24), np.uint8)
    for index, length in enumerate(lengths):
        count = round(length / spacing[0])
        voxels[5 : 5 + count, 20 * index + 5, 2 : 3 + 2 * index] = Label.TUMOR
    return measure(LabelMap(voxels, np.diag([*spacing, 1.0])), smallest_lesion_ml=0)


def test_the_two_longest_measurable_lesions_are_candidates() -> None:
    measurement = bars(12, 40, 9, 25)
    assert [round(lesion.longest_mm) for lesion in measurement.lesions] == [25, 40, 9, 12]
    found = assess_recist(measurement)
    assert [lesion.longest_mm for lesion in found.candidates] == pytest.approx([40, 25])
    assert found.sum_of_diameters_mm == 65
    assert (found.smallest_mm, found.thickness_mm, found.not_measurable) == (10, 1, 1)
    assert not any("apart" in text or "oblique" in text for text in found.caveats)


def test_excluded_lesions_are_not_considered() -> None:
    measurement = bars(12, 40, 9, 25)
    found = assess_recist(measurement, {2: "cyst"})
    assert [lesion.longest_mm for lesion in found.candidates] == pytest.approx([25, 12])
    assert found.sum_of_diameters_mm == 37
    assert found.to_dict()["excluded_lesions"] == [{"number": 2, "reason": "cyst"}]
    assert found.not_measurable == 1


def test_ten_millimeters_are_measurable() -> None:
    assert len(assess_recist(bars(10)).candidates) == 1
    assert assess_recist(bars(9)).candidates == ()


def test_of_thick_slices_twice_the_thickness_is_needed() -> None:
    found = assess_recist(bars(14, 15, 40, spacing=(1, 1, 7.5)))
    assert [lesion.longest_mm for lesion in found.candidates] == pytest.approx([40, 15])
    assert (found.smallest_mm, found.thickness_mm, found.not_measurable) == (15, 7.5, 1)
    assert any("7.5 mm apart" in text and "15 mm" in text for text in found.caveats)
    assert assess_recist(bars(12, spacing=(1, 1, 5))).smallest_mm == 10


def test_slices_that_were_taken_upright_are_as_thick() -> None:
    assert assess_recist(bars(12, 20, spacing=(1, 6, 1))).smallest_mm == 12


def test_a_tilted_gantry_does_not_thicken_slices() -> None:
    affine = np.eye(4)
    affine[:3, 2] = (0, 3, 5)  # columns are 5.8 mm long, slices 5 mm apart
    voxels = np.ones((30, 30, 5), np.uint8)
    voxels[5:16, 5, 2] = Label.TUMOR
    found = assess_recist(measure(LabelMap(voxels, affine)))
    assert (found.thickness_mm, found.smallest_mm) == (5, 10)


def test_an_oblique_scan_is_said_to_be_one() -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("x", 12, degrees=True).as_matrix()
    voxels = np.ones((30, 30, 5), np.uint8)
    voxels[5:16, 5, 2] = Label.TUMOR
    found = assess_recist(measure(LabelMap(voxels, affine), smallest_lesion_ml=0))
    assert any("oblique by 12°" in text for text in found.caveats)
    assert found.sum_of_diameters_mm == 11


def test_nothing_measurable_is_said() -> None:
    found = assess_recist(bars(8))
    assert found.candidates == ()
    assert found.sum_of_diameters_mm == 0
    assert any("No lesion of 10 mm or more" in text for text in found.caveats)
    assert any("not a medical device" in text for text in found.caveats)


def test_the_sum_is_that_of_the_diameters_shown() -> None:
    found = assess_recist(bars(12, 24, spacing=(0.76, 1, 1)))
    shown = [round(lesion.longest_mm, 1) for lesion in found.candidates]
    assert found.to_dict()["sum_of_diameters_mm"] == pytest.approx(sum(shown))
    assert found.to_dict()["candidate_lesion_numbers"] == [
        lesion.number for lesion in found.candidates
    ]


def marked(measurement: Measurement, **said: object) -> Recist:
    return assess_recist(replace(measurement, **said))


def test_nothing_is_a_target_before_a_person_confirms_it() -> None:
    found = assess_recist(bars(12, 40, 9, 25))
    said = found.to_dict()
    assert (found.confirmed, found.targets, said["target_lesion_numbers"]) == (False, (), [])
    assert said["candidate_lesion_numbers"] == [2, 1]
    assert "not confirmed" in found.words
    assert "Target" not in found.words
    confirmed = marked(bars(12, 40, 9, 25), confirmed=frozenset({1, 2}))
    assert confirmed.to_dict()["target_lesion_numbers"] == [2, 1]
    assert confirmed.words.startswith("Target lesions 2 (40.0 mm) and 1 (25.0 mm), confirmed")


def test_lesions_that_were_confirmed_stay_the_targets_though_others_are_larger() -> None:
    found = marked(bars(12, 40, 9, 25), confirmed=frozenset({4}))
    assert [lesion.longest_mm for lesion in found.targets] == pytest.approx([12])
    assert found.sum_of_diameters_mm == 12


@pytest.mark.parametrize(
    "said",
    [
        {"confirmed": frozenset({1, 2}), "lost_targets": 1},  # one is gone
        {"confirmed": frozenset({1, 3})},  # 9 mm: no longer measurable
        {"confirmed": frozenset({1, 2}), "no_targets": {2: "treated"}},
        {"lost_targets": 2},
    ],
)
def test_targets_that_are_no_longer_there_ask_for_confirmation_again(said: dict) -> None:
    found = marked(bars(12, 40, 9, 25), **said)
    assert not found.confirmed
    assert found.targets == ()
    assert any("confirm again" in caveat for caveat in found.caveats)


def test_of_partial_labels_nothing_is_proposed() -> None:
    found = marked(bars(12, 40), partial=True, confirmed=frozenset({1}))
    assert (found.candidates, found.targets, found.sum_of_diameters_mm) == ((), (), None)
    assert "partial" in found.words
    assert found.to_dict()["sum_of_diameters_mm"] is None
