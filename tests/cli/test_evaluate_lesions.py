"""``evaluate`` lesion by lesion: table, FROC, montage, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli.main import main
from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, LesionCandidates, write_candidate
from liverview.core.stream import Slab
from liverview.core.volume import Volume
from liverview.evaluation import cases as evaluated

SHAPE = (36, 36, 20)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
LESION, FALSE = (slice(8, 14), slice(8, 14), slice(8, 12)), (slice(24, 28),) * 2 + (slice(8, 12),)


def write(path: Path, voxels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, AFFINE), path)


def liver() -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[3:33, 3:33, 2:18] = 1
    return voxels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A patient with a lesion, a healthy one whose file names tumors, and a liver alone."""
    hu = np.where(liver() > 0, 110, -90).astype(np.int16)
    with_vessel = liver()
    with_vessel[20:22, 20:22, 5:15] = 2
    with_lesion = with_vessel.copy()
    with_lesion[LESION] = 3
    for name, voxels in (("a", with_lesion), ("healthy", with_vessel), ("only", liver())):
        write(tmp_path / "cases" / name / "ct.nii.gz", hu)
        write(tmp_path / "cases" / name / "reference.nii.gz", voxels)
    return tmp_path / "cases"


@pytest.fixture
def candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmentation whose network calls the lesion liver, with two candidates."""

    def iter_segment(volume: Volume, *_: object, **__: object) -> Iterator[object]:
        network = liver()
        raw = np.stack([network > 0, network == 2, network == 3]).astype(np.float16)
        yield Slab(0, network, raw)
        parts = [
            LesionCandidate(Box(*where), np.ones(Box(*where).shape, bool), network[where], sure)
            for where, sure in ((LESION, 0.8), (FALSE, 0.6))
        ]
        labels = network.copy()
        for part in parts:
            write_candidate(labels, part, 0.5)
        yield Slab(0, labels)
        yield LesionCandidates(tuple(parts), 0.5)

    monkeypatch.setattr(evaluated, "iter_segment", iter_segment)


@pytest.mark.usefixtures("candidates")
def test_a_folder_is_evaluated_lesion_by_lesion(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"labels": {"background": 0, "liver": 1}}
    (folder / "only" / "dataset.json").write_text(json.dumps(names))
    out = {name: tmp_path / f"out.{name}" for name in ("csv", "png", "svg", "json")}
    figures, montage = tmp_path / "figures.json", tmp_path / "montage.png"
    froc = [part for name in ("png", "svg", "json") for part in ("--froc", str(out[name]))]
    command = ["evaluate", "--cases", str(folder), "--device", "cpu", "--labels", "liverview"]
    command += ["--lesions", str(out["csv"]), *froc, "--lesion-montage", str(montage)]
    assert main([*command, "--json", str(figures)]) == 0
    shown = capsys.readouterr().out
    assert "20 to 50 mm 1 of 1" in shown
    assert "livers without tumors: 1; without a false lesion 0.00 of them, 2 false" in shown
    with out["csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["kind"], row["certainty"]) for row in rows] == [
        ("a", "reference", "0.8"),
        ("a", "false", "0.6"),
        ("healthy", "false", "0.8"),
        ("healthy", "false", "0.6"),
    ]
    # What the network called it, before the candidates were labeled.
    assert (rows[0]["called_liver"], rows[0]["called_tumor"], rows[0]["dice"]) == (
        "1.0",
        "0.0",
        "1.0",
    )
    assert rows[0]["contrast_hu"] == "0.0"
    content = json.loads(out["json"].read_text(encoding="utf-8"))
    assert (content["scans"], content["scans_without_tumors"], content["lesions"]) == (2, 1, 1)
    assert content["default"]["recall_large"] == 1
    assert content["default"]["false_per_scan"] == 1.5
    scans = json.loads(figures.read_text(encoding="utf-8"))["scans"]
    assert scans["a"]["lesions"]["lesions"][0]["found"] is True
    assert "lesions" not in scans["only"]  # its maker drew the liver alone, whatever --labels says
    assert scans["only"]["tumor"]["reason"] == "The reference was drawn without tumors."
    assert scans["healthy"]["tumor"]["false_lesions"] == 2
    for path in (out["png"], montage):
        assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("candidates")
def test_names_beside_a_reference_say_what_was_looked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Liver and vessels alone may be two labels of any; a name for each says that they are not."""
    command = ["evaluate", "--cases", str(folder), "--device", "cpu"]
    assert main(command) == 2
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if "healthy: " in line]
    assert "nothing says which labels they are" in sentence
    names = {"labels": {"background": 0, "liver": 1, "vessel": 2, "tumor": 3}}
    (folder / "healthy" / "dataset.json").write_text(json.dumps(names))
    assert main(command) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    tumors = {row[0]: row for row in rows if row[1:2] == ["tumor"]}
    assert tumors["healthy"][-2] == "2"  # false lesions
    assert set(tumors["only"][2:]) == {"-"}


def test_a_pair_has_a_table_and_no_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, found = liver(), liver()
    truth[LESION] = 3
    found[FALSE] = 3
    pair = [tmp_path / "found.nii.gz", tmp_path / "truth.nii.gz"]
    for path, voxels in zip(pair, (found, truth), strict=True):
        write(path, voxels)
    command = ["evaluate", *map(str, pair), "--labels", "liverview"]
    table, figures = tmp_path / "lesions.csv", tmp_path / "figures.json"
    assert main([*command, "--lesions", str(table), "--json", str(figures)]) == 0
    assert "missed" in capsys.readouterr().out
    assert len(table.read_text(encoding="utf-8").splitlines()) == 3
    assert json.loads(figures.read_text())["lesions"]["lesions"][0]["covered"] == 0
    for option, name in (("--froc", "x.png"), ("--lesion-montage", "x.png")):
        assert main([*command, option, str(tmp_path / name)]) == 2
        assert "need scans to segment" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--froc", "x.pdf"], "must end in one of .png, .svg, .csv, .json"),
        (["--lesions", "x.txt"], "must end in .csv"),
        (["--lesion-montage", "x.jpg"], "must end in .png"),
        (["--lesions", "x.csv", "--clicks", "1"], "leave them out"),
        (["--froc", "x.png", "--lesion-montage", "x.png"], "is written already"),
    ],
)
def test_outputs_are_checked_before_the_work(
    folder: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder.parent)
    assert main(["evaluate", "--cases", str(folder), *options]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in folder.parent.iterdir()] == ["cases"]


@pytest.mark.usefixtures("candidates")
def test_a_curve_needs_somebody_who_looked_for_tumors(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a" / "reference.nii.gz").unlink()
    (folder / "healthy" / "reference.nii.gz").unlink()
    command = ["evaluate", "--cases", str(folder), "--froc", str(tmp_path / "x.png")]
    assert main(command) == 2
    assert "measure of tumors" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()
