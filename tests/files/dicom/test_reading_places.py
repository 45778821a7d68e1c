"""Folders, archives and single files of DICOM, by what they are given to Python and commands."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import liverview as lv
from liverview.files.opening import ImageFileError

from support.dicom_series import ct_slice, pattern, write_series

HU = pattern(6, 7, 10)
LOCALIZER = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def hu_of(volume: lv.Volume) -> np.ndarray:
    return volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0)


def patient(folder: Path) -> Path:
    """One CT, a localizer in a series of its own, and a file that is none of it."""
    write_series(folder / "ct", HU, name="portal")
    write_series(folder / "scout", HU[:1], name="scout", ImageType=LOCALIZER)
    (folder / "VIEWER.EXE").write_bytes(b"MZ" + bytes(3000))
    return folder


def test_a_folder_with_one_ct_is_that_ct(tmp_path: Path) -> None:
    folder = patient(tmp_path / "disc")
    volume = lv.read(folder)
    np.testing.assert_array_equal(hu_of(volume), HU)
    assert volume.study is not None
    assert volume.study.series_description == "portal"
    assert volume.window is None
    summary = lv.read_summary(folder)
    assert (summary.shape, summary.volumes) == ((7, 6, 10), 1)


def test_an_archive_is_read_as_its_folder_is(tmp_path: Path) -> None:
    folder = patient(tmp_path / "disc")
    with zipfile.ZipFile(tmp_path / "disc.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    before = sorted(tmp_path.rglob("*"))
    np.testing.assert_array_equal(hu_of(lv.read(tmp_path / "disc.zip")), HU)
    assert sorted(tmp_path.rglob("*")) == before


def test_one_file_stands_for_its_series(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", HU)
    other = ct_slice(HU[0], (0, 0, 0), name="other")
    other.save_as(tmp_path / "ct" / "OTHER", enforce_file_format=True)
    volume = lv.read(paths[3])
    np.testing.assert_array_equal(hu_of(volume), HU)
    assert volume.warnings == (f"{paths[3].name} is one of 10 files of its series: all were read.",)


def test_of_several_ct_volumes_one_has_to_be_chosen(tmp_path: Path) -> None:
    write_series(tmp_path / "a", HU, name="Abdomen portal venous")
    write_series(tmp_path / "b", HU + 7, name="Thorax lung", ConvolutionKernel="B70f")
    with pytest.raises(ImageFileError) as error:
        lv.read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds 2 CT volumes (0 Abdomen portal venous, 10 slices; 1 Thorax lung, 10 "
        "slices): choose one with --volume N; liverview series PLACE lists them."
    )
    assert lv.read_summary(tmp_path).volumes == 2
    first, second = lv.read(tmp_path, 0), lv.read(tmp_path, 1)
    np.testing.assert_array_equal(hu_of(first), HU)
    np.testing.assert_array_equal(hu_of(second), HU + 7)
    assert (first.index, second.index) == (0, 1)
    with pytest.raises(ImageFileError, match="there is no number 2: choose 0 to 1"):
        lv.read(tmp_path, 2)


def test_mr_alone_is_read_and_said(tmp_path: Path) -> None:
    mr = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
    write_series(tmp_path, HU, **mr)
    volume = lv.read(tmp_path)
    assert volume.warnings == ("This is MR; liverview reads CT.",)
    assert not volume.in_hu


def test_a_damaged_file_among_good_ones_is_said(tmp_path: Path) -> None:
    paths = write_series(tmp_path, HU)
    paths[5].write_bytes(paths[5].read_bytes()[:700])
    volume = lv.read(tmp_path)
    assert any(paths[5].name in text and "cut off" in text for text in volume.warnings)
    assert any("1 of 10 slices is missing" in text for text in volume.warnings)
    np.testing.assert_array_equal(hu_of(volume), HU)


def test_places_without_a_scan_are_refused_by_a_sentence(tmp_path: Path) -> None:
    write_series(tmp_path / "bad", HU, ImagePositionPatient=None)
    with pytest.raises(ImageFileError, match=r"has no position \(ImagePositionPatient\)"):
        lv.read(tmp_path / "bad")
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageFileError, match="none"):
        lv.read(tmp_path / "none")


def test_a_nifti_file_is_still_the_first_of_several(tmp_path: Path) -> None:
    import nibabel as nib

    values = np.stack([HU, HU + 7], axis=-1)
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "scan.nii")
    assert "It holds 2 volumes; the first one was read (--volume 0)." in (
        lv.read(tmp_path / "scan.nii").warnings
    )
