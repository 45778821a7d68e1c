"""A PACS in the window: set up, searched, retrieved from, and sent to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import keyring
import numpy as np
import pytest
from keyring.backends.fail import Keyring
from pydicom import Dataset, dcmread
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.pacs.nodes import Node, NodeKind, Retrieval
from liverview.ui.dialogs.pacs_nodes import PacsNodesDialog
from liverview.ui.dialogs.pacs_query import PacsQueryDialog
from liverview.ui.dialogs.pacs_send import SendChoice
from liverview.ui.main_window import MainWindow
from liverview.ui.state.pacs_nodes import PacsNodes

from support.answers import TIMEOUT_MS
from support.dicom_series import pattern, uid, write_series
from support.misbehaving import raw_server, reply_with, silent, web_server
from support.orthanc import Orthanc, free_port, run_orthanc
from support.window import Stream

HU = pattern(7, 5, 8)  # of the shape that the held segmentation streams labels for
WAYS = ["C-GET", "C-MOVE", "DICOMweb"]
# Of a line that could not be opened, pynetdicom drops the socket without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    folder = tmp_path_factory.mktemp("orthanc")
    with run_orthanc(folder / "server") as server:
        for path in write_series(folder / "series", HU, name="abdomen"):
            server.store(path)
        yield server


def node_for(server: Orthanc, way: str) -> Node:
    return server.web_node() if way == "DICOMweb" else server.node(Retrieval(way))


def query_dialog(window: MainWindow, *nodes: Node) -> PacsQueryDialog:
    window.pacs.nodes.set_nodes(nodes)
    window.actions_.file.pacs.query.trigger()
    assert window.pacs.query_dialog is not None
    return window.pacs.query_dialog


def search(qtbot: QtBot, dialog: PacsQueryDialog, name: str = "") -> None:
    dialog.patient_name.setText(name)
    qtbot.mouseClick(dialog.search_button, Qt.MouseButton.LeftButton)
    wait(qtbot, dialog)


def wait(qtbot: QtBot, dialog: PacsQueryDialog) -> None:
    """Until nothing is under way."""
    qtbot.waitUntil(lambda: not dialog.stop_button.isEnabled(), timeout=TIMEOUT_MS)


@pytest.mark.parametrize("way", WAYS)
def test_the_way_of_a_scan_from_the_pacs_and_of_its_labels_back(
    qtbot: QtBot, window: MainWindow, orthanc: Orthanc, stream: Stream, way: str
) -> None:
    node = node_for(orthanc, way)
    dialog = query_dialog(window, node)
    search(qtbot, dialog, "test")
    (study,) = (dialog.tree.topLevelItem(n) for n in range(dialog.tree.topLevelItemCount()))
    assert study.text(0) == "Test, Case"
    assert study.text(2) == "2026-01-02"
    series = [study.child(n) for n in range(study.childCount())]
    (wanted,) = (each for each in series if each.text(4) == "CT")
    assert (wanted.text(3), wanted.text(5)) == ("abdomen", "8")

    dialog.tree.setCurrentItem(wanted)
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        qtbot.mouseClick(dialog.retrieve_button, Qt.MouseButton.LeftButton)
    volume = window.session.volume
    assert volume is not None
    assert np.array_equal(volume.to_numpy(), HU.transpose(2, 1, 0)[::-1, ::-1])
    assert window.session.path is None
    dialog.reject()

    stream.go.set()
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()
    labels = window.session.labels
    assert labels is not None
    before = orthanc.count()
    with qtbot.waitSignal(window.pacs.message, timeout=TIMEOUT_MS) as told:
        window.pacs.start_sending(SendChoice(node, segmentation=True, report=True))
    assert told.args == [f"{node.name} took 2 files."]
    assert orthanc.count() == before + 2

    seg, report = sent_back(orthanc)
    assert seg.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.4"
    assert (seg.StudyInstanceUID, seg.PatientID) == (uid("study"), "T1")
    liver, tumor = labels.voxels > 0, labels.voxels == Label.TUMOR
    assert np.array_equal(segment_of(seg, "Liver", labels.voxels.shape), liver)
    assert np.array_equal(segment_of(seg, "Tumor", labels.voxels.shape), tumor)
    assert report.Modality == "SR"
    assert report.StudyInstanceUID == uid("study")
    assert seg.SOPInstanceUID in str(report)


def sent_back(orthanc: Orthanc) -> tuple[Dataset, Dataset]:
    """The SEG and the SR that came last, by Orthanc's own interface."""
    found = {}
    for data in orthanc.files():
        read = dcmread(BytesIO(data))
        if read.Modality in ("SEG", "SR"):
            found[read.Modality] = read
    for read in found.values():
        orthanc.remove(read.SOPInstanceUID)
    return found["SEG"], found["SR"]


def segment_of(seg: Dataset, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The voxels of a segment, in RAS+, put together by the positions of its frames."""
    (number,) = (s.SegmentNumber for s in seg.SegmentSequence if name in s.SegmentLabel)
    voxels = np.zeros(shape, bool)
    for frame, pixels in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number:
            z = frame.PlanePositionSequence[0].ImagePositionPatient[2]
            voxels[:, :, round((float(z) - 100) / 2.5)] = pixels.T[::-1, ::-1] > 0
    return voxels


def test_what_does_not_work_is_said_in_the_dialog(qtbot: QtBot, window: MainWindow) -> None:
    dialog = query_dialog(window, Node("Ward", ae_title="PACS", host="127.0.0.1", port=free_port()))
    search(qtbot, dialog)
    assert dialog.words.text().startswith("Ward (127.0.0.1:")
    assert "does not answer at port" in dialog.words.text()
    dialog.dates.setCurrentIndex(dialog.dates.count() - 1)
    dialog.first.setDate(dialog.last.date().addDays(1))
    search(qtbot, dialog)
    assert "go backward" in dialog.words.text()
    dialog.reject()


def test_a_search_that_is_stopped_says_nothing_more(qtbot: QtBot, window: MainWindow) -> None:
    with raw_server(silent) as port:
        dialog = query_dialog(window, Node("Ward", ae_title="P", host="127.0.0.1", port=port))
        qtbot.mouseClick(dialog.search_button, Qt.MouseButton.LeftButton)
        assert dialog.stop_button.isEnabled()
        assert not dialog.search_button.isEnabled()
        qtbot.mouseClick(dialog.stop_button, Qt.MouseButton.LeftButton)
        assert dialog.words.text() == "Stopped."
        assert dialog.search_button.isEnabled()
        dialog.reject()
        assert window.pacs.query_dialog is None
        window.controller.shut_down()


def test_a_token_is_asked_for_once(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    seen: list[str | None] = []

    def answer(request: object) -> None:
        given = request.headers.get("Authorization")
        seen.append(given)
        good = given == "Bearer right"
        reply_with(200 if good else 401, "application/dicom+json", b"[]")(request)

    def person(*arguments: object) -> tuple[str, bool]:
        asked.append(str(arguments[2]))
        return "right", True

    monkeypatch.setattr(QInputDialog, "getText", person)
    with web_server(answer) as url:
        dialog = query_dialog(window, Node("Archive", NodeKind.WEB, url=url))
        with qtbot.waitSignal(window.pacs.message, timeout=TIMEOUT_MS) as told:
            qtbot.mouseClick(dialog.search_button, Qt.MouseButton.LeftButton)
        assert "no keyring" in told.args[0]
        wait(qtbot, dialog)
        search(qtbot, dialog)
        dialog.reject()
    assert asked == ["Token of Archive, or USER:PASSWORD:"]
    assert seen == [None, "Bearer right", "Bearer right"]
    window.settings.sync()
    assert "right" not in Path(window.settings.fileName()).read_text(encoding="utf-8")


def test_nodes_are_kept_over_restarts_without_tokens(window: MainWindow) -> None:
    nodes = (
        Node("Ward", ae_title="PACS", host="pacs.example", tls=True, retrieval=Retrieval.MOVE),
        Node("Web", NodeKind.WEB, url="https://pacs.example/dicom-web", token="secret"),
    )
    window.pacs.nodes.set_nodes(nodes)
    window.pacs.nodes.set_token(nodes[1], "secret")
    assert PacsNodes(window.settings).nodes == (nodes[0], replace(nodes[1], token=""))
    text = Path(window.settings.fileName()).read_text(encoding="utf-8")
    assert "pacs.example" in text
    assert "secret" not in text


def test_damaged_settings_hold_no_node(window: MainWindow) -> None:
    good = Node("Ward", ae_title="PACS", host="pacs.example")
    for value in ("text", 7, ["", "{}", good.to_json(), good.to_json()], [b"\xff"], {"a": 1}):
        window.settings.setValue("pacs/nodes", value)
        assert PacsNodes(window.settings).nodes in ((), (good,))
    window.settings.setValue("pacs/nodes", ["{}", good.to_json(), good.to_json()])
    assert PacsNodes(window.settings).nodes == (good,)


def test_the_dialog_of_nodes(qtbot: QtBot, window: MainWindow) -> None:
    dialog = PacsNodesDialog((), window)
    dialog.show()
    form = dialog.form
    assert dialog.list.count() == 1
    dialog.buttons.accepted.emit()
    assert "AE title" in dialog.result_label.text()
    assert dialog.isVisible()
    for field, text in ((form.name, "Ward"), (form.ae_title, "PACS"), (form.host, "127.0.0.1")):
        field.selectAll()
        qtbot.keyClicks(field, text)
    form.port.setValue(4242)
    form.retrieval.setCurrentIndex(1)
    assert form.our_port.isEnabled()
    assert not form.ca_file.isEnabled()
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    form.kind.setCurrentIndex(1)
    form.name.selectAll()
    qtbot.keyClicks(form.name, "Ward")
    qtbot.keyClicks(form.url, "https://pacs.example/dicom-web")
    qtbot.keyClicks(form.token, "secret")
    assert form.ca_file.isEnabled()
    dialog.buttons.accepted.emit()
    assert 'Two nodes are called "Ward"' in dialog.result_label.text()
    form.name.selectAll()
    qtbot.keyClicks(form.name, "Web")
    dialog.buttons.accepted.emit()
    assert not dialog.isVisible()
    ward, web = dialog.nodes()
    assert ward == Node(
        "Ward", ae_title="PACS", host="127.0.0.1", port=4242, retrieval=Retrieval.MOVE
    )
    assert web == Node("Web", NodeKind.WEB, url="https://pacs.example/dicom-web")
    assert dialog.tokens() == [(web, "secret")]
    dialog.deleteLater()


def test_a_node_is_tested(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def person(dialog: PacsNodesDialog) -> int:
        dialog.show()
        qtbot.mouseClick(dialog.test_button, Qt.MouseButton.LeftButton)
        assert not dialog.test_button.isEnabled()
        qtbot.waitUntil(dialog.test_button.isEnabled, timeout=TIMEOUT_MS)
        said.append(dialog.result_label.text())
        dialog.hide()
        return 0

    monkeypatch.setattr(PacsNodesDialog, "exec", person)
    with web_server(reply_with(200, "application/dicom+json", b"[]")) as url:
        window.pacs.nodes.set_nodes([Node("Archive", NodeKind.WEB, url=url)])
        window.actions_.file.pacs.nodes.trigger()
    window.actions_.file.pacs.nodes.trigger()
    assert said[0].endswith("answers.")
    assert "does not answer at port" in said[1]


def test_what_is_no_dicom_is_not_sent(qtbot: QtBot, segmented: MainWindow) -> None:
    with qtbot.waitSignal(segmented.pacs.failed, timeout=TIMEOUT_MS) as told:
        segmented.actions_.file.pacs.send.trigger()
    assert "A PACS takes labels of a DICOM series" in told.args[0]


def test_without_a_node_no_socket_is_ever_opened(tmp_path: Path) -> None:
    """Start, open a case, segment: sockets raise, and nothing that opens them is imported."""
    write_series(tmp_path / "series", HU, name="abdomen")
    code = """
import socket, sys
opened = []
class Refused(socket.socket):
    def __init__(self, *arguments, **options):
        opened.append(arguments)
        raise AssertionError("a socket was opened")
socket.socket = Refused
from pathlib import Path
from PySide6.QtCore import QEventLoop, QSettings
from liverview.ui.app import make_application
application = make_application()
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session
folder = Path(sys.argv[1])
window = MainWindow(Session(), QSettings(str(folder / "s.ini"), QSettings.Format.IniFormat))
window.show()
def wait(act):
    loop = QEventLoop()
    window.controller.idle.connect(loop.quit)
    act()
    loop.exec()
wait(lambda: window.open(folder / "series"))
assert window.session.volume is not None
wait(lambda: window.controller.segment("cpu"))
window.session.store.mark_saved()
window.close()
lines = [m for m in ("pynetdicom", "requests", "urllib3", "keyring") if m in sys.modules]
print("opened", opened, "imported", lines)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().splitlines()[-1] == "opened [] imported []", run.stdout
