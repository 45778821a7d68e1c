"""A cohort that was stopped goes on, its JSON grows, and results are no scans."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.cohort import scan_steps
from liverview.cohort.ledger import Ledger
from liverview.core.candidates import DEFAULT_CERTAINTY
from liverview.core.stream import Progress, Slab
from liverview.core.volume import Volume
from liverview.files import images
from liverview.inference import segmentation

from support import tiny_networks


@pytest.fixture(autouse=True)
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segmentation, "load_models", lambda folder=None: tiny_networks.bright_liver()
    )


class Segmenting:
    """Stands for the networks: calls everything liver, and remembers of which scans."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.least: list[object] = []
        self.stop_at = ""
        self.after: list[dict[str, object] | None] = []
        self.json: Path | None = None

    def __call__(self, volume: Volume, *arguments: object, **options: object) -> Iterator[Slab]:
        if volume.name == self.stop_at:
            raise KeyboardInterrupt
        self.names.append(volume.name)
        self.least.append(options["least_certainty"])
        yield Slab(0, np.ones(volume.shape, np.uint8))


@pytest.fixture
def segmenting(monkeypatch: pytest.MonkeyPatch) -> Segmenting:
    made = Segmenting()
    monkeypatch.setattr(scan_steps, "iter_segment", made)
    return made


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Three scans that differ."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, name in enumerate("abc"):
        voxels = np.full((12, 10, 8), 60 + number, np.int16)
        voxels[0] = -1000
        nib.save(nib.Nifti1Image(voxels, np.diag([5, 5, 5, 1])), folder / f"{name}.nii.gz")
    return folder


def run(*arguments: object) -> int:
    return main(["segment", *map(str, arguments)])


def test_labels_of_another_certainty_are_not_taken_for_these(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (scans / "a.nii.gz", "-o", tmp_path / "a_seg.nii.gz")
    assert run(*command, "--least-certainty", "0.3") == 0
    assert segmenting.least == [0.3]
    assert run(*command) == 2  # never replaced unasked
    assert "a_seg.nii.gz" in capsys.readouterr().err
    assert run(*command, "--overwrite") == 0
    assert run(*command, "--least-certainty", "0.5") == 0
    assert "is there already" in capsys.readouterr().out
    assert segmenting.least == [0.3, DEFAULT_CERTAINTY]


def test_the_same_command_again_finishes_the_rest(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (scans, "-o", tmp_path / "out", "--json", tmp_path / "figures.json")
    whole = (scans, "-o", tmp_path / "whole", "--json", tmp_path / "whole.json")
    assert run(*whole) == 0
    segmenting.names.clear()
    segmenting.stop_at = "c"
    assert run(*command) == 130
    assert "the same command goes on" in capsys.readouterr().err
    first = dict.fromkeys(segmenting.names)
    segmenting.stop_at, segmenting.names = "", []
    assert run(*command) == 0
    said = capsys.readouterr().out
    assert "a_seg.nii.gz is there already" in said
    assert "c" in segmenting.names
    assert "a" not in segmenting.names
    assert {*first, *segmenting.names} == {"a", "b", "c"}
    together, expected = (
        json.loads((tmp_path / name).read_text()) for name in ("figures.json", "whole.json")
    )
    assert together["failed"] == {}
    assert together["scans"].keys() == expected["scans"].keys()
    for scan, figures in expected["scans"].items():
        for key in figures.keys() - {"seconds", "device"}:
            assert together["scans"][scan][key] == figures[key]
    for path in (tmp_path / "whole").glob("*_seg*"):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_the_json_is_complete_after_every_scan(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the last scan is computed, the file holds those that are saved."""
    path, held = tmp_path / "figures.json", []

    def patient(volume: Volume, *arguments: object, **options: object) -> Iterator[Progress | Slab]:
        yield Slab(0, np.ones(volume.shape, np.uint8))
        if volume.name == "c":
            for _ in range(200_000):  # until both are saved
                yield Progress("Refining", 0.5)
                if len(held) == 2:
                    break
                if path.exists():
                    content = json.loads(path.read_text())
                    held[:] = content["scans"]

    monkeypatch.setattr(scan_steps, "iter_segment", patient)
    assert run(scans, "-o", tmp_path / "out", "--json", path) == 0
    assert held == [str(scans / f"{name}.nii.gz") for name in "ab"]


def test_a_scan_that_failed_and_was_mended_is_tried_again(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (scans / "b.nii.gz").read_bytes()
    (scans / "b.nii.gz").write_bytes(good[:-20])
    figures = tmp_path / "figures.json"
    command = (scans, "-o", tmp_path / "out", "--json", figures)
    assert run(*command) == 2
    assert list(json.loads(figures.read_text())["failed"]) == [str(scans / "b.nii.gz")]
    (scans / "b.nii.gz").write_bytes(good)
    segmenting.names.clear()
    assert run(*command) == 0
    assert segmenting.names == ["b"]
    content = json.loads(figures.read_text())
    assert content["failed"] == {}
    assert sorted(content["scans"]) == [str(scans / f"{name}.nii.gz") for name in "abc"]


def test_what_failed_is_tried_again_where_that_is_asked_for(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, out = scans / "b.nii.gz", tmp_path / "out"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    for more, tries in (((), 1), ((), 1), (("--retry", "failed"), 2)):
        assert run(scans, "-o", out, *more) == 2
        attempts = Ledger(out).read().attempts
        assert [a.outcome for a in attempts["b_seg"]] == ["failed"] * tries
        assert len(attempts["a_seg"]) == len(attempts["c_seg"]) == 1
    assert segmenting.names == ["a", "c"]
    assert "--retry failed" in capsys.readouterr().err


def test_figures_masks_and_side_files_can_come_later(
    scans: Path, tmp_path: Path, segmenting: Segmenting
) -> None:
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    assert run(scans, "-o", out) == 0
    segmenting.names.clear()
    assert run(scans, "-o", out, "--json", figures, "--masks", "--side-files") == 0
    assert segmenting.names == []
    assert len(list(out.glob("*_seg*"))) == 3 * (1 + 3 + 4)
    voxel_ml = 5**3 / 1000
    for name in "abc":
        record = json.loads(figures.read_text())["scans"][str(scans / f"{name}.nii.gz")]
        assert record["liver_with_vessels_and_tumors_ml"] == pytest.approx(12 * 10 * 8 * voxel_ml)
        (out / f"{name}_seg_liver.nii.gz").unlink()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*_seg*")}
    assert run(scans, "-o", out, "--masks", "--side-files", "--json", figures) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(out.glob("*_seg*"))) == 3 * (1 + 3 + 4)


def _edit_with_liverview(path: Path) -> None:
    labels = images.read_labels(path)
    images.write_labels(path, labels, overwrite=True)


def _edit_with_nibabel(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine), path)


@pytest.mark.parametrize("edit", [_edit_with_liverview, _edit_with_nibabel])
def test_labels_that_a_person_wrote_are_not_passed_over_nor_replaced(
    scans: Path,
    tmp_path: Path,
    segmenting: Segmenting,
    capsys: pytest.CaptureFixture[str],
    edit: object,
) -> None:
    out = tmp_path / "out"
    assert run(scans, "-o", out) == 0
    edit(out / "b_seg.nii.gz")  # type: ignore[operator]
    edited = (out / "b_seg.nii.gz").read_bytes()
    segmenting.names.clear()
    assert run(scans, "-o", out) == 2
    assert "b_seg.nii.gz exists already" in capsys.readouterr().err
    assert segmenting.names == []
    assert (out / "b_seg.nii.gz").read_bytes() == edited
    assert run(scans, "-o", out, "--overwrite") == 0
    assert sorted(segmenting.names) == ["a", "b", "c"]


def test_other_scans_weights_and_volumes_are_other_results(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    out, scan = tmp_path / "out", scans / "a.nii.gz"
    weights = tmp_path / "weights"
    shutil.copytree(Path(segmentation.__file__).parents[2] / "weights", weights)
    assert run(scan, "-o", out, "--weights", weights) == 0
    assert run(scan, "-o", out) == 0  # the same networks in another folder
    assert segmenting.names == ["a"]
    fine = weights / "fine.safetensors"
    content = bytearray(fine.read_bytes())
    content[-1] ^= 1
    fine.write_bytes(content)
    assert run(scan, "-o", out, "--weights", weights) == 2
    assert "exists already" in capsys.readouterr().err
    shutil.copy(scans / "b.nii.gz", scan)
    assert run(scan, "-o", out) == 2
    assert "exists already" in capsys.readouterr().err
    assert segmenting.names == ["a"]


def test_one_scan_that_is_done_is_said(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (scans / "a.nii.gz", "-o", tmp_path / "x.nii.gz", "--json", tmp_path / "x.json")
    assert run(*command) == 0
    first = json.loads((tmp_path / "x.json").read_text())
    capsys.readouterr()
    assert run(*command) == 0
    assert "x.nii.gz is there already" in capsys.readouterr().out
    (tmp_path / "x.json").unlink()
    assert run(*command) == 0
    again = json.loads((tmp_path / "x.json").read_text())
    assert again == {key: first[key] for key in again}
    assert segmenting.names == ["a"]


@pytest.mark.parametrize("given", ["folder", "every file"])
@pytest.mark.parametrize("inside", [".", "results"])
def test_results_among_the_scans_are_no_scans(
    scans: Path,
    segmenting: Segmenting,
    capsys: pytest.CaptureFixture[str],
    given: str,
    inside: str,
) -> None:
    out = scans / inside
    assert run(scans, "-o", out, "--masks") == 0
    (out / "a_seg.nii.gz").rename(scans / "renamed.nii.gz")
    for path in out.glob("a_seg_*"):
        path.unlink()
    figures = scans / "figures.json"
    files = sorted(scans.glob("*.nii.gz")) if given == "every file" else [scans]
    segmenting.names.clear()
    capsys.readouterr()
    assert run(*files, "-o", out, "--masks", "--json", figures) == 0
    assert segmenting.names == ["a"]
    content = json.loads(figures.read_text())
    assert sorted(content["scans"]) == [str(scans / f"{name}.nii.gz") for name in "abc"]
    assert "renamed.nii.gz is passed over: it is a label map." in capsys.readouterr().err


def test_a_label_map_alone_is_refused_and_a_scan_with_its_intent_is_not(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(scans / "a.nii.gz", "-o", tmp_path / "a.nii.gz") == 0
    assert run(tmp_path / "a.nii.gz", "-o", tmp_path / "b.nii.gz") == 2
    assert "a.nii.gz is a label map, not a scan" in capsys.readouterr().err
    image = nib.load(scans / "b.nii.gz")
    image.header.set_intent("label")
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), None, image.header), scans / "d.nii.gz")
    assert run(scans / "d.nii.gz", "-o", tmp_path / "d_seg.nii.gz") == 0
    assert segmenting.names == ["a", "d"]


def test_figures_of_others_are_not_replaced(
    scans: Path, tmp_path: Path, segmenting: Segmenting, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    for text in ('{"scans": {"other.nii.gz": {}}, "failed": {}}', "{}", "[" * 5000, "no JSON"):
        figures.write_text(text)
        assert run(scans, "-o", tmp_path / "out", "--json", figures) == 2
        assert "figures.json" in capsys.readouterr().err
        assert figures.read_text() == text
    assert segmenting.names == []


@pytest.mark.skipif(sys.platform == "win32", reason="folders are protected in another way there")
def test_a_json_that_cannot_be_written_loses_no_labels(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "figures"
    folder.mkdir()

    def removing(volume: Volume, *arguments: object, **options: object) -> Iterator[Slab]:
        shutil.rmtree(folder, ignore_errors=True)
        yield Slab(0, np.ones(volume.shape, np.uint8))

    monkeypatch.setattr(scan_steps, "iter_segment", removing)
    assert run(scans, "-o", tmp_path / "out", "--json", folder / "figures.json") == 2
    assert "figures.json could not be saved" in capsys.readouterr().err
    assert len(list((tmp_path / "out").glob("*_seg*"))) == 3
