"""The command line, as a person at a terminal sees it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview import __version__
from liverview.cli import main
from liverview.cohort import scan_steps
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.inference import segmentation as inference

from support import tiny_networks

TINY = ["--shape", "48", "42", "24", "--spacing", "8", "8", "10"]


@pytest.fixture(autouse=True)
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "load_models", lambda folder=None: tiny_networks.bright_liver())
    # They take all that is bright for liver, and the remark on that is not what is tested.
    monkeypatch.setattr(inference, "_PLAUSIBLE_ML", (0.0, 1e6))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom's files, which nobody changes."""
    folder = tmp_path_factory.mktemp("phantom")
    assert main(["phantom", str(folder), "--seed", "3", *TINY, "--noise", "5"]) == 0
    return folder


@pytest.fixture
def phantom(made: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def test_phantom_writes_a_scan_and_its_labels(phantom: Path) -> None:
    scan = images.read(phantom / "ct.nii.gz")
    labels = images.read_labels(phantom / "labels.nii.gz")
    assert scan.shape == labels.voxels.shape == (48, 42, 24)
    assert np.allclose(scan.affine, labels.affine)
    assert set(np.unique(labels.voxels)) <= set(Label)


def test_the_same_seed_writes_the_same_files(phantom: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    assert main(["phantom", str(other), "--seed", "3", *TINY, "--noise", "5"]) == 0
    for name in ("ct.nii.gz", "labels.nii.gz"):
        assert (phantom / name).read_bytes() == (other / name).read_bytes()


def test_segment_writes_labels_masks_and_figures(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures = phantom / "found.nii.gz", phantom / "found.json"
    command = ["segment", str(phantom / "ct.nii.gz"), "-o", str(out), "--json", str(figures)]
    assert main([*command, "--masks", "--device", "cpu"]) == 0
    labels = images.read_labels(out)
    assert labels.voxels.shape == (48, 42, 24)
    assert (labels.voxels > 0).any()
    content = json.loads(figures.read_text())
    liver_ml = (labels.voxels > 0).sum() * labels.voxel_ml
    assert content["liver_with_vessels_and_tumors_ml"] == pytest.approx(liver_ml, abs=0.01)
    assert content["device"] == "cpu"
    assert "not a medical device" in content["disclaimer"]
    mask = images.read_labels(phantom / "found_liver.nii.gz")
    assert np.array_equal(mask.voxels > 0, labels.voxels > 0)
    shown = capsys.readouterr()
    assert "liver" in shown.out
    assert shown.err == ""  # quiet when nobody watches


def test_system_names_versions_device_and_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["system"]) == 0
    shown = capsys.readouterr().out
    assert f"liverview            {__version__}\n" in shown
    assert "Networks run on" in shown
    assert len(re.findall(r"^(?:coarse|fine)\.safetensors +SHA-256 [0-9a-f]{16}", shown, re.M)) == 2


def test_evaluate_and_measure_print_what_they_write(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, figures = str(phantom / "labels.nii.gz"), phantom / "figures.json"
    assert main(["evaluate", labels, labels, "--json", str(figures)]) == 0
    assert json.loads(figures.read_text())["liver"]["dice"] == 1
    liver = next(line for line in capsys.readouterr().out.splitlines() if "liver" in line)
    assert liver.split()[:6] == ["liver", "1.000", "1.000", "1.000", "0.0", "+0.0"]
    assert main(["measure", labels, "--json", str(figures), "--overwrite"]) == 0
    content = json.loads(figures.read_text())
    printed = capsys.readouterr().out
    assert f"{content['liver_with_vessels_and_tumors_ml']:.1f} mL" in printed
    lesion = content["lesions"][0]
    across = lesion["perpendicular_diameter_mm"]
    assert f"{lesion['axial_diameter_mm']} x {across} mm" in printed
    assert lesion["mean_hu"] is None  # there is no scan to read it from
    assert content["recist_1_1"]["slice_thickness_mm"] > 0


@pytest.fixture(scope="module")
def made_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cases, and one that lacks its reference."""
    cases = tmp_path_factory.mktemp("made") / "cases"
    cases.mkdir()
    for name, seed in (("a", "3"), ("b", "4"), ("broken", "5")):
        folder = cases / name
        assert main(["phantom", str(folder), "--seed", seed, *TINY, "--noise", "5"]) == 0
        if name != "broken":
            (folder / "labels.nii.gz").rename(folder / "reference.nii.gz")
    return cases


@pytest.fixture
def cases(made_cases: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may change."""
    return Path(shutil.copytree(made_cases, tmp_path / "cases"))


def test_evaluate_segments_and_scores_every_case_that_it_can(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, montage = tmp_path / "figures.json", tmp_path / "montage.png"
    capsys.readouterr()
    command = ["evaluate", "--cases", str(cases), "--device", "cpu"]
    assert main([*command, "--json", str(figures), "--montage", str(montage)]) == 2
    shown = capsys.readouterr()
    (sentence,) = shown.err.strip().splitlines()
    assert sentence.startswith("liverview: broken: ")
    assert "reference.nii.gz does not exist" in sentence
    lines = shown.out.splitlines()
    assert [line.split()[:2] for line in lines[1:7]] == [
        [case, label] for case in "ab" for label in ("liver", "vessel", "tumor")
    ]
    assert "liver, n = 2" in shown.out
    assert "the reference is no measure of the label" in shown.out
    content = json.loads(figures.read_text())
    assert list(content["scans"]) == ["a", "b"]
    assert content["medians"]["liver"]["dice"]["n"] == 2
    assert list(content["failed"]) == ["broken"]
    assert montage.read_bytes().startswith(b"\x89PNG")


def test_cases_that_all_fail_write_nothing(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (cases / name / "ct.nii.gz").unlink()
    capsys.readouterr()
    montage = tmp_path / "montage.png"
    assert main(["evaluate", "--cases", str(cases), "--montage", str(montage)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3
    assert not montage.exists()


def fails(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The command ends with code 2 after one sentence, which is returned."""
    assert main([str(a) for a in arguments]) == 2
    shown = capsys.readouterr()
    lines = shown.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("liverview: ")
    return lines[0]


def test_what_a_person_gets_wrong_is_one_sentence(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    scan, out = phantom / "ct.nii.gz", phantom / "x.nii.gz"
    assert "does not exist" in fails(capsys, "segment", phantom / "no.nii", "-o", out)
    assert "folder" in fails(capsys, "segment", phantom, "-o", out)
    assert "is read" in fails(capsys, "segment", scan, "-o", scan, "--overwrite")
    assert "exists" in fails(capsys, "segment", scan, "-o", phantom / "labels.nii.gz")
    assert "folder" in fails(capsys, "segment", scan, "-o", phantom / "no" / "x.nii.gz")
    assert ".nii.gz" in fails(capsys, "segment", scan, "-o", phantom / "x.png")
    assert "not known" in fails(capsys, "segment", scan, "-o", out, "--device", "tpu")
    assert "no number 1" in fails(capsys, "segment", scan, "-o", out, "--volume", "1")
    assert "not a label map" in fails(capsys, "measure", scan)
    assert "exists" in fails(capsys, "phantom", phantom, *TINY)
    assert "shape" in fails(capsys, "phantom", phantom / "p", "--shape", "0", "1", "1")
    assert "recipe" in fails(capsys, "train", phantom / "none.toml")
    assert "--cases" in fails(capsys, "evaluate", scan)
    assert "--cases" in fails(capsys, "evaluate", scan, scan, "--montage", phantom / "x.png")
    assert "leave" in fails(capsys, "evaluate", scan, "--cases", phantom)
    assert "no cases" in fails(capsys, "evaluate", "--cases", phantom)
    assert not out.exists()


def test_outputs_are_checked_before_the_work(
    phantom: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is replaced unasked, and nothing is found out after minutes of work."""

    def never(folder: Path | None = None) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr(inference, "load_models", never)
    capsys.readouterr()
    scan, out, taken = phantom / "ct.nii.gz", phantom / "x.nii.gz", phantom / "labels.nii.gz"
    before = {path: path.read_bytes() for path in (scan, taken)}
    segment = ("segment", scan, "-o", out)
    assert "exists" in fails(capsys, *segment, "--json", taken)
    assert "is read" in fails(capsys, *segment, "--json", scan, "--overwrite")
    assert "written already" in fails(capsys, *segment, "--json", out, "--overwrite")
    assert "folder" in fails(capsys, *segment, "--json", phantom)
    assert "folder" in fails(capsys, *segment, "--json", phantom / "no" / "x.json")
    (phantom / "x_tumor.nii.gz").write_bytes(b"precious")
    assert "x_tumor.nii.gz exists" in fails(capsys, *segment, "--masks")
    assert "is read" in fails(capsys, "measure", taken, "--json", taken, "--overwrite")
    assert "exists" in fails(capsys, "evaluate", taken, taken, "--json", scan)
    (phantom / "cases" / "a").mkdir(parents=True)
    cases = ("evaluate", "--cases", phantom / "cases")
    assert ".png" in fails(capsys, *cases, "--montage", out)
    assert "folder" in fails(capsys, *cases, "--montage", phantom / "no" / "x.png")
    assert {path: path.read_bytes() for path in before} == before
    assert not out.exists()


def test_others_label_maps_are_measured_by_their_names(
    phantom: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stored = nib.load(phantom / "labels.nii.gz")
    turned = np.array([0, 2, 3, 1], np.uint8)[np.asanyarray(stored.dataobj)]
    nib.save(nib.Nifti1Image(turned, stored.affine), tmp_path / "case.nii.gz")
    (tmp_path / "dataset.json").write_text('{"labels": {"cancer": 1, "liver": 2, "vessels": 3}}')
    assert main(["measure", str(phantom / "labels.nii.gz")]) == 0
    ours = capsys.readouterr()
    assert ours.err == ""
    assert main(["measure", str(tmp_path / "case.nii.gz")]) == 0
    theirs = capsys.readouterr()
    assert theirs.out == ours.out
    assert "1 (cancer) as tumor, 2 (liver) as liver, 3 (vessels) as vessel" in theirs.err


def test_values_that_no_label_has_are_said(
    phantom: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    volume = images.read(phantom / "labels.nii.gz")
    odd = LabelMap(np.full(volume.shape, 7, np.uint8), volume.affine)
    for _ in images.iter_write_labels(tmp_path / "odd.nii.gz", odd, volume):
        pass
    capsys.readouterr()
    assert main(["measure", str(tmp_path / "odd.nii.gz")]) == 2
    assert "holds the value 7, and nothing says which label it is" in capsys.readouterr().err
    assert main(["measure", str(tmp_path / "odd.nii.gz"), "--labels", "liverview"]) == 0
    assert "left out the values 7" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
def test_being_asked_to_end_leaves_nothing_behind(
    phantom: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*arguments: object, **options: object) -> Iterator[Progress]:
        yield Progress("Refining", 0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        yield Progress("Refining", 0.6)

    monkeypatch.setattr(scan_steps, "iter_segment", slow)
    before = sorted(phantom.iterdir())
    handler = signal.getsignal(signal.SIGTERM)
    assert main(["segment", str(phantom / "ct.nii.gz"), "-o", str(phantom / "x.nii.gz")]) == 130
    assert "stopped" in capsys.readouterr().err
    assert sorted(phantom.iterdir()) == before
    assert signal.getsignal(signal.SIGTERM) is handler


def test_nothing_is_left_behind_when_segmentation_fails(
    phantom: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path | None = None) -> None:
        raise inference.CheckpointError("the weights are gone.")

    monkeypatch.setattr(inference, "load_models", broken)
    before = sorted(phantom.iterdir())
    fails(capsys, "segment", phantom / "ct.nii.gz", "-o", phantom / "x.nii.gz")
    assert sorted(phantom.iterdir()) == before


def test_other_grids_are_not_compared(phantom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", str(phantom / "b"), "--shape", "20", "20", "9"]) == 0
    capsys.readouterr()
    sentence = fails(capsys, "evaluate", phantom / "labels.nii.gz", phantom / "b" / "labels.nii.gz")
    assert "same voxels" in sentence


def test_remarks_about_the_scan_go_to_the_terminal(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (phantom / "ct.nii.gz").open("ab") as file:
        file.write(b"garbage")
    out = phantom / "x.nii.gz"
    assert main(["segment", str(phantom / "ct.nii.gz"), "-o", str(out)]) == 0
    assert "extra bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["--help", "--version", "segment --help", "evaluate --help", "train --help"]
)
def test_help_needs_no_heavy_module(command: str) -> None:
    code = (
        "import sys\nfrom liverview.cli import main\n"
        f"try: main({command.split()!r})\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'PySide6', 'numpy', 'nibabel'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_commands_run_without_qt(phantom: Path) -> None:
    labels = str(phantom / "labels.nii.gz")
    commands = [
        ["phantom", str(phantom / "q"), *TINY],
        ["segment", str(phantom / "ct.nii.gz"), "-o", str(phantom / "q.nii.gz")],
        ["measure", labels],
        ["evaluate", labels, labels],
    ]
    code = (
        "import sys\nfrom liverview.cli import main\n"
        f"assert [main(c) for c in {commands!r}] == [0] * {len(commands)}\n"
        "assert not {'PySide6', 'pyqtgraph'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break in another way there")
def test_a_reader_that_has_seen_enough_is_no_error_to_report(phantom: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys\nfrom liverview.cli import main\nsys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "measure", str(phantom / "labels.nii.gz")]
    with os.fdopen(write) as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr == b""


def test_no_screen_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems always have one")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "no screen" in fails(capsys, "--phantom", "1")


def test_out_needs_something_and_keeps_old_results(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert "SCAN" in fails(capsys, "--out", phantom)
    (phantom / "ct_seg.nii.gz").touch()
    assert "--overwrite" in fails(capsys, phantom / "ct.nii.gz", "--out", phantom)
