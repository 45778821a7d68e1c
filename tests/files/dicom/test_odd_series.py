"""Series as scanners and archives write them against the standard, or at its edges."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from liverview.core.stream import result_of
from liverview.core.volume import Volume
from liverview.files.dicom.reading import iter_read
from liverview.files.opening import ImageFileError

from support.dicom_series import ct_slice, pattern, slice_positions, uid, write_series
from support.dicom_volumes import listed, read_only_volume, read_volumes

HU = pattern(6, 7, 10)
POSITIONS = slice_positions(10)


def hu_of(volume: Volume) -> np.ndarray:
    """As in the files: (slices, rows, columns)."""
    return volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0)


def set_raw(data: Any, tag: int, value: bytes) -> None:
    """A decimal string that pydicom would not write."""
    data[tag] = RawDataElement(Tag(tag), "DS", len(value), value, 0, False, True)


# ---- UIDs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("alike", [range(10), (3, 4)])
def test_images_of_one_uid_at_several_places_are_all_kept(tmp_path: Path, alike: Any) -> None:
    def same_uid(index: int, data: Any) -> None:
        if index in alike:
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid("one for all")

    write_series(tmp_path / "series", HU, change=same_uid)
    volume = read_only_volume(tmp_path / "series")
    np.testing.assert_array_equal(hu_of(volume), HU)
    assert volume.missing is None
    assert volume.warnings == ()


@pytest.mark.parametrize("first", [True, False])
def test_of_a_file_and_its_copy_that_is_cut_off_the_whole_one_is_read(
    tmp_path: Path, first: bool
) -> None:
    paths = write_series(tmp_path / "series", HU)
    copy = tmp_path / "series" / ("AAAA" if first else "ZZZZ")
    shutil.copy(paths[4], copy)
    copy.write_bytes(copy.read_bytes()[:-20])
    volume = read_only_volume(tmp_path / "series")
    np.testing.assert_array_equal(hu_of(volume), HU)
    assert volume.missing is None


# ---- values -----------------------------------------------------------------------------------


def test_each_slice_has_its_own_highest_bit(tmp_path: Path) -> None:
    def in_the_upper_bits(index: int, data: Any) -> None:
        shift = 4 * (index % 2)
        data.BitsStored, data.HighBit = 12, 11 + shift
        data.PixelData = (np.frombuffer(data.PixelData, "<u2") << shift).astype("<u2").tobytes()

    write_series(tmp_path / "series", HU, change=in_the_upper_bits)
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path / "series")), HU)


@pytest.mark.parametrize(
    ("tag", "value", "said"),
    [
        (0x00281053, b"0 ", "a rescale slope of 0 and intercept of -1024"),
        (0x00281053, b"NaN ", "a rescale slope of nan and intercept of -1024"),
        (0x00281053, b"1e300 ", "a rescale slope of 1e+300 and intercept of -1024"),
        (0x00281052, b"unknown ", "a rescale slope of 1 and intercept of nan"),
    ],
)
def test_values_without_a_scale_are_never_shown_as_hu(
    tmp_path: Path, tag: int, value: bytes, said: str
) -> None:
    write_series(tmp_path / "bad", HU, change=lambda _, data: set_raw(data, tag, value))
    (volume,) = listed(tmp_path / "bad")
    assert f" {said}: choose" in volume.refusal


@pytest.mark.parametrize(("tag", "value"), [(0x00281053, b""), (0x00281052, b"-1024,0 ")])
def test_a_scale_that_can_be_told_is_taken(tmp_path: Path, tag: int, value: bytes) -> None:
    write_series(tmp_path / "series", HU, change=lambda _, data: set_raw(data, tag, value))
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path / "series")), HU)


# ---- one place, or one series, many times -----------------------------------------------------


@pytest.mark.parametrize("numbered", [True, False])
def test_images_that_watch_an_agent_arrive_are_one_row(tmp_path: Path, numbered: bool) -> None:
    for index in range(20):
        data = ct_slice(HU[0] + index, (0, 0, 50), instance=20 - index)
        data.AcquisitionNumber = index + 1 if numbered else 1
        data.AcquisitionTime = f"1012{2 * index:02d}.5"
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid("watch", index)
        data.save_as(tmp_path / f"{index:02d}", enforce_file_format=True)
    (volume,) = listed(tmp_path)
    assert volume.study.part == "20 images of one place"
    assert "20 images were taken of one place over 38 s" in volume.remarks[0]
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path)), HU[:1])


@pytest.mark.parametrize("in_turn", [True, False])
def test_two_voltages_in_one_series_are_two_volumes(tmp_path: Path, in_turn: bool) -> None:
    for index in range(20):
        kind, k = (index % 2, index // 2) if in_turn else divmod(index, 10)
        data = ct_slice(HU[k] + kind, POSITIONS[k], instance=index + 1, KVP=(80, 140)[kind])
        data.save_as(tmp_path / f"{index:02d}", enforce_file_format=True)
    low, high = listed(tmp_path)
    assert (low.study.part, high.study.part) == ("80 kV", "140 kV")
    for kind, volume in enumerate(read_volumes(tmp_path)):
        np.testing.assert_array_equal(hu_of(volume), HU + kind)


def test_a_type_that_changes_within_a_scan_does_not_split_it(tmp_path: Path) -> None:
    def vendors_word(index: int, data: Any) -> None:
        data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", ("SPI", "SEQ")[index % 2]]

    write_series(tmp_path / "series", HU, change=vendors_word)
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path / "series")), HU)


# ---- one file that was chosen -----------------------------------------------------------------


def test_a_file_that_has_no_series_is_read_alone(tmp_path: Path) -> None:
    write_series(tmp_path / "series", HU[:2], SeriesInstanceUID=None)
    for path in sorted((tmp_path / "series").iterdir()):
        volume = result_of(iter_read(path), Volume)
        wanted = dcmread(path).pixel_array.astype(int) - 1024
        np.testing.assert_array_equal(hu_of(volume), wanted[None])


def test_a_sentence_names_the_file_that_was_chosen(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "series", HU[:3], PixelSpacing=None)
    for path in paths:
        with pytest.raises(ImageFileError, match=f"{path.name} has no pixel spacing"):
            result_of(iter_read(path), Volume)


def test_the_directory_of_a_disc_is_known_by_what_it_is(tmp_path: Path) -> None:
    disc = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
    shutil.copytree(disc / "77654033", tmp_path / "77654033")
    shutil.copytree(disc / "98892001", tmp_path / "98892001")
    shutil.copy(disc / "DICOMDIR", tmp_path / "directory")
    shutil.copy(disc / "DICOMDIR", tmp_path / "DICOMDIR")
    first = next(path for path in tmp_path.rglob("*") if path.parent.name == "CT2")
    (tmp_path / "damaged").write_bytes(first.read_bytes()[:700])
    told = []
    for name in ("DICOMDIR", "directory"):
        with pytest.raises(ImageFileError, match=f"{name} holds 3 CT volumes") as error:
            result_of(iter_read(tmp_path / name), Volume)
        told.append(str(error.value).partition(f"{name} holds")[2])
    assert told[0] == told[1]


# ---- headers that promise what is not there ---------------------------------------------------


def test_an_image_larger_than_any_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def grown(_: int, data: Any) -> None:
        data.compress(RLELossless)
        data.Rows = data.Columns = 20_000

    write_series(tmp_path / "series", HU[:3], change=grown)
    (volume,) = listed(tmp_path / "series")
    assert "has 20,000 x 20,000 pixels" in volume.refusal


def test_compressed_pixels_that_say_they_are_not_are_never_shown(tmp_path: Path) -> None:
    def compressed(_: int, data: Any) -> None:
        data.compress(JPEGLSLossless, encoding_plugin="pyjpegls")

    for path in write_series(tmp_path / "series", HU[:3], change=compressed):
        native = ExplicitVRLittleEndian.encode().ljust(len(JPEGLSLossless), b"\0")
        path.write_bytes(path.read_bytes().replace(JPEGLSLossless.encode(), native))
    (volume,) = listed(tmp_path / "series")
    assert "has compressed pixels, and says that they are not" in volume.refusal


def test_jpeg_ls_that_is_called_jpeg_never_gets_to_a_decoder_of_jpeg(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def mislabeled(_: int, data: Any) -> None:
        data.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
        data.file_meta.TransferSyntaxUID = JPEGLosslessSV1

    write_series(tmp_path / "series", HU[:3], change=mislabeled)
    with pytest.raises(ImageFileError, match="has pixels of JPEG lossless that cannot be decoded"):
        read_only_volume(tmp_path / "series")
    assert capfd.readouterr() == ("", "")


def test_encapsulated_pixels_that_end_within_an_item_are_one_sentence(tmp_path: Path) -> None:
    def compressed(_: int, data: Any) -> None:
        data.compress(RLELossless)

    for path in write_series(tmp_path / "series", HU[:3], change=compressed):
        data = path.read_bytes()
        path.write_bytes(data[: data.index(b"\xfe\xff\x00\xe0") + 6])
    with pytest.raises(ImageFileError, match="has pixels of RLE that cannot be decoded"):
        read_only_volume(tmp_path / "series")
