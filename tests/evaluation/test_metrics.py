"""Agreement with a reference, on label maps whose overlap is known by construction."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from liverview.core.grid import GridMismatchError
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Progress, Slab
from liverview.core.volume import LabelMap
from liverview.evaluation.error_map import VoxelOutcome, error_map
from liverview.evaluation.metrics import cl_dice, dice, lesion_agreement, surface_agreement
from liverview.evaluation.scores import LabelScore
from liverview.evaluation.scoring import compared_masks, evaluate, iter_evaluate
from liverview.evaluation.soft_slice_dice import SoftSliceDice
from liverview.phantoms.config import Phantom

AFFINE = np.diag([10.0, 10, 10, 1])  # voxels of 1 mL


def labels(values: list[int], affine: np.ndarray = AFFINE) -> LabelMap:
    """A row of voxels, by somebody who looked for all labels."""
    row = np.array(values, np.uint8).reshape(-1, 1, 1)
    return LabelMap(row, affine, defined=frozenset(FOREGROUND))


def test_dice_of_known_overlap() -> None:
    a = np.array([1, 1, 1, 0, 0, 0], bool)
    b = np.array([0, 1, 1, 1, 1, 0], bool)
    assert dice(a, b) == pytest.approx(2 * 2 / 7)
    assert dice(a, a) == 1
    assert dice(a, ~a) == 0


def test_what_the_reference_lacks_has_no_agreement_and_what_was_missed_has_none() -> None:
    none, some = np.zeros((3, 3, 3), bool), np.ones((3, 3, 3), bool)
    for predicted in (none, some):
        assert math.isnan(dice(predicted, none))
        assert all(math.isnan(v) for v in surface_agreement(predicted, none, (1, 1, 1)))
    assert dice(none, some) == 0
    assert surface_agreement(none, some, (1, 1, 1)) == (0, 0, math.inf)


def test_the_liver_is_scored_as_an_organ() -> None:
    liver, vessel, tumor = evaluate(labels([1, 1, 2, 3, 0, 1]), labels([1, 2, 2, 1, 0, 0]))
    assert liver.label is Label.LIVER
    assert liver.dice == pytest.approx(2 * 4 / 9)
    assert (liver.predicted_ml, liver.reference_ml) == pytest.approx((5, 4))
    assert vessel.dice == pytest.approx(2 * 1 / 3)
    assert math.isnan(tumor.dice)
    assert not tumor.in_reference
    assert tumor.volume_error_ml == pytest.approx(1)  # all of it invented


def test_vessels_are_compared_inside_the_references_liver_and_measured_everywhere() -> None:
    _, vessel, _ = evaluate(labels([1, 2, 2, 2]), labels([1, 2, 0, 0]))
    assert vessel.dice == 1
    assert vessel.volume_error_ml == pytest.approx(2)


def test_json_has_no_numbers_that_json_has_not() -> None:
    liver, vessel, tumor = evaluate(labels([1, 0]), labels([1, 3]))
    assert liver.to_dict()["dice"] == pytest.approx(0.6667)
    assert vessel.to_dict()["dice"] is None
    assert tumor.to_dict()["hd95_mm"] == "inf"
    json.dumps([liver.to_dict(), vessel.to_dict(), tumor.to_dict()], allow_nan=False)


# ---- surfaces ----------------------------------------------------------------------------


def box(shape: tuple[int, int, int], *ranges: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*ends) for ends in ranges)] = True
    return mask


def test_a_box_shifted_by_a_slice_of_3_mm() -> None:
    reference = box((10, 10, 10), (2, 8), (2, 8), (2, 8))
    found = surface_agreement(np.roll(reference, 1, axis=2), reference, (1, 2, 3))
    # Of 152 voxels in either surface, the 36 of one face have their match 3 mm away.
    assert found.nsd_2mm == pytest.approx(116 / 152)
    assert found.nsd_3mm == 1
    assert found.hd95_mm == 3


def test_a_shift_of_exactly_the_tolerance_is_within_it() -> None:
    reference = box((40, 5, 5), (3, 20), (1, 4), (2, 3))
    for voxels, mm in ((20, 0.1), (2, 1.0), (1, 2.0)):
        found = surface_agreement(np.roll(reference, voxels, axis=0), reference, (mm, 1, 1))
        assert found.nsd_2mm == 1


def test_the_same_surface_is_whole_also_at_the_end_of_the_scan() -> None:
    mask = np.ones((4, 5, 6), bool)
    assert surface_agreement(mask, mask, (1, 1, 1)) == (1, 1, 0)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's own call
@pytest.mark.parametrize("spacing", [(0.8, 0.8, 2.5), (3.0, 1.0, 0.5)])
def test_surfaces_agree_with_monai(spacing: tuple[float, float, float]) -> None:
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    noise = np.random.default_rng(4).normal(size=(2, 24, 20, 16))
    first, second = (ndimage.gaussian_filter(n, 2) > 0.02 for n in noise)
    found = surface_agreement(first, second, spacing)
    pair = [torch.from_numpy(mask)[None, None].float() for mask in (first, second)]
    for mm, nsd in ((2.0, found.nsd_2mm), (3.0, found.nsd_3mm)):
        expected = compute_surface_dice(*pair, [mm], include_background=True, spacing=spacing)
        assert nsd == pytest.approx(float(expected), abs=1e-6)
    hd95 = compute_hausdorff_distance(
        *pair, include_background=True, percentile=95, spacing=spacing
    )
    assert found.hd95_mm == pytest.approx(float(hd95), abs=1e-4)


# ---- averaged over slices ----------------------------------------------------------------


def test_soft_slice_dice_of_a_hand_made_example() -> None:
    reference = LabelMap(np.array([[[1, 0, 0, 2]], [[1, 0, 0, 0]]], np.uint8), AFFINE)
    probabilities = np.zeros((3, 2, 1, 3), np.float16)
    probabilities[0, :, 0, 0] = 0.5, 1  # overlaps the reference by 1.5 of 2
    probabilities[0, 0, 0, 2] = 0.25  # where there is none; nothing in the slice between
    soft = SoftSliceDice(reference)
    soft.add(Slab(0, np.zeros((2, 1, 3), np.uint8), probabilities))
    soft.add(Slab(0, np.zeros((2, 1, 4), np.uint8)))  # as the clean-up yields them
    found = soft.result()
    assert found[Label.LIVER] == pytest.approx((3 / 3.5 + 1 + 0 + 0) / 4, abs=1e-4)
    assert found[Label.VESSEL] == pytest.approx(3 / 4, abs=1e-4)
    assert math.isnan(found[Label.TUMOR])


# ---- grids -------------------------------------------------------------------------------


def test_other_voxels_are_refused() -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] = 5
    for other in (labels([1, 1, 1]), labels([1, 1], shifted)):
        with pytest.raises(GridMismatchError, match="same voxels"):
            evaluate(labels([1, 1]), other)


# ---- vessels and lesions -----------------------------------------------------------------


def bar(*ends: int, thick: int = 1) -> np.ndarray:
    return box((40, 9, 9), ends, (4 - thick, 5 + thick), (4 - thick, 5 + thick))


def test_centerlines_do_not_care_how_thick_a_vessel_is() -> None:
    thin, thick = bar(5, 35), bar(5, 35, thick=2)
    assert dice(thin, thick) < 0.6
    assert cl_dice(thin, thick) > 0.95
    assert cl_dice(thin, thin) == 1


def test_half_a_vessel_has_half_of_the_centerline() -> None:
    whole, half = bar(0, 40), bar(0, 20)
    # All of what was found is right: the mean of 1 and about a half.
    assert cl_dice(half, whole) == pytest.approx(2 / 3, abs=0.04)
    assert cl_dice(half, whole) == pytest.approx(cl_dice(whole, half))
    assert cl_dice(bar(0, 12), bar(25, 40)) == 0
    assert cl_dice(np.zeros_like(whole), whole) == 0
    assert math.isnan(cl_dice(whole, np.zeros_like(whole)))


@pytest.mark.parametrize(
    "size", [(2, 2, 2), (2, 2, 10), (4, 4, 10), (1, 6, 6), (10, 10, 10), (1, 1, 1)]
)
def test_a_vessel_of_any_width_agrees_with_itself(size: tuple[int, int, int]) -> None:
    mask = box((40, 12, 12), (0, size[0]), (0, size[1]), (0, size[2]))
    assert cl_dice(mask, mask) == 1
    both = mask | box((40, 12, 12), (20, 39), (5, 6), (5, 6))
    # A part without a line would count for nothing where it is missed.
    assert cl_dice(both ^ mask, both) < 1


def test_lesions_are_counted_one_by_one() -> None:
    reference = np.zeros((30, 30, 10), bool)
    reference[2:5, 2:5, 2:5] = True  # 27 voxels
    reference[20:23, 20:23, 2:5] = True
    reference[10, 10, 8] = True  # smaller than a sphere of 10 mm
    predicted = np.zeros_like(reference)
    predicted[2:5, 2:5, 2] = True  # a third of the first one
    predicted[20, 20, 2] = True  # a corner of the second
    predicted[28, 2, 5] = predicted[27, 3, 6] = True  # one that is none, joined by a corner
    found = lesion_agreement(predicted, reference, voxel_ml=0.03)
    assert found.recall == 0.5
    assert found.precision == 0.5  # the corner is too small to be a lesion
    assert found.false == 1
    none = np.zeros_like(reference)
    recall, precision, false = lesion_agreement(none, reference, 0.03)
    assert (recall, false) == (0, 0)
    assert math.isnan(precision)
    recall, precision, false = lesion_agreement(predicted, none, 0.06)
    assert math.isnan(recall)
    assert math.isnan(precision)
    assert false == 3
    assert lesion_agreement(reference, reference, 0.06) == (1, 1, 0)


def test_every_label_has_the_figures_that_suit_it() -> None:
    liver, vessel, tumor = evaluate(labels([1, 2, 2, 3, 3]), labels([1, 2, 2, 3, 3]))
    assert liver.applies_to("dice")
    assert not liver.applies_to("cl_dice")
    assert vessel.applies_to("cl_dice")
    assert math.isnan(liver.cl_dice)
    assert math.isnan(liver.false_lesions)
    assert vessel.cl_dice == 1
    assert (tumor.lesion_recall, tumor.lesion_precision, tumor.false_lesions) == (1, 1, 0)
    assert vessel.to_dict()["cl_dice"] == 1
    assert liver.to_dict()["lesion_recall"] is None


def test_a_figure_that_is_none_says_why() -> None:
    liver, vessel, tumor = evaluate(labels([1, 1, 3, 0, 2]), labels([1, 1, 1, 2, 0]))
    assert liver.why_undefined("dice") == ""
    assert liver.why_undefined("cl_dice") == "Only for vessels."
    assert liver.why_undefined("false_lesions") == "Only for tumors."
    assert "in the reference's liver" in vessel.why_undefined("hd95_mm")
    for figure in ("dice", "hd95_mm", "volume_error_percent", "lesion_recall"):
        assert "The reference has no tumors" in tumor.why_undefined(figure)
    assert tumor.why_undefined("false_lesions") == ""
    small = AFFINE * (0.3, 0.3, 0.3, 1)  # voxels of 0.027 mL
    _, _, tumor = evaluate(labels([1, 1, 3], small), labels([1, 3, 3], small))
    assert "10 mm sphere" in tumor.why_undefined("lesion_recall")
    assert "0.05 mL" in tumor.why_undefined("lesion_precision")


def test_volume_errors_in_percent() -> None:
    liver, vessel, _ = evaluate(labels([1, 1, 1, 2]), labels([1, 1, 0, 0]))
    assert liver.volume_error_percent == pytest.approx(100)
    assert math.isnan(vessel.volume_error_percent)
    assert liver.to_dict()["volume_error_percent"] == pytest.approx(100)


def test_labels_are_scored_one_after_the_other() -> None:
    first, second = labels([1, 2, 2, 3, 3]), labels([1, 1, 2, 3, 0])
    items = list(iter_evaluate(first, second))
    scores = [item for item in items if isinstance(item, LabelScore)]
    assert str(scores) == str(evaluate(first, second))  # NaN is not NaN
    assert [score.label for score in scores] == [Label.LIVER, Label.VESSEL, Label.TUMOR]
    fractions = [item.fraction for item in items if isinstance(item, Progress)]
    assert fractions == sorted(fractions)
    assert len(fractions) >= 9  # a step is shorter than a label


# ---- who has what ------------------------------------------------------------------------


def test_every_voxel_belongs_to_whom_it_should() -> None:
    first, second = labels([0, 1, 2, 2, 3, 0, 2, 0]), labels([0, 0, 2, 1, 1, 2, 0, 0])
    both, predicted, reference = VoxelOutcome
    for label, first_voxel, expected in (
        (Label.LIVER, 1, [predicted, both, both, both, reference, predicted]),
        (Label.VESSEL, 2, [both, predicted, 0, reference]),  # the last one lies outside the liver
        (Label.TUMOR, 4, [predicted]),
    ):
        who, box, _ = error_map(first, second, label)
        assert box[0].start == first_voxel
        assert who.shape == (len(expected), 1, 1)
        assert who.ravel().tolist() == expected


def test_what_neither_has_is_an_empty_block() -> None:
    who, box, _ = error_map(labels([1, 1]), labels([1, 0]), Label.TUMOR)
    assert who.size == 0
    assert labels([1, 1]).voxels[box].shape == who.shape


def test_who_has_what_adds_up_to_the_figures(case: Phantom) -> None:
    moved = LabelMap(np.roll(case.labels.voxels, (1, 1), (0, 2)), case.labels.affine)
    for score in evaluate(moved, case.labels):
        who, *_ = error_map(moved, case.labels, score.label)
        both, predicted, reference = (int((who == a).sum()) for a in VoxelOutcome)
        assert score.dice == 2 * both / (2 * both + predicted + reference)
        assert (both + reference) * moved.voxel_ml == pytest.approx(score.reference_ml)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's own call
def test_figures_agree_with_monai(case: Phantom) -> None:
    from monai.metrics import DiceMetric, compute_hausdorff_distance, compute_surface_dice

    moved = LabelMap(np.roll(case.labels.voxels, (1, 1), (0, 2)), case.labels.affine)
    for score in evaluate(moved, case.labels):
        masks = compared_masks(moved, case.labels, score.label)
        pair = [torch.from_numpy(mask.copy())[None, None].float() for mask in masks]
        spacing = case.labels.spacing
        assert score.dice == pytest.approx(float(DiceMetric()(*pair)), abs=1e-6)
        hd95 = compute_hausdorff_distance(
            *pair, include_background=True, percentile=95, spacing=spacing
        )
        assert score.hd95_mm == pytest.approx(float(hd95), abs=1e-4)
        for mm, nsd in ((2.0, score.nsd_2mm), (3.0, score.nsd_3mm)):
            same = compute_surface_dice(*pair, [mm], include_background=True, spacing=spacing)
            assert nsd == pytest.approx(float(same), abs=1e-6)
