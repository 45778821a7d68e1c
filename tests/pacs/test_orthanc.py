"""The way of a scan: into an Orthanc, found and retrieved there, its labels sent back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from liverview.core.stream import Message
from liverview.files.dicom.places.sources import DicomSource
from liverview.pacs.echo import iter_echo
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, Retrieval
from liverview.pacs.query import FoundSeries, FoundStudy, Query, iter_find
from liverview.pacs.retrieve import iter_retrieve
from liverview.pacs.send import Sent, iter_send
from liverview.pacs.timeouts import Timeouts

from support.dicom_series import pattern, uid, write_series
from support.orthanc import Orthanc, run_orthanc

TIMEOUTS = Timeouts(10, 30)
WAYS = ("C-GET", "C-MOVE", "DICOMweb")


def renamed(index: int, data: Dataset) -> None:
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID = "Müller^Jörg", "M7"
    data.StudyInstanceUID, data.StudyDate = uid("another study"), "20260303"


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_series(tmp_path_factory.mktemp("series"), pattern(9, 8, 7), name="abdomen")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory, series: list[Path]) -> Iterator[Orthanc]:
    folder = tmp_path_factory.mktemp("orthanc")
    more = write_series(folder / "more", pattern(9, 8, 2), name="thorax", change=renamed)
    with run_orthanc(folder / "server") as server:
        for path in (*series, *more):
            server.store(path)
        yield server


def node_for(server: Orthanc, way: str) -> Node:
    if way == "DICOMweb":
        return server.web_node()
    return server.node(Retrieval(way))


def found(node: Node, query: Query) -> tuple[list[FoundStudy], list[FoundSeries]]:
    items = list(iter_find(node, query, TIMEOUTS))
    studies = [item for item in items if isinstance(item, FoundStudy)]
    return studies, [item for item in items if isinstance(item, FoundSeries)]


def retrieved(node: Node, series: FoundSeries) -> list[bytes]:
    items = list(iter_retrieve(node, series, TIMEOUTS))
    assert threading.enumerate() == [threading.main_thread()]
    return [item.read() for item in items if isinstance(item, DicomSource)]


@pytest.mark.parametrize("way", WAYS)
def test_it_answers(orthanc: Orthanc, way: str) -> None:
    *_, last = iter_echo(node_for(orthanc, way))
    assert isinstance(last, Message)
    assert "answers" in last.text


@pytest.mark.parametrize("way", ["C-GET", "DICOMweb"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        (Query(), ["Müller, Jörg", "Test, Case"]),
        (Query("test"), ["Test, Case"]),
        (Query("Test, C"), ["Test, Case"]),
        (Query("*ase"), ["Test, Case"]),
        (Query("müller"), ["Müller, Jörg"]),
        (Query("Müller, J*rg"), ["Müller, Jörg"]),
        (Query("Meier"), []),
        (Query(patient_id="M7"), ["Müller, Jörg"]),
        (Query(patient_id="M"), []),
        (Query(first_date=date(2026, 3, 1)), ["Müller, Jörg"]),
        (Query(last_date=date(2026, 1, 2)), ["Test, Case"]),
        (Query(first_date=date(2026, 1, 3), last_date=date(2026, 3, 2)), []),
        (Query("test", modality="CT"), ["Test, Case"]),
        (Query(modality="MR"), []),
    ],
)
def test_studies_are_found(orthanc: Orthanc, way: str, query: Query, names: list[str]) -> None:
    studies, series = found(node_for(orthanc, way), query)
    assert sorted(study.patient_name for study in studies) == names
    assert {each.study_uid for each in series} == {study.uid for study in studies}


@pytest.mark.parametrize("way", ["C-GET", "DICOMweb"])
def test_what_is_found_is_described(orthanc: Orthanc, way: str) -> None:
    (study,), (series,) = found(node_for(orthanc, way), Query("Test"))
    assert (study.uid, study.patient_id, study.birth_date) == (uid("study"), "T1", "19600101")
    assert (study.study_date, study.study_time[:6]) == ("20260102", "101112")
    assert study.modalities == ("CT",)
    assert (series.uid, series.description, series.number) == (uid("abdomen"), "abdomen", "1")
    assert (series.modality, series.images) == ("CT", 7)


@pytest.mark.parametrize("way", WAYS)
def test_a_series_is_retrieved_to_the_bit(orthanc: Orthanc, way: str, series: list[Path]) -> None:
    node = node_for(orthanc, way)
    _, (wanted,) = found(node, Query("Test"))
    got = [dcmread(BytesIO(data)) for data in retrieved(node, wanted)]
    written = {data.SOPInstanceUID: data for data in map(dcmread, series)}
    assert len(got) == len(written)
    for data in got:
        assert data == written[data.SOPInstanceUID]
        assert np.array_equal(data.pixel_array, written[data.SOPInstanceUID].pixel_array)


def test_dicomweb_gives_the_files_as_they_were_stored(orthanc: Orthanc, series: list[Path]) -> None:
    _, (wanted,) = found(orthanc.web_node(), Query("Test"))
    got = retrieved(orthanc.web_node(), wanted)
    assert sorted(got) == sorted(path.read_bytes() for path in series)


@pytest.mark.parametrize("way", WAYS)
def test_a_retrieval_that_is_closed_leaves_nothing(orthanc: Orthanc, way: str) -> None:
    node = node_for(orthanc, way)
    _, (wanted,) = found(node, Query("Test"))
    work = iter_retrieve(node, wanted, TIMEOUTS)
    while not isinstance(next(work), DicomSource):
        pass
    work.close()
    assert threading.enumerate() == [threading.main_thread()]
    assert len(retrieved(node, wanted)) == 7


def test_a_series_that_is_gone(orthanc: Orthanc) -> None:
    gone = FoundSeries(uid("study"), uid("no such series"), "", "CT", "", "", None)
    for way in WAYS:
        with pytest.raises(PacsError, match="Orthanc"):
            retrieved(node_for(orthanc, way), gone)


@pytest.mark.parametrize("way", ["C-GET", "DICOMweb"])
def test_files_are_sent(orthanc: Orthanc, way: str, tmp_path: Path) -> None:
    def own(index: int, data: Dataset) -> None:
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid("sent", way, index)
        data.StudyInstanceUID, data.PatientName = uid("sent study"), "Sent^Case"
        data.PatientID = f"sent by {way}"

    paths = write_series(tmp_path, pattern(5, 4, 3), name=f"sent {way}", change=own)
    node = node_for(orthanc, way)
    sent = [item for item in iter_send(node, paths, TIMEOUTS) if isinstance(item, Sent)]
    assert sent == [Sent(path, True) for path in paths]
    for path in paths:
        data = dcmread(path)
        assert dcmread(BytesIO(orthanc.stored_file(data.SOPInstanceUID))) == data


def test_it_is_asked_under_a_title_that_it_does_not_know(orthanc: Orthanc) -> None:
    stranger = orthanc.node(our_ae_title="STRANGER")
    for work in (iter_echo(stranger), iter_find(stranger, Query())):
        with pytest.raises(PacsError, match=r"Orthanc \(127\.0\.0\.1.*STRANGER|ask who runs it"):
            list(work)


def test_it_is_called_by_another_title(orthanc: Orthanc) -> None:
    called = Node("Orthanc", ae_title="OTHER", host="127.0.0.1", port=orthanc.dicom_port)
    with pytest.raises(PacsError, match="has another AE title than OTHER"):
        list(iter_echo(called))


def test_nothing_of_the_patient_is_logged(
    orthanc: Orthanc, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    for way in WAYS:
        node = node_for(orthanc, way)
        _, (wanted,) = found(node, Query("Test", "T1"))
        retrieved(node, wanted)
    out, err = capfd.readouterr()
    for text in (caplog.text, out, err):
        assert not [word for word in ("Test", "T1", "Case", uid("study")) if word in text]
