"""DICOM structured reports, read by dcmqi, checked by dciodvfy, and taken apart by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.core.stream import drain
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.atomic import TargetError
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.segmentations.label_writing import SegmentationOptions
from liverview.files.dicom.segmentations.tracking import lesion_tracking_uids
from liverview.files.opening import ImageFileError
from liverview.measurement.compute import measure
from liverview.measurement.export import measurement_figures
from liverview.report.structured_report import iter_write_structured_report

from support.dicom_scans import labels_of, volume_of
from support.dicom_series import uid, write_series
from support.marks import mark_at, without

SHAPE = (14, 40, 44)
TILTED = (0.96, 0.28, 0.0, -0.28, 0.96, 0.0)
"""Rows and columns turned about the body's axis."""


@pytest.fixture
def case(tmp_path: Path) -> tuple[Volume, LabelMap]:
    """A liver with a vessel and two tumors, and a third one that is ruled out."""
    hu = np.random.default_rng(3).integers(-20, 160, SHAPE).astype(np.int16)
    with quiet_pydicom():
        paths = write_series(
            tmp_path / "series", hu, orientation=TILTED, PatientName="山田^太郎",
            SpecificCharacterSet="ISO_IR 192", PatientBirthDate="no date", PatientSex="unknown",
        )  # fmt: skip
    volume = volume_of(paths, hu)
    stored = np.zeros(SHAPE, np.uint8)
    stored[1:13, 4:36, 4:40] = Label.LIVER
    stored[2:12, 30, 6:30] = Label.VESSEL
    stored[3:9, 8:20, 8:26] = Label.TUMOR
    stored[4:8, 22:28, 30:37] = Label.TUMOR
    stored[10:12, 6:9, 32:36] = Label.TUMOR
    return volume, labels_of(stored, volume)


@pytest.fixture
def reviewed(case: tuple[Volume, LabelMap]) -> tuple[Volume, LabelMap]:
    volume, labels = case
    places = np.argwhere(labels.voxels == Label.TUMOR)
    small = measure(labels).lesions[2]
    assert len(places)
    labels = without(labels, small.inside, "a cyst, Größe unverändert")
    first, second = measure(labels).lesions
    marks = (
        *labels.marks,
        mark_at(labels, first.inside, Verdict.TARGET),
        mark_at(labels, second.inside, Verdict.NO_TARGET, "treated before"),
    )
    return volume, replace(labels, marks=marks)


def write_segmentation(path: Path, series: Path, labels: LabelMap) -> Path:
    """A segmentation of liver, vessels and tumors by highdicom."""
    images = [pydicom.dcmread(each) for each in sorted(series.iterdir())]
    images.sort(key=lambda data: float(data.ImagePositionPatient[2]))
    assert labels.source is not None
    from liverview.core.orientation import turn_from_ras

    stored = turn_from_ras(labels.voxels, labels.source.orientation).transpose(2, 1, 0)
    kinds = ((1, "Liver", "10200004"), (2, "Vessels", "59820001"), (3, "Tumor", "108369006"))
    segments = [
        highdicom.seg.SegmentDescription(
            number, name, codes.SCT.AnatomicalStructure,
            highdicom.sr.CodedConcept(code, "SCT", name), "MANUAL",
        )
        for number, name, code in kinds
    ]  # fmt: skip
    for image in images:
        image.PatientBirthDate = image.PatientSex = ""
    written = highdicom.seg.Segmentation(
        images, stored, "BINARY", segments, uid("seg"), 2, uid("seg", 1), 1, "m", "m", "1", "1"
    )
    written.save_as(path)
    return path


def write(path: Path, case: tuple[Volume, LabelMap], **options: Any) -> pydicom.Dataset:
    drain(iter_write_structured_report(path, *case, **options))
    return pydicom.dcmread(path)


def groups_of(data: pydicom.Dataset) -> list[dict[str, Any]]:
    """The measurement groups, read item by item: their facts, and numbers with codes and units."""
    (container,) = [
        item for item in data.ContentSequence if concept(item)[0] == "126010"
    ]  # imaging measurements
    found = []
    for group in container.ContentSequence:
        facts: dict[str, Any] = {"numbers": [], "images": [], "comments": []}
        for item in group.ContentSequence:
            name = concept(item)[0]
            if item.ValueType == "NUM":
                (value,) = item.MeasuredValueSequence
                unit = value.MeasurementUnitsCodeSequence[0]
                kinds = [
                    each.ConceptCodeSequence[0].CodeValue
                    for each in item.get("ContentSequence", ())
                    if concept(each)[0] == "121401"
                ]
                facts["numbers"].append(
                    (name, *kinds, float(value.NumericValue), unit.CodeValue,
                     unit.CodingSchemeDesignator)
                )  # fmt: skip
            elif item.ValueType == "IMAGE":
                facts["images"].append(item.ReferencedSOPSequence[0])
            elif name == "121106":
                facts["comments"].append(item.TextValue)
            elif item.ValueType == "CODE":
                code = item.ConceptCodeSequence[0]
                facts[name] = (code.CodeValue, code.CodingSchemeDesignator)
            else:
                facts[name] = item.get("UID") or item.TextValue
        found.append(facts)
    return found


def concept(item: pydicom.Dataset) -> tuple[str, str]:
    code = item.ConceptNameCodeSequence[0]
    return str(code.CodeValue), str(code.CodingSchemeDesignator)


def expected_lesion(figures: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        ("118565006", figures["volume_ml"], "mL", "UCUM"),
        ("103339001", figures["axial_diameter_mm"], "mm", "UCUM"),
        ("103340004", figures["perpendicular_diameter_mm"], "mm", "UCUM"),
        ("112031", "373098007", figures["mean_hu"], "[hnsf'U]", "UCUM"),
        ("112031", "386136009", figures["sd_hu"], "[hnsf'U]", "UCUM"),
    ]


def test_every_number_is_that_of_the_measurement_file(
    reviewed: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    volume, labels = reviewed
    figures = measurement_figures(measure(labels, volume))
    groups = groups_of(write(tmp_path / "sr.dcm", reviewed))
    assert len(groups) == 6
    liver, vessel, tumor, first, second, ruled_out = (group["numbers"] for group in groups)
    assert liver == [("118565006", figures["liver_with_vessels_and_tumors_ml"], "mL", "UCUM")]
    assert vessel == [("118565006", figures["vessel_ml"], "mL", "UCUM")]
    total = figures["recist_1_1"]["sum_of_diameters_mm"]
    assert tumor == [
        ("118565006", figures["tumor_ml"], "mL", "UCUM"),
        ("tumor_burden", figures["tumor_burden_percent"], "%", "UCUM"),
        ("sum_of_diameters", total, "mm", "UCUM"),
    ]
    assert total == figures["lesions"][0]["axial_diameter_mm"] > 10
    assert first == expected_lesion(figures["lesions"][0])
    assert second == expected_lesion(figures["lesions"][1])
    assert ruled_out == expected_lesion(figures["ruled_out_lesions"][0])


def test_volumes_are_those_of_the_voxels(case: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    _, labels = case
    groups = groups_of(write(tmp_path / "sr.dcm", case))
    ml = 0.8 * 0.7 * 2.5 / 1000
    for group, mask in zip(groups, (labels.voxels > 0, labels.voxels == 2, labels.voxels == 3),
                           strict=False):  # fmt: skip
        assert group["numbers"][0][1] == round(mask.sum() * ml, 2)
    assert groups[3]["numbers"][0][1] == round(6 * 12 * 18 * ml, 3)


def test_what_a_reader_said_is_in_it(reviewed: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    *_, tumor, first, second, ruled_out = groups_of(write(tmp_path / "sr.dcm", reviewed))
    own = "99LIVERVIEW"
    assert tumor["targets_status"] == ("confirmed", own)
    assert first["verdict"] == ("target", own)
    assert (second["verdict"], second["comments"]) == (("no_target", own), ["treated before"])
    assert ruled_out["verdict"] == ("ruled_out", own)
    assert ruled_out["comments"] == ["a cyst, Größe unverändert"]
    assert [group["112039"] for group in (first, ruled_out)] == ["Lesion 1", "Ruled out 1"]


def test_candidates_are_not_said_to_be_targets(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    groups = groups_of(write(tmp_path / "sr.dcm", case))
    assert groups[2]["targets_status"] == ("proposed", "99LIVERVIEW")
    said = [group.get("verdict", ("", ""))[0] for group in groups[3:]]
    assert said == ["candidate", "" if groups[4]["numbers"][1][1] < 10 else "candidate", ""]


def test_partial_labels_are_said_to_be_partial(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    groups = groups_of(write(tmp_path / "sr.dcm", (case[0], replace(case[1], partial=True))))
    assert groups[0]["labels_status"] == ("partial", "99LIVERVIEW")
    assert [name for name, *_ in groups[2]["numbers"]] == ["118565006", "tumor_burden"]


def test_a_label_that_nobody_drew_has_no_group(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    labels = replace(case[1], defined=frozenset({Label.LIVER, Label.TUMOR}))
    kinds = [group["121071"][0] for group in groups_of(write(tmp_path / "a", (case[0], labels)))]
    assert kinds == ["10200004", *4 * ["108369006"]]


def test_codes_algorithm_and_references_without_a_segmentation(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    data = write(tmp_path / "sr.dcm", case)
    groups = groups_of(data)
    assert groups[0]["121071"] == ("10200004", "SCT")
    assert groups[3]["363698007"] == ("10200004", "SCT")
    assert groups[0]["111001"] == "liverview"
    assert "SHA-256" in groups[0]["111002"]
    paths = [pydicom.dcmread(path) for path in (tmp_path / "series").iterdir()]
    paths.sort(key=lambda image: float(image.ImagePositionPatient[2]))
    for group, first, last in ((groups[0], 1, 13), (groups[3], 3, 9), (groups[5], 10, 12)):
        expected = [image.SOPInstanceUID for image in paths[first:last]]
        assert [item.ReferencedSOPInstanceUID for item in group["images"]] == expected
    assert str(data.PatientName) == "山田^太郎"
    assert data.StudyInstanceUID == uid("study")
    assert (data.PatientBirthDate, data.PatientSex) == ("", "")


def test_references_to_the_segments_of_a_segmentation(
    reviewed: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    segmentation = write_segmentation(tmp_path / "seg.dcm", tmp_path / "series", reviewed[1])
    groups = groups_of(write(tmp_path / "sr.dcm", reviewed, segmentation=segmentation))
    numbers = [group["images"][0].get("ReferencedSegmentNumber") for group in groups]
    assert numbers == [1, 2, 3, 3, 3, None]
    for group in groups[:5]:
        assert group["images"][0].ReferencedSOPInstanceUID == uid("seg", 1)


def test_a_lesion_keeps_its_tracking_uid(reviewed: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    volume, labels = reviewed
    before = groups_of(write(tmp_path / "1.dcm", reviewed))
    again = groups_of(write(tmp_path / "2.dcm", reviewed))
    assert [group["112040"] for group in before] == [group["112040"] for group in again]
    uids = [group["112040"] for group in before]
    assert len(set(uids)) == len(uids)
    assert all(pydicom.uid.UID(each).is_valid for each in uids)
    # The largest lesion is gone: the second is number 1 now and stays the same lesion.
    fewer = without(labels, measure(labels).lesions[0].inside, "no lesion")
    after = groups_of(write(tmp_path / "3.dcm", (volume, fewer)))
    assert (after[3]["112039"], before[4]["112039"]) == ("Lesion 1", "Lesion 2")
    assert after[3]["112040"] == before[4]["112040"]
    assert {before[3]["112040"], before[5]["112040"]} == {group["112040"] for group in after[4:]}


def test_each_lesion_refers_to_its_own_segment(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    volume, labels = case
    options = SegmentationOptions(per_lesion=True)
    drain(images.iter_write_labels(tmp_path / "seg.dcm", labels, volume, options=options))
    groups = groups_of(write(tmp_path / "sr.dcm", case, segmentation=tmp_path / "seg.dcm"))
    segments = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    by_number = {int(item.SegmentNumber): item for item in segments}
    lesions = groups[3:6]
    numbers = [group["images"][0].ReferencedSegmentNumber for group in lesions]
    assert len(set(numbers)) == 3
    for group, number in zip(lesions, numbers, strict=True):
        assert by_number[number].TrackingUID == group["112040"]
        assert by_number[number].TrackingID == group["112039"]
    assert groups[2]["images"][0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_rounding_does_not_move_a_lesion_across_the_edge_of_a_cell() -> None:
    """Segmentation and report compute a centroid each in its own way."""
    for edge in (-7.5, 2.5, 7.5, 12.5):
        near = [(edge + apart, 3.0, edge - apart) for apart in (-1e-9, 0.0, 1e-9)]
        assert len({lesion_tracking_uids("1.2.3", [point]) for point in near}) == 1


def test_tracking_uids_of_lesions_side_by_side_differ() -> None:
    near = [(10.0, 10.0, 10.0), (11.0, 10.5, 10.0), (10.2, 9.9, 10.0), (40.0, 0.0, 0.0)]
    uids = lesion_tracking_uids("1.2.3", near)
    assert len(set(uids)) == 4
    assert lesion_tracking_uids("1.2.3", near[::-1]) == uids[::-1]
    assert not set(lesion_tracking_uids("1.2.4", near)) & set(uids)
    moved = [(x + 0.4, y, z - 0.4) for x, y, z in near[3:]]
    assert lesion_tracking_uids("1.2.3", moved) == uids[3:]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("with_segments", [False, True])
def test_dciodvfy_finds_no_error(
    reviewed: tuple[Volume, LabelMap], tmp_path: Path, with_segments: bool
) -> None:
    options = {}
    if with_segments:
        path = tmp_path / "seg.dcm"
        options["segmentation"] = write_segmentation(path, tmp_path / "series", reviewed[1])
    write(tmp_path / "sr.dcm", reviewed, **options)
    found = subprocess.run(
        ["dciodvfy", tmp_path / "sr.dcm"], capture_output=True, text=True, check=False
    )
    assert "Error" not in found.stderr + found.stdout
    assert "ComprehensiveSR" in found.stderr + found.stdout


def test_dcmqi_reads_all_of_it_back(reviewed: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    segmentation = write_segmentation(tmp_path / "seg.dcm", tmp_path / "series", reviewed[1])
    groups = groups_of(write(tmp_path / "sr.dcm", reviewed, segmentation=segmentation))
    reader = Path(sys.executable).with_name("tid1500reader")
    subprocess.run(
        [reader, "--inputDICOM", tmp_path / "sr.dcm", "--outputMetadata", tmp_path / "sr.json"],
        check=True, capture_output=True,
    )  # fmt: skip
    read = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    by_uid = {group["TrackingUniqueIdentifier"]: group for group in read}
    for group in groups[:5]:
        found = by_uid[group["112040"]]
        assert found["TrackingIdentifier"] == group["112039"]
        assert found["ReferencedSegment"] == group["images"][0].ReferencedSegmentNumber
        assert found["segmentationSOPInstanceUID"] == uid("seg", 1)
        assert found["SourceSeriesForImageSegmentation"] == uid("series")
        assert found["Finding"]["CodeValue"] == group["121071"][0]
        items = [
            (
                item["quantity"]["CodeValue"],
                *(
                    [item["derivationModifier"]["CodeValue"]]
                    if "derivationModifier" in item
                    else []
                ),
                float(item["value"]),
                item["units"]["CodeValue"],
                item["units"]["CodingSchemeDesignator"],
            )
            for item in found["measurementItems"]
        ]
        assert items == group["numbers"]


def test_only_scans_of_dicom_have_one(case: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    volume = Volume.from_array(np.zeros((4, 4, 4), np.int16), spacing=(1, 1, 1), name="phantom")
    labels = LabelMap.from_array(np.zeros((4, 4, 4), np.uint8), spacing=(1, 1, 1))
    with pytest.raises(ImageFileError, match="phantom is none: open the scan as DICOM"):
        write(tmp_path / "sr.dcm", (volume, labels))
    assert not (tmp_path / "sr.dcm").exists()


def test_a_segmentation_of_another_series_is_refused(
    case: tuple[Volume, LabelMap], tmp_path: Path
) -> None:
    hu = np.zeros(SHAPE, np.int16)
    other = write_series(tmp_path / "other", hu, name="another")
    path = write_segmentation(tmp_path / "seg.dcm", tmp_path / "other", case[1])
    with pytest.raises(ImageFileError, match="of another series"):
        write(tmp_path / "sr.dcm", case, segmentation=path)
    with pytest.raises(ImageFileError, match="is no segmentation"):
        write(tmp_path / "sr.dcm", case, segmentation=other[0])
    path.write_bytes(b"no DICOM")
    with pytest.raises(ImageFileError, match="cannot be read as DICOM"):
        write(tmp_path / "sr.dcm", case, segmentation=path)
    assert not (tmp_path / "sr.dcm").exists()


def test_a_report_that_is_there_stays(case: tuple[Volume, LabelMap], tmp_path: Path) -> None:
    (tmp_path / "sr.dcm").write_bytes(b"here")
    with pytest.raises(TargetError, match="exists already"):
        write(tmp_path / "sr.dcm", case)
    assert (tmp_path / "sr.dcm").read_bytes() == b"here"
    work = iter_write_structured_report(tmp_path / "sr.dcm", *case, overwrite=True)
    next(work)
    work.close()  # type: ignore[attr-defined]
    assert (tmp_path / "sr.dcm").read_bytes() == b"here"
    assert write(tmp_path / "sr.dcm", case, overwrite=True).Modality == "SR"


def test_a_report_that_comes_back_changed_takes_no_name(
    case: tuple[Volume, LabelMap], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_as = highdicom.sr.ComprehensiveSR.save_as

    def save_changed(self: pydicom.Dataset, path: Path, **options: Any) -> None:
        save_as(self, path, **options)
        content = path.read_bytes()
        assert content.count(b"Lesion 2") == 1
        path.write_bytes(content.replace(b"Lesion 2", b"Lesion 7"))

    monkeypatch.setattr(highdicom.sr.ComprehensiveSR, "save_as", save_changed)
    with pytest.raises(TargetError, match="reads back otherwise"):
        write(tmp_path / "sr.dcm", case)
    assert [each.name for each in tmp_path.iterdir()] == ["series"]
