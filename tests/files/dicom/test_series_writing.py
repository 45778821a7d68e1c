"""CT series that liverview writes, read by SimpleITK, dcm2niix, pydicom and dciodvfy."""

from __future__ import annotations

import errno
import io
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK
from scipy.spatial.transform import Rotation

from liverview.core.errors import LiverviewError
from liverview.core.grid import Affine
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import drain
from liverview.core.study import FilledSlices, StudyFacts
from liverview.core.volume import Volume
from liverview.files.atomic import TargetError
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice
from liverview.files.dicom.writing.series_writing import iter_write_series, iter_write_volume

from support.dicom_series import ct_slice, slice_positions

DCM2NIIX = Path(sys.executable).parent / "dcm2niix"
RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def affine(columns: np.ndarray, origin: tuple[float, float, float] = (12.3, -45.6, 78.9)) -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = columns, origin
    return matrix


def noise(shape: tuple[int, int, int], matrix: Affine) -> Volume:
    hu = np.random.default_rng(1).integers(-1024, 3072, shape).astype(np.int16)
    return Volume.from_array(hu, matrix, name="noise")


def write(folder: Path, volume: Volume, **options: object) -> Path:
    drain(iter_write_series(folder, volume, overwrite=False, **options))  # type: ignore[arg-type]
    return folder


def read_images(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def read_by_simpleitk(folder: Path) -> tuple[np.ndarray, Affine]:
    reader = SimpleITK.ImageSeriesReader()
    (series,) = reader.GetGDCMSeriesIDs(str(folder))
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series))
    image = reader.Execute()
    matrix = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    matrix[:3, :3], matrix[:3, 3] = direction * image.GetSpacing(), image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0), RAS_OF_LPS @ matrix


def read_by_dcm2niix(folder: Path, into: Path, name: str = "*.nii") -> tuple[np.ndarray, Affine]:
    into.mkdir()
    command = [str(DCM2NIIX), "-o", str(into), "-f", "x", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = into.glob(name)
    image = nib.load(path)
    return np.asanyarray(image.dataobj), image.affine


def assert_same(volume: Volume, voxels: np.ndarray, matrix: Affine) -> None:
    """Every voxel of the volume has its HU at its place, to 1e-3 mm."""
    assert sorted(voxels.shape) == sorted(volume.shape)
    index = np.indices(volume.shape).reshape(3, -1)
    world = volume.affine[:3, :3] @ index + volume.affine[:3, 3:]
    found = np.rint(np.linalg.inv(matrix[:3, :3]) @ (world - matrix[:3, 3:])).astype(int)
    back = matrix[:3, :3] @ found + matrix[:3, 3:]
    assert np.abs(back - world).max() < 1e-3
    np.testing.assert_array_equal(voxels[tuple(found)], volume.to_numpy()[tuple(index)])


def dciodvfy(path: Path) -> list[str]:
    command = shutil.which("dciodvfy")
    if command is None:
        pytest.skip("dciodvfy of dicom3tools is not installed")
    done = subprocess.run([command, str(path)], capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


def dicom_volume(slices: int = 6, missing: tuple[int, ...] = ()) -> Volume:
    """A volume as it comes from a series of a patient, by hand."""
    hu = np.random.default_rng(2).integers(-1000, 1000, (slices, 5, 4)).astype(np.int16)
    positions = slice_positions(slices)
    first = ct_slice(hu[0], positions[0], ConvolutionKernel="B30f", SeriesDescription="portal")
    uids = [ct_slice(h, p).SOPInstanceUID for h, p in zip(hu, positions, strict=True)]
    del first.PixelData
    first.add_new((0x0029, 0x1010), "LO", "private")
    with io.BytesIO() as file:
        first.save_as(file, enforce_file_format=True)
        template = file.getvalue()
    stored = np.diag([0.7, 0.8, 2.5, 1.0])
    stored[:3, 3] = positions[0]
    kept = tuple(
        SourceSlice(k, first.SOPClassUID, uids[k]) for k in range(slices) if k not in missing
    )
    header = SeriesHeader(template, tuple(map(tuple, stored)), kept)
    volume = Volume.from_array(hu.transpose(2, 1, 0), RAS_OF_LPS @ stored, name="portal")
    assert volume.source is not None
    source = SourceGrid(volume.source.shape, volume.source.orientation, "DICOM", header.encode())
    filled = FilledSlices(2, missing) if missing else None
    facts = StudyFacts(patient_name="Test^Case", modality="CT")
    return Volume(volume.voxels, volume.affine, 0, "portal", source, study=facts, missing=filled)


# ---- places ----------------------------------------------------------------------------------


def test_voxels_of_all_48_orientations_lie_where_they_did(tmp_path: Path) -> None:
    for number, (axes, signs) in enumerate(
        itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
    ):
        columns = np.zeros((3, 3))
        for stored, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
            columns[axis, stored] = sign * (0.7, 0.9, 2.5)[stored]
        volume = noise((4, 3, 2), affine(columns))
        images = write(tmp_path / str(number), volume)
        assert_same(volume, *read_by_simpleitk(images))


def test_slices_lie_as_the_file_had_them_and_as_radiologists_look_at_them(tmp_path: Path) -> None:
    columns = np.zeros((3, 3))
    columns[1, 0], columns[2, 1], columns[0, 2] = 0.7, 0.9, 4.0  # sagittal slices
    images = read_images(write(tmp_path / "sagittal", noise((6, 5, 3), affine(columns))))
    assert len(images) == 3
    assert images[0].ImageOrientationPatient == [0, 1, 0, 0, 0, -1]
    assert images[0].PixelSpacing == [0.9, 0.7]
    assert images[0].SliceThickness == images[0].SpacingBetweenSlices == 4
    axial = read_images(write(tmp_path / "axial", noise((6, 5, 3), affine(np.diag([0.7, 0.9, 2])))))
    assert axial[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    steps = np.diff([image.ImagePositionPatient for image in axial], axis=0)
    np.testing.assert_allclose(steps, [[0, 0, 2]] * 2, atol=1e-9)


def test_oblique_voxels_lie_where_they_did(tmp_path: Path) -> None:
    turned = Rotation.from_euler("xyz", (10, 20, 5), degrees=True).as_matrix()
    volume = noise((9, 8, 7), affine(turned @ np.diag([0.7, 0.9, 2.5])))
    images = write(tmp_path / "series", volume)
    assert_same(volume, *read_by_simpleitk(images))
    assert_same(volume, *read_by_dcm2niix(images, tmp_path / "converted"))


@pytest.mark.parametrize("origin", [-225.10000610351562, -1234.56789012345678, 1 / 3e4])
def test_places_longer_than_a_decimal_string_are_written(tmp_path: Path, origin: float) -> None:
    """16 characters hold no more than 1e-10 mm of them: affines of 32 bits have such places."""
    matrix = np.diag([1 / 1.3, 0.1 + 0.2, 7 / 3, 1.0])
    matrix[:3, 3] = origin, -2 * origin, origin / 7
    volume = noise((5, 4, 3), matrix)
    assert_same(volume, *read_by_simpleitk(write(tmp_path / "series", volume)))


@pytest.mark.parametrize("shift", [-0.67, 0.67])
def test_slices_of_a_tilted_gantry_keep_their_places(tmp_path: Path, shift: float) -> None:
    """SimpleITK stacks such slices along their normal: the headers are read by hand."""
    matrix = affine(np.diag([0.7, 0.9, 2.5]))
    matrix[1, 2] = shift
    volume = noise((6, 5, 4), matrix)
    for k, image in enumerate(read_images(write(tmp_path / "series", volume))):
        right, down = np.array(image.ImageOrientationPatient).reshape(2, 3)
        assert abs(image.GantryDetectorTilt) == pytest.approx(np.degrees(np.arctan(0.67 / 2.5)))
        for row, column in ((0, 0), (4, 5), (2, 1)):
            place = np.array(image.ImagePositionPatient, float)
            place += column * image.PixelSpacing[1] * right + row * image.PixelSpacing[0] * down
            voxel = np.linalg.inv(volume.affine) @ RAS_OF_LPS @ [*place, 1]
            np.testing.assert_allclose(voxel[:3], np.rint(voxel[:3]), atol=1e-6)
            i, j, at = np.rint(voxel[:3]).astype(int)
            assert at == k
            assert image.pixel_array[row, column] == volume.voxels[i, j, k]


def test_dcm2niix_takes_the_tilt_out_again(tmp_path: Path) -> None:
    matrix = affine(np.diag([0.7, 0.9, 2.5]))
    matrix[1, 2] = 0.67

    def smooth(world: np.ndarray) -> np.ndarray:
        return 300 * np.sin(world[1] / 9) + 100 * np.cos(world[2] / 15) + 5 * world[0]

    index = np.indices((20, 30, 10)).reshape(3, -1)
    hu = np.rint(smooth(matrix[:3, :3] @ index + matrix[:3, 3:])).reshape(20, 30, 10)
    images = write(tmp_path / "series", Volume.from_array(hu.astype(np.int16), matrix))
    voxels, made = read_by_dcm2niix(images, tmp_path / "converted", "*_Tilt_*.nii")
    index = np.indices(voxels.shape).reshape(3, -1)
    world = made[:3, :3] @ index + made[:3, 3:]
    place = np.linalg.inv(matrix[:3, :3]) @ (world - matrix[:3, 3:])
    inside = ((place > 1) & (place < [[18], [28], [8]])).all(axis=0)
    assert inside.sum() > 3000
    # It interpolates along rows, which a period of 57 mm hardly notices.
    assert np.abs(voxels.ravel() - smooth(world))[inside].max() < 3


def test_axes_that_are_not_square_are_no_rows_and_columns(tmp_path: Path) -> None:
    sheared = np.diag([0.7, 0.9, 2.5])
    sheared[0, 1] = 0.2  # along i: coronal slices still have right angles
    volume = noise((5, 4, 3), affine(sheared))
    assert len(read_images(write(tmp_path / "series", volume))) in (4, 5)
    sheared[0, 2] = sheared[1, 2] = 0.3
    with pytest.raises(LiverviewError, match="no two axes at right angles"):
        write(tmp_path / "none", noise((5, 4, 3), affine(sheared)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["series"]


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "low", "high", "signed", "intercept"),
    [("i2", -1024, 3071, 1, 0), ("u2", 0, 60000, 0, 0), ("f4", -40000, -30000, 0, -40000)],
)
def test_hu_come_back(
    tmp_path: Path, dtype: str, low: int, high: int, signed: int, intercept: int
) -> None:
    hu = np.linspace(low, high, 60).reshape(5, 4, 3).round().astype(dtype)
    volume = Volume.from_array(hu, spacing=(1, 1, 2))
    images = read_images(write(tmp_path / "series", volume))
    assert (images[0].PixelRepresentation, images[0].RescaleIntercept) == (signed, intercept)
    voxels, _ = read_by_simpleitk(tmp_path / "series")
    np.testing.assert_array_equal(voxels[::-1, ::-1], hu)  # rows and columns are LPS


def test_fractions_of_hu_are_rounded(tmp_path: Path) -> None:
    hu = np.array([-0.4, 0.6, 99.5001, -1000.2], np.float32).reshape(2, 2, 1)
    (image,) = read_images(write(tmp_path / "one", Volume.from_array(hu, spacing=(1, 1, 5))))
    assert sorted(image.pixel_array.ravel()) == [-1000, 0, 1, 100]
    assert image.SliceThickness == 5


def test_what_is_no_ct_is_refused(tmp_path: Path) -> None:
    steep = np.array([-1e5, 1e5], np.float32).reshape(2, 1, 1)
    wide = Volume.from_array(steep, spacing=(1, 1, 1), name="wide")
    with pytest.raises(LiverviewError, match=r"wide holds values from -100000 to 100000"):
        write(tmp_path / "wide", wide)
    zeros = np.zeros((2, 2, 2), np.int16)
    with pytest.raises(LiverviewError, match="no HU"):
        write(tmp_path / "unit", Volume(zeros, np.eye(4), in_hu=False))
    with pytest.raises(LiverviewError, match="is MR: only a CT"):
        write(tmp_path / "mr", Volume(zeros, np.eye(4), study=StudyFacts(modality="MR")))
    assert not list(tmp_path.iterdir())


# ---- whose they are --------------------------------------------------------------------------


def test_a_phantom_says_that_it_is_synthetic(tmp_path: Path) -> None:
    volume = noise((6, 5, 4), np.diag([0.7, 0.9, 2.5, 1]))
    images = read_images(write(tmp_path / "phantom", volume, phantom=True))
    assert {str(image.PatientName) for image in images} == {"Phantom^Synthetic"}
    assert "synthetic" in images[0].SeriesDescription
    assert images[0].QualityControlSubject == "YES"
    assert len({image.SOPInstanceUID for image in images}) == 4
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({image[name].value for image in images}) == 1
    assert [image.InstanceNumber for image in images] == [1, 2, 3, 4]
    for path in (tmp_path / "phantom").iterdir():
        assert dciodvfy(path) == []


def test_two_scans_that_were_no_dicom_are_two_patients(tmp_path: Path) -> None:
    volume = noise((3, 3, 2), np.eye(4))
    first, second = (read_images(write(tmp_path / name, volume))[0] for name in "ab")
    assert first.PatientID != second.PatientID
    assert first.StudyInstanceUID != second.StudyInstanceUID
    assert "noise" not in str(first)  # names of files may be those of patients


def test_a_copy_of_a_dicom_series_keeps_patient_study_and_scanner(tmp_path: Path) -> None:
    volume = dicom_volume()
    assert volume.source is not None
    template = SeriesHeader.decode(volume.source.header).template
    before = pydicom.dcmread(io.BytesIO(template))
    images = read_images(write(tmp_path / "copy", volume))
    for name in (
        *("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyDate"),
        *("FrameOfReferenceUID", "ConvolutionKernel", "SeriesDescription", "SliceThickness"),
    ):
        assert {str(image[name].value) for image in images} == {str(before[name].value)}, name
    assert images[0].ImageType == ["DERIVED", "PRIMARY", "AXIAL"]
    assert images[0].SeriesInstanceUID != before.SeriesInstanceUID
    assert before.SOPInstanceUID not in {image.SOPInstanceUID for image in images}
    assert (0x0029, 0x1010) not in images[0]
    assert images[0].ImagePositionPatient == before.ImagePositionPatient
    assert_same(volume, *read_by_simpleitk(tmp_path / "copy"))
    assert dciodvfy(tmp_path / "copy" / "CT0001.dcm") == []


def test_a_description_is_put_in_place_of_the_series_own(tmp_path: Path) -> None:
    (image, *_) = read_images(write(tmp_path / "copy", dicom_volume(), description="d" * 70))
    assert image.SeriesDescription == "d" * 64


def test_slices_that_were_interpolated_are_not_written(tmp_path: Path) -> None:
    images = read_images(write(tmp_path / "copy", dicom_volume(6, missing=(1, 4))))
    heights = [float(image.ImagePositionPatient[2]) for image in images]
    assert heights == [100.0, 105.0, 107.5, 112.5]


# ---- folders ---------------------------------------------------------------------------------


def test_nothing_is_left_of_a_series_that_was_stopped(tmp_path: Path) -> None:
    work = iter_write_series(tmp_path / "s", noise((3, 3, 20), np.eye(4)), overwrite=False)
    next(work)
    assert not (tmp_path / "s").exists()
    assert list(tmp_path.iterdir())
    work.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = noise((3, 3, 4), np.eye(4))
    before = sorted(path.read_bytes() for path in write(tmp_path / "s", volume).iterdir())

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TargetError, match="the disk is full"):
        drain(iter_write_series(tmp_path / "s", volume, overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    assert sorted(path.read_bytes() for path in (tmp_path / "s").iterdir()) == before


def test_only_what_liverview_wrote_is_replaced(tmp_path: Path) -> None:
    volume = noise((3, 3, 4), np.eye(4))
    folder = write(tmp_path / "s", volume)
    with pytest.raises(TargetError, match="is not empty"):
        write(folder, volume)
    shorter = noise((3, 3, 2), np.eye(4))
    drain(iter_write_series(folder, shorter, overwrite=True))
    assert len(list(folder.iterdir())) == 2
    stranger = ct_slice(np.zeros((2, 2), np.int16), (0, 0, 0))
    stranger.save_as(folder / "IM1", enforce_file_format=True)
    with pytest.raises(TargetError, match=r"files of others, such as IM1"):
        drain(iter_write_series(folder, shorter, overwrite=True))
    assert len(list(folder.iterdir())) == 3
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", shorter)
    assert len(list((tmp_path / "empty").iterdir())) == 2
    with pytest.raises(TargetError, match="is a file"):
        drain(iter_write_series(folder / "IM1", shorter, overwrite=True))


def test_folders_of_killed_processes_are_removed_and_those_of_living_ones_stay(
    tmp_path: Path,
) -> None:
    volume = noise((3, 3, 20), np.eye(4))
    dead = tmp_path / ".liverview-saving-0a1b2c3d-abcdefgh.folder"
    dead.mkdir()
    (dead / "CT0001.dcm").write_bytes(b"half")
    living = iter_write_series(tmp_path / "living", volume, overwrite=False)
    next(living)
    write(tmp_path / "other", volume)
    assert not dead.exists()
    drain(living)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["living", "other"]


def test_the_name_of_one_file_is_refused_for_a_series(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"give the name of a folder, such as scan\."):
        drain(iter_write_volume(tmp_path / "scan.dcm", noise((3, 3, 2), np.eye(4)), overwrite=True))
    drain(iter_write_volume(tmp_path / "scan", noise((3, 3, 2), np.eye(4)), overwrite=False))
    assert len(list((tmp_path / "scan").iterdir())) == 2
