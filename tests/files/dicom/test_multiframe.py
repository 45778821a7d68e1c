"""Enhanced multi-frame CT: functional groups, frames out of order, stacks and phases."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    RLELossless,
)

from liverview.core.stream import result_of
from liverview.core.study import FilledSlices
from liverview.core.volume import Volume
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places.sources import DicomSource
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.dicom.series.splitting import split_series
from liverview.files.dicom.series.volume_reading import iter_read_volume

from support.dicom_series import AXIAL, ct_slice, pattern, slice_positions, uid
from support.dicom_volumes import listed, read_only_volume, read_volumes
from support.other_readers import read_by_dcm2niix, read_by_sitk

HU = pattern(6, 7, 8)
POSITIONS = slice_positions(8)


def group(**elements: Any) -> Items:
    data = Dataset()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return Items([data])


def write_enhanced(
    folder: Path,
    hu: np.ndarray,
    positions: Sequence[np.ndarray],
    *,
    order: Sequence[int] | None = None,
    scale_per_frame: bool = False,
    change: Callable[[int, Dataset], object] | None = None,
    orientation: Sequence[float] = AXIAL,
) -> Path:
    """One file of all slices; ``order`` says which slice each frame is."""
    order = range(len(hu)) if order is None else order
    data = ct_slice(hu[0], positions[0], ImagePositionPatient=None, ImageOrientationPatient=None)
    for keyword in ("PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept"):
        delattr(data, keyword)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    data.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    data.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PixelMeasuresSequence = group(PixelSpacing=[0.8, 0.7], SliceThickness=2.5)
    shared.PlaneOrientationSequence = group(
        ImageOrientationPatient=[f"{v:.9f}" for v in orientation]
    )
    scales = [(2 if scale_per_frame and k % 2 else 1, -1024 - 2 * k) for k in range(len(hu))]
    if not scale_per_frame:
        scales = [(1, -1024)] * len(hu)
        shared.PixelValueTransformationSequence = group(
            RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU"
        )
    data.SharedFunctionalGroupsSequence = Items([shared])
    frames, pixels = [], []
    for number, k in enumerate(order):
        frame = Dataset()
        frame.FrameContentSequence = group(
            StackID="1", InStackPositionNumber=k + 1, FrameAcquisitionNumber=1
        )
        frame.PlanePositionSequence = group(ImagePositionPatient=[f"{v:.6f}" for v in positions[k]])
        if scale_per_frame:
            frame.PixelValueTransformationSequence = group(
                RescaleSlope=scales[k][0], RescaleIntercept=scales[k][1], RescaleType="HU"
            )
        if change is not None:
            change(number, frame)
        frames.append(frame)
        pixels.append(((hu[k] - scales[k][1]) / scales[k][0]).astype("<u2").tobytes())
    data.PerFrameFunctionalGroupsSequence = Items(frames)
    data.PixelData = b"".join(pixels)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "enhanced.dcm"
    data.save_as(path, enforce_file_format=True)
    return path


def hu_of(values: np.ndarray) -> np.ndarray:
    return values[::-1, ::-1].transpose(2, 1, 0)


def test_a_multi_frame_file_is_what_others_make_of_it(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "series", HU, POSITIONS)
    volume = read_only_volume(tmp_path / "series")
    by_dcm2niix = read_by_dcm2niix(tmp_path / "series")[""]
    (by_sitk,) = read_by_sitk(tmp_path / "series")
    for other in (by_dcm2niix, by_sitk):
        np.testing.assert_array_equal(volume.to_numpy(), other.values)
        np.testing.assert_allclose(volume.affine, other.affine, atol=1e-3)
    assert volume.warnings == ()
    assert volume.source is not None
    kept = SeriesHeader.decode(volume.source.header)
    assert [(each.place, each.frame) for each in kept.slices] == [(k, k + 1) for k in range(8)]
    assert len(kept.template) < 4000


def test_frames_out_of_their_order_lie_where_they_say(tmp_path: Path) -> None:
    order = [3, 0, 7, 1, 6, 2, 5, 4]
    write_enhanced(tmp_path / "series", HU, POSITIONS, order=order)
    volume = read_only_volume(tmp_path / "series")
    np.testing.assert_array_equal(hu_of(volume.to_numpy()), HU)
    assert volume.spacing == pytest.approx((0.7, 0.8, 2.5))
    assert volume.affine[2, 3] == pytest.approx(100)
    assert volume.source is not None
    kept = SeriesHeader.decode(volume.source.header)
    assert [each.frame for each in kept.slices] == [order.index(k) + 1 for k in range(8)]


def test_each_frame_has_its_own_scale(tmp_path: Path) -> None:
    even = HU // 2 * 2
    write_enhanced(tmp_path / "series", even, POSITIONS, scale_per_frame=True)
    volume = read_only_volume(tmp_path / "series")
    np.testing.assert_array_equal(hu_of(volume.to_numpy()), even)
    # SimpleITK and dcm2niix take one scale for all frames.
    (by_sitk,) = read_by_sitk(tmp_path / "series")
    for other in (by_sitk, read_by_dcm2niix(tmp_path / "series")[""]):
        assert np.abs(other.values - volume.to_numpy()).max() > 100


def test_a_frame_that_is_missing_is_marked(tmp_path: Path) -> None:
    kept = [0, 1, 2, 4, 5, 6, 7]
    write_enhanced(tmp_path / "series", HU[kept], [POSITIONS[k] for k in kept])
    volume = read_only_volume(tmp_path / "series")
    assert volume.missing == FilledSlices(2, (3,))
    np.testing.assert_array_equal(hu_of(volume.to_numpy()), HU)


@pytest.mark.parametrize(
    ("keyword", "parts"),
    [
        ("StackID", ["stack 1", "stack 2"]),
        ("TemporalPositionIndex", ["phase 1", "phase 2"]),
        ("FrameAcquisitionNumber", ["acquisition 1", "acquisition 2"]),
    ],
)
def test_stacks_and_phases_of_one_file_are_volumes_to_choose_from(
    tmp_path: Path, keyword: str, parts: list[str]
) -> None:
    def tell(number: int, frame: Dataset) -> None:
        value = number // 8 + 1
        setattr(frame.FrameContentSequence[0], keyword, str(value) if "ID" in keyword else value)

    both = np.concatenate([HU, HU + 7])
    write_enhanced(tmp_path / "series", both, [*POSITIONS, *POSITIONS], change=tell)
    assert [each.study.part for each in listed(tmp_path / "series")] == parts
    first, second = read_volumes(tmp_path / "series")
    np.testing.assert_array_equal(hu_of(first.to_numpy()), HU)
    np.testing.assert_array_equal(hu_of(second.to_numpy()), HU + 7)


def test_one_frame_and_compressed_frames(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "one", HU[:1], POSITIONS[:1])
    assert read_only_volume(tmp_path / "one").shape == (7, 6, 1)
    path = write_enhanced(tmp_path / "series", HU, POSITIONS, order=[1, 0, *range(2, 8)])
    data = dcmread(path)
    data.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    data.save_as(path)
    np.testing.assert_array_equal(hu_of(read_only_volume(tmp_path / "series").to_numpy()), HU)


def test_frames_without_places_are_refused(tmp_path: Path) -> None:
    def forget(number: int, frame: Dataset) -> None:
        del frame.PlanePositionSequence

    write_enhanced(tmp_path / "series", HU, POSITIONS, change=forget)
    (volume,) = listed(tmp_path / "series")
    assert "enhanced.dcm (and 7 more) has no position (ImagePositionPatient)" in volume.refusal


def test_a_file_with_fewer_frames_than_it_says_keeps_those_that_are_there(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path / "series", HU, POSITIONS)
    path.write_bytes(path.read_bytes()[: -2 * 6 * 7 * 2 - 10])
    volume = read_only_volume(tmp_path / "series")
    assert volume.warnings[0].startswith("3 of 8 slices could not be read and count as missing")
    np.testing.assert_array_equal(hu_of(volume.to_numpy()), HU[:5])


# ---- files of several frames ------------------------------------------------------------------


def test_the_files_of_a_concatenation_are_one_volume(tmp_path: Path) -> None:
    for number, part in enumerate((slice(0, 5), slice(5, 8))):
        folder = tmp_path / f"part {number}"
        folder.mkdir()
        path = write_enhanced(folder, HU[part], POSITIONS[part])
        data = dcmread(path)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid("part", number)
        data.ConcatenationUID, data.InConcatenationNumber = uid("whole"), number + 1
        data.save_as(path, enforce_file_format=True)
    volume = read_only_volume(tmp_path)
    np.testing.assert_array_equal(volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0), HU)


class CountedSource(DicomSource):
    """A file that counts how much of it was read."""

    path = None

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self._data, self.bytes_read = name, data, 0

    def read(self, start: int = 0, size: int = -1) -> bytes:
        found = self._data[start:] if size < 0 else self._data[start : start + size]
        self.bytes_read += len(found)
        return found


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, "RLE"])
def test_a_file_of_many_frames_is_not_read_anew_for_each(tmp_path: Path, syntax: str) -> None:
    hu = pattern(30, 32, 40)
    path = write_enhanced(tmp_path, hu, slice_positions(40))
    data = dcmread(path)
    if syntax == "RLE":
        data.compress(RLELossless)
    else:
        data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path, enforce_file_format=True)
    source = CountedSource(path.name, path.read_bytes())
    (volume,) = split_series([header_of(source)])
    read = result_of(iter_read_volume(volume), Volume)
    np.testing.assert_array_equal(read.to_numpy()[::-1, ::-1].transpose(2, 1, 0), hu)
    assert source.bytes_read < 8 * path.stat().st_size


def test_a_deflated_header_is_read_without_inflating_what_follows(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path, HU, POSITIONS)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.PixelData += bytes(40 << 20)
    data.save_as(path, enforce_file_format=True)
    tracemalloc.start()
    try:
        volume = read_only_volume(tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0), HU)
    assert most < 20 << 20


def test_a_damaged_group_of_frames_is_one_sentence(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path, HU, POSITIONS)
    slope = b"\x28\x00\x53\x10"
    data = path.read_bytes()
    assert slope + b"DS" in data
    path.write_bytes(data.replace(slope + b"DS", slope + b"\x53\xf2", 1))
    (volume,) = listed(tmp_path)
    assert "enhanced.dcm has a header that cannot be read" in volume.refusal


def test_elements_that_no_file_has_are_not_kept_of_a_header(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path, HU, POSITIONS)
    data = path.read_bytes()
    start = data.index(b"\x08\x00\x08\x00CS")
    message = b"\x00\x00\x02\x00UI\x02\x001\x00"
    path.write_bytes(data[:start] + message + data[start:])
    volume = read_only_volume(tmp_path)
    np.testing.assert_array_equal(volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0), HU)
