"""``liverview deidentify``: places in, copies and words out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pydicom
import pytest

from liverview.cli.main import main
from liverview.files.dicom.quiet import quiet_pydicom

from support.dicom_series import pattern, uid, write_series
from support.hidden_texts import markers_in, markers_in_folder

MARKERS = ("ZQFAMILY", "ZQNUMBER", "19310417", "20310418")


def series(folder: Path, name: str = "series", **elements: object) -> list[Path]:
    with quiet_pydicom():
        return write_series(
            folder, pattern(6, 5, 4), name=name, PatientName="ZQFAMILY^Given",
            PatientID="ZQNUMBER", PatientBirthDate="19310417", StudyDate="20310418",
            PatientAge="ZQNUMBER", **elements,
        )  # fmt: skip


def test_a_folder_becomes_a_folder_and_what_is_kept_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    series(tmp_path / "cd", ConvolutionKernel="B30f", BurnedInAnnotation="YES")
    assert main(["deidentify", str(tmp_path / "cd"), str(tmp_path / "out")]) == 0
    written = capfd.readouterr()
    assert "4 files." in written.out
    assert "Convolution Kernel" in written.out
    assert "text is burned into the pixels" in written.err
    assert not markers_in((written.out + written.err).encode(), MARKERS)
    assert len(list((tmp_path / "out").iterdir())) == 4
    assert markers_in_folder(tmp_path / "out", MARKERS) == {}


def test_several_series_of_an_archive_fit_together(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "cd.zip", "w") as archive:
        for name in ("one", "two"):
            for path in series(tmp_path / name, name, SeriesDescription="ZQFAMILY"):
                archive.write(path, f"ZQFAMILY/{name}/{path.name}")
    run = ["deidentify", str(tmp_path / "cd.zip"), str(tmp_path / "out"), "--keep-intervals"]
    assert main(run) == 0
    assert not markers_in("".join(capfd.readouterr()).encode(), MARKERS)
    folders = sorted((tmp_path / "out").iterdir())
    assert [folder.name for folder in folders] == ["volume_01", "volume_02"]
    assert markers_in_folder(tmp_path / "out", MARKERS) == {}
    one, two = (pydicom.dcmread(next(folder.iterdir())) for folder in folders)
    assert one.StudyInstanceUID == two.StudyInstanceUID != uid("study")
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    assert (one.PatientID, one.StudyDate) == (two.PatientID, two.StudyDate)
    assert one.StudyDate not in ("", "20310418")


def test_a_copy_is_replaced_only_where_that_is_allowed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    series(tmp_path / "cd")
    run = ["deidentify", str(tmp_path / "cd"), str(tmp_path / "out")]
    assert main(run) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert main(run) == 2
    assert "is not empty" in capfd.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert main([*run, "--overwrite"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(before)


def test_a_place_without_images_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / "notes.txt").write_text("no image")
    assert main(["deidentify", str(tmp_path / "cd"), str(tmp_path / "out")]) == 2
    assert "holds no DICOM images: choose a folder that does." in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
