"""The scripts in examples/ run, on phantoms of their own and on files."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

import liverview as lv
from liverview.phantoms.config import Phantom

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
PRINTED = {
    "evaluate_references": r"median Dice of liver: 0\.[89]",
    "measure_lesions": r"(?m)^1: \d+\.\d+ mL, \d+\.\d x \d+\.\d mm, \d+ HU at",
    "phantom_pair": r"image \(96, 84, 40\) float32, 0\.00 to 1\.00\nbackground: \d+",
    "segment_folder": r"scan,liver_ml,vessel_ml,tumor_ml,lesions\nphantom1,\d+\.\d,",
    "simpleitk_roundtrip": r"SimpleITK finds \d{3,4}\.\d mL of liver",
    "stream_segmentation": r"slices \d+ to \d+: \d{3,} mL so far(?s:.*)Done: 100%",
}


def run(script: Path, *arguments: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(case: Phantom, tmp_path: Path) -> Path:
    """Two folders with a file of one name: a scan, and its labels."""
    for name in ("scans", "references"):
        (tmp_path / name).mkdir()
    lv.write_volume(tmp_path / "scans" / "case_seg.nii.gz", case.volume)
    lv.write_labels(tmp_path / "references" / "case_seg.nii.gz", case.labels, case.volume)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_runs_on_a_phantom(script: Path) -> None:
    assert re.search(PRINTED[script.stem], run(script))


def test_examples_take_files(case: Phantom, folder: Path) -> None:
    scans, references = folder / "scans", folder / "references"
    scan, labels = scans / "case_seg.nii.gz", references / "case_seg.nii.gz"
    examples = ROOT / "examples"
    run(examples / "segment_folder.py", scans, folder / "out")
    table = (folder / "out" / "volumes.csv").read_text(encoding="utf-8")
    (row,) = csv.DictReader(table.splitlines())
    assert row["scan"] == "case_seg"
    found = lv.read_labels(folder / "out" / "case_seg_seg.nii.gz")
    assert float(row["liver_ml"]) == pytest.approx(
        (found.voxels > 0).sum() * found.voxel_ml, abs=0.1
    )
    told = run(examples / "measure_lesions.py", scan, labels)
    assert len(told.splitlines()) == 1 + len(lv.measure(case.labels).lesions)
    told = run(examples / "evaluate_references.py", references, references)
    assert "median Dice of tumor: 1.000" in told
    run(examples / "phantom_pair.py", folder / "pair.npz")
    with np.load(folder / "pair.npz") as pair:
        assert pair["target"].sum(axis=0).min() == pair["target"].sum(axis=0).max() == 1
    run(examples / "simpleitk_roundtrip.py", scan, folder / "labels.nrrd")
    assert sitk.ReadImage(str(folder / "labels.nrrd")).GetSize() == case.volume.shape
    assert "Done: 100%" in run(examples / "stream_segmentation.py", scan)
