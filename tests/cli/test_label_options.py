"""Commands on label maps whose values nothing names, and on files of several volumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.inference import segmentation as inference

from support import tiny_networks

Write = Callable[..., Path]
OURS = np.zeros((24, 20, 16), np.uint8)
OURS[2:20, 2:18, 2:14] = Label.LIVER
OURS[5:9, 5:9, 5:9] = Label.TUMOR
LITS = np.array([0, 1, 0, 2], np.uint8)[OURS]


def figures(capsys: pytest.CaptureFixture[str], *command: object) -> dict[str, dict[str, float]]:
    """What evaluate writes, by label."""
    target = Path(str(command[-1])).parent / "scores.json"
    given = [str(part) for part in command]
    assert main([*given, "--json", str(target), "--overwrite"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    content: dict[str, dict[str, float]] = json.loads(target.read_text())
    return content


def test_measure_asks_for_the_labels_and_takes_them(
    write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(LITS, name="segmentation-0.nii")
    assert main(["measure", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "values 1, 2" in said.err
    assert "--labels 1=liver,2=tumor" in said.err
    assert main(["measure", str(path), "--labels", "lits", "--json", str(tmp_path / "m.json")]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:2] for row in rows[:3]] == [
        ["liver", "3.5"], ["vessel", "-"], ["tumor", "0.1"],
    ]  # fmt: skip
    found = json.loads((tmp_path / "m.json").read_text())
    assert found["vessel_ml"] is None
    assert found["tumor_voxel_count"] == 64


def test_measure_says_what_it_guessed(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(write((OURS > 0).astype(np.uint8)))]) == 0
    said = capsys.readouterr()
    assert "of which 1 is the liver in LiTS" in said.err
    assert "vessel           -" in said.out


@pytest.mark.parametrize("given", ["lits,2", "1=leber", "task09", "0=liver"])
def test_a_coding_that_cannot_be_is_a_sentence(
    given: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(write(LITS)), "--labels", given]) == 2
    assert capsys.readouterr().err.startswith("liverview: ")


def test_evaluate_compares_label_maps_of_two_codings(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, lits = write(OURS, name="mine.nii.gz"), write(LITS, name="segmentation-0.nii")
    assert main(["evaluate", str(mine), str(lits)]) == 2
    said = capsys.readouterr().err
    assert "1 as liver, 3 as tumor" in said
    assert "segmentation-0.nii holds the values 1, 2" in said
    codings = ("--labels", "liverview", "--reference-labels", "lits")
    scores = figures(capsys, "evaluate", *codings, mine, lits)
    assert scores["tumor"]["dice"] == scores["liver"]["dice"] == 1
    same = figures(capsys, "evaluate", "--labels", "lits", lits, lits)
    assert same["tumor"]["dice"] == 1


def test_evaluate_does_not_go_over_the_names_of_one_file(
    write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine, lits = tmp_path / "mine.nii.gz", write(LITS, name="segmentation-0.nii")
    images.write_labels(mine, LabelMap(OURS, np.eye(4)))
    assert main(["evaluate", str(mine), str(lits), "--labels", "lits"]) == 2
    assert "by --reference-labels" in capsys.readouterr().err
    assert main(["evaluate", str(lits), str(mine), "--labels", "lits"]) == 2
    assert "give --labels and --reference-labels" in capsys.readouterr().err
    scores = figures(capsys, "evaluate", "--reference-labels", "lits", mine, lits)
    assert scores["tumor"]["dice"] == 1
    both = ("--labels", "lits", "--reference-labels", "liverview")
    scores = figures(capsys, "evaluate", *both, lits, mine)
    assert scores["tumor"]["dice"] == 1


def test_cases_take_the_coding_of_their_references(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "load_models", lambda folder=None: tiny_networks.bright_liver())
    monkeypatch.setattr(inference, "_PLAUSIBLE_ML", (0.0, 1e6))
    folder, affine = tmp_path / "cases" / "a", np.diag([8.0, 8, 10, 1])
    folder.mkdir(parents=True)
    hu = np.where(OURS > 0, 110, -900).astype(np.int16)
    nib.save(nib.Nifti1Image(np.stack([hu, hu], -1), affine), folder / "ct.nii.gz")
    nib.save(nib.Nifti1Image(LITS, affine), folder / "reference.nii.gz")
    command = ["evaluate", "--cases", str(folder.parent), "--device", "cpu"]
    assert main(command) == 2
    assert "a: " in capsys.readouterr().err
    assert main([*command, "--labels", "lits"]) == 0
    assert "holds 2 volumes; the first one was read (--volume 0)" in capsys.readouterr().err
    assert main([*command, "--reference-labels", "lits", "--volume", "1"]) == 0
    assert "volumes" not in capsys.readouterr().err
    assert main([*command, "--labels", "lits", "--volume", "2"]) == 2
    assert "choose 0 to 1" in capsys.readouterr().err


def test_volumes_are_of_scans_alone(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(OURS))
    assert main(["evaluate", path, path, "--volume", "1"]) == 2
    assert "--cases" in capsys.readouterr().err


def test_one_hot_files_are_measured_by_the_order_that_is_given(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(np.stack([OURS > 0, OURS == 3], -1).astype(np.uint8)))
    assert main(["measure", path]) == 2
    assert "volumes 0, 1" in capsys.readouterr().err
    assert main(["measure", path, "--labels", "0=liver,1=tumor"]) == 0
    assert "tumor          0.1 mL" in capsys.readouterr().out


@pytest.mark.parametrize("order", ["totalsegmentator", "workbench"])
def test_the_order_of_label_tables_can_be_chosen(order: str, tmp_path: Path) -> None:
    tiny = ["--shape", "24", "20", "16", "--spacing", "16", "16", "16"]
    assert main(["phantom", str(tmp_path), *tiny, "--label-table", order]) == 0
    codes = nib.load(tmp_path / "labels.nii.gz").header.extensions.get_codes()
    assert codes == ([0, 30] if order == "totalsegmentator" else [30, 0])
    assert images.read_labels(tmp_path / "labels.nii.gz").warnings == ()
