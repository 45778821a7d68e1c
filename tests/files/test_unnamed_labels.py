"""Label maps whose values nothing names: what is guessed, asked for, given and left unsaid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.core.coding import CodingError, parse_coding
from liverview.core.labels import Label, default_styles
from liverview.core.terms import is_placeholder
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.named_labels import UnnamedLabelsError
from liverview.files.opening import ImageFileError
from liverview.measurement.compute import measure
from liverview.measurement.export import measurement_figures, summary_row

Write = Callable[..., Path]
LIVER = np.zeros((10, 10, 10), np.uint8)
LIVER[1:9, 1:9, 1:9] = 1
LITS = LIVER.copy()
LITS[3:6, 3:6, 3:6] = 2
TASK08 = np.zeros_like(LIVER)
TASK08[1, :, 1], TASK08[5:8, 5:8, 5:8] = 1, 2


def of(*values: int) -> np.ndarray:
    """A few voxels of each value, apart from each other."""
    voxels = np.zeros((10, 10, 10), np.int32)
    for n, value in enumerate(values):
        voxels[2 * n, 2:5, 2:5] = value
    return voxels


# ---- guesses -----------------------------------------------------------------------------


def test_all_of_our_values_are_taken_as_ours_and_it_is_said(write: Write) -> None:
    labels = images.read_labels(write(of(1, 2, 3)))
    assert np.array_equal(labels.voxels, of(1, 2, 3))
    assert labels.warnings == (
        "mapped by its plain numbers, which are liverview's own, 0 to 3: 1 as liver, 2 as vessel, "
        "3 as tumor.",
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("seg.nii.gz", Label.LIVER),
        ("segmentation-0.nii", Label.LIVER),
        ("case_liver.nii.gz", Label.LIVER),
        ("tumor.nii.gz", Label.TUMOR),
        ("livertumor01.nii.gz", Label.TUMOR),
        ("patient-7_hepatic_vessels.nii.gz", Label.VESSEL),
    ],
)
def test_one_value_is_the_liver_unless_the_files_name_says_otherwise(
    name: str, label: Label, write: Write
) -> None:
    labels = images.read_labels(write(of(1), name=name))
    assert np.array_equal(labels.voxels, of(1) * int(label))
    assert labels.defined == {label}
    assert f"1 as {label.name.lower()}" in labels.warnings[0]


def test_a_mask_of_something_else_is_asked_about(write: Write) -> None:
    with pytest.raises(UnnamedLabelsError):
        images.read_labels(write(of(1), name="spleen.nii.gz"))


@pytest.mark.parametrize(
    "values",
    [(1, 2), (2,), (3, 4), (1, 2, 3, 4), (1, 2, 3, 255), (255,), (1, 255), (4, 5),
     (100, 200), (1, 2, 3, 1000)],
)  # fmt: skip
def test_what_may_be_one_or_another_is_refused_with_the_values_and_the_way_out(
    values: tuple[int, ...], write: Write
) -> None:
    path = write(of(*values))
    with pytest.raises(UnnamedLabelsError) as caught:
        images.read_labels(path)
    message = str(caught.value)
    assert str(path) in message
    assert all(str(value) in message for value in values)
    assert "--labels lits, task08 or liverview" in message
    assert "\n" not in message
    # The example that it gives can be given.
    example = message.partition("or by --labels ")[2].partition(" ")[0].rstrip(";")
    assert images.read_labels(path, example).voxels.any()


@pytest.mark.parametrize("values", [(3,), (1, 3), (2, 3)])
def test_what_only_our_own_coding_has_is_asked_about_and_else_taken_and_said(
    values: tuple[int, ...], write: Write
) -> None:
    path = write(of(*values))
    assert images.read_named_labels(path).unmapped == values
    labels = images.read_labels(path)
    assert np.array_equal(labels.voxels, of(*values))
    assert labels.defined == {Label(value) for value in values}
    assert "3 is in no coding that is known but liverview's" in labels.warnings[0]


@pytest.mark.parametrize(
    ("voxels", "guess"), [(LITS, {1: Label.LIVER, 2: Label.TUMOR}), (TASK08, {1: 2, 2: 3})]
)
def test_one_and_two_are_guessed_by_whether_one_holds_the_other(
    voxels: np.ndarray, guess: dict[int, int], write: Write
) -> None:
    found = images.read_named_labels(write(voxels))
    assert found.suggested == guess
    assert found.unmapped == (1, 2)


def test_an_empty_map_says_nothing_and_is_not_asked_about(write: Write) -> None:
    labels = images.read_labels(write(of()))
    assert (labels.defined, labels.warnings) == (None, ())


# ---- given -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("lits", LITS * np.uint8(1) + (LITS == 2)),
        ("LiTS", LITS * np.uint8(1) + (LITS == 2)),
        ("task03", LITS * np.uint8(1) + (LITS == 2)),
        ("task08", np.where(LITS > 0, LITS + 1, 0)),
        ("liverview", LITS),
        ("1=liver, 2=lesion", LITS * np.uint8(1) + (LITS == 2)),
        ({1: "liver", 2: Label.TUMOR}, LITS * np.uint8(1) + (LITS == 2)),
        ("2=tumor,1=background", (LITS == 2) * 3),
    ],
)
def test_the_values_can_be_given(given: str, expected: np.ndarray, write: Write) -> None:
    assert np.array_equal(images.read_labels(write(LITS), given).voxels, expected)


def test_what_is_not_given_is_left_out_and_said(write: Write) -> None:
    labels = images.read_labels(write(of(1, 2, 7)), "lits")
    assert np.array_equal(labels.voxels, of(1, 3, 0))
    assert labels.warnings == (
        "mapped by the labels that were given: 1 as liver, 2 as tumor; left out the values 7.",
    )
    assert labels.defined == {Label.LIVER, Label.TUMOR}


def test_what_is_given_goes_before_names_and_that_is_said(write: Write, tmp_path: Path) -> None:
    (tmp_path / "scan.txt").write_text('1 0 0 0 1 1 1 "Liver"\n2 0 0 0 1 1 1 "Vessels"\n')
    labels = images.read_labels(write(LITS), "lits")
    assert labels.defined == {Label.LIVER, Label.TUMOR}
    assert "against the ITK-SNAP label file scan.txt" in labels.warnings[0]


@pytest.mark.parametrize(
    "given",
    ["", "liver", "1=leber", "1", "1=", "=liver", "1=liver,1=tumor", "-1=liver", "1.5=liver",
     "70000=liver", "1=liver,", "1=liver=2", "x" * 10_000, {-1: "liver"}, {"1": "liver"},
     {1: 2.5}],
)  # fmt: skip
def test_a_coding_that_cannot_be_is_one_short_sentence(given: str) -> None:
    with pytest.raises(CodingError) as caught:
        parse_coding(given)
    assert len(str(caught.value)) < 250


def test_the_background_cannot_be_given_a_label(write: Write) -> None:
    with pytest.raises(ImageFileError, match="background"):
        images.read_labels(write(LITS), "0=liver,1=tumor")


# ---- what nobody judged ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ignore", "Void", "Ignore label", "unknown"])
def test_a_value_that_is_named_so_is_ignored(name: str, write: Write, tmp_path: Path) -> None:
    content = {"labels": {"background": 0, "liver": 1, "tumor": 2, name: 255}}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    labels = images.read_labels(write(of(1, 2, 255)))
    assert labels.ignored is not None
    assert np.array_equal(labels.ignored, of(1, 2, 255) == 255)
    assert np.array_equal(labels.voxels, of(1, 3, 0))
    assert labels.defined == {Label.LIVER, Label.TUMOR}
    assert f"255 ({name}) as not judged" in labels.warnings[0]


def test_it_can_be_given_and_survives_writing(write: Write, tmp_path: Path) -> None:
    labels = images.read_labels(write(of(1, 2, 255)), "1=liver,2=tumor,255=ignore")
    images.write_labels(tmp_path / "out.nii.gz", labels)
    again = images.read_labels(tmp_path / "out.nii.gz")
    assert again.ignored is not None
    assert np.array_equal(again.ignored, of(1, 2, 255) == 255)
    assert np.array_equal(again.voxels, labels.voxels)
    assert again.defined == labels.defined
    assert images.read_labels(write(of(1)), "1=liver").ignored is None


# ---- names that are none -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Label 1", "Label 12", "label_1", "Segment_1", "Segment 3", "segment", "1", "class_2",
     "Structure 1", "Region 2", "ROI-1", "???", "Mask", "New label 3", "unnamed"],
)  # fmt: skip
def test_names_that_programs_give_for_want_of_one(name: str) -> None:
    assert is_placeholder(name)


@pytest.mark.parametrize("name", ["Liver", "Tumor 2", "Segment 4a", "lesion_1", "Leber", "liver 1"])
def test_names_that_a_person_gave(name: str) -> None:
    assert not is_placeholder(name)


@pytest.mark.parametrize("name", ["Label {}", "Segment_{}", "{}"])
def test_default_names_leave_the_values_unnamed(name: str, write: Write, tmp_path: Path) -> None:
    rows = [f'{n} 0 0 0 1 1 1 "{name.format(n)}"' for n in (1, 2)]
    (tmp_path / "scan.txt").write_text('0 0 0 0 0 0 0 "Clear Label"\n' + "\n".join(rows) + "\n")
    path = write(LITS)
    with pytest.raises(UnnamedLabelsError):
        images.read_labels(path)
    # Other files may still name them.
    content = {"labels": {"background": 0, "liver": 1, "tumor": 2}}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    assert images.read_labels(path).defined == {Label.LIVER, Label.TUMOR}


def test_a_value_that_only_has_a_default_name_beside_real_ones_is_refused(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "scan.txt").write_text('1 0 0 0 1 1 1 "Liver"\n2 0 0 0 1 1 1 "Label 2"\n')
    with pytest.raises(UnnamedLabelsError, match=r"the value 2, .* label it is"):
        images.read_labels(write(LITS))


def test_names_that_nobody_knows_are_refused_where_they_are_all(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "scan.txt").write_text('1 0 0 0 1 1 1 "Leber"\n2 0 0 0 1 1 1 "Herd"\n')
    with pytest.raises(UnnamedLabelsError, match=r"1 \(Leber\), 2 \(Herd\)"):
        images.read_labels(write(LITS))


def test_numbered_names_are_what_they_number(write: Write, tmp_path: Path) -> None:
    rows = ((1, "Liver"), (2, "Lesion 1"), (3, "Lesion 2"))
    (tmp_path / "scan.txt").write_text("".join(f'{n} 0 0 0 1 1 1 "{x}"\n' for n, x in rows))
    assert np.array_equal(images.read_labels(write(of(1, 2, 3))).voxels, of(1, 3, 3))


# ---- figures -----------------------------------------------------------------------------


def test_no_figure_of_a_label_that_nobody_named(write: Write) -> None:
    lits = measure(images.read_labels(write(LITS), "lits"))
    found = lits.to_dict()
    assert found["vessel_ml"] is None
    assert found["liver_parenchyma_ml"] is None  # vessels may be in it
    assert found["liver_with_vessels_ml"] == pytest.approx((512 - 27) / 1000, abs=0.01)
    assert found["liver_with_vessels_and_tumors_ml"] == pytest.approx(512 / 1000, abs=0.01)
    assert found["tumor_burden_percent"] == pytest.approx(100 * 27 / 512, abs=0.01)
    assert "names vessels" in found["statements"][-1]
    assert "vessel -" in repr(lits)
    assert "vessel -" in repr(images.read_labels(write(LITS), "lits"))
    task08 = measure(images.read_labels(write(TASK08), "task08"))
    found = measurement_figures(task08)
    unknown = ("liver_parenchyma_ml", "liver_with_vessels_ml", "liver_with_vessels_and_tumors_ml",
               "tumor_burden_percent")  # fmt: skip
    assert all(found[key] is None for key in unknown)
    assert found["vessel_ml"] == pytest.approx(0.01)
    assert found["tumor_voxel_count"] == 27
    alone = measurement_figures(measure(images.read_labels(write(LIVER))))
    for key in ("tumor_ml", "lesion_count", "left_out_ml", "left_out_count", "recist_1_1"):
        assert alone[key] is None
    assert summary_row(measure(images.read_labels(write(LIVER))))["recist_target_count"] is None


def test_what_is_defined_is_what_is_written_and_comes_back(write: Write, tmp_path: Path) -> None:
    labels = images.read_labels(write(LITS), "lits")
    images.write_labels(tmp_path / "out.nii.gz", labels)
    again = images.read_labels(tmp_path / "out.nii.gz")
    assert again.defined == {Label.LIVER, Label.TUMOR}
    assert np.array_equal(again.voxels, labels.voxels)


def test_our_own_files_are_never_asked_about(tmp_path: Path) -> None:
    for number, value in enumerate((1, 2, 3)):
        labels = LabelMap(np.full((3, 3, 3), value, np.uint8), np.eye(4))
        images.write_labels(tmp_path / f"{number}.nii.gz", labels)
        again = images.read_labels(tmp_path / f"{number}.nii.gz")
        assert np.array_equal(again.voxels, labels.voxels)
        assert again.defined == set(Label) - {Label.BACKGROUND}
        assert again.warnings == ()


def test_our_own_files_are_not_asked_about_under_other_names(tmp_path: Path) -> None:
    styles = default_styles()
    named = {label: type(style)("Leber", style.color) for label, style in styles.items()}
    labels = LabelMap(np.arange(64, dtype=np.uint8).reshape(4, 4, 4) % 4, np.eye(4))
    images.write_labels(tmp_path / "l.nii.gz", labels, styles=named)
    assert "Leber" in str(nib.load(tmp_path / "l.nii.gz").header.extensions[0].get_content())
    assert np.array_equal(images.read_labels(tmp_path / "l.nii.gz").voxels, labels.voxels)
