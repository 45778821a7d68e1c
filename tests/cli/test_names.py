"""Names of files are bytes: every command takes them, and prints them in any encoding."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.inference import segmentation

from support import pdf_text, tiny_networks

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="names are no bytes there"
)
NAMES = (b"M\xfcller", b"a\xff\xfeb", "日本".encode("euc_jp"), "Größe 日本".encode(), b"plain")
ENCODINGS = ("utf-8", "ascii", "cp1252", "latin-1", "utf-16")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segmentation, "load_models", lambda folder=None: tiny_networks.bright_liver()
    )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command with streams of an encoding; gives the code and what was printed."""

    def command(*arguments: object, encoding: str = "utf-8") -> tuple[int, str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding, "strict") for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            code = main([str(argument) for argument in arguments])
        said = []
        for stream in streams:
            stream.flush()
            said.append(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
        return code, said[0], said[1]

    return command


def scan_at(path: Path) -> Path:
    """A scan with a block of about liver density at a path of any bytes."""
    voxels = np.full((30, 28, 12), -1000, np.int16)
    voxels[5:25, 5:23, 1:11] = 60
    made = path.parent / "made.nii.gz"
    nib.save(nib.Nifti1Image(voxels, np.diag([6.0, 6.0, 8.0, 1.0])), made)
    return made.rename(path)


def named(folder: Path, name: bytes, ending: str = ".nii.gz") -> Path:
    return folder / (os.fsdecode(name) + ending)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_cohort_with_such_names_is_segmented_whole(
    tmp_path: Path, run: Run, encoding: str
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in NAMES:
        scan_at(named(scans, name))
    code, out, _ = run(
        "segment", scans, "-o", tmp_path / "out", "--json", tmp_path / "f.json",
        "--side-files", "--masks", encoding=encoding,
    )  # fmt: skip
    assert code == 0
    assert out.count(" written, segmented in ") == len(NAMES)
    assert "f.json written." in out
    for name in NAMES:
        for ending in ("_seg.nii.gz", "_seg_liver.nii.gz", "_seg.txt", "_seg.ctbl", "_seg.json"):
            assert named(tmp_path / "out", name, ending).is_file()
    content = json.loads((tmp_path / "f.json").read_bytes().decode("utf-8"))
    shown = {Path(key).name for key in content["scans"]}
    assert shown == {
        "M\\xfcller.nii.gz",
        "a\\xff\\xfeb.nii.gz",
        "\\xc6\\xfc\\xcb\\xdc.nii.gz",
        "Größe 日本.nii.gz",
        "plain.nii.gz",
    }
    json.dumps(content, ensure_ascii=False).encode("utf-8")  # no lone surrogate anywhere


@pytest.mark.parametrize(
    ("name", "encoding"),
    [*((name, "utf-8") for name in NAMES), (NAMES[0], "ascii"), (NAMES[0], "cp1252")],
)
def test_every_command_takes_them(tmp_path: Path, run: Run, name: bytes, encoding: str) -> None:
    folder = named(tmp_path, name, "")
    folder.mkdir()
    scan, labels = scan_at(named(folder, name)), named(folder, name, "_seg.nii.gz")
    figures = named(folder, name, ".json")
    for command in (
        ("segment", scan, "-o", labels, "--json", named(folder, name, "_one.json")),
        ("measure", labels, "--json", figures),
        ("evaluate", labels, labels, "--json", named(folder, name, "_scores.json")),
        ("report", scan, labels, "-o", folder / "report"),
        ("phantom", folder / "made", "--shape", 20, 20, 9, "--spacing", 8, 8, 20),
    ):
        code, _, error = run(*command, encoding=encoding)
        assert code == 0, error
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes().decode("utf-8"))
    shown = os.fsencode(scan.name).decode("utf-8", "backslashreplace").removesuffix(".nii.gz")
    html = named(folder / "report", name, "_report.html").read_bytes().decode("utf-8")
    assert f"<title>Liver report: {shown}</title>" in html
    pages = pdf_text.read_pages(named(folder / "report", name, "_report.pdf"))
    if shown.isascii():  # there may be no font for others
        assert shown in pages[0].text
    table = named(folder / "report", name, "_measurement.csv").read_bytes().decode("utf-8")
    (row,) = csv.DictReader(io.StringIO(table))
    assert row["name"] == shown


def test_cases_and_montage_take_them(tmp_path: Path, run: Run) -> None:
    for name in NAMES[:3]:
        case = named(tmp_path / "cases", name, "")
        case.mkdir(parents=True)
        scan_at(case / "ct.nii.gz")
        assert run("segment", case / "ct.nii.gz", "-o", case / "reference.nii.gz")[0] == 0
    figures, montage = tmp_path / "f.json", named(tmp_path, NAMES[0], ".png")
    code, out, error = run(
        "evaluate", "--cases", tmp_path / "cases", "--json", figures, "--montage", montage,
        encoding="ascii",
    )  # fmt: skip
    assert code == 0, error
    assert "M\\xfcller" in out
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert "M\\xfcller" in content["scans"]
    assert montage.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_wrong_with_such_a_file_is_one_sentence(
    tmp_path: Path, run: Run, encoding: str
) -> None:
    scan = named(tmp_path, NAMES[0])
    code, _, error = run("measure", scan, encoding=encoding)
    assert code == 2
    assert error.count("\n") == 1
    assert "M\\xfcller.nii.gz does not exist" in error


def test_names_that_look_alike_stay_apart(tmp_path: Path, run: Run) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name in (b"M\xfcller", b"M\\xfcller"):
        scan_at(named(scans, name))
    figures = tmp_path / "f.json"
    assert run("segment", scans, "-o", tmp_path / "out", "--json", figures)[0] == 0
    again = run("segment", scans, "-o", tmp_path / "out", "--json", figures)
    assert again[0] == 0
    assert again[1].count("is there already") == 2
    found = {Path(key).name for key in json.loads(figures.read_text())["scans"]}
    assert found == {"M\\xfcller.nii.gz", "M\\\\xfcller.nii.gz"}


def test_weights_lie_where_they_like(tmp_path: Path) -> None:
    from liverview.core import paths
    from liverview.networks.checkpoint import load_checkpoint, save_checkpoint

    shipped = load_checkpoint(paths.weights() / "fine.safetensors")
    folder = named(tmp_path, NAMES[0], "")
    folder.mkdir()
    save_checkpoint(folder / "fine.safetensors", shipped)
    assert load_checkpoint(folder / "fine.safetensors").classes == shipped.classes
