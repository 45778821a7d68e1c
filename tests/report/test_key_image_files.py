"""Key images as DICOM secondary captures, read by pydicom and checked by dciodvfy."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from liverview.core.labels import Label, default_styles
from liverview.core.stream import drain
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import TargetError
from liverview.files.opening import ImageFileError
from liverview.measurement.compute import measure
from liverview.report.key_image_files import iter_write_key_images

from support.dicom_scans import labels_of, volume_of
from support.dicom_series import uid, write_series

SHAPE = (14, 60, 64)


@pytest.fixture
def case(tmp_path: Path) -> tuple[Volume, LabelMap]:
    """A liver of 100 HU with two tumors of 40, one of them longest in one slice."""
    hu = np.full(SHAPE, -80, np.int16)
    stored = np.zeros(SHAPE, np.uint8)
    stored[1:13, 4:56, 4:60] = Label.LIVER
    stored[3:8, 20:30, 20:32] = Label.TUMOR
    stored[5, 20:30, 20:44] = Label.TUMOR
    stored[9:12, 40:46, 10:18] = Label.TUMOR
    hu[stored == Label.LIVER], hu[stored == Label.TUMOR] = 100, 40
    paths = write_series(tmp_path / "series", hu, BodyPartExamined="ABDOMEN")
    volume = volume_of(paths, hu)
    return volume, labels_of(stored, volume)


def write(
    folder: Path, case: tuple[Volume, LabelMap], window: tuple[float, float] = (100.0, 400.0)
) -> list[pydicom.Dataset]:
    drain(iter_write_key_images(folder, *case, window=window))
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def gray(hu: float, level: float, width: float) -> int:
    return int(255 * np.clip((hu - level) / width + 0.5, 0, 1))


def test_each_lesion_has_a_picture_that_refers_to_its_slice(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    images = write(tmp_path / "out", case)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "lesion_01.dcm", "lesion_02.dcm",
    ]  # fmt: skip
    by_uid = {}
    for path in (tmp_path / "series").iterdir():
        data = pydicom.dcmread(path)
        by_uid[data.SOPInstanceUID] = float(data.ImagePositionPatient[2])
    for image, lesion in zip(images, measure(case[1]).lesions, strict=True):
        assert image.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
        assert (image.Modality, image.ConversionType, int(image.InstanceNumber)) == (
            "OT", "WSD", lesion.number,
        )  # fmt: skip
        assert image.StudyInstanceUID == uid("study")
        assert image.SeriesInstanceUID == images[0].SeriesInstanceUID != uid("series")
        (source,) = image.SourceImageSequence
        assert by_uid[source.ReferencedSOPInstanceUID] == pytest.approx(lesion.axial.ends_mm[0][2])
        assert f"longest diameter {lesion.longest_mm:.1f} mm" in image.ImageComments
        assert "Research use only" in image.ImageComments
    assert by_uid[images[0].SourceImageSequence[0].ReferencedSOPInstanceUID] == 100 + 5 * 2.5


def test_pixels_show_the_window_and_lie_as_in_the_viewer(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    window = (60.0, 300.0)
    image = write(tmp_path / "out", case, window)[0]
    pixels = image.pixel_array
    assert pixels.shape == (image.Rows, image.Columns, 3)
    assert image.PatientOrientation == ["L", "P"]
    lesion = measure(case[1]).lesions[0]
    mm = float(image.PixelSpacing[0])
    middle = np.mean(lesion.axial.ends_mm, axis=0)

    def at(x: float, y: float) -> list[int]:
        """The color at a place, world mm: right and front are positive."""
        column = pixels.shape[1] / 2 - (x - middle[0]) / mm
        row = pixels.shape[0] / 2 - (y - middle[1]) / mm
        return [int(value) for value in pixels[int(row), int(column)]]

    # Left and right, before and behind the lesion: the liver; rows and columns from the series.
    for row, column in ((17, 24), (33, 24), (25, 50)):
        x, y = -(-40.0 + 0.7 * column), -(-30.0 + 0.8 * row)
        assert at(x, y) == 3 * [gray(100, *window)]
    outside = at(-(-40.0 + 0.7 * 62), -(-30.0 + 0.8 * 25))
    assert outside == 3 * [gray(-80, *window)]
    color = np.array(default_styles()[Label.TUMOR].color)
    assert (np.abs(pixels.astype(int) - color).max(axis=2) < 40).sum() > 300


def test_lengths_measured_in_the_picture_are_those_of_the_scan(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    image = write(tmp_path / "out", case)[0]
    pixels = image.pixel_array.astype(int)
    color = np.array(default_styles()[Label.TUMOR].color)
    columns = np.flatnonzero((np.abs(pixels - color).max(axis=2) < 60).sum(axis=0) > 10)
    width_mm = (columns[-1] - columns[0] + 1) * float(image.PixelSpacing[1])
    assert width_mm == pytest.approx(24 * 0.7, abs=0.5)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(case: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    write(tmp_path / "out", case)
    path = tmp_path / "out" / "lesion_01.dcm"
    found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "Error" not in found.stderr + found.stdout
    assert "SCImage" in found.stderr + found.stdout


def test_only_scans_of_dicom_have_them(tmp_path: Path) -> None:
    volume = Volume.from_array(np.zeros((4, 4, 4), np.int16), spacing=(1, 1, 1), name="phantom")
    labels = LabelMap.from_array(np.zeros((4, 4, 4), np.uint8), spacing=(1, 1, 1))
    with pytest.raises(ImageFileError, match="phantom is none"):
        write(tmp_path / "out", (volume, labels))
    assert not (tmp_path / "out").exists()


def test_a_folder_of_others_stays(case: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("here")
    with pytest.raises(TargetError, match="is not empty"):
        write(tmp_path / "out", case)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
