"""Many scans in one command: what is written, what fails alone, what overlaps."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from liverview.cli import main
from liverview.cohort import scan_steps
from liverview.cohort.ledger import LEDGER, Ledger
from liverview.core.labels import Label
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.sidefiles.weights import weights_sha256
from liverview.inference import segmentation
from liverview.measurement.compute import measure

from support import tiny_networks

TINY = ["--shape", "48", "42", "24", "--spacing", "8", "8", "10", "--noise", "5"]


@pytest.fixture(autouse=True)
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segmentation, "load_models", lambda folder=None: tiny_networks.bright_liver()
    )
    monkeypatch.setattr(segmentation, "_PLAUSIBLE_ML", (0.0, 1e6))


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three scans, which nobody changes."""
    folder = tmp_path_factory.mktemp("scans")
    for seed, name in enumerate("abc"):
        made = tmp_path_factory.mktemp(name)
        assert main(["phantom", str(made), "--seed", str(seed), *TINY]) == 0
        shutil.move(made / "ct.nii.gz", folder / f"{name}.nii.gz")
    return folder


@pytest.fixture
def scans(phantoms: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return Path(shutil.copytree(phantoms, tmp_path / "scans"))


def results(folder: Path) -> list[str]:
    """The names of what is there beside the ledger, its tables and its page."""
    names = (path.name for path in folder.iterdir() if path.name != LEDGER)
    return sorted(name for name in names if not name.startswith("cohort"))


def test_side_files_of_every_scan(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "bc":
        (scans / f"{name}.nii.gz").unlink()
    out = tmp_path / "out"
    command = ["segment", str(scans / "a.nii.gz"), "-o", str(out), "--side-files"]
    assert main(command) == 0
    endings = (".ctbl", ".json", ".nii.gz", ".txt", "_workbench.txt")
    assert sorted(p.name for p in out.iterdir()) == [f"a_seg{ending}" for ending in endings]
    record = json.loads((out / "a_seg.json").read_text())
    assert record["weights_sha256"] == weights_sha256()
    measured = measure(images.read_labels(out / "a_seg.nii.gz"))
    assert record["liver_with_vessels_and_tumors_ml"] == pytest.approx(
        measured.volume_ml[Label.LIVER], abs=0.001
    )
    assert "a_seg.ctbl" in capsys.readouterr().out
    (out / "a_seg.nii.gz").unlink()
    assert main(command) == 2
    assert "a_seg.txt exists already" in capsys.readouterr().err


def test_a_folder_gives_what_its_scans_give_one_by_one(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    assert main(["segment", str(scans), "-o", str(out), "--json", str(figures), "--masks"]) == 0
    assert len(list(out.glob("*_seg.nii.gz"))) == 3
    assert len(list(out.glob("*_seg_vessel.nii.gz"))) == 3
    said = capsys.readouterr().out
    assert said.index("a_seg") < said.index("b_seg") < said.index("c_seg")
    together = json.loads(figures.read_text())
    assert together["failed"] == {}
    for name in "abc":
        alone, single = tmp_path / f"{name}_alone.nii.gz", tmp_path / f"{name}.json"
        scan = str(scans / f"{name}.nii.gz")
        assert main(["segment", scan, "-o", str(alone), "--json", str(single)]) == 0
        assert alone.read_bytes() == (out / f"{name}_seg.nii.gz").read_bytes()
        ours, theirs = together["scans"][scan], json.loads(single.read_text())
        assert ours.pop("seconds") > 0
        assert theirs.pop("seconds") > 0
        assert ours == theirs


@pytest.mark.parametrize("broken", ["a", "b", "c"])
def test_a_scan_that_fails_does_so_alone(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    damaged = scans / f"{broken}.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-900])
    figures = tmp_path / "figures.json"
    out = tmp_path / "out"
    assert main(["segment", str(scans), "-o", str(out), "--json", str(figures)]) == 2
    assert f"{damaged} is incomplete or damaged" in capsys.readouterr().err
    written = json.loads(figures.read_text())
    assert list(written["failed"]) == [str(damaged)]
    others = [name for name in "abc" if name != broken]
    assert results(out) == [f"{name}_seg.nii.gz" for name in others]
    assert sorted(written["scans"]) == [str(scans / f"{name}.nii.gz") for name in others]


def test_what_cannot_be_saved_is_said_and_the_rest_is_saved(
    scans: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = images.iter_write_labels

    def full(path: Path, *arguments: object, **options: object) -> Iterator[Progress]:
        if path.name.startswith("b"):
            raise OSError(28, "No space left on device", str(path))
        yield from real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(images, "iter_write_labels", full)
    assert main(["segment", str(scans), "-o", str(tmp_path / "out")]) == 2
    assert "No space left" in capsys.readouterr().err
    assert results(tmp_path / "out") == ["a_seg.nii.gz", "c_seg.nii.gz"]


def test_the_next_scan_is_read_and_the_last_one_saved_while_one_is_computed(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the three waits for the others: one after the other, this would never end."""
    read = {name: threading.Event() for name in "abc"}
    saved = {name: threading.Event() for name in "abc"}
    real_load, real_save = images.iter_read, images.iter_write_labels

    def load(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
        yield from real_load(path, index)
        read[path.name[0]].set()

    def save(path: Path, *arguments: object, **options: object) -> Iterator[Progress]:
        yield from real_save(path, *arguments, **options)  # type: ignore[arg-type]
        saved[path.name[0]].set()

    def segment(volume: Volume, *arguments: object, **options: object) -> Iterator[Slab]:
        if volume.name != "c":
            assert read[chr(ord(volume.name) + 1)].wait(30)
        if volume.name != "a":
            assert saved[chr(ord(volume.name) - 1)].wait(30)
        yield Slab(0, np.ones(volume.shape, np.uint8))

    monkeypatch.setattr(images, "iter_read", load)
    monkeypatch.setattr(images, "iter_write_labels", save)
    monkeypatch.setattr(scan_steps, "iter_segment", segment)
    assert main(["segment", str(scans), "-o", str(tmp_path / "out")]) == 0
    assert saved["c"].is_set()


def test_scans_of_one_name_are_told_apart_by_their_folders(scans: Path, tmp_path: Path) -> None:
    given = []
    for name in "ab":
        (tmp_path / name / "ct").mkdir(parents=True)
        given.append(shutil.move(scans / f"{name}.nii.gz", tmp_path / name / "ct.nii.gz"))
    out = tmp_path / "out"
    assert main(["segment", *map(str, given), "-o", str(out)]) == 0
    assert results(out) == ["a_ct_seg.nii.gz", "b_ct_seg.nii.gz"]


def test_what_a_cohort_cannot_be_is_said_before_anything_is_computed(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*arguments: object) -> str:
        capsys.readouterr()
        assert main(["segment", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    assert "choose a folder" in fails(scans, "-o", tmp_path / "one.nii.gz")
    both = scans / "a.nii.gz", scans / "b.nii.gz"
    assert "choose a folder" in fails(*both, "-o", tmp_path / "one.nii.gz")
    twice = scans / "a.nii.gz"
    assert "rename one" in fails(twice, twice, "-o", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert "without NIfTI" in fails(tmp_path / "empty", "-o", tmp_path / "out")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "b_seg.nii.gz").write_bytes(b"labels")
    assert "exists already" in fails(scans, "-o", tmp_path / "old")
    assert (tmp_path / "old" / "b_seg.nii.gz").read_bytes() == b"labels"


def test_remarks_name_their_scan(
    scans: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def odd(volume: Volume, *arguments: object, **options: object) -> Iterator[Message | Slab]:
        yield Slab(0, np.zeros(volume.shape, np.uint8))
        yield Message("No liver.")

    monkeypatch.setattr(scan_steps, "iter_segment", odd)
    assert main(["segment", str(scans), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if "No liver" in line] == [
        f"{name}: No liver." for name in "abc"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
def test_a_cohort_that_is_stopped_leaves_whole_files_only(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(volume: Volume, *arguments: object, **options: object) -> Iterator[Progress | Slab]:
        yield Slab(0, np.ones(volume.shape, np.uint8))
        if volume.name == "b":
            for _ in range(2):  # the first time, the scans under way would be done
                os.kill(os.getpid(), signal.SIGTERM)
                yield Progress("Refining", 0.6)

    monkeypatch.setattr(scan_steps, "iter_segment", slow)
    out = tmp_path / "out"
    assert main(["segment", str(scans), "-o", str(out)]) == 130
    for name in results(out):
        assert name == "a_seg.nii.gz"
        assert images.read_labels(out / name).voxels.all()
    # What was not done is as if it had not been begun.
    assert set(Ledger(out).read().attempts) <= {"a_seg"}
    names = {thread.name for thread in threading.enumerate()}
    assert not any("ThreadPool" in name for name in names)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
def test_ctrl_c_stops_after_the_scan_under_way(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asking(volume: Volume, *arguments: object, **options: object) -> Iterator[Progress | Slab]:
        if volume.name == "b":
            os.kill(os.getpid(), signal.SIGINT)
            yield Progress("Refining", 0.6)
        yield Slab(0, np.ones(volume.shape, np.uint8))

    monkeypatch.setattr(scan_steps, "iter_segment", asking)
    out = tmp_path / "out"
    before = signal.default_int_handler
    at_first = signal.signal(signal.SIGINT, before)  # what runs the tests may ignore it
    try:
        assert main(["segment", str(scans), "-o", str(out)]) == 130
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, at_first)
    assert results(out) == ["a_seg.nii.gz", "b_seg.nii.gz"]
    assert "again stops at once" in capsys.readouterr().err
    attempts = Ledger(out).read().attempts
    assert {name: [a.outcome for a in of] for name, of in attempts.items()} == {
        "a_seg": ["done"],
        "b_seg": ["done"],
    }
    monkeypatch.setattr(
        scan_steps, "iter_segment", lambda v, *a, **o: iter([Slab(0, np.ones(v.shape, np.uint8))])
    )
    assert main(["segment", str(scans), "-o", str(out)]) == 0
    assert results(out) == [f"{name}_seg.nii.gz" for name in "abc"]
