"""Label maps as DICOM segmentations, read again by dcmqi, dciodvfy and pydicom."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from liverview.core.edited_volume import EditedVolume
from liverview.core.labels import FOREGROUND, Label, default_styles, label_mask
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.atomic import TargetError
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.segmentations.label_writing import SegmentationOptions, iter_write_labels
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice
from liverview.files.opening import ImageFileError

from support.segmented_series import GRIDS, TILT, labels_on_series, random_labels

TABLE = {int(label): style for label, style in default_styles().items()}
BINARY, LABEL_MAP = SegmentationOptions(), SegmentationOptions(label_map=True)
SEGIMAGE2ITKIMAGE = Path(sys.executable).with_name("segimage2itkimage")


def write(path: Path, labels: LabelMap, options: SegmentationOptions = BINARY) -> pydicom.Dataset:
    for _ in iter_write_labels(path, labels, TABLE, overwrite=False, options=options):
        pass
    return pydicom.dcmread(path)


def by_dcmqi(path: Path, folder: Path, labels: LabelMap) -> dict[int, np.ndarray]:
    """The voxels of each segment, by world position, as dcmqi reads them."""
    folder.mkdir()
    command = [SEGIMAGE2ITKIMAGE, "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    found = {}
    for file in folder.glob("*.nrrd"):
        image = SimpleITK.ReadImage(str(file))
        values = SimpleITK.GetArrayFromImage(image)
        axes = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        for value in np.unique(values[values > 0]).tolist():
            lps = np.argwhere(values == value)[:, ::-1] @ axes.T + image.GetOrigin()
            place = labels.grid.world_to_place(lps * [-1, -1, 1])
            assert np.abs(place - np.rint(place)).max() < 1e-3
            found[value] = np.zeros(labels.shape, bool)
            found[value][tuple(np.rint(place).astype(int).T)] = True
    return found


def by_hand(data: pydicom.Dataset, labels: LabelMap) -> dict[int, np.ndarray]:
    """The voxels of each binary segment by the position of its frames alone."""
    shared = data.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    down, across = shared.PixelMeasuresSequence[0].PixelSpacing
    found = {item.SegmentNumber: np.zeros(labels.shape, bool) for item in data.SegmentSequence}
    for frame, pixels in zip(data.PerFrameFunctionalGroupsSequence, data.pixel_array, strict=True):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        row, column = np.nonzero(pixels)
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        lps = position + np.outer(column * across, cosines[:3]) + np.outer(row * down, cosines[3:])
        place = labels.grid.world_to_place(lps * [-1, -1, 1])
        assert np.abs(place - np.rint(place)).max() < 1e-3
        found[number][tuple(np.rint(place).astype(int).T)] = True
    return found


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("options", [BINARY, LABEL_MAP], ids=["binary", "label map"])
def test_dcmqi_reads_the_same_voxels_by_world_position(
    grid: str, options: SegmentationOptions, tmp_path: Path
) -> None:
    labels = labels_on_series(random_labels(), **GRIDS[grid])
    write(tmp_path / "seg.dcm", labels, options)
    found = by_dcmqi(tmp_path / "seg.dcm", tmp_path / "nrrd", labels)
    assert set(found) == {1, 2, 3}
    for label in FOREGROUND:
        whole = label_mask(labels.voxels, label)
        expected = labels.voxels == label if options.label_map else whole
        assert np.count_nonzero(found[int(label)] != expected) == 0
        mirrored = [np.flip(expected, axis) for axis in range(3)]
        assert all((found[int(label)] != other).any() for other in mirrored)


def test_frames_of_a_tilted_series_are_at_their_own_positions(tmp_path: Path) -> None:
    # dcmqi 1.5.7 stacks frames along the normal of their planes, whatever their positions are.
    labels = labels_on_series(random_labels(), **TILT)
    found = by_hand(write(tmp_path / "seg.dcm", labels), labels)
    for label in FOREGROUND:
        assert np.array_equal(found[int(label)], label_mask(labels.voxels, label))
    again = images.read_labels(tmp_path / "seg.dcm")
    assert np.array_equal(again.voxels, labels.voxels)
    assert np.allclose(again.affine, labels.affine, atol=1e-6)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("grid", [*GRIDS, "tilted"])
@pytest.mark.parametrize("per_lesion", [False, True])
def test_dciodvfy_finds_no_error(grid: str, per_lesion: bool, tmp_path: Path) -> None:
    labels = labels_on_series(random_labels(), **{**GRIDS, "tilted": TILT}[grid])
    labels = replace(labels, edited={Label.TUMOR: EditedVolume(0.01, 0.0)}, partial=True)
    write(tmp_path / "seg.dcm", labels, SegmentationOptions(per_lesion=per_lesion))
    run = subprocess.run(["dciodvfy", "-new", tmp_path / "seg.dcm"], capture_output=True, text=True)
    told = (run.stdout + run.stderr).splitlines()
    assert "Segmentation" in told
    assert [line for line in told if "rror" in line] == []
    assert all("0077,1001" in line for line in told if "Warning" in line)


@pytest.mark.parametrize("grid", [*GRIDS, "tilted"])
@pytest.mark.parametrize("options", [BINARY, LABEL_MAP], ids=["binary", "label map"])
def test_the_same_label_map_comes_back(
    grid: str, options: SegmentationOptions, tmp_path: Path
) -> None:
    labels = labels_on_series(random_labels(), **{**GRIDS, "tilted": TILT}[grid])
    write(tmp_path / "seg.dcm", labels, options)
    again = images.read_labels(tmp_path / "seg.dcm")
    assert np.array_equal(again.voxels, labels.voxels)
    assert np.array_equal(again.affine, labels.affine)
    assert again.defined == frozenset(FOREGROUND)
    assert again.warnings == ()
    for _ in images.iter_write_labels(tmp_path / "again.dcm", again):
        pass
    assert np.array_equal(images.read_labels(tmp_path / "again.dcm").voxels, labels.voxels)


def test_codes_colors_and_references_are_in_the_header(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels(), missing=(2,))
    made_by = json.dumps({"software": "liverview 7.1", "weights_sha256": {"fine": "ab" * 32}})
    data = write(tmp_path / "seg.dcm", replace(labels, made_by=made_by))
    liver, vessel, tumor = data.SegmentSequence
    for item, code in ((liver, "10200004"), (vessel, "59820001"), (tumor, "108369006")):
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        assert (kind.CodeValue, kind.CodingSchemeDesignator) == (code, "SCT")
        algorithm = item.SegmentationAlgorithmIdentificationSequence[0]
        assert item.SegmentAlgorithmType == "AUTOMATIC"
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("liverview", "7.1")
        assert "ab" * 32 in algorithm.AlgorithmParameters
    assert tumor.AnatomicRegionSequence[0].CodeValue == "10200004"
    # CIELab of gold (255, 215, 0): L 86.93, a -1.92, b 87.14.
    lightness, a, b = tumor.RecommendedDisplayCIELabValue
    assert lightness / 65535 * 100 == pytest.approx(86.93, abs=0.1)
    assert a / 65535 * 255 - 128 == pytest.approx(-1.92, abs=0.3)
    assert b / 65535 * 255 - 128 == pytest.approx(87.14, abs=0.3)
    assert labels.source is not None
    header = SeriesHeader.decode(labels.source.header)
    template = pydicom.dcmread(io.BytesIO(header.template))
    series = data.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == template.SeriesInstanceUID
    listed = [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]
    assert listed == [each.sop_instance for each in header.slices]
    assert len(listed) == 6
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert data[keyword].value == template[keyword].value
    assert data.SeriesInstanceUID != template.SeriesInstanceUID
    for frame in data.PerFrameFunctionalGroupsSequence:
        depth = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        place = round((depth - 100) / 2.5)
        sources = [
            image.ReferencedSOPInstanceUID
            for item in frame.DerivationImageSequence
            for image in item.SourceImageSequence
        ]
        assert sources == [each.sop_instance for each in header.slices if each.place == place]
        assert bool(sources) == (place != 2)


def test_what_was_edited_by_hand_is_said(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels())
    tumor_ml = float((labels.voxels == 3).sum() * labels.voxel_ml)
    edited = {
        Label.LIVER: EditedVolume(0.1, 0.0),
        Label.TUMOR: EditedVolume(tumor_ml, 0.0),
    }
    data = write(tmp_path / "seg.dcm", replace(labels, edited=edited))
    types = [item.SegmentAlgorithmType for item in data.SegmentSequence]
    assert types == ["SEMIAUTOMATIC", "AUTOMATIC", "MANUAL"]
    again = images.read_labels(tmp_path / "seg.dcm")
    assert again.edited[Label.TUMOR].added_ml == pytest.approx(tumor_ml, abs=1e-6)


def test_marks_and_that_it_is_partial_come_back(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels())
    mark = LesionMark(Verdict.RULED_OUT, "a vessel", (2, 3, 1), np.full((2, 1, 1), 3, np.uint8))
    data = write(tmp_path / "seg.dcm", replace(labels, partial=True, marks=(mark,)))
    assert data.ContentLabel == "PARTIAL"
    again = images.read_labels(tmp_path / "seg.dcm")
    assert again.partial
    assert [(one.reason, one.start) for one in again.marks] == [("a vessel", (2, 3, 1))]


def test_lesions_are_segments_of_their_own_the_largest_first(tmp_path: Path) -> None:
    stored = np.zeros((40, 40, 8), np.uint8)
    stored[4:36, 4:36] = 1
    stored[6:10, 6:10, 2:4] = 3
    stored[20:26, 20:26, 2:6] = 3
    stored[30, 30, 6] = 3  # too small to be a lesion
    labels = labels_on_series(stored)
    data = write(tmp_path / "seg.dcm", labels, SegmentationOptions(per_lesion=True))
    tumors = data.SegmentSequence[2:]
    assert [item.SegmentLabel for item in tumors] == ["Tumor 1", "Tumor 2", "Tumor, smaller parts"]
    assert len({item.TrackingUID for item in tumors[:2]}) == 2
    assert {item.SegmentedPropertyTypeCodeSequence[0].CodeValue for item in tumors} == {"108369006"}
    found = by_hand(data, labels)
    assert [np.count_nonzero(found[number]) for number in (3, 4, 5)] == [144, 32, 1]
    again = images.read_labels(tmp_path / "seg.dcm")
    assert np.array_equal(again.voxels, labels.voxels)


@pytest.mark.parametrize("options", [BINARY, LABEL_MAP], ids=["binary", "label map"])
def test_labels_of_nothing_and_ignored_voxels_come_back(
    options: SegmentationOptions, tmp_path: Path
) -> None:
    empty = labels_on_series(np.zeros((5, 6, 3), np.uint8))
    write(tmp_path / "empty.dcm", empty, options)
    again = images.read_labels(tmp_path / "empty.dcm")
    assert again.shape == empty.shape
    assert not again.voxels.any()
    assert again.defined == frozenset(FOREGROUND)
    ignored = np.zeros(empty.shape, bool)
    ignored[1:3, 2, 1] = True
    some = replace(empty, ignored=ignored, defined=frozenset({Label.LIVER, Label.TUMOR}))
    some.voxels[4, 4, 0] = 3
    for _ in images.iter_write_labels(tmp_path / "ignored.dcm", some):
        pass
    found = images.read_labels(tmp_path / "ignored.dcm")
    assert found.ignored is not None
    assert np.array_equal(found.ignored, ignored)
    assert found.defined == frozenset({Label.LIVER, Label.TUMOR})
    assert np.array_equal(found.voxels, some.voxels)


def test_bits_of_frames_that_are_no_whole_bytes_go_on_in_the_next(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels((3, 5, 9)))  # 15 bits a frame
    found = by_hand(write(tmp_path / "seg.dcm", labels), labels)
    for label in FOREGROUND:
        assert np.array_equal(found[int(label)], label_mask(labels.voxels, label))


def test_values_of_the_series_that_are_not_as_they_should_be_are_kept(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels())
    assert labels.source is not None
    header = SeriesHeader.decode(labels.source.header)
    template = pydicom.dcmread(io.BytesIO(header.template))
    template.SpecificCharacterSet, template.PatientName = "ISO_IR 100", "M\u00fcller^J\u00f6rg"
    for keyword in ("StudyID", "AccessionNumber", "ReferringPhysicianName", "SliceThickness"):
        del template[keyword]
    written = io.BytesIO()
    with quiet_pydicom():
        template.PatientBirthDate, template.PatientSex = "1960.01.02", "X"
        template.save_as(written, enforce_file_format=True)
    changed = replace(header, template=written.getvalue())
    labels = replace(labels, source=replace(labels.source, header=changed.encode()))
    data = write(tmp_path / "seg.dcm", labels)
    with quiet_pydicom():
        assert (data.PatientSex, data.PatientBirthDate) == ("X", "1960.01.02")
    assert str(data.PatientName) == "M\u00fcller^J\u00f6rg"
    assert data.StudyID == ""


def test_labels_of_no_series_are_refused_in_a_sentence(tmp_path: Path) -> None:
    labels = LabelMap.from_array(np.ones((4, 4, 4), np.uint8), spacing=(1, 1, 1), name="case")
    with pytest.raises(ImageFileError, match=r"open that series, or save it as \.nii\.gz"):
        images.write_labels(tmp_path / "seg.dcm", labels)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_until_it_may_be_replaced(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels())
    path = tmp_path / "seg.dcm"
    path.write_bytes(b"mine")
    with pytest.raises(TargetError, match="exists already"):
        images.write_labels(path, labels)
    work = images.iter_write_labels(path, labels, overwrite=True)
    for step in work:
        if step.phase == "Verifying":
            break
    work.close()  # type: ignore[attr-defined]
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]
    images.write_labels(path, labels, overwrite=True)
    assert np.array_equal(images.read_labels(path).voxels, labels.voxels)


def test_what_comes_back_otherwise_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liverview.files.dicom.segmentations import label_writing

    labels = labels_on_series(random_labels())
    read = label_writing.read_data_set

    def one_bit_off(path: Path) -> pydicom.Dataset:
        data = read(path)
        pixels = bytearray(data.PixelData)
        pixels[5] ^= 4
        data.PixelData = bytes(pixels)
        return data

    monkeypatch.setattr(label_writing, "read_data_set", one_bit_off)
    with pytest.raises(ImageFileError, match="differs from what was written"):
        images.write_labels(tmp_path / "seg.dcm", labels)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_a_multi_frame_image_are_referred_to_by_number(tmp_path: Path) -> None:
    labels = labels_on_series(random_labels())
    assert labels.source is not None
    header = SeriesHeader.decode(labels.source.header)
    enhanced = "1.2.840.10008.5.1.4.1.1.2.1"
    frames = tuple(SourceSlice(k, enhanced, "1.2.3", 7 - k) for k in range(7))
    changed = replace(header, slices=frames).encode()
    labels = replace(labels, source=replace(labels.source, header=changed))
    data = write(tmp_path / "seg.dcm", labels)
    listed = data.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert [(i.ReferencedSOPClassUID, i.ReferencedSOPInstanceUID) for i in listed] == [
        (enhanced, "1.2.3")
    ]
    for frame in data.PerFrameFunctionalGroupsSequence:
        depth = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        image = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert image.ReferencedFrameNumber == 7 - round((depth - 100) / 2.5)
    again = images.read_labels(tmp_path / "seg.dcm")
    assert np.array_equal(again.voxels, labels.voxels)
    if shutil.which("dciodvfy"):
        command = ["dciodvfy", "-new", tmp_path / "seg.dcm"]
        run = subprocess.run(command, capture_output=True, text=True)
        assert "Error" not in run.stdout + run.stderr
