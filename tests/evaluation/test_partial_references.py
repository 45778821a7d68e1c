"""References that know a part of the labels, or a part of the voxels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from liverview.cli import main
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.error_map import error_map
from liverview.evaluation.metrics import lesion_agreement, surface_agreement
from liverview.evaluation.montage import draw_comparison
from liverview.evaluation.scores import LabelScore
from liverview.evaluation.scoring import evaluate
from liverview.evaluation.soft_slice_dice import SoftSliceDice
from liverview.evaluation.summary import (
    MAP_FIGURES,
    SCAN_FIGURES,
    reason_lines,
    summary_dict,
    table_row,
)
from liverview.evaluation.surface_area import area_nsd

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
ALL = frozenset(FOREGROUND)
LIVER, VESSEL, TUMOR = FOREGROUND[:3]


def truth() -> np.ndarray:
    """A liver with a vessel through it and a tumor."""
    voxels = np.zeros((40, 36, 20), np.uint8)
    voxels[6:34, 6:30, 3:17] = LIVER
    voxels[8:32, 16:19, 9:11] = VESSEL
    voxels[12:20, 22:28, 6:12] = TUMOR
    return voxels


def found() -> np.ndarray:
    """The same with much of the liver called vessel, and an invented tumor."""
    voxels = truth()
    voxels[(voxels == LIVER) & (np.arange(36)[:, None] < 12)] = VESSEL
    voxels[24:30, 22:28, 6:12] = TUMOR
    return voxels


def part(*kept: Label, others: Label = Label.BACKGROUND) -> np.ndarray:
    voxels = truth()
    return np.where(np.isin(voxels, kept), voxels, np.where(voxels > 0, others, 0)).astype(np.uint8)


def label_map(voxels: np.ndarray, **fields: object) -> LabelMap:
    return LabelMap(voxels, AFFINE, **fields)  # type: ignore[arg-type]


def plain_dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * np.count_nonzero(first & second) / (first.sum() + second.sum())


def is_empty(score: LabelScore) -> bool:
    names = {*MAP_FIGURES, *SCAN_FIGURES}
    return all(math.isnan(getattr(score, name)) for name in names)


# ---- labels ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "defined", "judged"),
    [
        (part(VESSEL, TUMOR), None, {VESSEL, TUMOR}),  # Decathlon, Task08
        (part(VESSEL, TUMOR), frozenset({VESSEL, TUMOR}), {VESSEL, TUMOR}),
        (part(LIVER, TUMOR, others=LIVER), None, {LIVER, TUMOR}),  # LiTS
        (part(LIVER, TUMOR, others=LIVER), frozenset({LIVER, TUMOR}), {LIVER, TUMOR}),
        (part(LIVER, others=LIVER), None, {LIVER}),
        (part(LIVER, others=LIVER), ALL, {LIVER, VESSEL, TUMOR}),  # looked for, and none there
        (part(TUMOR), None, {TUMOR}),
        (part(VESSEL), None, {VESSEL}),
        (part(LIVER, VESSEL, TUMOR), None, {LIVER, VESSEL, TUMOR}),
        (part(TUMOR, others=TUMOR), None, {TUMOR}),  # no voxel of liver proper
        (part(TUMOR, others=TUMOR), frozenset({LIVER, TUMOR}), {LIVER, TUMOR}),
        (np.zeros_like(truth()), None, set()),
        (np.zeros_like(truth()), ALL, {LIVER, VESSEL, TUMOR}),
    ],
)
def test_only_labels_that_the_reference_knows_have_figures(
    reference: np.ndarray, defined: frozenset[Label] | None, judged: set[Label]
) -> None:
    scores = evaluate(label_map(found()), label_map(reference, defined=defined))
    assert {score.label for score in scores if not score.reason} == judged
    for score in scores:
        assert is_empty(score) == bool(score.reason)
        values = score.to_dict()
        assert values["reason"] == (score.reason or None)
        if score.reason:
            assert {values[name] for name in values if name not in ("reason", "nsd_by")} == {None}
            assert set(table_row(score, MAP_FIGURES).split()[1:]) == {"-"}
            assert score.why_undefined("dice") == score.reason
    assert len(reason_lines(scores)) == len(FOREGROUND) - len(judged)


def test_vessels_are_compared_everywhere_where_there_is_no_liver() -> None:
    everywhere = plain_dice(found() == VESSEL, truth() == VESSEL)
    assert everywhere < 0.2
    for reference in (part(VESSEL, TUMOR), part(VESSEL)):
        _, vessels, _ = evaluate(label_map(found()), label_map(reference))
        assert vessels.dice == pytest.approx(everywhere)
        who, *_ = error_map(label_map(found()), label_map(reference), VESSEL)
        assert np.count_nonzero(who == 2) == np.count_nonzero(
            (found() == VESSEL) & (truth() != VESSEL)
        )
    wide = found()
    wide[:, :, 18] = VESSEL  # outside the liver
    _, inside, _ = evaluate(label_map(wide), label_map(truth()))
    _, vessels, _ = evaluate(label_map(wide), label_map(part(VESSEL)))
    assert inside.dice == pytest.approx(everywhere)
    assert vessels.dice == pytest.approx(plain_dice(wide == VESSEL, truth() == VESSEL))
    # A name says that the liver was drawn, though all of it is vessel or tumor.
    named = label_map(part(VESSEL, TUMOR), defined=ALL)
    _, vessels, _ = evaluate(label_map(found()), named)
    assert vessels.dice > everywhere


def test_what_was_looked_for_and_is_not_there_was_invented() -> None:
    reference = part(LIVER, others=LIVER)
    _, vessels, tumor = evaluate(label_map(found()), label_map(reference, defined=ALL))
    assert tumor.false_lesions == 2
    assert vessels.predicted_ml == vessels.volume_error_ml > 0
    _, vessels, tumor = evaluate(label_map(found()), label_map(reference))
    assert math.isnan(tumor.false_lesions)
    assert "nothing says" in tumor.reason
    known = frozenset({LIVER})
    _, _, tumor = evaluate(label_map(found()), label_map(reference, defined=known))
    assert tumor.reason == "The reference was drawn without tumors."


def test_medians_leave_out_what_the_reference_does_not_know() -> None:
    scans = [
        evaluate(label_map(found()), label_map(reference, defined=defined))
        for reference, defined in (
            (truth(), None),
            (part(VESSEL, TUMOR), None),
            (part(LIVER, others=LIVER), None),
            (part(LIVER, others=LIVER), ALL),
        )
    ]
    medians = summary_dict(scans)
    assert medians["liver"]["dice"]["n"] == 3
    assert medians["vessel"]["dice"]["n"] == 2
    assert medians["tumor"]["false_lesions"]["n"] == 3
    assert medians["tumor"]["invented_ml"]["n"] == 1
    assert medians["vessel"]["invented_ml"]["n"] == 1


def test_pictures_show_what_is_compared() -> None:
    volume = Volume(np.full(truth().shape, 60, np.int16), AFFINE)
    for reference in (part(TUMOR), part(LIVER, others=LIVER), np.zeros_like(truth())):
        picture = draw_comparison(volume, label_map(found()), label_map(reference))
        assert isinstance(picture, Image.Image)
    who, *_ = error_map(label_map(found()), label_map(part(TUMOR)), LIVER)
    assert who.size == 0


def test_soft_slice_dice_of_a_label_that_nobody_drew() -> None:
    soft = SoftSliceDice(label_map(part(VESSEL, TUMOR)))
    soft.add(Slab(0, found(), np.full((3, *found().shape), 0.5, np.float16)))
    means = soft.result()
    assert math.isnan(means[LIVER])
    assert means[VESSEL] > 0


def test_the_command_says_why_a_line_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / name for name in ("found.nii", "part.nii", "figures.json")]
    for path, voxels in zip(paths, (found(), part(VESSEL, TUMOR)), strict=False):
        nib.save(nib.Nifti1Image(voxels, AFFINE), path)
    coding = ["--labels", "liverview", "--reference-labels", "2=vessel,3=tumor"]
    command = ["evaluate", *map(str, paths[:2]), *coding, "--json", str(paths[2]), "--nsd", "area"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(lines[1].split()[1:]) == {"-"}
    assert lines[5] == "liver: The reference was drawn without liver."
    assert "area of both surfaces" in lines[6]
    figures = json.loads(paths[2].read_text())
    assert figures["liver"]["dice"] is None
    assert figures["liver"]["reason"] == lines[5].removeprefix("liver: ")
    assert figures["vessel"]["reason"] is None
    assert figures["vessel"]["nsd_by"] == "area"


# ---- voxels ------------------------------------------------------------------------------


def test_voxels_that_nobody_judged_count_for_nothing() -> None:
    """What differs there alone changes no figure, whatever the two have there."""
    ignored = np.zeros(truth().shape, bool)
    ignored[4:24, 10:36, 8:14] = True
    hidden = np.where(ignored, 0, truth()).astype(np.uint8)
    reference = label_map(hidden, defined=ALL, ignored=ignored)
    scores = []
    for inside in (truth(), found(), np.zeros_like(truth()), np.full_like(truth(), TUMOR)):
        predicted = label_map(np.where(ignored, inside, found()).astype(np.uint8))
        for nsd in ("voxels", "area"):
            scores.append(str([s.to_dict() for s in evaluate(predicted, reference, nsd=nsd)]))
    assert len(set(scores)) == 2  # the two ways to count
    same = label_map(np.where(ignored, found(), truth()).astype(np.uint8))
    for score in evaluate(same, reference):
        assert (score.dice, score.nsd_2mm, score.hd95_mm) == (1, 1, 0)
        assert score.predicted_ml == score.reference_ml
    assert evaluate(same, reference)[1].cl_dice == 1
    who, *_ = error_map(same, reference, LIVER)
    assert set(np.unique(who)) <= {0, 1}


def test_the_edge_of_what_was_judged_is_no_surface() -> None:
    first = np.zeros((30, 10, 10), bool)
    first[2:28, 2:8, 2:8] = True
    second = np.roll(first, 1, axis=1)
    ignored = np.zeros_like(first)
    ignored[15:] = True
    cut = surface_agreement(first & ~ignored, second & ~ignored, (1, 4, 1), ignored)
    assert cut.hd95_mm == 4
    # Of 13 slices the rim of 20 voxels, and the first slice's inside. In each slice, one side of 6
    # is 4 mm away from the other's; the side across lies beside the other's rim or inside.
    surface = 13 * 20 + 16
    assert cut.nsd_2mm == pytest.approx((surface - 13 * 6) / surface)
    (by_area,) = area_nsd(first & ~ignored, second & ~ignored, (1, 4, 1), (2.0,), ignored)
    (ended,) = area_nsd(first[:15], second[:15], (1, 4, 1), (2.0,))
    assert 0.5 < by_area < ended  # without the ends, which lie on each other
    everywhere = np.ones_like(first)
    nothing = surface_agreement(first, second, (1, 1, 1), everywhere)
    assert all(math.isnan(v) for v in nothing)
    (share,) = area_nsd(first, second, (1, 4, 1), (2.0,), everywhere)
    assert math.isnan(share)


def test_a_lesion_that_reaches_where_nobody_looked_is_not_false() -> None:
    reference, predicted, ignored = (np.zeros((30, 20, 20), bool) for _ in range(3))
    reference[2:8, 2:8, 2:8] = True
    predicted[2:8, 2:8, 2:8] = True  # right
    predicted[14:18, 2:8, 2:8] = True  # false
    predicted[22:25, 2:8, 2:8] = True  # its other half is hidden
    ignored[25:, :10] = True
    plain = lesion_agreement(predicted, reference, 0.03)
    assert (plain.recall, plain.precision, plain.false) == (1, pytest.approx(1 / 3), 2)
    found = lesion_agreement(predicted, reference, 0.03, ignored)
    assert (found.recall, found.precision, found.false) == (1, 0.5, 1)


def test_slices_that_nobody_judged_are_left_out_of_the_soft_slice_dice() -> None:
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[:2, :, :2] = LIVER
    ignored = np.zeros(voxels.shape, bool)
    ignored[:, :, 3] = True
    ignored[3, :, 2] = True
    soft = SoftSliceDice(label_map(voxels, ignored=ignored))
    probabilities = np.zeros((3, 4, 4, 4), np.float16)
    probabilities[0, :2, :, :2] = 1
    probabilities[0, 3, :, 2:] = 1  # where nobody judged
    soft.add(Slab(0, voxels, probabilities))
    assert soft.result()[LIVER] == pytest.approx(1)
