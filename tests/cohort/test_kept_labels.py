"""Labels that cannot be saved where they were to go are kept; odd extensions stop nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.cohort import scan_steps
from liverview.core.stream import Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files import images, rescue
from liverview.files.atomic import TargetError
from liverview.files.nifti import writing
from liverview.inference import segmentation

from support import tiny_networks

Write = Callable[..., Path]
FOUND = (np.indices((6, 5, 4)).sum(axis=0) % 4).astype(np.uint8)


@pytest.fixture(autouse=True)
def _known_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Segmentation that finds `FOUND`; the working folder is one of the test's own."""

    def segment(volume: Volume, *arguments: object, **options: object) -> Iterator[Slab]:
        yield Slab(0, FOUND)

    monkeypatch.setattr(
        segmentation, "load_models", lambda folder=None: tiny_networks.bright_liver()
    )
    monkeypatch.setattr(scan_steps, "iter_segment", segment)
    (tmp_path / "working").mkdir()
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "working")


@pytest.fixture
def scan(write: Write) -> Path:
    voxels = (np.indices((6, 5, 4)).sum(axis=0) * 90 - 1000).astype(np.int16)
    return write(voxels, np.diag([-2.0, 2.0, 3.0, 1.0]), name="case.nii.gz")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder "out" takes a file's beginning alone."""
    real = images.iter_write_labels

    def write_labels(path: Path, *arguments: object, **options: object) -> Iterator[Progress]:
        for number, item in enumerate(real(path, *arguments, **options)):  # type: ignore[arg-type]
            yield item
            if number and path.parent == tmp_path / "out":
                raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(images, "iter_write_labels", write_labels)


@pytest.mark.usefixtures("full_disk")
def test_labels_are_kept_in_another_folder(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out" / "found.nii.gz"
    for name in ("found.nii.gz", "found_1.nii.gz"):  # nothing is replaced
        assert main(["segment", str(scan), "-o", str(target), "--device", "cpu"]) == 2
        kept = tmp_path / "working" / name
        said = capsys.readouterr().err
        assert f"No space left on device: '{target}'; the labels are kept in {kept}.\n" in said
        assert np.array_equal(images.read_labels(kept).voxels, FOUND[::1])
        assert np.array_equal(nib.load(kept).affine, nib.load(scan).affine)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_of_many_scans_each_is_kept(scan: Path, tmp_path: Path) -> None:
    shutil.copy(scan, tmp_path / "other.nii.gz")
    figures = tmp_path / "figures.json"
    scans = [str(scan), str(tmp_path / "other.nii.gz")]
    assert main(["segment", *scans, "-o", str(tmp_path / "out"), "--json", str(figures)]) == 2
    names = {path.name for path in (tmp_path / "working").iterdir()}
    assert names == {"case_seg.nii.gz", "other_seg.nii.gz"}
    failed = json.loads(figures.read_text())["failed"]
    assert all("the labels are kept in" in failed[name] for name in scans)


def test_a_header_that_cannot_be_written_is_replaced(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = images.read(scan)
    labels = LabelMap(FOUND, volume.affine)

    class OddError(Exception):
        """What nobody has thought of."""

    for error in (OddError("odd"), ValueError("odd.")):
        target = tmp_path / "out" / f"{type(error).__name__}.nii.gz"

        def refuse(affine: object, source: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(writing, "_kept_header", refuse)
        with pytest.raises(type(error)) as first:
            rescue.check_can_write(target, volume)
        assert first.value is error  # before any work
        with (
            pytest.raises((OddError, TargetError)) as caught,
            rescue.KeptLabels(target, labels, volume),
        ):
            images.write_labels(target, labels, volume)
        said = " ".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
        kept = Path(said.split(" are kept in ")[1].rstrip("."))
        assert kept.parent == tmp_path / "out"
        assert np.array_equal(images.read_labels(kept).voxels, FOUND)
        assert np.allclose(images.read_labels(kept).affine, volume.affine)


def test_nowhere_is_said(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = images.read(scan)
    labels = LabelMap(FOUND, volume.affine)

    def refuse(*arguments: object, **options: object) -> Iterator[Progress]:
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(images, "iter_write_labels", refuse)
    with (
        pytest.raises(TargetError, match="kept nowhere else, either: make room"),
        rescue.KeptLabels(tmp_path / "a.nii", labels, volume),
    ):
        raise OSError(28, "No space left on device")


def test_a_stopped_save_is_no_failed_one(scan: Path, tmp_path: Path) -> None:
    volume = images.read(scan)
    for stop in (KeyboardInterrupt, GeneratorExit):
        with (
            pytest.raises(stop),
            rescue.KeptLabels(tmp_path / "a.nii", LabelMap(FOUND, volume.affine), volume),
        ):
            raise stop
    assert list((tmp_path / "working").iterdir()) == []
    assert not (tmp_path / "a.nii").exists()


ODD = [
    (0, b'<?xml version="1.0" encoding="x-nobody"?><CaretExtension/>'),
    (30, b'<?xml version="1.0" encoding="Shift_JIS"?><CaretExtension>\x83</CaretExtension>'),
    (
        0,
        b'<CaretExtension><VolumeInformation><LabelTable><Label Key="' + b"7" * 6000 + b'">liver'
        b"</Label></LabelTable></VolumeInformation></CaretExtension>",
    ),
]


@pytest.mark.parametrize(("code", "content"), ODD)
def test_odd_extensions_stop_no_command(
    code: int, content: bytes, scan: Path, tmp_path: Path
) -> None:
    image = nib.load(scan)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(code, content))
    nib.save(image, scan)
    found = tmp_path / "found.nii.gz"
    assert main(["segment", str(scan), "-o", str(found), "--device", "cpu"]) == 0
    padded = content + bytes(-(len(content) + 8) % 16)
    assert (code, padded) in images.read(found).source.extensions
    theirs = tmp_path / "theirs.nii.gz"  # of another program, with nothing but that extension
    image = nib.Nifti1Image(np.asanyarray(nib.load(found).dataobj), nib.load(found).affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(code, content))
    nib.save(image, theirs)
    for labels in (found, theirs):
        assert main(["measure", str(labels)]) == 0
        assert main(["evaluate", str(labels), str(theirs)]) == 0
    # A process of its own, for the PDF makes an application for all that comes after.
    out = tmp_path / "report"
    command = [sys.executable, "-m", "liverview", "report", str(scan), str(theirs), "-o", str(out)]
    subprocess.run(command, check=True)
    assert list(out.glob("*.pdf"))
