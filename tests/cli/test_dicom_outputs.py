"""Commands that read DICOM and write it: phantoms as series, segmentations, structured reports."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from liverview.cli import main
from liverview.files import images
from liverview.inference import segmentation

from support import tiny_networks

LIBRARIES = {
    *("pydicom", "highdicom", "gdcm", "openjpeg", "jpeg_ls", "pynetdicom", "dicomweb_client"),
    *("requests", "keyring", "nrrd", "trimesh", "lxml", "networkx"),
}
TINY = ["--seed", "3", "--shape", "48", "42", "24", "--spacing", "8", "8", "10", "--noise", "5"]


@pytest.fixture(autouse=True)
def _quick_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segmentation, "load_models", lambda folder=None: tiny_networks.bright_liver()
    )
    monkeypatch.setattr(segmentation, "_PLAUSIBLE_ML", (0.0, 1e6))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom as DICOM, which nobody changes."""
    folder = tmp_path_factory.mktemp("phantom")
    assert main(["phantom", str(folder), "--dicom", *TINY]) == 0
    return folder


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same phantom as NIfTI."""
    folder = tmp_path_factory.mktemp("nifti")
    assert main(["phantom", str(folder), *TINY]) == 0
    return folder


@pytest.fixture
def phantom(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "phantom"))


@pytest.mark.parametrize("command", ["segment", "convert", "report", "click", "evaluate"])
def test_help_says_which_numbers_the_volumes_of_dicom_have(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "of several volumes, from 0; of DICOM, the N that liverview series lists" in said


def sentence_of(capsys: pytest.CaptureFixture[str], command: list[str]) -> str:
    """What a command that is refused says, in one line."""
    assert main(command) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_what_cannot_be_segmented_is_said_with_the_way_out(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (phantom / "labels.dcm").rename(results / "labels.dcm")
    output = ["-o", str(tmp_path / "out")]
    said = sentence_of(capsys, ["segment", str(results), *output])
    assert said.endswith(
        f"{results} holds DICOM files, and no volume that could be read of them: choose the folder "
        "of a scan."
    )
    for path in (phantom / "ct").iterdir():
        data = pydicom.dcmread(path)
        data.Modality, data.SOPClassUID = "MR", pydicom.uid.MRImageStorage
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.save_as(path)
    main(["segment", str(phantom / "ct"), *output])
    said = capsys.readouterr().err
    assert "is MR, and liverview segments CT alone: choose a CT series; this one can be" in said


# ---- phantom ---------------------------------------------------------------------------------


def test_a_phantom_as_dicom_is_the_phantom(made: Path, nifti: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == ["ct", "labels.dcm"]
    files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(made / "ct"))
    series = SimpleITK.ReadImage(files)
    expected = SimpleITK.ReadImage(str(nifti / "ct.nii.gz"))
    placed = SimpleITK.Resample(
        expected, series, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor
    )
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(series), SimpleITK.GetArrayFromImage(placed)
    )
    assert len(files) == 24
    truth = images.read_labels(nifti / "labels.nii.gz")
    read = images.read_labels(made / "labels.dcm")
    np.testing.assert_array_equal(read.voxels, truth.voxels)
    np.testing.assert_allclose(read.affine, truth.affine, atol=1e-4)


def test_its_segmentation_refers_to_its_slices_and_both_say_that_they_are_synthetic(
    made: Path,
) -> None:
    slices = [pydicom.dcmread(path) for path in (made / "ct").iterdir()]
    labels = pydicom.dcmread(made / "labels.dcm")
    (referenced,) = labels.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == slices[0].SeriesInstanceUID
    found = {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence}
    assert found == {each.SOPInstanceUID for each in slices}
    assert "synthetic" in slices[0].SeriesDescription
    assert labels.PatientName == "Phantom^Synthetic"
    assert labels.StudyInstanceUID == slices[0].StudyInstanceUID


def test_a_phantom_is_not_replaced_unasked(
    phantom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    small = ["--shape", "20", "18", "4", "--spacing", "18", "18", "50"]
    command = ["phantom", str(phantom), "--dicom", *small]
    assert "ct is not empty" in sentence_of(capsys, command)
    before = pydicom.dcmread(phantom / "ct" / "CT0001.dcm").SeriesInstanceUID
    assert main([*command, "--overwrite"]) == 0
    assert pydicom.dcmread(phantom / "ct" / "CT0001.dcm").SeriesInstanceUID != before
    (phantom / "ct" / "letter.txt").touch()
    said = sentence_of(capsys, [*command, "--overwrite"])
    assert "files of others, such as letter.txt" in said


def test_the_window_starts_without_the_libraries_of_dicom() -> None:
    code = (
        "import sys, liverview, liverview.cli, liverview.ui.main_window\n"
        f"print(*({LIBRARIES!r} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_system_names_their_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["system"]) == 0
    said = capsys.readouterr().out
    for name in ("pydicom", "highdicom", "python-gdcm", "pynetdicom"):
        assert f"{name:<20} {version(name)}" in said


# ---- segment ---------------------------------------------------------------------------------


def test_a_folder_gives_a_segmentation_and_a_report(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "found.dcm", tmp_path / "found_sr.dcm"
    command = ["segment", str(phantom / "ct"), "-o", str(out), "--sr", str(report)]
    assert main(command) == 0
    assert f"{out}, {report} written" in capsys.readouterr().out
    labels = images.read_labels(out)
    assert labels.voxels.any()
    document = pydicom.dcmread(report)
    assert document.Modality == "SR"
    assert pydicom.dcmread(out).SOPInstanceUID in str(document)
    # The same labels as a NIfTI file has.
    assert main(["segment", str(phantom / "ct"), "-o", str(tmp_path / "found.nii.gz")]) == 0
    np.testing.assert_array_equal(
        labels.voxels, images.read_labels(tmp_path / "found.nii.gz").voxels
    )
    capsys.readouterr()
    # The same command again knows its results, and makes what is missing.
    report.unlink()
    assert main(command) == 0
    assert f"{report} written beside {out}, which was there already" in capsys.readouterr().out
    assert main(command) == 0
    assert "is there already, made from" in capsys.readouterr().out


def test_lesions_can_have_segments_of_their_own(phantom: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.dcm"
    command = ["segment", str(phantom / "ct"), "-o", str(out), "--overwrite"]
    assert main([*command, "--per-lesion", "--segmentation-type", "labelmap"]) == 0
    made = pydicom.dcmread(out)
    assert made.SegmentationType == "LABELMAP"
    many = len(made.SegmentSequence)
    assert main(command) == 0
    whole = pydicom.dcmread(out)
    assert whole.SegmentationType == "BINARY"
    assert many >= len(whole.SegmentSequence)


def test_folders_of_folders_give_results_for_each(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, out, reports = tmp_path / "cases", tmp_path / "out", tmp_path / "reports"
    for name in ("a", "b"):
        shutil.copytree(phantom / "ct", cases / name / "series")
    command = ["segment", str(cases), "-o", str(out), "--format", "dcm", "--sr", str(reports)]
    assert main(command) == 0
    assert sorted(path.name for path in out.glob("*_seg*")) == ["a_seg.dcm", "b_seg.dcm"]
    assert sorted(path.name for path in reports.iterdir()) == ["a_sr.dcm", "b_sr.dcm"]
    capsys.readouterr()
    # Results among the cases are no scans.
    shutil.copy(out / "a_seg.dcm", cases / "a_seg.dcm")
    assert main(command) == 0
    assert capsys.readouterr().out.count("is there already") == 2


@pytest.mark.parametrize("suffix", [".nrrd", ".seg.nrrd", ".mha"])
def test_the_name_says_the_format(phantom: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"found{suffix}"
    assert main(["segment", str(phantom / "ct"), "-o", str(out)]) == 0
    assert SimpleITK.ReadImage(str(out)).GetSize() == (48, 42, 24)


def test_what_does_not_fit_is_refused_before_any_work(
    phantom: Path, nifti: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    scan, series = str(nifti / "ct.nii.gz"), str(phantom / "ct")
    out = str(tmp_path / "out.dcm")
    said = sentence_of(capsys, ["segment", scan, "-o", out])
    assert "a DICOM segmentation refers to the slices of a DICOM series" in said
    plain = str(tmp_path / "out.nii.gz")
    said = sentence_of(capsys, ["segment", scan, "-o", plain, "--sr", str(tmp_path / "sr.dcm")])
    assert "structured report" in said
    said = sentence_of(capsys, ["segment", series, "-o", plain, "--per-lesion"])
    assert "add -o NAME.dcm" in said
    said = sentence_of(capsys, ["segment", series, "-o", str(tmp_path / "o"), "--format", "xyz"])
    assert "--format xyz is no format of label maps: give" in said
    said = sentence_of(capsys, ["segment", series, "-o", plain, "--sr", str(tmp_path / "sr.txt")])
    assert "must end in .dcm" in said
    assert not list(tmp_path.glob("out.*"))


def test_a_report_of_a_dicom_scan_names_no_patient(phantom: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    command = ["report", str(phantom / "ct"), str(phantom / "labels.dcm"), "-o", str(out)]
    assert main(command) == 0
    (page,) = out.glob("*.html")
    assert "Phantom^Synthetic" not in page.read_text()
    assert "Phantom Synthetic" not in page.read_text()
