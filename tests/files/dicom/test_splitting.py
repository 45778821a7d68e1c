"""What one DICOM series holds: localizers, copies, phases, reconstructions, patients, bad files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from liverview.core.stream import result_of
from liverview.core.volume import Volume
from liverview.files.dicom.places.listing import Listing, iter_list
from liverview.files.dicom.series.series_volume import SeriesKind
from liverview.files.dicom.series.volume_reading import iter_read_volume
from liverview.files.opening import ImageFileError

from support.dicom_series import AXIAL, ct_slice, pattern, slice_positions, uid, write_series
from support.dicom_volumes import listed, read_only_volume, read_volumes
from support.other_readers import read_by_dcm2niix, read_by_sitk

HU = pattern(6, 7, 10)
POSITIONS = slice_positions(10)


def add(
    folder: Path, hu: np.ndarray, positions: Sequence[Any], instances: int, **elements: Any
) -> None:
    """More images of the series, with numbers and UIDs of their own."""
    folder.mkdir(exist_ok=True)
    for index, (image, position) in enumerate(zip(hu, positions, strict=True)):
        number = instances + index
        data = ct_slice(image, position, instance=number, **elements)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid("more", number)
        data.save_as(folder / f"MORE{number:04d}", enforce_file_format=True)


def hu_of(volume: Volume) -> np.ndarray:
    """As in the files: (slices, rows, columns)."""
    return volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0)


def test_a_localizer_is_split_off_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    write_series(folder, HU)
    localizer = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    across = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
    add(folder, pattern(9, 8, 1), [(0, 0, 0)], 90, orientation=across, ImageType=localizer)
    scan, other = listed(folder)
    assert (scan.kind, scan.shape) == (SeriesKind.CT, (7, 6, 10))
    assert (other.kind, other.shape) == (SeriesKind.LOCALIZER, (8, 9, 1))
    assert scan.study.part == "axial, 7x6 of 0.7 mm"
    assert scan.remarks == (
        "Its series also holds other volumes: localizer, coronal, 8x9 of 0.7 mm (1 slice).",
    )
    first, _ = read_volumes(folder)
    np.testing.assert_array_equal(hu_of(first), HU)
    np.testing.assert_array_equal(first.to_numpy(), read_by_dcm2niix(folder)[""].values)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"orientation": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)}, "coronal"),
        ({"spacing": (0.8, 0.9)}, "7x6 of 0.9 mm"),
    ],
)
def test_other_orientations_and_spacings_are_volumes_of_their_own(
    tmp_path: Path, options: dict[str, Any], part: str
) -> None:
    folder = tmp_path / "series"
    write_series(folder, HU)
    places = slice_positions(4, 4.0, orientation=options.get("orientation", AXIAL))
    add(folder, HU[:4], places, 50, **options)
    scan, other = listed(folder)
    assert (scan.shape[2], other.shape[2]) == (10, 4)
    assert other.study.part == part


def test_copies_are_left_out_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    write_series(folder, HU)
    add(folder, HU[3:5], POSITIONS[3:5], 50)
    volume = read_only_volume(folder)
    np.testing.assert_array_equal(hu_of(volume), HU)
    assert volume.warnings == (
        "2 images are a copy of another one at the same place and left out.",
    )
    # SimpleITK and dcm2niix take all twelve for slices.
    assert read_by_sitk(folder)[0].values.shape == (7, 6, 12)
    assert read_by_dcm2niix(folder)[""].values.shape == (7, 6, 12)


def test_the_same_file_twice_is_one_slice(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    paths = write_series(folder, HU)
    (folder / "copy").write_bytes(paths[2].read_bytes())
    volume = read_only_volume(folder)
    assert volume.shape == (7, 6, 10)
    assert "1 image is a copy" in volume.warnings[0]


@pytest.mark.parametrize(
    ("elements", "parts"),
    [
        ({"AcquisitionNumber": (1, 2)}, ("acquisition 1", "acquisition 2")),
        ({"TemporalPositionIdentifier": (1, 2)}, ("phase 1", "phase 2")),
        ({"ConvolutionKernel": ("B30f", "B60f")}, ("kernel B30f", "kernel B60f")),
        ({"SliceThickness": ("2.5", "5")}, ("2.5 mm thick", "5 mm thick")),
        (
            {"ContentTime": ("101000.5", "101035.5")},
            ("1 of 2 at the same places", "2 of 2 at the same places, 35 s later"),
        ),
        (
            {"AcquisitionTime": ("235950", "000010")},
            ("1 of 2 at the same places", "2 of 2 at the same places, 20 s later"),
        ),
        (
            {"ImageType": (["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"])},
            ("image type DERIVED\\SECONDARY", "image type ORIGINAL\\PRIMARY"),
        ),
        ({}, ("1 of 2 at the same places", "2 of 2 at the same places")),
    ],
)
def test_two_volumes_in_one_series_are_told_apart(
    tmp_path: Path, elements: dict[str, Any], parts: tuple[str, str]
) -> None:
    folder = tmp_path / "series"
    write_series(folder, HU, **{key: value[0] for key, value in elements.items()})
    more = {key: value[1] for key, value in elements.items()}
    add(folder, HU + 7, POSITIONS, 50, **more)
    volumes = listed(folder)
    assert tuple(each.study.part for each in volumes) == parts
    assert [each.shape for each in volumes] == [(7, 6, 10)] * 2
    found = sorted((hu_of(each) for each in read_volumes(folder)), key=lambda hu: hu[0, 0, 0])
    np.testing.assert_array_equal(found[0], HU)
    np.testing.assert_array_equal(found[1], HU + 7)


def test_a_phase_that_goes_farther_keeps_its_slices_together(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    write_series(folder, HU[:6], POSITIONS[:6], ContentTime="101000")
    add(folder, HU + 7, POSITIONS, 50, ContentTime="101100")
    long, short = sorted(read_volumes(folder), key=lambda each: -each.shape[2])
    np.testing.assert_array_equal(hu_of(long), HU + 7)
    np.testing.assert_array_equal(hu_of(short), HU[:6])


def test_one_slice_that_was_taken_again_does_not_break_its_scan(tmp_path: Path) -> None:
    folder = tmp_path / "series"

    def in_turn(index: int, data: Any) -> None:
        data.ContentTime = f"1010{2 * index:02d}"

    write_series(folder, HU, change=in_turn)
    add(folder, HU[5:6] + 7, POSITIONS[5:6], 50, ContentTime="101011")
    scan, again = read_volumes(folder)
    np.testing.assert_array_equal(hu_of(scan), HU)
    np.testing.assert_array_equal(hu_of(again), HU[5:6] + 7)


def test_acquisitions_one_above_the_other_are_one_volume(tmp_path: Path) -> None:
    """Of step and shoot each slice is one, of a long scan each breath hold."""

    def number(index: int, data: Any) -> None:
        data.AcquisitionNumber = index + 1
        data.AcquisitionTime = f"1010{index:02d}"

    write_series(tmp_path / "single", HU, change=number)
    assert read_only_volume(tmp_path / "single").shape == (7, 6, 10)
    folder = tmp_path / "twice"
    write_series(folder, HU, change=number)
    for index in range(10):
        add(folder, HU[index : index + 1] + 7, POSITIONS[index : index + 1], 50 + index,
            AcquisitionNumber=11 + index)  # fmt: skip
    first, second = read_volumes(folder)
    np.testing.assert_array_equal(hu_of(first), HU)
    np.testing.assert_array_equal(hu_of(second), HU + 7)


def test_centers_that_differ_are_two_reconstructions(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    write_series(folder, HU)
    add(folder, HU + 7, [place + np.array([30, 0, 0]) for place in POSITIONS], 50)
    parts = [each.study.part for each in listed(folder)]
    assert parts == ["center 1", "center 2"]


def test_what_lies_far_away_is_a_volume_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    places = [*POSITIONS[:6], *(place + np.array([0, 0, 200]) for place in POSITIONS[6:])]
    write_series(folder, HU, places)
    lower, upper = listed(folder)
    assert lower.study.part == "z 100 to 112.5 mm"
    assert (lower.shape[2], upper.shape[2]) == (6, 4)


def test_two_patients_in_one_series_are_never_one_volume(tmp_path: Path) -> None:
    def other(index: int, data: Any) -> None:
        if index >= 6:
            data.PatientID, data.PatientName = "T2", "Other^Person"

    write_series(tmp_path / "series", HU, change=other)
    first, second = listed(tmp_path / "series")
    assert (first.shape[2], second.shape[2]) == (6, 4)
    assert first.study.part == "patient 1 of 2"
    assert "images of several patients" in first.remarks[-1]
    assert not any("Other" in text for text in (*first.remarks, first.study.part))
    assert read_by_dcm2niix(tmp_path / "series")[""].values.shape == (7, 6, 10)


def test_mr_is_opened_for_viewing(tmp_path: Path) -> None:
    mr = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
    write_series(tmp_path / "series", HU, **mr, intercept=0, signed=True)
    (listed_one,) = listed(tmp_path / "series")
    volume = read_only_volume(tmp_path / "series")
    assert listed_one.kind is SeriesKind.OTHER_MODALITY
    assert volume.warnings == ("This is MR; liverview reads CT.",)
    assert not volume.in_hu
    np.testing.assert_array_equal(hu_of(volume), HU)


# ---- files that cannot be used ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ImagePositionPatient": None}, "has no position (ImagePositionPatient)"),
        ({"ImageOrientationPatient": None}, "has no orientation (ImageOrientationPatient)"),
        ({"PixelSpacing": None}, "has no pixel spacing"),
        ({"PixelSpacing": [0, 0.7]}, "has a pixel spacing of 0 x 0.7 mm"),
        ({"PixelSpacing": [0.8, -0.7]}, "has a pixel spacing of 0.8 x -0.7 mm"),
        ({"ImageOrientationPatient": [0] * 6}, "has the orientation 0\\0\\0\\0\\0\\0, which"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "whose axes are not at right angles"),
        ({"PixelData": None}, "has no pixels"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "is a color image"),
    ],
)
def test_a_series_without_what_a_volume_needs_is_refused_by_a_sentence(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    write_series(tmp_path / "series", HU[:3], **change)
    (volume,) = listed(tmp_path / "series")
    assert sentence in volume.refusal
    assert volume.refusal.endswith("(and 2 more) " + volume.refusal.split("(and 2 more) ")[1])
    with pytest.raises(ImageFileError) as error:
        result_of(iter_read_volume(volume), Volume)
    assert str(error.value) == volume.refusal


def test_one_bad_header_among_good_ones_is_a_missing_slice(tmp_path: Path) -> None:
    def forget(index: int, data: Any) -> None:
        if index == 4:
            del data.ImagePositionPatient

    paths = write_series(tmp_path / "series", HU, change=forget)
    volume = read_only_volume(tmp_path / "series")
    assert volume.warnings == (
        f"{paths[4].name} has no position (ImagePositionPatient): it was left out.",
        "1 of 10 slices is missing, at z 110 mm: it was interpolated from the neighbors.",
    )
    np.testing.assert_array_equal(np.delete(hu_of(volume), 4, 0), np.delete(HU, 4, 0))


@pytest.mark.parametrize("bad", [[4], [0], [9], [3, 4]])
def test_slices_that_are_cut_off_are_missing_ones(tmp_path: Path, bad: list[int]) -> None:
    paths = write_series(tmp_path / "series", HU)
    for index in bad:
        paths[index].write_bytes(paths[index].read_bytes()[:-20])
    volume = read_only_volume(tmp_path / "series")
    assert volume.warnings[0].startswith(
        f"{len(bad)} of 10 slices could not be read and count as missing: {paths[bad[0]]} is cut"
    )
    first, last = (int(0 in bad), 10 - int(9 in bad))
    np.testing.assert_array_equal(hu_of(volume), HU[first:last])  # linear along the slices
    inside = tuple(n - first for n in bad if first <= n < last)
    assert (volume.missing.indices if volume.missing else ()) == inside


def test_a_series_whose_files_are_all_cut_off_is_refused(tmp_path: Path) -> None:
    for path in write_series(tmp_path / "series", HU):
        path.write_bytes(path.read_bytes()[:-20])
    (volume,) = listed(tmp_path / "series")
    with pytest.raises(ImageFileError, match="is cut off: it has 64 of the 84 bytes"):
        result_of(iter_read_volume(volume), Volume)


def test_several_transfer_syntaxes_in_one_series(tmp_path: Path) -> None:
    for path in write_series(tmp_path / "series", HU)[::2]:
        data = dcmread(path)
        data.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
        data.save_as(path)
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path / "series")), HU)


def test_reading_says_how_far_it_is_and_ends_when_it_is_closed(tmp_path: Path) -> None:
    write_series(tmp_path / "series", HU)
    (volume,) = listed(tmp_path / "series")
    work = iter_read_volume(volume)
    assert next(work).phase == "Reading"  # type: ignore[union-attr]
    work.close()  # type: ignore[attr-defined]
    assert isinstance(list(iter_read_volume(volume))[-1], Volume)
    assert isinstance(list(iter_list([tmp_path]))[-1], Listing)


# ---- HU ---------------------------------------------------------------------------------------


def test_hu_are_those_of_each_slice_s_own_scale(tmp_path: Path) -> None:
    def scale(index: int, data: Any) -> None:
        data.RescaleIntercept = -1024 + index
        data.RescaleSlope = 1 if index % 2 else 2

    write_series(tmp_path / "whole", HU, change=scale)
    stored = HU.astype(int) + 1024
    expected = np.stack([s * (1 if k % 2 else 2) - 1024 + k for k, s in enumerate(stored)])
    volume = read_only_volume(tmp_path / "whole")
    np.testing.assert_array_equal(hu_of(volume), expected)
    assert volume.voxels.dtype == np.int16
    np.testing.assert_array_equal(volume.to_numpy(), read_by_sitk(tmp_path / "whole")[0].values)


def test_hu_that_are_fractions_or_too_large_are_floats(tmp_path: Path) -> None:
    def scale(index: int, data: Any) -> None:
        data.RescaleSlope = "0.5" if index % 2 else "40"

    write_series(tmp_path / "series", HU, change=scale)
    stored = HU.astype(float) + 1024
    expected = np.stack([s * (0.5 if k % 2 else 40) - 1024 for k, s in enumerate(stored)])
    volume = read_only_volume(tmp_path / "series")
    assert volume.voxels.dtype == np.float32
    np.testing.assert_array_equal(hu_of(volume), expected)
    # SimpleITK takes the type of the first file, whose slope is whole, and cuts halves off.
    (by_sitk,) = read_by_sitk(tmp_path / "series")
    assert np.abs(by_sitk.values - volume.to_numpy()).max() == 0.5


def test_padding_is_air_also_where_the_stored_type_has_none(tmp_path: Path) -> None:
    """Unsigned values from -1000 on have no -1024: then they are stored otherwise."""
    hu = np.maximum(HU, -900)
    hu[:, :2] = 2000

    def pad(index: int, data: Any) -> None:
        data.add_new(0x00280120, "US", 3000)

    write_series(tmp_path / "series", hu, intercept=-1000, change=pad)
    expected = hu.copy()
    expected[:, :2] = -1024
    volume = read_only_volume(tmp_path / "series")
    np.testing.assert_array_equal(hu_of(volume), expected)
    assert volume.voxels.dtype == np.int16


def test_monochrome_1_of_a_series_is_not_turned_about(tmp_path: Path) -> None:
    """SimpleITK turns the stored values about and makes 65535 - value of them."""
    write_series(tmp_path / "series", HU, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path / "series")), HU)
    (by_sitk,) = read_by_sitk(tmp_path / "series")
    assert by_sitk.values.min() > 60_000
