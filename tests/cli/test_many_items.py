"""Commands on many items: parts, ledgers, and that the figures are those of one run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liverview.cli import main
from liverview.cohort.evaluating import EvaluateWork
from liverview.cohort.measuring import MeasureWork
from liverview.core.volume import LabelMap
from liverview.evaluation.case_records import read_case
from liverview.evaluation.summary import summary_dict
from liverview.files import images
from liverview.inference import segmentation

from support import tiny_networks

TINY = ["--shape", "36", "32", "16", "--spacing", "10", "10", "12", "--noise", "5"]
PARTS = ("1/3", "2/3", "3/3")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def label_maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven label maps with 1, 2, ... mL of liver, and a file that is none."""
    folder = tmp_path_factory.mktemp("labels")
    for number in range(1, 8):
        voxels = np.zeros((10, 10, 10), np.uint8)
        voxels[:number, :, 0] = 1  # rows of ten voxels of 0.1 mL
        affine = np.diag([5.0, 5.0, 4.0, 1.0])
        images.write_labels(folder / f"m{number}_seg.nii.gz", LabelMap(voxels, affine, "m"))
    (folder / "broken_seg.nii.gz").write_bytes(b"no scan at all")
    return folder


def test_many_label_maps_are_measured_a_line_for_each(
    label_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    assert run("measure", label_maps, "--json", path) == 2
    said = capsys.readouterr()
    lines = sorted(line for line in said.out.splitlines() if line.startswith("m"))
    assert [line.split(",")[0] for line in lines] == [
        f"m{n}_seg  liver {n:.1f} mL" for n in range(1, 8)
    ]
    assert "1 scan failed:" in said.err
    content = json.loads(path.read_text())
    assert list(content["failed"]) == ["broken_seg"]
    assert len(content["scans"]) == 7


def test_parts_measure_what_one_run_does_and_nothing_twice(
    label_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern, path = label_maps / "m*_seg.nii.gz", tmp_path / "parts.json"
    assert run("measure", pattern, "-o", tmp_path / "one", "--json", tmp_path / "one.json") == 0
    for part in PARTS:
        assert (
            run("measure", pattern, "-o", tmp_path / "three", "--part", part, "--json", path) == 0
        )
    assert json.loads(path.read_text()) == json.loads((tmp_path / "one.json").read_text())
    capsys.readouterr()
    assert run("measure", pattern, "-o", tmp_path / "three", "--json", path) == 0
    again = capsys.readouterr()
    assert "7 scans are done already." in again.err
    assert " mL" not in again.out
    assert json.loads(path.read_text()) == json.loads((tmp_path / "one.json").read_text())


def test_a_part_with_a_failure_ends_with_0_and_a_table(
    label_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = {run("measure", label_maps, "-o", tmp_path / "out", "--part", p) for p in PARTS}
    assert codes == {0}
    said = capsys.readouterr().err
    assert said.count("1 scan failed:") == 1
    assert "  broken_seg  " in said
    assert run("measure", label_maps, "-o", tmp_path / "out") == 2


def test_one_label_map_is_measured_in_full(
    label_maps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("measure", label_maps / "m3_seg.nii.gz") == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].split() == ["liver", "3.0", "mL"]
    assert "RECIST 1.1" in said


@pytest.fixture
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tiny_networks.bright_liver()
    monkeypatch.setattr(segmentation, "load_models", lambda folder=None: made)
    monkeypatch.setattr(segmentation, "_PLAUSIBLE_ML", (0.0, 1e6))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cases, the last of which has a damaged scan."""
    folder = tmp_path_factory.mktemp("cases")
    for seed in range(4):
        case = folder / f"case{seed}"
        assert run("phantom", case, "--seed", seed, *TINY) == 0
        (case / "labels.nii.gz").rename(case / "reference.nii.gz")
    damaged = folder / "case3" / "ct.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-500])
    return folder


def without_seconds(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    assert [scan.pop("seconds") >= 0 for scan in content["scans"].values()] == [True] * 3
    return content


@pytest.mark.usefixtures("_quick_networks")
def test_cases_in_parts_give_the_figures_of_one_run(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate = ("evaluate", "--cases", cases, "--device", "cpu")
    plain, once, parts = (tmp_path / f"{name}.json" for name in ("plain", "once", "parts"))
    tables = [tmp_path / f"{name}.csv" for name in ("plain", "parts")]
    assert run(*evaluate, "--json", plain, "--lesions", tables[0]) == 2
    printed = capsys.readouterr().out
    assert run(*evaluate, "--json", once, "-o", tmp_path / "once", "--processes", 1) == 2
    for part in PARTS:
        out = ("-o", tmp_path / "three", "--processes", 1, "--part", part)
        assert run(*evaluate, "--json", parts, *out) == 0
    capsys.readouterr()
    last = ("-o", tmp_path / "three", "--lesions", tables[1], "--montage", tmp_path / "worst.png")
    assert run(*evaluate, "--json", parts, *last) == 2
    said = capsys.readouterr()
    assert "3 scans are done already." in said.err
    summary = printed[printed.index("median (95 %") : printed.index('"-" in a whole line')]
    assert summary in said.out
    figures = without_seconds(plain)
    assert without_seconds(once) | {"failed": {}} == figures | {"failed": {}}
    assert without_seconds(parts) | {"failed": {}} == figures | {"failed": {}}
    assert tables[0].read_bytes() == tables[1].read_bytes()
    assert (tmp_path / "worst.png").read_bytes()[:4] == b"\x89PNG"
    records = [read_case(tmp_path / "three", f"case{n}").scores for n in range(3)]
    assert summary_dict(records) == figures["medians"]


@pytest.mark.usefixtures("_quick_networks")
def test_a_record_that_was_taken_away_or_damaged_is_made_again(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "two.csv"
    listed.write_text(f"id,path\nfirst,{cases}/case0\nsecond,{cases}/case1\n")
    evaluate = (
        "evaluate",
        "--cases",
        listed,
        "--device",
        "cpu",
        "-o",
        tmp_path / "out",
        "--processes",
        1,
    )
    assert run(*evaluate) == 0
    (tmp_path / "out" / "first_scores.json").write_text('{"seconds": 1, "scores": [{}]}')
    capsys.readouterr()
    assert run(*evaluate) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if " liver " in line] == ["first"]
    assert read_case(tmp_path / "out", "first").scores


def test_works_go_to_other_processes(tmp_path: Path) -> None:
    for work in (MeasureWork("lits"), EvaluateWork(tmp_path, labels="lits")):
        assert pickle.loads(pickle.dumps(work)) == work


def test_what_does_not_go_together_is_said(
    label_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("measure", label_maps, "--retry", "failed") == 2
    assert "--retry needs a ledger: add -o DIR." in capsys.readouterr().err
    assert run("measure", label_maps, "--on", "local:1") == 2
    assert "--on needs a ledger: add -o DIR." in capsys.readouterr().err
    (tmp_path / "one.nii.gz").write_bytes(b"")
    for option in (["--on", "local:1"], ["--retry", "failed"]):
        assert run("segment", tmp_path / "one.nii.gz", "-o", tmp_path / "seg.nii.gz", *option) == 2
        assert f"{option[0]} is of scans whose results go to a folder" in capsys.readouterr().err
    assert not (tmp_path / "seg.nii.gz").exists()
    assert run("evaluate", "a.nii.gz", "b.nii.gz", "--part", "1/2") == 2
    assert "add --cases DIR" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("segment", label_maps, "-o", tmp_path, "--part", "3/2")
    assert "give it as 3/40" in capsys.readouterr().err
