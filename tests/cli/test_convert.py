"""``liverview convert``: all pairs of formats, voxels and world positions against SimpleITK."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.cli import main
from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.files import images

from support.dicom_series import pattern, write_series
from support.odd_scans import itk_place
from support.plain_formats import oblique, sitk_image

TURNED = (0.96, 0.0, -0.28, 0.0, 1.0, 0.0)
SCANS = ("a.nii.gz", "a.nii", "a.nrrd", "a.nhdr", "a.mha", "a.mhd", "a.hdr", "dicom", "dicom.zip")
TARGETS = ("b.nii.gz", "b.nii", "b.nrrd", "b.mha", "series")
LABEL_MAPS = ("l.nii.gz", "l.nrrd", "l.seg.nrrd", "l.mha", "l.dcm")


def canonical(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and affine in RAS+ by SimpleITK and nibabel alone."""
    if path.is_dir():
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
        image = sitk.ReadImage(names)
    else:
        image = sitk.ReadImage(path)
    array = sitk.GetArrayFromImage(image).T
    turned = nib.as_closest_canonical(nib.Nifti1Image(array, itk_place(image), dtype=array.dtype))
    return np.asanyarray(turned.dataobj), turned.affine


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One oblique scan in every format that is read, none written by liverview."""
    folder = tmp_path_factory.mktemp("scans")
    write_series(folder / "dicom", pattern(6, 5, 4), orientation=TURNED)
    shutil.make_archive(str(folder / "dicom"), "zip", folder / "dicom")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder / "dicom")))
    image = sitk.Cast(image, sitk.sitkInt16)
    for name in SCANS[:6]:
        sitk.WriteImage(image, folder / name)
    nib.save(nib.AnalyzeImage(sitk.GetArrayFromImage(image).T, None), folder / "a.img")
    return {name: folder / name for name in SCANS}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SCANS)
def test_scans_of_every_format_become_those_of_every_other(
    source: str, target: str, scans: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / target
    assert main(["convert", "--scan", str(scans[source]), str(out)]) == 0
    voxels, affine = canonical(out)
    if source == "a.hdr":  # which has no place of its own: it is nibabel's
        expected = nib.as_closest_canonical(nib.load(scans[source].with_suffix(".img")))
        assert np.array_equal(voxels, expected.dataobj)
        assert np.allclose(affine, expected.affine, atol=1e-3)
        return
    expected, place = canonical(scans["a.nrrd"])
    assert np.array_equal(voxels, expected)
    assert np.allclose(affine, place, atol=1e-3)


@pytest.fixture(scope="module")
def labels(scans: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Labels of that scan in every format that is written, with its place by SimpleITK."""
    folder = tmp_path_factory.mktemp("labels")
    scan = images.read(scans["dicom"])
    voxels = np.zeros(scan.shape, np.uint8)
    voxels[1:5, 1:5, :] = Label.LIVER
    voxels[2, 2:4, 1:3] = Label.VESSEL
    voxels[3, 2, 2] = Label.TUMOR
    found = LabelMap(voxels, scan.affine, "labels")
    for name in LABEL_MAPS:
        images.write_labels(folder / name, found, scan)
    return {name: folder / name for name in LABEL_MAPS}


@pytest.mark.parametrize("target", LABEL_MAPS)
@pytest.mark.parametrize("source", LABEL_MAPS)
def test_label_maps_of_every_format_become_those_of_every_other(
    source: str, target: str, labels: dict[str, Path], scans: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / target
    more = ["--series", str(scans["dicom"])] if target.endswith(".dcm") else []
    assert main(["convert", str(labels[source]), str(out), *more]) == 0
    expected, place = canonical(labels["l.nrrd"])
    back = images.read_labels(out)
    assert np.array_equal(back.voxels, expected)
    assert np.allclose(back.affine, place, atol=1e-3)
    assert back.defined == frozenset(Label) - {Label.BACKGROUND}
    if not target.endswith(".dcm"):
        voxels, affine = canonical(out)
        assert np.array_equal(voxels, expected)
        assert np.allclose(affine, place, atol=1e-3)


@pytest.mark.parametrize("target", ["b.nii.gz", "b.nrrd", "b.seg.nrrd", "b.mha"])
def test_values_and_names_of_others_stay_theirs(target: str, tmp_path: Path) -> None:
    voxels = np.zeros((6, 5, 4), np.uint8)
    voxels[1], voxels[2], voxels[3], voxels[4] = 1, 2, 5, 117
    sitk.WriteImage(sitk_image(voxels, oblique()), tmp_path / "a.nrrd")
    (tmp_path / "a.txt").write_text(
        '1 0 0 0 1 1 1 "spleen"\n2 0 0 0 1 1 1 "Wirbel"\n5 0 0 0 1 1 1 "liver"\n'
        '117 0 0 0 1 1 1 "costal_cartilages"\n'
    )
    out = tmp_path / "out" / target
    out.parent.mkdir()
    assert main(["convert", str(tmp_path / "a.nrrd"), str(out)]) == 0
    found = images.read_named_labels(out)
    assert found.names == {1: "spleen", 2: "Wirbel", 5: "liver", 117: "costal_cartilages"}
    assert found.suggested == {1: Label.BACKGROUND, 2: None, 5: Label.LIVER, 117: Label.BACKGROUND}
    read, place = canonical(tmp_path / "a.nrrd")
    assert np.array_equal(canonical(out)[0], read)
    assert np.allclose(canonical(out)[1], place, atol=1e-3)


def test_what_a_file_is_its_values_say(tmp_path: Path, scans: dict[str, Path]) -> None:
    voxels = np.zeros((20, 20, 6), np.uint8)
    voxels[4:15, 5:15] = 1
    sitk.WriteImage(sitk_image(voxels, oblique()), tmp_path / "case_tumor.mha")
    assert main(["convert", str(tmp_path / "case_tumor.mha"), str(tmp_path / "b.seg.nrrd")]) == 0
    assert images.read_summary(tmp_path / "b.seg.nrrd").label_map
    # The name of the file was all that said what it is of.
    assert set(np.unique(images.read_labels(tmp_path / "b.seg.nrrd").voxels)) == {0, 3}
    assert main(["convert", str(scans["a.mha"]), str(tmp_path / "c.nrrd")]) == 0
    assert not images.read_summary(tmp_path / "c.nrrd").label_map
    assert (
        main(["convert", "--scan", str(tmp_path / "case_tumor.mha"), str(tmp_path / "d.mha")]) == 0
    )
    assert not images.read_summary(tmp_path / "d.mha").label_map


def test_one_of_several_volumes_is_picked(tmp_path: Path) -> None:
    voxels = np.random.default_rng(1).integers(-900, 900, (4, 5, 6, 3)).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "a.nii")
    arguments = ["convert", str(tmp_path / "a.nii"), str(tmp_path / "b.nrrd"), "--volume", "2"]
    assert main(arguments) == 0
    assert np.array_equal(images.read(tmp_path / "b.nrrd").voxels, voxels[..., 2])


def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    labels: dict[str, Path],
    scans: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nrrd, taken = str(labels["l.nrrd"]), tmp_path / "taken.nrrd"
    taken.write_text("mine")
    cases: list[tuple[list[Any], str]] = [
        ([nrrd, nrrd], "is read by this command"),
        ([nrrd, tmp_path / "b.txt"], "must end in"),
        ([nrrd, tmp_path / "b.hdr"], "must end in"),
        ([nrrd, taken], "exists already"),
        ([nrrd, tmp_path / "folder", "--label-map"], "gets the series of a scan"),
        ([nrrd, tmp_path / "b.mha", "--series", scans["dicom"]], "--series says"),
        ([nrrd, tmp_path / "b.dcm", "--series", scans["a.nrrd"]], "is no DICOM series"),
        ([nrrd, tmp_path / "b.mha", "--volume", "1"], "--volume picks one of several scans"),
        ([scans["a.nrrd"], tmp_path / "b.mha", "--label-map"], "is not a label map"),
        ([tmp_path / "gone.nrrd", tmp_path / "b.mha"], "does not exist"),
    ]
    for arguments, words in cases:
        assert main(["convert", *map(str, arguments)]) == 2, words
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken.nrrd"]
