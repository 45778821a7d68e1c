"""Volumes and lesions, on shapes whose size is known."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict, apply_marks, take_out_of_slice
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.measurement.compute import iter_measure, measure
from liverview.measurement.export import measurement_record
from liverview.measurement.results import SMALLEST_LESION_ML, Measurement
from liverview.measurement.review import iter_find_marked
from liverview.phantoms.config import Phantom

from support.marks import mark_at, without


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
    assert large.longest_mm == pytest.approx(24, abs=1)
    assert large.centroid_mm == pytest.approx((30 * 0.8 - 50, 40 * 0.8 - 60, 130), abs=0.2)
    assert small.longest_mm == pytest.approx(12, abs=1)


def test_an_oblong_lesion_is_measured_along_its_length() -> None:
    voxels = np.ones((60, 60, 3), np.uint8)
    for step in range(30):  # 30 voxels along a diagonal: 29 steps of sqrt(2) mm and its ends
        voxels[10 + step, 10 + step : 13 + step, 1] = Label.TUMOR
    (lesion,) = measure(LabelMap(voxels, np.eye(4))).lesions
    assert lesion.longest_mm == pytest.approx(29 * np.sqrt(2), abs=2.5)


def test_every_volume_says_what_it_includes() -> None:
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[0], voxels[1], voxels[2, :2] = 1, 2, 3
    figures = measure(LabelMap(voxels, np.diag([10.0, 10, 5, 1]))).to_dict()
    assert figures["liver_parenchyma_ml"] == 16 * 0.5
    assert figures["liver_with_vessels_ml"] == 32 * 0.5
    assert figures["liver_with_vessels_and_tumors_ml"] == 40 * 0.5
    assert (figures["vessel_ml"], figures["tumor_ml"], figures["voxel_ml"]) == (8, 4, 0.5)
    assert figures["liver_parenchyma_voxel_count"] == figures["vessel_voxel_count"] == 16
    assert figures["tumor_voxel_count"] == 8


def test_specks_count_in_the_volume_only() -> None:
    voxels = np.ones((10, 10, 10), np.uint8)
    voxels[5, 5, 5] = voxels[1, 1, 1:4] = Label.TUMOR  # 0.001 and 0.003 mL
    found = measure(LabelMap(voxels, np.eye(4)))
    assert found.lesions == ()
    assert found.volume_ml[Label.TUMOR] == pytest.approx(0.004)
    figures = found.to_dict()
    assert figures["smallest_lesion_ml"] == SMALLEST_LESION_ML == 0.03
    assert (figures["left_out_count"], figures["left_out_ml"]) == (2, 0.004)
    assert any("0.03 mL or more; 2 smaller ones" in text for text in figures["statements"])
    (lesion,) = measure(LabelMap(voxels, np.eye(4)), smallest_lesion_ml=0.002).lesions
    assert lesion.voxel_count == 3


def test_a_lesion_of_the_smallest_volume_is_one() -> None:
    voxels = np.ones((10, 10, 10), np.uint8)
    voxels[2:7, 2:5, 2:4] = Label.TUMOR  # 30 voxels, 0.03 mL
    assert len(measure(LabelMap(voxels, np.eye(4))).lesions) == 1


def test_diagonal_neighbors_are_one_lesion() -> None:
    voxels = np.ones((10, 10, 10), np.uint8)
    voxels[2:4, 2:4, 2:4] = voxels[4:6, 4:6, 4:6] = Label.TUMOR
    assert len(measure(LabelMap(voxels, np.diag([2.0, 2, 2, 1]))).lesions) == 1


def test_lesions_are_numbered_by_volume_wherever_they_are() -> None:
    voxels = np.ones((40, 40, 200), np.uint8, order="F")
    sizes = {5: (3, 3, 4), 70: (6, 6, 6), 190: (4, 4, 4)}  # in three steps of reading
    for k, (a, b, c) in sizes.items():
        voxels[k // 8 : k // 8 + a, 3 : 3 + b, k : k + c] = Label.TUMOR
    for array in (voxels, np.ascontiguousarray(voxels)):
        found = measure(LabelMap(array, np.eye(4))).lesions
        assert [lesion.number for lesion in found] == [1, 2, 3]
        assert [lesion.voxel_count for lesion in found] == [216, 64, 36]
        assert [lesion.start for lesion in found] == [(8, 3, 70), (23, 3, 190), (0, 3, 5)]


def test_the_crosshair_of_a_crescent_goes_into_it() -> None:
    voxels = np.ones((60, 60, 9), np.uint8)
    i, j = np.indices((60, 60))
    spacing = (1.8, 0.6, 2.0)
    away = np.hypot((i - 30) * spacing[0], (j - 30) * spacing[1])
    voxels[(away > 12) & (away < 17) & (j < 40), 2:7] = Label.TUMOR
    affine = np.diag([*spacing, 1])
    affine[:3, 3] = (10, -20, 30)
    (lesion,) = measure(LabelMap(voxels, affine)).lesions
    inside = np.argwhere(voxels == Label.TUMOR)
    middle = inside.mean(axis=0)
    assert voxels[tuple(np.rint(middle).astype(int))] != Label.TUMOR
    assert lesion.centroid_mm == pytest.approx(tuple(affine[:3, :3] @ middle + affine[:3, 3]))
    assert voxels[lesion.inside] == Label.TUMOR
    assert lesion.contains(lesion.inside)
    apart = np.linalg.norm((inside - middle) * spacing, axis=1)
    chosen = np.linalg.norm((lesion.inside - middle) * spacing)
    assert chosen == pytest.approx(apart.min())


def test_a_round_lesion_is_entered_at_its_middle() -> None:
    voxels = np.ones((30, 30, 30), np.uint8)
    ball(voxels, (12, 14, 16), 6, (1, 1, 1))
    (lesion,) = measure(LabelMap(voxels, np.eye(4))).lesions
    assert lesion.inside == (12, 14, 16)
    assert lesion.centroid_mm == pytest.approx((12, 14, 16))


def test_hu_are_those_of_the_lesion_alone() -> None:
    voxels = np.ones((20, 20, 20), np.uint8)
    voxels[4:8, 4:8, 4:8] = Label.TUMOR
    stored = np.full(voxels.shape, 1100, np.int16)
    stored[4:6, 4:8, 4:8], stored[6:8, 4:8, 4:8] = 1060, 1080
    volume = Volume(stored, np.eye(4), intercept=-1024)
    (lesion,) = measure(LabelMap(voxels, np.eye(4)), volume).lesions
    assert (lesion.mean_hu, lesion.sd_hu) == (1070 - 1024, 10)
    (blind,) = measure(LabelMap(voxels, np.eye(4))).lesions
    assert (blind.mean_hu, blind.sd_hu) == (None, None)
    odd = Volume(stored, np.eye(4), in_hu=False)
    (blind,) = measure(LabelMap(voxels, np.eye(4)), odd).lesions
    assert (blind.mean_hu, blind.sd_hu) == (None, None)


def test_a_phantoms_lesions_have_the_hu_of_its_tumors(case: Phantom) -> None:
    found = measure(case.labels, case.volume, smallest_lesion_ml=0)
    tumor = case.labels.voxels == Label.TUMOR
    values = case.volume.voxels[tumor].astype(float) + case.volume.intercept
    counts = [lesion.voxel_count for lesion in found.lesions]
    means = [lesion.mean_hu for lesion in found.lesions]
    assert len(counts) > 1
    assert sum(counts) == tumor.sum()
    assert np.average(means, weights=counts) == pytest.approx(values.mean())
    for lesion in found.lesions:
        box = tuple(slice(s, s + n) for s, n in zip(lesion.start, lesion.mask.shape, strict=True))
        assert tumor[box][lesion.mask].all()


def test_labels_of_another_scan_are_refused() -> None:
    labels = LabelMap(np.ones((4, 4, 4), np.uint8), np.diag([2.0, 2, 2, 1]), "labels")
    volume = Volume(np.zeros((4, 4, 4), np.int16), np.eye(4), name="scan")
    with pytest.raises(ValueError, match="scan and labels do not lie on the same voxels"):
        measure(labels, volume)


def test_it_is_done_in_steps_and_the_figures_come_last() -> None:
    voxels = np.ones((20, 20, 150), np.uint8)
    for k in (5, 75, 140):
        voxels[2:8, 2:8, k : k + 4] = Label.TUMOR
    *steps, found = iter_measure(LabelMap(voxels, np.eye(4)))
    assert isinstance(found, Measurement)
    assert all(isinstance(step, Progress) for step in steps)
    shares = [step.fraction for step in steps]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] < 1
    assert len(shares) >= 6  # three of reading, three lesions


def test_labels_that_change_meanwhile_do_no_harm() -> None:
    voxels = np.ones((20, 20, 150), np.uint8)
    voxels[2:8, 2:8, 5:9] = voxels[12:18, 2:8, 140:144] = Label.TUMOR
    labels = LabelMap(voxels, np.eye(4))
    work = iter_measure(labels)
    for step in work:
        assert isinstance(step, Progress)
        if step.fraction >= 0.3:  # all is read
            break
    voxels[...] = Label.BACKGROUND
    *_, found = work
    assert isinstance(found, Measurement)
    assert [lesion.voxel_count for lesion in found.lesions] == [144, 144]
    assert found.voxel_count[Label.TUMOR] == 288


def test_what_is_said_of_lesions_stays_with_them_as_numbers_change() -> None:
    voxels = np.ones((30, 30, 30), np.uint8)
    voxels[2:6, 2:6, 2:6] = Label.TUMOR
    labels = LabelMap(voxels, np.eye(4))
    said = (
        mark_at(labels, (3, 3, 3), Verdict.NO_TARGET, "treated"),
        LesionMark(Verdict.TARGET, "", (20, 20, 20), np.full((2, 2, 2), 3, np.uint8)),
    )
    found = measure(replace(labels, marks=said))
    assert (found.no_targets, found.confirmed, found.lost_targets) == ({1: "treated"}, set(), 1)
    voxels[15:25, 15:25, 15:25] = Label.TUMOR  # now the largest; 8 of its 1000 voxels were marked
    found = measure(replace(labels, marks=said))
    assert (found.no_targets, found.confirmed, found.lost_targets) == ({2: "treated"}, set(), 1)
    voxels[15:25, 15:25, 15:25] = Label.LIVER
    voxels[20:23, 20:22, 20:22] = Label.TUMOR  # 8 of its 12 voxels were marked
    found = measure(replace(labels, marks=said), smallest_lesion_ml=0)
    assert (found.confirmed, found.lost_targets) == ({2}, 0)


def test_what_is_ruled_out_is_measured_apart_and_in_no_figure() -> None:
    """As if it had never been tumor; its own figures are those that it had."""
    voxels = np.ones((30, 30, 30), np.uint8)
    voxels[2:8, 2:6, 2:6] = voxels[15:20, 15:20, 15:20] = Label.TUMOR
    labels = LabelMap(voxels, np.diag([1.0, 2.0, 1.5, 1.0]))
    before, found = measure(labels), measure(without(labels, (3, 3, 3), "cyst"))
    assert [lesion.voxel_count for lesion in found.lesions] == [125]
    assert found.volume_ml[Label.TUMOR] == pytest.approx(125 * 0.003)
    assert found.volume_ml[Label.LIVER] == before.volume_ml[Label.LIVER]
    assert found.tumor_burden_percent == pytest.approx(100 * 125 / 27000)
    (out,) = found.ruled_out
    assert (out.reason, out.lesion.number) == ("cyst", 2)
    was = before.lesions[1]
    assert (out.lesion.volume_ml, out.lesion.axial) == (was.volume_ml, was.axial)
    said = found.to_dict()
    assert (said["ruled_out_count"], said["ruled_out_ml"]) == (1, round(96 * 0.003, 3))
    assert said["ruled_out_lesions"][0]["reason"] == "cyst"
    assert any("ruled out" in text for text in found.warnings)


def test_partial_labels_are_said_to_be() -> None:
    labels = LabelMap(np.ones((5, 5, 5), np.uint8), np.eye(4), partial=True)
    said = measure(labels).to_dict()
    assert said["partial"] is True
    assert any("partial" in text for text in said["statements"])
    assert measure(replace(labels, partial=False)).to_dict()["partial"] is False


def marked_block(*parts: tuple[slice, slice, slice]) -> LabelMap:
    voxels = np.ones((40, 20, 20), np.uint8)
    for part in parts:
        voxels[part] = Label.TUMOR
    return LabelMap(voxels, np.eye(4))


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ([np.s_[5:15, 5:10, 5:10]], 250),  # as it was
        ([np.s_[5:8, 6:8, 6:8]], 12),  # a higher threshold leaves a rest
        ([np.s_[5:8, 6:8, 6:8], np.s_[12:14, 6:8, 6:8]], 20),  # in two parts: both
        ([np.s_[5:15, 5:10, 4:12]], 400),  # a lower one lets it grow: 250 of 400
        ([np.s_[5:15, 5:10, 1:19]], 0),  # another, which has swallowed it: 250 of 900
        ([np.s_[5:25, 5:10, 5:10]], 0),  # exactly half is not most of it
        ([np.s_[25:30, 5:10, 5:10]], 0),  # somewhere else
        ([], 0),
    ],
)
def test_a_marked_lesion_is_found_again_where_most_of_it_was_marked(
    now: list[tuple[slice, slice, slice]], found: int
) -> None:
    mark = mark_at(marked_block(np.s_[5:15, 5:10, 5:10]), (6, 6, 6), Verdict.RULED_OUT, "cyst")
    other = np.s_[33:38, 12:17, 12:17]  # a lesion that nobody has marked
    labels = marked_block(*now, other)
    *_, placed = iter_find_marked(labels, [mark])
    assert sum(one.voxel_count for one in placed) == found
    for one in placed:
        assert (labels.voxels[one.box][one.voxels != 0] == Label.TUMOR).all()
        assert (one.verdict, one.reason) == (Verdict.RULED_OUT, "cyst")
    voxels = labels.voxels.copy()
    apply_marks(voxels, (), placed)
    rest = (voxels == Label.TUMOR).sum()
    assert rest == (labels.voxels == Label.TUMOR).sum() - found
    assert (voxels[other] == Label.TUMOR).all()
    apply_marks(voxels, placed, ())
    assert np.array_equal(voxels, labels.voxels)


def test_a_slice_of_a_box_is_without_what_is_ruled_out() -> None:
    """As the same slice of the label map from which all of it was taken."""
    labels = marked_block(np.s_[5:15, 5:10, 5:10], np.s_[20:25, 3:9, 2:8])
    out = without(labels, (6, 6, 6), "cyst")
    box = Box.from_bounds((3, 6, 4), (30, 18, 16))
    for axis in range(3):
        for index in range(box.start[axis], box.stop[axis]):
            cut = labels.voxels[box].take(index - box.start[axis], axis)
            take_out_of_slice(cut, out.marks, box, axis, index)
            expected = out.voxels[box].take(index - box.start[axis], axis)
            assert np.array_equal(cut, expected)


def test_what_is_drawn_over_a_ruled_out_lesion_stays_when_it_comes_back() -> None:
    labels = marked_block(np.s_[5:15, 5:10, 5:10])
    out = without(labels, (6, 6, 6), "cyst")
    out.voxels[5:8, 5:10, 5:10] = Label.VESSEL
    apply_marks(out.voxels, out.marks, ())
    assert (out.voxels[5:8, 5:10, 5:10] == Label.VESSEL).all()
    assert (out.voxels[8:15, 5:10, 5:10] == Label.TUMOR).all()


def test_no_labels_no_figures() -> None:
    found = measure(LabelMap(np.zeros((3, 3, 3), np.uint8), np.eye(4)))
    assert found.lesions == ()
    assert found.to_dict()["tumor_burden_percent"] is None


def test_the_report_names_units_and_says_what_it_is_not(case: Phantom) -> None:
    figures = measurement_record(case.volume, measure(case.labels), device="cpu")
    assert figures["disclaimer"] == "Research use only, not a medical device."
    assert figures["device"] == "cpu"
    assert figures["liver_with_vessels_and_tumors_ml"] > 0
    assert figures["spacing_mm"] == [4, 4, 5]
    assert figures["recist_1_1"]["slice_thickness_mm"] == 5
    assert len(figures["lesions"]) == figures["lesion_count"] > 0


def test_what_only_shows_figures_loads_no_heavy_library() -> None:
    code = (
        "import sys, liverview.measurement, liverview.measurement.markup\n"
        "heavy = {'scipy', 'skimage', 'cc3d', 'torch', 'nibabel'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_swapped_arguments_are_refused() -> None:
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[1:3, 1:3, 1:3] = Label.TUMOR
    labels, scan = LabelMap(voxels, np.eye(4)), Volume(voxels.astype(np.int16), np.eye(4))
    for swapped in (measure, lambda *given: list(iter_measure(*given))):
        with pytest.raises(TypeError, match="must be a LabelMap, not Volume"):
            swapped(scan, labels)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="must be a Volume, not LabelMap"):
            swapped(labels, labels)  # type: ignore[arg-type]
