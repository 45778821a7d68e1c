"""Cases with a reference: figures, medians over patients, the picture."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from liverview.core.grid import GridMismatchError
from liverview.core.labels import Label
from liverview.core.stream import Message
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.cases import CT, REFERENCE, CaseResult, find_cases, iter_evaluate_case
from liverview.evaluation.montage import (
    PREDICTED_COLOR,
    REFERENCE_COLOR,
    draw_compared_regions,
    draw_compared_slices,
    draw_comparison,
    save_montage,
)
from liverview.evaluation.scores import LabelScore
from liverview.evaluation.scoring import evaluate
from liverview.evaluation.summary import (
    SCAN_FIGURES,
    median_with_interval,
    summary_dict,
    summary_lines,
    table_heading,
    table_row,
)
from liverview.files import images
from liverview.files.opening import ImageFileError
from liverview.inference.segmentation import Models, collect_labels, iter_segment
from liverview.phantoms.config import Phantom

from support import tiny_networks


def score(label: Label = Label.LIVER, dice: float = 0.9, reference_ml: float = 100) -> LabelScore:
    return LabelScore(label, dice, 0.8, 0.9, 4.5, 90.0, reference_ml, 0.7)


NAN = math.nan
INVENTED = LabelScore(Label.TUMOR, NAN, NAN, NAN, NAN, predicted_ml=30.0, reference_ml=0.0)
MISSED = LabelScore(Label.VESSEL, 0, 0, 0, math.inf, predicted_ml=0.0, reference_ml=20.0)


# ---- medians -----------------------------------------------------------------------------


def test_the_interval_is_the_same_every_time_and_holds_the_median() -> None:
    values = [0.8, 0.95, 0.9, 0.7, 0.99, 0.85, 0.92]
    found = median_with_interval(values)
    assert found == median_with_interval(values)
    assert (found.n, found.value) == (7, 0.9)
    assert found.interval is not None
    low, high = found.interval
    assert min(values) <= low < 0.9 < high <= max(values)
    assert found.interval == pytest.approx((0.8, 0.95))


def test_one_patient_has_no_interval_and_none_has_no_median() -> None:
    assert median_with_interval([0.5]).text(".3f") == "0.500"
    assert median_with_interval([]).text(".3f") == "-"
    assert median_with_interval([]).to_dict() == {"n": 0, "median": None, "interval_95": None}


def test_infinite_figures_stay_infinite() -> None:
    found = median_with_interval([3.0, math.inf, math.inf])
    assert found.value == math.inf
    assert found.interval == (3.0, math.inf)
    assert found.to_dict()["interval_95"] == [3.0, "inf"]


def test_medians_are_over_patients_whose_reference_has_the_label() -> None:
    tumor = score(Label.TUMOR, dice=0.4)
    scans = [[score(), MISSED, INVENTED], [score(dice=0.7), MISSED, tumor]]
    found = summary_dict(scans)
    assert found["liver"]["dice"]["n"] == 2
    assert found["liver"]["dice"]["median"] == pytest.approx(0.8)
    assert found["tumor"]["dice"] == {"n": 1, "median": 0.4, "interval_95": None}
    assert found["tumor"]["invented_ml"]["median"] == 30
    lines = summary_lines(scans)
    assert "liver, n = 2" in lines[0]
    assert "tumor, n = 1" in lines[0]
    assert "30.0, n = 1" in lines[-1]


def test_false_lesions_count_most_where_there_is_no_tumor() -> None:
    tumor = replace(score(Label.TUMOR), false_lesions=1.0, lesion_recall=NAN)
    found = replace(tumor, lesion_recall=0.5)
    invented = replace(INVENTED, false_lesions=7.0)
    scans = [[score(), MISSED, t] for t in (tumor, found, invented, invented, invented)]
    figures = summary_dict(scans)["tumor"]
    assert (figures["false_lesions"]["n"], figures["false_lesions"]["median"]) == (5, 7)
    lines = {line[:24].strip(): line for line in summary_lines(scans)}
    assert "tumor, n = 2" in lines["median (95 % interval)"]
    assert lines["false lesions"].endswith("n = 5")
    assert lines["lesions found"].endswith("0.50, n = 1")


def test_rows_say_none_and_infinite_and_lie_under_their_titles() -> None:
    lines = [table_row(s, SCAN_FIGURES) for s in (score(), MISSED, INVENTED)]
    assert {len(line) for line in lines} == {len(table_heading(SCAN_FIGURES))}
    assert lines[1].split() == ["vessel", *["0.000"] * 3, "inf", "-20.0", "-100.0", *"-----"]
    assert lines[2].split() == ["tumor", *"----", "+30.0", *"------"]


# ---- cases -------------------------------------------------------------------------------


@pytest.fixture
def put(tmp_path: Path, case: Phantom) -> Callable[..., Path]:
    """A function that writes the phantom as a case, with a reference of one's own."""

    def put_case(name: str, voxels: np.ndarray | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        reference = case.labels if voxels is None else replace(case.labels, voxels=voxels)
        for _ in images.iter_write_volume(folder / CT, case.volume):
            pass
        for _ in images.iter_write_labels(folder / REFERENCE, reference, case.volume):
            pass
        return folder

    return put_case


def result(folder: Path, models: Models) -> CaseResult:
    *_, last = iter_evaluate_case(folder, models, "cpu")
    assert isinstance(last, CaseResult)
    return last


def test_a_case_gets_the_figures_of_its_segmentation(
    put: Callable[..., Path], case: Phantom
) -> None:
    models = tiny_networks.bright_liver()
    found = result(put("one"), models)
    assert found.name == "one"
    voxels = collect_labels(iter_segment(case.volume, models, "cpu"), case.volume.shape)
    for own, plain in zip(
        found.scores, evaluate(LabelMap(voxels, case.labels.affine), case.labels), strict=True
    ):
        assert 0 < own.soft_slice_dice < 1
        assert replace(own, soft_slice_dice=0) == replace(plain, soft_slice_dice=0)


def test_a_reference_of_the_liver_alone(put: Callable[..., Path], case: Phantom) -> None:
    liver, vessel, _ = result(
        put("liver", (case.labels.voxels > 0).astype(np.uint8)), tiny_networks.bright_liver()
    ).scores
    assert liver.dice > 0
    assert math.isnan(vessel.dice)
    assert math.isnan(vessel.soft_slice_dice)
    assert vessel.volume_error_ml == vessel.predicted_ml > 0  # its file names vessels


def test_values_that_no_label_has_are_said(put: Callable[..., Path], case: Phantom) -> None:
    folder = put("odd", np.where(case.labels.voxels == 3, 9, case.labels.voxels).astype(np.uint8))
    with pytest.raises(ImageFileError, match=r"value 9, .*--labels"):
        list(iter_evaluate_case(folder, tiny_networks.bright_liver(), "cpu"))
    given = {"labels": "1=liver,2=vessel"}
    items = list(iter_evaluate_case(folder, tiny_networks.bright_liver(), "cpu", **given))
    (said,) = [item.text for item in items if isinstance(item, Message) and "left out" in item.text]
    assert said.startswith("odd: reference.nii.gz: ")
    assert said.endswith("left out the values 9.")


def test_a_reference_of_another_program_is_read_by_its_names(
    put: Callable[..., Path], case: Phantom
) -> None:
    folder = put("named")
    other = np.array([0, 3, 1, 2], np.uint8)[case.labels.voxels]
    nib.save(nib.Nifti1Image(other, case.labels.affine), folder / REFERENCE)
    names = {"background": 0, "vessel": 1, "tumor": 2, "liver": 3}
    (folder / "dataset.json").write_text(json.dumps({"labels": names}))
    items = list(iter_evaluate_case(folder, tiny_networks.bright_liver(), "cpu"))
    (said,) = [item.text for item in items if isinstance(item, Message)]
    assert said.startswith("named: reference.nii.gz: mapped by")
    own = result(put("own"), tiny_networks.bright_liver()).scores
    assert isinstance(items[-1], CaseResult)
    assert [a.dice for a in items[-1].scores] == [b.dice for b in own]


def test_a_scan_of_several_volumes_is_said_or_chosen(
    put: Callable[..., Path], case: Phantom
) -> None:
    folder = put("several")
    one = result(folder, tiny_networks.bright_liver()).scores
    scan = nib.load(folder / CT)
    air = np.full(scan.shape, -1000, np.int16)
    both = np.stack([air, np.asanyarray(scan.dataobj).astype(np.int16)], -1)
    nib.save(nib.Nifti1Image(both, scan.affine), folder / CT)
    items = list(iter_evaluate_case(folder, tiny_networks.bright_liver(), "cpu"))
    assert any("holds 2 volumes" in item.text for item in items if isinstance(item, Message))
    *items, second = iter_evaluate_case(folder, tiny_networks.bright_liver(), "cpu", index=1)
    assert not any("volumes" in item.text for item in items if isinstance(item, Message))
    assert isinstance(second, CaseResult)
    assert [score.dice for score in second.scores][:1] == [score.dice for score in one][:1]


def test_another_grid_is_refused_before_the_work(put: Callable[..., Path], case: Phantom) -> None:
    folder = put("other")
    cut = replace(case.volume, voxels=case.volume.voxels[:, :, 1:])
    for _ in images.iter_write_volume(folder / CT, cut, overwrite=True):
        pass
    with pytest.raises(GridMismatchError, match=r"ct and reference .* not .* the same voxels"):
        next(iter_evaluate_case(folder, None, "cpu"))  # type: ignore[arg-type]


def test_cases_are_the_folders_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder: choose"):
        find_cases(tmp_path / "none")
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(ValueError, match=r"no cases: put .* ct\.nii\.gz"):
        find_cases(tmp_path)
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    assert [case.name for case in find_cases(tmp_path)] == ["a", "b"]


# ---- the picture -------------------------------------------------------------------------


def of_color(picture: Image.Image, color: tuple[int, int, int]) -> np.ndarray:
    """Where a picture has a color, in (rows, columns)."""
    return np.argwhere((np.asarray(picture.convert("RGB")) == color).all(axis=2))


def test_the_picture_lies_as_in_the_viewer_and_shows_both_contours() -> None:
    """A liver on the right and in front, up to the top, is left and up in both slices."""
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    volume = Volume(np.zeros((60, 40, 20), np.int16), affine)
    reference, predicted = (np.zeros(volume.shape, np.uint8) for _ in range(2))
    reference[40:55, 25:35, 12:19] = Label.LIVER
    predicted[40:55, 25:35, 12:19] = Label.TUMOR
    predicted[30:40, 25:35, 15] = Label.LIVER  # the worst slice; more of the patient's left
    picture = draw_compared_slices(volume, LabelMap(predicted, affine), LabelMap(reference, affine))
    half, height = picture.width // 2, picture.height
    axial, coronal = (picture.crop((x, 0, x + half, height)) for x in (0, half))
    for tile in (axial, coronal):
        row, column = of_color(tile, REFERENCE_COLOR).mean(axis=0)
        assert row < tile.height / 2
        assert column < half / 2
    found, true = (of_color(axial, color) for color in (PREDICTED_COLOR, REFERENCE_COLOR))
    assert found[:, 1].max() > true[:, 1].max()


def test_regions_that_went_best_lie_above_those_that_went_worst() -> None:
    """Four tumors in four blocks: one right, one missed, one invented, one half right."""
    spacing, n = 4.0, 64
    affine = np.diag([spacing] * 3 + [1])
    volume = Volume(np.full((n, n, 16), 60, np.int16), affine)
    true = np.ones((n, n, 16), np.uint8)
    found = true.copy()
    places = ((4, 4), (4, 36), (36, 4), (36, 36))
    for (i, j), in_true, in_found in zip(places, (8, 0, 8, 8), (8, 8, 0, 4), strict=True):
        true[i : i + in_true, j : j + 8, 4:12] = 3
        found[i : i + in_found, j : j + 8, 4:12] = 3
    picture = draw_compared_regions(volume, LabelMap(found, affine), LabelMap(true, affine))
    side = picture.width // 3
    best, worst = (picture.crop((0, y, picture.width, y + side)) for y in (0, picture.height // 2))
    columns = [slice(n * side, (n + 1) * side) for n in range(3)]

    def shown(row: Image.Image) -> list[tuple[bool, bool]]:
        """Per column whether the reference's and the prediction's contour is there."""
        pixels = np.asarray(row)
        return [
            tuple(
                bool((pixels[:, c] == color).all(axis=-1).any())
                for color in (REFERENCE_COLOR, PREDICTED_COLOR)
            )
            for c in columns
        ]

    # The contours of what is the same lie on each other; the half right one is as much right as
    # wrong, and in neither row.
    assert shown(best) == [(True, True), (False, False), (False, False)]
    assert sorted(shown(worst)) == [(False, False), (False, True), (True, False)]


def test_the_montage_is_a_png_with_a_row_per_case(tmp_path: Path, case: Phantom) -> None:
    nothing = replace(case.labels, voxels=np.zeros_like(case.labels.voxels))
    rows = [
        (name, draw_comparison(case.volume, predicted, reference))
        for name, predicted, reference in (
            ("same", case.labels, case.labels),
            ("missed", nothing, case.labels),
            ("empty", nothing, nothing),
        )
    ]
    path = tmp_path / "montage.png"
    save_montage(path, rows)
    with Image.open(path) as montage:
        assert montage.format == "PNG"
        assert montage.width == rows[0][1].width
        assert montage.height > sum(picture.height for _, picture in rows)
    for (_, picture), colors in zip(rows, ((True, True), (True, False), (False,) * 2), strict=True):
        shown = tuple(len(of_color(picture, c)) > 0 for c in (REFERENCE_COLOR, PREDICTED_COLOR))
        assert shown == colors
