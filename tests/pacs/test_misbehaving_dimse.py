"""Nodes that refuse, hang or drop the line, by DIMSE: one sentence, nothing kept, no thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind as Find,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet as Get,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelMove as Move,
)
from pynetdicom.sop_class import Verification

from liverview.core.stream import Message
from liverview.pacs.echo import iter_echo
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, Retrieval
from liverview.pacs.query import FoundSeries, FoundStudy, Query, iter_find
from liverview.pacs.retrieve import iter_retrieve
from liverview.pacs.send import Sent, iter_send
from liverview.pacs.timeouts import Timeouts

from support.dicom_series import ct_slice, uid
from support.misbehaving import dimse_server, hang_up, raw_server, silent
from support.orthanc import free_port

# Of a line that could not be opened, pynetdicom drops the socket without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
LONG = Timeouts(connect=10, reply=30)
SHORT = Timeouts(connect=5, reply=1.5)
"""For servers that say nothing."""
SERIES = FoundSeries(uid("study"), uid("series"), "1", "CT", "", "", 2)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]


def node(port: int, **options: Any) -> Node:
    given = {"ae_title": "PACS", "host": "127.0.0.1", "our_port": free_port()}
    return Node("Ward", port=port, **given | options)


def sentence(work: Iterator[Any]) -> str:
    """The error of work, which is one sentence that names the node."""
    with pytest.raises(PacsError) as caught:
        list(work)
    text = str(caught.value)
    assert text.startswith(("Ward (", "Port "))
    assert text.endswith(".")
    assert "\n" not in text
    return text


def image(number: int = 0, series: str = "series") -> Dataset:
    hu = np.zeros((4, 4), np.int16)
    return ct_slice(hu, (0, 0, number), instance=number, name=series)


def test_nobody_listens() -> None:
    assert "does not answer at port" in sentence(iter_echo(node(free_port()), LONG))


def test_no_such_host() -> None:
    found = sentence(iter_echo(node(104, host="no-such-host.invalid"), LONG))
    assert 'no host is called "no-such-host.invalid"' in found


def test_a_server_that_says_nothing() -> None:
    with raw_server(silent) as port:
        assert "said nothing for 1.5 s" in sentence(iter_echo(node(port), SHORT))


def test_a_server_that_hangs_up() -> None:
    with raw_server(hang_up) as port:
        assert "without an answer" in sentence(iter_echo(node(port), LONG))


def test_a_server_that_speaks_another_language() -> None:
    with raw_server(lambda line: line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        sentence(iter_echo(node(port), LONG))


def test_it_has_another_title() -> None:
    with dimse_server([Verification], [], "OTHER", require_called_aet=True) as port:
        found = sentence(iter_echo(node(port), LONG))
    assert "has another AE title than PACS" in found


def test_it_does_not_know_ours() -> None:
    with dimse_server([Verification], [], require_calling_aet=["SOMEBODY"]) as port:
        found = sentence(iter_echo(node(port), LONG))
    assert "does not know our AE title LIVERVIEW" in found


def test_it_is_full() -> None:
    def full(event: Any) -> None:
        event.assoc.acse.send_reject(2, 3, 2)  # for a while, by its presentation, local limit
        event.assoc.kill()

    with dimse_server([Verification], [(evt.EVT_REQUESTED, full)]) as port:
        assert "refused (" in sentence(iter_echo(node(port), LONG))


def test_it_does_not_do_what_is_asked() -> None:
    with dimse_server([Verification], []) as port:
        assert "does not offer" in sentence(iter_find(node(port), Query(), LONG))
        assert "does not offer" in sentence(iter_retrieve(node(port), SERIES, LONG))


def test_tls_is_spoken_to_who_knows_none() -> None:
    with raw_server(hang_up) as port:
        assert "speaks TLS" in sentence(iter_echo(node(port, tls=True), LONG))


def held(release: threading.Event) -> Callable[[Any], Iterator[Any]]:
    """A handler that says nothing until it is released."""

    def handle(event: Any) -> Iterator[Any]:
        release.wait(30)
        yield 0x0000, None

    return handle


def test_a_search_that_hangs() -> None:
    release = threading.Event()
    with dimse_server([Find], [(evt.EVT_C_FIND, held(release))]) as port:
        found = sentence(iter_find(node(port), Query(), SHORT))
        release.set()
    assert "said nothing for 1.5 s while it was searched" in found


def test_a_search_that_hangs_is_closed_at_once() -> None:
    release = threading.Event()
    with dimse_server([Find], [(evt.EVT_C_FIND, held(release))]) as port:
        # For a minute, if it were not closed.
        work = iter_find(node(port), Query(), Timeouts(connect=5, reply=60))
        for _ in range(4):
            next(work)
        work.close()
        assert not [t for t in threading.enumerate() if t.name.startswith(("pacs", "Requestor"))]
        release.set()


def dropped(event: Any) -> Iterator[Any]:
    event.assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    yield 0xFF00, Dataset()


def test_a_search_whose_line_is_dropped() -> None:
    with dimse_server([Find], [(evt.EVT_C_FIND, dropped)]) as port:
        assert "dropped the line while" in sentence(iter_find(node(port), Query(), LONG))


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xA700, "too busy"), (0x0124, "does not let LIVERVIEW search"), (0xC001, "status C001")],
)
def test_a_search_that_is_refused(status: int, words: str) -> None:
    def refuse(event: Any) -> Iterator[Any]:
        yield status, None

    with dimse_server([Find], [(evt.EVT_C_FIND, refuse)]) as port:
        assert words in sentence(iter_find(node(port), Query(), LONG))


def test_an_endless_list_is_bounded() -> None:
    def endless(event: Any) -> Iterator[Any]:
        if event.identifier.QueryRetrieveLevel != "STUDY":
            yield 0x0000, None
            return
        for number in range(10_000):
            if event.is_cancelled:
                return
            found = Dataset()
            found.QueryRetrieveLevel, found.StudyInstanceUID = "STUDY", uid(number)
            yield 0xFF00, found

    with dimse_server([Find], [(evt.EVT_C_FIND, endless)]) as port:
        items = list(iter_find(node(port), Query(), LONG, most=3))
    assert len([item for item in items if isinstance(item, FoundStudy)]) == 3
    (message,) = (item.text for item in items if isinstance(item, Message))
    assert "more than 3" in message


def test_entries_that_are_none_are_counted() -> None:
    def odd(event: Any) -> Iterator[Any]:
        found = Dataset()
        found.QueryRetrieveLevel, found.PatientID = "STUDY", "1"
        yield 0xFF00, found

    with dimse_server([Find], [(evt.EVT_C_FIND, odd)]) as port:
        items = list(iter_find(node(port), Query(), LONG))
    assert [item for item in items if isinstance(item, FoundStudy)] == []
    assert any("1 entries" in item.text for item in items if isinstance(item, Message))


def test_images_that_stop_coming() -> None:
    release = threading.Event()

    def stuck(event: Any) -> Iterator[Any]:
        yield 2
        yield 0xFF00, image(0)
        release.wait(30)
        yield 0xFF00, image(1)

    with dimse_server([Get, CTImageStorage], [(evt.EVT_C_GET, stuck)]) as port:
        found = sentence(iter_retrieve(node(port), SERIES, SHORT))
        release.set()
    assert "while images were retrieved" in found


def test_images_whose_line_is_dropped() -> None:
    def cut(event: Any) -> Iterator[Any]:
        yield 2
        yield 0xFF00, image(0)
        event.assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        yield 0xFF00, image(1)

    with dimse_server([Get, CTImageStorage], [(evt.EVT_C_GET, cut)]) as port:
        found = sentence(iter_retrieve(node(port), SERIES, LONG))
    assert "dropped the line while images were retrieved" in found


def test_no_image_comes() -> None:
    def nothing(event: Any) -> Iterator[Any]:
        yield 0

    with dimse_server([Get, CTImageStorage], [(evt.EVT_C_GET, nothing)]) as port:
        assert "sent no image" in sentence(iter_retrieve(node(port), SERIES, LONG))


def test_images_of_another_series_are_not_taken() -> None:
    def other(event: Any) -> Iterator[Any]:
        yield 1
        yield 0xFF00, image(0, "another")

    with dimse_server([Get, CTImageStorage], [(evt.EVT_C_GET, other)]) as port:
        assert "could not send 1 of 1" in sentence(iter_retrieve(node(port), SERIES, LONG))


def test_our_port_is_taken() -> None:
    with socket.create_server(("", 0)) as taken, dimse_server([Move], []) as port:
        ours = taken.getsockname()[1]
        by_move = node(port, retrieval=Retrieval.MOVE, our_port=ours)
        assert f"Port {ours} of this computer" in sentence(iter_retrieve(by_move, SERIES, LONG))


def test_it_does_not_know_where_we_are() -> None:
    def unknown(event: Any) -> Iterator[Any]:
        yield None, None

    with dimse_server([Move], [(evt.EVT_C_MOVE, unknown)]) as port:
        by_move = node(port, retrieval=Retrieval.MOVE)
        found = sentence(iter_retrieve(by_move, SERIES, LONG))
    assert "does not know where LIVERVIEW is" in found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    image().save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xA700, "has no room"), (0x0124, "does not let us store"), (0xC000, "refused it")],
)
def test_a_file_that_is_refused(file: Path, status: int, words: str) -> None:
    with dimse_server([CTImageStorage], [(evt.EVT_C_STORE, lambda event: status)]) as port:
        (sent,) = (s for s in iter_send(node(port), [file], LONG) if isinstance(s, Sent))
    assert not sent.accepted
    assert words in sent.sentence


def test_what_is_no_dicom_is_named_and_the_rest_is_sent(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_bytes(b"no DICOM" * 50)
    got: list[Dataset] = []

    def keep(event: Any) -> int:
        got.append(event.dataset)
        return 0x0000

    with dimse_server([CTImageStorage], [(evt.EVT_C_STORE, keep)]) as port:
        sent = [s for s in iter_send(node(port), [other, file], LONG) if isinstance(s, Sent)]
    assert [s.accepted for s in sent] == [False, True]
    assert "notes.txt is no DICOM file" in sent[0].sentence
    assert got == [dcmread(file)]


def test_a_kind_that_it_does_not_take(file: Path) -> None:
    with dimse_server([Verification], []) as port:
        assert "does not offer" in sentence(iter_send(node(port), [file], LONG))
