"""Options of many scans with one scan, or with an output that is one file: never ignored."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.core.volume import LabelMap
from liverview.files import images

AFFINE = np.diag([5.0, 5.0, 5.0, 1.0])
MANY = (
    ("--part", "1/1"),
    ("--on", "local:1"),
    ("--time-limit", "5m"),
    ("--memory-limit", "8GB"),
    ("--processes", "1"),
    ("--retry", "failed"),
)


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def label_map(tmp_path: Path) -> Path:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[2:7, 2:7, 2:7] = 1
    images.write_labels(tmp_path / "a_seg.nii.gz", LabelMap(voxels, AFFINE, "a"))
    return tmp_path / "a_seg.nii.gz"


@pytest.mark.parametrize("option", MANY, ids=lambda option: option[0])
def test_of_one_file_they_are_refused_before_any_work(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, out = tmp_path / "a.nii.gz", tmp_path / "labels.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((9, 9, 9), np.int16), AFFINE), scan)
    assert run("segment", scan, "-o", out, *option) == 2
    said = capsys.readouterr().err
    assert str(out) in said
    assert "folder" in said
    assert not out.exists()


@pytest.mark.parametrize("option", MANY, ids=lambda option: option[0])
def test_two_label_maps_are_compared_without_them(
    option: tuple[str, str], label_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", label_map, label_map, *option) == 2
    said = capsys.readouterr().err
    assert option[0] in said
    assert "add --cases DIR" in said


@pytest.mark.parametrize("option", MANY, ids=lambda option: option[0])
def test_one_label_map_is_measured_with_them_or_they_are_refused(
    option: tuple[str, str], label_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs_ledger = option[0] in ("--on", "--retry")
    assert run("measure", label_map, *option) == (2 if needs_ledger else 0)
    said = capsys.readouterr()
    if needs_ledger:
        assert f"{option[0]} needs a ledger: add -o DIR." in said.err
    else:
        assert "a_seg  liver 15.6 mL" in said.out


def test_measured_cohorts_have_tables_and_a_page(
    label_map: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    out = tmp_path / "out"
    assert run("measure", label_map, broken, "-o", out) == 2
    said = capsys.readouterr()
    rows = (out / "cohort.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["a_seg", "measure"],
        ["broken", "measure"],
    ]
    assert (out / "cohort.html").exists()
    assert f"{out / 'cohort.csv'} written." in said.out
    assert "1 scan failed:" in said.err
    assert "--retry failed tries them again" in said.err
    assert run("measure", label_map, broken) == 2
    said = capsys.readouterr()
    assert "1 scan failed:" in said.err
    assert "--retry" not in said.err
