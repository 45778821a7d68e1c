"""Commands on labels that lie on other voxels than the scan: ITK's, and resampled on request."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.cli.main import main

from support.odd_scans import patch

SHAPE = (24, 20, 12)
AFFINE = np.diag([1.0, 1, 2.5, 1])


def drawn() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:20, 3:16, 2:10], labels[6:10, 9:14, 4:8], labels[14, 5:15, 5] = 1, 3, 2
    return labels


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Of two orientations, ITK takes the qform."""
    voxels = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    image = nib.Nifti1Image(voxels, AFFINE)
    image.set_qform(AFFINE, 1)
    nib.save(image, tmp_path / "p7.nii.gz")
    patch(tmp_path / "p7.nii.gz", sform_code=4, srow_y=[0, -1, 0, 19])
    return tmp_path / "p7.nii.gz"


@pytest.fixture
def own(scan: Path) -> Path:
    """On the grid of the scan."""
    image = nib.load(scan)
    nib.save(nib.Nifti1Image(drawn(), image.affine, image.header), scan.with_name("own.nii.gz"))
    patch(scan.with_name("own.nii.gz"), scl_slope=1, scl_inter=0)
    return scan.with_name("own.nii.gz")


@pytest.fixture
def by_itk(scan: Path) -> Path:
    image = sitk.GetImageFromArray(np.ascontiguousarray(drawn().transpose(2, 1, 0)))
    image.CopyInformation(sitk.ReadImage(str(scan)))
    sitk.WriteImage(image, str(scan.with_name("itk.nii.gz")))
    return scan.with_name("itk.nii.gz")


@pytest.fixture
def fine(own: Path) -> Path:
    """The same labels on voxels of half the size."""
    affine = nib.load(own).affine @ np.diag([0.5, 0.5, 0.5, 1])
    affine[:3, 3] = nib.load(own).affine @ (-0.25, -0.25, -0.25, 1) @ np.eye(4)[:, :3]
    voxels = drawn().repeat(2, 0).repeat(2, 1).repeat(2, 2)
    nib.save(nib.Nifti1Image(voxels, affine), own.with_name("fine.nii.gz"))
    return own.with_name("fine.nii.gz")


@pytest.mark.parametrize("swapped", [False, True])
def test_either_side_of_evaluate_may_be_itks(
    own: Path, by_itk: Path, swapped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = (by_itk, own) if swapped else (own, by_itk)
    command = ["evaluate", *map(str, sides), "--labels", "liverview"]
    assert main([*command, "--json", str(own.with_name("f.json"))]) == 0
    scores = json.loads(own.with_name("f.json").read_text())
    assert [scores[name]["dice"] for name in ("liver", "vessel", "tumor")] == [1, 1, 1]
    (note,) = capsys.readouterr().err.strip().splitlines()
    assert "taken one to one" in note


@pytest.mark.usefixtures("qapp")  # the PDF needs one
def test_a_report_takes_itks_labels_and_says_so(
    scan: Path, own: Path, by_itk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for labels in (own, by_itk):
        folder = tmp_path / labels.name.removesuffix(".nii.gz")
        assert main(["report", str(scan), str(labels), "-o", str(folder)]) == 0
        found[labels] = json.loads((folder / "p7_measurement.json").read_text())
    assert "taken one to one" in capsys.readouterr().err
    assert found[own]["lesions"] == found[by_itk]["lesions"]
    assert len(found[own]["lesions"]) == 1
    assert "taken one to one" in " ".join(found[by_itk]["notes"])
    assert "taken one to one" in (tmp_path / "itk" / "p7_report.html").read_text()


@pytest.mark.usefixtures("qapp")
def test_another_grid_is_refused_and_resampled_on_request(
    scan: Path, own: Path, fine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(fine), str(own)]) == 2
    assert "--resample" in capsys.readouterr().err
    report = ["report", str(scan), str(fine), "-o", str(tmp_path / "r")]
    assert main(report) == 2
    assert main([*report, "--resample"]) == 0
    made = json.loads((tmp_path / "r" / "p7_measurement.json").read_text())
    assert made["tumor_voxel_count"] == (drawn() == 3).sum()
    assert "was resampled" in " ".join(made["notes"])
    capsys.readouterr()
    json_file = tmp_path / "f.json"
    assert main(["evaluate", str(fine), str(own), "--resample", "--json", str(json_file)]) == 0
    assert "fine was resampled to the voxels of own by nearest neighbor" in capsys.readouterr().err
    scores = json.loads(json_file.read_text())
    assert [scores[name]["dice"] for name in ("liver", "vessel", "tumor")] == [1, 1, 1]
