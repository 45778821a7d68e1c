"""The name of a case: the file's, or that of its folder where many files are called so."""

from __future__ import annotations

from pathlib import Path

import pytest

from liverview.files.formats import case_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/patient_12/ct.nii.gz", "patient_12"),
        ("/data/s0001/ct.nii.gz", "s0001"),  # TotalSegmentator
        ("/data/case_00042/imaging.nii.gz", "case_00042"),  # KiTS
        ("/data/patient_12/CT.NII", "patient_12"),
        ("/data/Müller, A/image.nii", "Müller, A"),
        ("/data/p7/0000.nii.gz", "p7"),
        ("/data/p7/nifti/scan.nii.gz", "p7"),  # and the folder is called as many are, too
        ("/data/p7/ct/volume/img.nii", "p7"),
        ("/data/p7/_ct_.nii.gz", "p7"),
        # A name of its own stays.
        ("/data/patient_12/liver_01.nii.gz", "liver_01"),
        ("/data/imagesTr/case_0000.nii.gz", "case_0000"),
        ("/data/patient_12/ct_arterial.nii.gz", "ct_arterial"),
        ("/data/patient_12/001.nii.gz", "001"),
        ("/data/patient_12/volume-17.nii", "volume-17"),  # LiTS
        ("/data/patient_12/doctor.nii", "doctor"),
        # Nothing above says more.
        ("/ct.nii.gz", "ct"),
        ("/tmp/ct.nii.gz", "ct"),
        ("/home/anna/Downloads/scan.nii.gz", "scan"),
        ("/tmp/ct/image.nii", "image"),
    ],
)
def test_names(path: str, name: str) -> None:
    assert case_name(path) == name
    assert case_name(Path(path)) == name


def test_a_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "patient_12" / "ct"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert case_name("image.nii.gz") == "patient_12"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/patient_12/DICOM/S0001/IM000001.dcm", "patient_12"),
        ("/data/liver_01/1.2.840.113619.2.55.3", "liver_01"),
        ("/data/case7.zip", "case7"),
        ("/mnt/LIVER/PA000001/ST000001/SE000003", "LIVER"),
        ("/data/liver_3/A1B2C3D4/00000012", "liver_3"),
        ("/data/liver_3/DICOMDIR", "liver_3"),
        ("/media/cd/DICOM", "DICOM"),  # nothing says more
        ("/data/cases/S0001.nii.gz", "S0001"),  # a name of NIfTI is somebody's
    ],
)
def test_places_of_dicom_are_called_by_the_folder_above(path: str, name: str) -> None:
    assert case_name(path) == name
