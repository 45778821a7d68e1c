"""Whatever a series says of patient and study, or does not: what is made of it belongs together."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from liverview.core.labels import Label, default_styles
from liverview.core.stream import drain
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.dicom.deidentification.copying import iter_write_deidentified
from liverview.files.dicom.places.listing import Listing, iter_list
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.segmentations.label_writing import iter_write_labels
from liverview.files.dicom.writing.series_writing import iter_write_series
from liverview.report.key_image_files import iter_write_key_images
from liverview.report.structured_report import iter_write_structured_report

from support.dicom_series import pattern, write_series

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
TEXTS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
VALID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


def take_away(_: int, data: Dataset) -> None:
    for keyword in (*UIDS[::2], *TEXTS):
        delattr(data, keyword)


def empty(_: int, data: Dataset) -> None:
    for keyword in (*UIDS[::2], *TEXTS):
        setattr(data, keyword, "")


def double(_: int, data: Dataset) -> None:
    data.PatientName, data.PatientID = ["First^A", "Second^B"], ["a", "b"]


def japanese(_: int, data: Dataset) -> None:
    data.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    data.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def chinese(_: int, data: Dataset) -> None:
    data.SpecificCharacterSet = "GB18030"
    data.PatientName = "Wang^XiaoDong=王^小东"


@pytest.mark.parametrize("change", [take_away, empty, double, japanese, chinese])
def test_all_that_is_made_of_a_series_is_of_one_study_and_patient(
    change: Callable[[int, Dataset], None], tmp_path: Path
) -> None:
    with quiet_pydicom():
        write_series(tmp_path / "s", pattern(14, 12, 6), change=change)
    volume = images.read(tmp_path / "s")
    voxels = np.zeros(volume.shape, np.uint8)
    voxels[1:11, 1:11, 1:5], voxels[4:9, 4:9, 2:4] = Label.LIVER, Label.TUMOR
    labels = LabelMap(voxels, volume.affine, "labels", volume.source)
    table = {int(label): style for label, style in default_styles().items()}
    drain(iter_write_labels(tmp_path / "seg.dcm", labels, table, overwrite=False))
    drain(iter_write_structured_report(tmp_path / "sr.dcm", volume, labels))
    drain(iter_write_key_images(tmp_path / "key", volume, labels))
    drain(iter_write_series(tmp_path / "ct", volume, overwrite=False))
    written = [tmp_path / name for name in ("seg.dcm", "sr.dcm")]
    written += [next((tmp_path / name).iterdir()) for name in ("key", "ct")]
    with quiet_pydicom():
        source = pydicom.dcmread(next((tmp_path / "s").iterdir()))
        made = [pydicom.dcmread(path) for path in written]
        (study,) = {data.StudyInstanceUID for data in made}
        assert VALID.fullmatch(study)
        assert len(study) <= 64
        assert study == (source.get("StudyInstanceUID") or study)
        (frame,) = {data.FrameOfReferenceUID for data in (made[0], made[3])}
        assert VALID.fullmatch(frame)
        assert frame == (source.get("FrameOfReferenceUID") or frame)
        (patient,) = {str(data.PatientID or "") for data in made}
        assert patient == str(source.get("PatientID") or "")
        names = [str(data.PatientName or "") for data in made]
        assert names[0] == names[3] == str(source.get("PatientName") or "")
        assert names[1] == names[2]
        assert names[1] == names[0] or change is double
        assert len({data.SOPInstanceUID for data in made}) == 4
        assert len({data.SeriesInstanceUID for data in [*made, source]}) == 5


@pytest.mark.parametrize("change", [take_away, empty, double, japanese])
def test_a_deidentified_copy_has_its_pseudonym_whatever_was_there(
    change: Callable[[int, Dataset], None], tmp_path: Path
) -> None:
    with quiet_pydicom():
        write_series(tmp_path / "s", pattern(8, 7, 3), change=change)
    (listing,) = [item for item in iter_list([tmp_path / "s"]) if isinstance(item, Listing)][-1:]
    *_, kept = iter_write_deidentified(listing.volumes[0], tmp_path / "copy")
    read = [pydicom.dcmread(path) for path in sorted((tmp_path / "copy").iterdir())]
    assert len(read) == 3
    assert {str(data.PatientName) for data in read} == {kept.patient}  # type: ignore[union-attr]
    assert {data.PatientID for data in read} == {kept.patient}  # type: ignore[union-attr]
