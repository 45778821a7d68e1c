"""The commands say of a label map's file what it says of itself: partial, ruled out, confirmed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liverview.cli.main import main
from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.core.volume import LabelMap, Volume
from liverview.files import images

from support.marks import mark_at, without


@pytest.fixture
def labels() -> LabelMap:
    voxels = np.ones((40, 36, 20), np.uint8)
    voxels[5:25, 5:15, 4:9] = voxels[28:36, 20:31, 10:14] = Label.TUMOR
    return LabelMap(voxels, np.diag([1, 0.8, 2.5, 1]), name="labels")


def run(
    capsys: pytest.CaptureFixture[str], folder: Path, labels: LabelMap, *more: str
) -> tuple[str, str, dict]:
    """Printed, said on standard error, and the JSON of a command on a saved label map."""
    path, figures = folder / "labels.nii.gz", folder / "figures.json"
    images.write_labels(path, labels, overwrite=True)
    command = [*(word.replace("LABELS", str(path)) for word in more), "--json", str(figures)]
    assert main([*command, "--overwrite"]) == 0
    shown = capsys.readouterr()
    return shown.out, shown.err, json.loads(figures.read_text())


def test_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: LabelMap) -> None:
    out, err, said = run(capsys, tmp_path, labels, "measure", "LABELS")
    assert "PARTIAL" not in out
    assert err == ""
    assert "RECIST 1.1: Candidates 1 (" in out
    assert (said["partial"], said["recist_1_1"]["confirmed"]) == (False, False)

    out, err, said = run(capsys, tmp_path, replace(labels, partial=True), "measure", "LABELS")
    assert "PARTIAL" in out
    assert "partial" in err
    assert said["partial"] is True
    assert said["recist_1_1"]["candidate_lesion_numbers"] == []

    gone = without(labels, (6, 6, 6), "a cyst")
    out, err, said = run(capsys, tmp_path, gone, "measure", "LABELS")
    assert "a cyst" in out
    assert said["lesion_count"] == 1
    assert said["tumor_voxel_count"] == 8 * 11 * 4

    marks = tuple(mark_at(labels, at, Verdict.TARGET) for at in ((6, 6, 6), (30, 25, 12)))
    out, err, said = run(capsys, tmp_path, replace(labels, marks=marks), "measure", "LABELS")
    assert "Target lesions 1 (" in out
    assert said["recist_1_1"]["target_lesion_numbers"] == [1, 2]


def test_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: LabelMap) -> None:
    command = ("evaluate", "LABELS", "LABELS")
    out, _, said = run(capsys, tmp_path, labels, *command)
    assert "PARTIAL" not in out
    assert "partial" not in said
    out, _, said = run(capsys, tmp_path, replace(labels, partial=True), *command)
    assert "labels.nii.gz is PARTIAL" in out
    assert said["partial"] == [str(tmp_path / "labels.nii.gz")]


def test_report(tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: LabelMap) -> None:
    hu = np.random.default_rng(0).normal(60, 10, labels.shape).astype(np.int16)
    scan, path = tmp_path / "patient7.nii.gz", tmp_path / "labels.nii.gz"
    images.write_volume(scan, Volume(hu, labels.affine, name="patient7"))
    said = replace(without(labels, (6, 6, 6), "a cyst"), partial=True)
    images.write_labels(path, said)
    assert main(["report", str(scan), str(path), "-o", str(tmp_path / "out")]) == 0
    assert "PARTIAL" in capsys.readouterr().out
    page = (tmp_path / "out" / "patient7_report.html").read_text(encoding="utf-8")
    assert "PARTIAL." in page
    assert "a cyst" in page
