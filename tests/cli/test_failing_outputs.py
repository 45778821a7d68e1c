"""Outputs that cannot be written, links that lead nowhere, names without end: one sentence each."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.inference import segmentation

from support import tiny_networks

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no device that is full")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@pytest.fixture(autouse=True)
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segmentation, "load_models", lambda folder=None: tiny_networks.bright_liver()
    )


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    voxels = np.full((30, 28, 12), -1000, np.int16)
    voxels[5:25, 5:23, 1:11] = 60
    for name in "ab":
        nib.save(nib.Nifti1Image(voxels, np.diag([6.0, 6, 8, 1])), folder / f"{name}.nii.gz")
    return folder


@needs_full
def test_a_cohort_ends_whole_where_nothing_can_be_printed(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    with FULL.open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code = main(["segment", str(scans), "-o", str(tmp_path / "out"), "--json", str(figures)])
    assert code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "liverview:" in line]
    assert "standard output could not be written (No space left on device)" in line
    assert len(list((tmp_path / "out").glob("*_seg.nii.gz"))) == 2
    assert (tmp_path / "out" / "cohort.csv").exists()
    assert len(json.loads(figures.read_text())["scans"]) == 2


@needs_full
@pytest.mark.parametrize("arguments", [["--help"], ["segment", "--help"], ["--version"]])
def test_help_that_cannot_be_printed(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "liverview", *arguments]
    with FULL.open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"liverview: standard output could not be written")
    assert done.stderr.count(b"\n") == 1


@needs_full
def test_a_standard_error_that_is_full_changes_nothing(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = FULL.open("w", buffering=1)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", full)
        assert main(["segment", str(scans), "-o", str(tmp_path / "out")]) == 0
        assert main(["measure", str(tmp_path / "none.nii.gz")]) == 2
    with contextlib.suppress(OSError):
        full.close()


def test_a_json_on_a_full_disk_is_named(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, figures = tmp_path / "a.nii.gz", tmp_path / "f.json"
    assert main(["segment", str(scans / "a.nii.gz"), "-o", str(labels)]) == 0

    def full(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    capsys.readouterr()
    assert main(["measure", str(labels), "--json", str(figures)]) == 2
    assert f"{figures} could not be saved: the disk is full" in capsys.readouterr().err
    assert not figures.exists()
    assert not list(tmp_path.glob(".liverview-*"))


Fails = Callable[..., str]


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    def command(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("liverview: ")
        return line

    return command


def test_links_that_lead_back_to_themselves(scans: Path, tmp_path: Path, fails: Fails) -> None:
    loop, folder = tmp_path / "loop.nii.gz", tmp_path / "folder"
    one, two = tmp_path / "one.nii.gz", tmp_path / "two.nii.gz"
    for path, target in ((loop, loop), (folder, folder), (one, two), (two, one)):
        path.symlink_to(target)
    scan, out, figures = scans / "a.nii.gz", tmp_path / "x.nii.gz", tmp_path / "f.json"
    word = "is a link that leads back to itself"
    for given in (loop, one):
        assert f"{given} {word}" in fails("segment", given, "-o", out)
        assert f"{given} {word}" in fails("measure", given)
        assert f"{given} {word}" in fails("report", given, given, "-o", tmp_path / "report")
        assert f"{given} {word}" in fails("segment", scan, "-o", given, "--overwrite")
        assert f"{given} {word}" in fails(
            "segment", scan, "-o", out, "--json", given, "--overwrite"
        )
        assert str(given) in fails("train", given)
    assert f"{folder} is no folder" in fails("segment", scan, scans / "b.nii.gz", "-o", folder)
    assert f"{folder} is no folder" in fails("phantom", folder)
    assert f"{folder} is no folder" in fails("evaluate", "--cases", folder)
    assert str(folder) in fails("segment", scan, "-o", folder / "x.nii.gz")
    assert not out.exists()
    assert not figures.exists()


def test_a_cohort_with_such_a_link_fails_there_alone(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scans / "loop.nii.gz").symlink_to(scans / "loop.nii.gz")
    (scans / "gone.nii.gz").symlink_to(tmp_path / "gone.nii.gz")
    assert main(["segment", str(scans), "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "loop.nii.gz is a link that leads back to itself" in error
    assert "gone.nii.gz does not exist" in error
    labels = sorted(path.name for path in (tmp_path / "out").glob("*_seg*"))
    assert labels == ["a_seg.nii.gz", "b_seg.nii.gz"]


@pytest.mark.parametrize("length", [256, 5000, 100_000])
def test_names_without_end_are_not_repeated_in_full(
    scans: Path, tmp_path: Path, fails: Fails, length: int
) -> None:
    name, scan = tmp_path / ("n" * length), scans / "a.nii.gz"
    for command in (
        ("measure", name),
        ("segment", name, "-o", tmp_path / "x.nii.gz"),
        ("segment", scan, "-o", tmp_path / f"{name}.nii.gz"),
        ("segment", scan, "-o", tmp_path / "x.nii.gz", "--json", name),
        ("train", name),
        ("evaluate", "--cases", name),
        ("report", scan, scan, "-o", name),
    ):
        sentence = fails(*command)
        assert len(sentence) < 1100
        assert "nnnnn" in sentence
    assert not (tmp_path / "x.nii.gz").exists()


def test_streams_are_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", "strict")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        main(["measure", "none.nii.gz"])
        assert sys.stdout is stream
    assert stream.errors == "strict"
