"""A cohort gives the same files by one process, by several, and in parts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.cohort.ledger import LEDGER, Ledger
from liverview.cohort.part import parse_part

from support import tiny_networks

SCANS = 4


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Scans of noise, which differ."""
    rng = np.random.default_rng(5)
    paths = []
    for number in range(SCANS):
        voxels = rng.normal(60, 30, (40, 36, 12)).astype(np.int16)
        paths.append(tmp_path / f"{number}.nii.gz")
        nib.save(nib.Nifti1Image(voxels, np.diag([5, 5, 5, 1])), paths[-1])
    return paths


def test_one_process_two_and_three_parts_give_the_same_bytes(
    scans: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tiny_networks.save_weights(tmp_path / "weights")
    more = ["--weights", str(weights), "--device", "cpu", "--masks"]

    def run(out: str, some: list[Path], *options: str) -> None:
        given = [str(path) for path in some]
        assert main(["segment", *given, "-o", str(tmp_path / out), *more, *options]) == 0

    run("one", scans)
    assert "by one process" in capsys.readouterr().err
    run("two", scans, "--processes", "2", "--time-limit", "1h", "--memory-limit", "100GB")
    assert "by 2 processes of" in capsys.readouterr().err
    for number in (1, 2, 3):
        part = parse_part(f"{number}/3")
        some = [path for path in scans if part.has(f"{path.name.split('.')[0]}_seg")]
        if some:
            run("parts", some, "--retry", "failed")
    expected = _contents(tmp_path / "one")
    assert len(expected) == SCANS * 4
    assert any(nib.load(path).get_fdata().any() for path in (tmp_path / "one").glob("*_tumor*"))
    assert _contents(tmp_path / "two") == _contents(tmp_path / "parts") == expected
    assert _figures(tmp_path / "one") == _figures(tmp_path / "two") == _figures(tmp_path / "parts")
    processes = {a.process for (a,) in Ledger(tmp_path / "two").read().attempts.values()}
    assert len(processes) == 2
    capsys.readouterr()
    run("two", scans, "--processes", "2")
    assert capsys.readouterr().out.count("is there already") == SCANS


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LEDGER}


def _figures(folder: Path) -> dict[str, object]:
    """What the ledger says of each scan, but for times and places."""
    found = {}
    for name, (attempt,) in Ledger(folder).read().attempts.items():
        figures = {k: v for k, v in attempt.figures.items() if k != "seconds"}
        assert attempt.seconds is not None
        assert attempt.peak_mb is None or attempt.peak_mb > 50
        plain = dataclasses.replace(attempt, figures=figures, lines=(), written=())
        where = {"began": "", "ended": "", "process": 0, "seconds": 0, "peak_mb": 0, "token": ""}
        found[name] = dataclasses.replace(plain, **where)
    return found
