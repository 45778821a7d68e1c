"""Nothing that says whose scan it is gets into what liverview writes of it."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label, default_styles
from liverview.core.stream import drain, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.atomic import write_json
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places.sources import FileSource
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.dicom.series.splitting import split_series
from liverview.files.dicom.series.volume_reading import iter_read_volume
from liverview.files.sessions.content import SessionContent
from liverview.measurement.compute import measure
from liverview.printing import pdf
from liverview.report.assembly import WrittenReport, iter_write_report
from liverview.report.provenance import Provenance
from liverview.ui.state.label_facts import about_of, abouts_from_json, abouts_to_json, with_about

from support.dicom_series import pattern, write_series
from support.hidden_texts import markers_in, markers_in_folder
from support.sessions import state_of, write_session

MARKERS = (
    "ZQFAMILY", "ZQGIVEN", "ZQNUMBER", "ZQACCESS", "ZQDOCTOR", "ZQHOSPITAL", "ZQSTATION",
    "19310417", "1931-04-17", "20310418", "2031-04-18", "173459",
)  # fmt: skip


def mark(_: int, data: Dataset) -> None:
    with quiet_pydicom():
        data.PatientName, data.PatientID = "ZQFAMILY^ZQGIVEN", "ZQNUMBER7"
        data.PatientBirthDate, data.StudyDate, data.StudyTime = "19310417", "20310418", "173459"
        data.AccessionNumber, data.ReferringPhysicianName = "ZQACCESS", "ZQDOCTOR"
        data.InstitutionName, data.StationName = "ZQHOSPITAL", "ZQSTATION"
        data.PatientAge = "ZQNUMBER years"  # no age: pydicom quotes it in a warning
        item = Dataset()
        item.ReferencedSOPInstanceUID = "1.2.3"
        item.PatientName = "ZQFAMILY"
        data.ReferencedPatientSequence = [item]


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    with quiet_pydicom():
        paths = write_series(
            tmp_path / "scans", pattern(12, 14, 8), change=mark, SeriesDescription="portal"
        )
    (found,) = split_series([header_of(FileSource(path)) for path in paths])
    return result_of(iter_read_volume(found), Volume)


@pytest.fixture
def labels(volume: Volume) -> LabelMap:
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    voxels[2:12, 2:10, 1:7], voxels[4:9, 4:8, 2:6] = Label.LIVER, Label.TUMOR
    return LabelMap(voxels, volume.affine, volume.name, volume.source)


def test_the_scan_itself_has_all_of_it(volume: Volume, tmp_path: Path) -> None:
    """Else the other tests could not fail."""
    assert volume.study is not None
    assert "ZQFAMILY" in volume.study.patient
    assert volume.source is not None
    hidden = b64encode(zlib.compress(b64encode(volume.source.header)))
    found = markers_in(hidden, MARKERS)
    assert found >= {"ZQFAMILY", "ZQGIVEN", "ZQNUMBER", "20310418", "ZQHOSPITAL"}
    header = SeriesHeader.decode(volume.source.header)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "template").write_bytes(header.template)
    assert "ZQFAMILY" in markers_in_folder(tmp_path / "x", MARKERS)["template"]


def test_what_is_printed_of_a_scan_says_nothing_of_the_patient(
    volume: Volume, labels: LabelMap
) -> None:
    said = repr((volume, labels, volume.source, volume.study, measure(labels, volume)))
    assert not markers_in(said.encode(), MARKERS)
    assert not markers_in(" ".join([volume.name, *volume.warnings]).encode(), MARKERS)


def test_reports_and_label_maps_say_nothing_of_the_patient(
    volume: Volume, labels: LabelMap, tmp_path: Path, qtbot: QtBot
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    work = iter_write_report(volume, labels, out, Provenance("scans"), pdf.write_pdf)
    assert result_of(work, WrittenReport).paths.pdf.is_file()
    for name in ("labels.nii.gz", "labels.nrrd"):
        drain(images.iter_write_labels(out / name, labels, volume))
    drain(images.iter_write_volume(out / "scan.nii.gz", volume))
    assert len(list(out.iterdir())) >= 8
    assert markers_in_folder(out, MARKERS) == {}


def test_sessions_say_nothing_of_the_patient(
    volume: Volume, labels: LabelMap, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    state = state_of(volume, None, labels)
    history = json.dumps(abouts_to_json([about_of(labels)])).encode()
    assert volume.study is not None
    for name, kept in (("in", state), ("by", replace(state, scan=replace(
        state.scan, path=str(tmp_path / "scans"), series=volume.study.series_key)))):  # fmt: skip
        scan = None if name == "in" else tmp_path / "scans"
        content = SessionContent(kept, volume, scan, labels, result=labels, history=history)
        write_session(out / f"{name}.liverview", content)
    assert len(list(out.iterdir())) == 2
    assert markers_in_folder(out, MARKERS) == {}


def test_the_journal_says_nothing_of_the_patient_and_the_labels_come_back(
    volume: Volume, labels: LabelMap, tmp_path: Path
) -> None:
    kept = json.loads(json.dumps(abouts_to_json([about_of(labels)])))
    assert not markers_in(json.dumps(kept).encode(), MARKERS)
    again = with_about(labels.voxels, abouts_from_json(kept)[0])
    assert again.source is not None
    assert again.source.shape == volume.source.shape  # type: ignore[union-attr]
    # On the scan's grid they are written as a segmentation of its slices, as before.
    drain(images.iter_write_labels(tmp_path / "seg.dcm", again, volume, styles=default_styles()))
    written = pydicom.dcmread(tmp_path / "seg.dcm")
    assert written.Modality == "SEG"
    assert written.PatientName == "ZQFAMILY^ZQGIVEN"


def test_values_that_are_not_as_they_should_be_reach_no_log_and_no_terminal(
    volume: Volume, labels: LabelMap, tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    drain(images.iter_write_labels(tmp_path / "seg.dcm", labels, volume))
    write_json(tmp_path / "a.json", {"name": volume.name})
    assert not markers_in("".join(capfd.readouterr()).encode(), MARKERS)
