"""Nodes that refuse, hang or drop the line, by DICOMweb: one sentence, nothing kept, no thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liverview.core.stream import Message
from liverview.pacs import web, web_session
from liverview.pacs.echo import iter_echo
from liverview.pacs.errors import PacsError, TokenNeededError
from liverview.pacs.nodes import Node, NodeKind
from liverview.pacs.query import FoundSeries, FoundStudy, Query, iter_find
from liverview.pacs.retrieve import TemporarySource, iter_retrieve
from liverview.pacs.send import Sent, iter_send
from liverview.pacs.timeouts import Timeouts

from support.dicom_series import ct_slice, uid
from support.misbehaving import hang_up, raw_server, reply_with, silent, web_server
from support.orthanc import free_port

LONG = Timeouts(connect=10, reply=30)
SHORT = Timeouts(connect=5, reply=1.5)
"""For servers that say nothing."""
SERIES = FoundSeries(uid("study"), uid("series"), "1", "CT", "", "", 3)
JSON = "application/dicom+json"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=here'


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]


def node(url: str, token: str = "") -> Node:
    return Node("Archive", NodeKind.WEB, url=url, token=token)


def sentence(work: Iterator[Any], kind: type[PacsError] = PacsError) -> str:
    """The error of work, which is one sentence that names the node."""
    with pytest.raises(kind) as caught:
        list(work)
    text = str(caught.value)
    assert text.startswith("Archive (http")
    assert text.endswith(".")
    assert "\n" not in text
    return text


def image(number: int) -> bytes:
    data = BytesIO()
    hu = np.full((4, 4), number, np.int16)
    ct_slice(hu, (0, 0, number), instance=number).save_as(data, enforce_file_format=True)
    return data.getvalue()


def multipart(*parts: bytes, end: bytes = b"\r\n--here--\r\n") -> bytes:
    return (
        b"".join(b"\r\n--here\r\nContent-Type: application/dicom\r\n\r\n" + p for p in parts) + end
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "does not let us"),
        (404, "has nothing at this address"),
        (500, "failed inside"),
        (503, "is too busy"),
        (418, "refused the request"),
    ],
)
def test_an_answer_that_is_no_good(status: int, words: str) -> None:
    with web_server(reply_with(status)) as url:
        found = sentence(iter_echo(node(url), LONG))
        assert words in found
        assert str(status) in found
        assert words in sentence(iter_find(node(url), Query(), LONG))
        assert words in sentence(iter_retrieve(node(url), SERIES, LONG))


def test_a_token_is_wanted_or_another_one() -> None:
    with web_server(reply_with(401)) as url:
        assert "wants a token" in sentence(iter_echo(node(url), LONG), TokenNeededError)
        found = sentence(iter_echo(node(url, "secret-token"), LONG), TokenNeededError)
    assert "did not take the token" in found
    assert "secret" not in found


def test_tokens_are_sent_as_bearer_or_as_user_and_password() -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        reply_with(200, JSON, b"[]")(request)

    with web_server(answer) as url:
        for token in ("", "abc.def", "user:pass"):
            list(iter_echo(node(url, token), LONG))
    assert seen == [None, "Bearer abc.def", "Basic dXNlcjpwYXNz"]


def test_a_login_page_is_not_followed() -> None:
    paths: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        paths.append(request.path)
        reply_with(302, Location="/login")(request)

    with web_server(answer) as url:
        assert "sends on to /login" in sentence(iter_echo(node(url, "secret"), LONG))
    assert len(paths) == 1


def test_a_web_page_instead_of_dicom() -> None:
    with web_server(reply_with(200)) as url:
        assert "such as a web page" in sentence(iter_echo(node(url), LONG))
        assert "such as a web page" in sentence(iter_retrieve(node(url), SERIES, LONG))


@pytest.mark.parametrize("body", [b"[", b"\xff\xfe", b'"text"', b"<html>"])
def test_json_that_is_no_list(body: bytes) -> None:
    with web_server(reply_with(200, JSON, body)) as url:
        assert "something else than a list" in sentence(iter_find(node(url), Query(), LONG))


def test_a_list_without_an_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_session, "MOST_OF_A_REPLY", 1000)
    with web_server(reply_with(200, JSON, b" " * 1001 + b"[]")) as url:
        assert "sent an endless reply" in sentence(iter_find(node(url), Query(), LONG))


def test_an_image_without_an_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = image(0)
    monkeypatch.setattr(web, "MOST_OF_AN_IMAGE", 2 * len(data))
    # Many that are short are no long one: the bound is of each.
    monkeypatch.setattr(web, "_PIECE", len(data))
    images = multipart(*(image(number) for number in range(5)))
    with web_server(reply_with(200, MULTIPART, images)) as url:
        assert len([x for x in iter_retrieve(node(url), SERIES, LONG) if hasattr(x, "data")]) == 5
    with web_server(reply_with(200, MULTIPART, multipart(data * 3))) as url:
        assert "sent an endless reply" in sentence(iter_retrieve(node(url), SERIES, LONG))


def test_its_own_name_goes_with_its_port() -> None:
    hosts: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        hosts.append(request.headers.get("Host"))
        reply_with(200, JSON, b"[]")(request)

    with web_server(answer) as url:
        list(iter_find(node(url), Query(patient_id="a b"), LONG))
        assert hosts == [url.removeprefix("http://")]


@pytest.mark.parametrize("size", range(1, 60, 7))
def test_images_come_in_pieces_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_PIECE", size)
    images = [image(0) + b"\r\n--her", image(1) + b"\r\n\r\n", image(2)]
    with web_server(reply_with(200, MULTIPART, multipart(*images))) as url:
        items = list(iter_retrieve(node(url), SERIES, LONG))
    assert [item.data for item in items if hasattr(item, "data")] == images


def test_entries_that_are_none_are_counted() -> None:
    study = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00100010": {"vr": "PN", "Value": [7]}}
    entries = [1, {}, {"0020000D": 5}, study]

    def answer(request: BaseHTTPRequestHandler) -> None:
        body = b"[]" if "series" in request.path else json.dumps(entries).encode()
        reply_with(200, JSON, body)(request)

    with web_server(answer) as url:
        items = list(iter_find(node(url), Query(), LONG))
    assert any("cannot be read" in item.text for item in items if isinstance(item, Message))


def test_nobody_listens_and_no_such_host() -> None:
    port = free_port()
    assert "does not answer at port" in sentence(iter_echo(node(f"http://127.0.0.1:{port}"), LONG))
    found = sentence(iter_echo(node("http://no-such-host.invalid/dicom-web"), LONG))
    assert 'no host is called "no-such-host.invalid"' in found


def test_a_server_that_says_nothing_or_hangs_up() -> None:
    with raw_server(silent) as port:
        found = sentence(iter_echo(node(f"http://127.0.0.1:{port}"), SHORT))
        assert "said nothing for 1.5 s" in found
    with raw_server(hang_up) as port:
        found = sentence(iter_echo(node(f"http://127.0.0.1:{port}"), SHORT))
        assert "dropped the line instead of an answer" in found


def test_https_of_a_server_that_speaks_none() -> None:
    with raw_server(hang_up) as port:
        found = sentence(iter_echo(node(f"https://127.0.0.1:{port}"), LONG))
    assert "speaks TLS" in found


def test_a_wait_is_closed_at_once() -> None:
    with raw_server(silent) as port:
        # For a minute, if it were not closed.
        work = iter_find(node(f"http://127.0.0.1:{port}"), Query(), Timeouts(5, 60))
        for _ in range(4):
            next(work)
        work.close()
        assert not [t for t in threading.enumerate() if t.name.startswith("pacs")]


def test_images_come_as_they_are() -> None:
    images = [image(number) for number in range(3)]
    # The same one twice, as nodes send it that hold two copies.
    with web_server(reply_with(200, MULTIPART, multipart(*images, images[0]))) as url:
        items = list(iter_retrieve(node(url), SERIES, LONG))
    assert [item.data for item in items if hasattr(item, "data")] == images


def test_images_beyond_what_memory_should_hold_are_temporary_files() -> None:
    images = [image(number) for number in range(3)]
    with web_server(reply_with(200, MULTIPART, multipart(*images))) as url:
        items = list(iter_retrieve(node(url), SERIES, LONG, most_in_memory=len(images[0])))
    kept = [item for item in items if isinstance(item, TemporarySource)]
    assert [source.read() for source in kept] == images[1:]
    folder = kept[0].path.parent
    assert folder.stat().st_mode & 0o77 == 0
    items.clear()
    assert kept.pop(0).read(128, 4) == b"DICM"
    assert folder.exists()
    kept.clear()
    assert not folder.exists()


@pytest.mark.parametrize("end", [b"", b"\r\n--here\r\nContent-Type: appl"])
def test_images_that_end_too_early(end: bytes) -> None:
    body = multipart(image(0), image(1), end=end)
    with web_server(reply_with(200, MULTIPART, body)) as url:
        found = sentence(iter_retrieve(node(url), SERIES, LONG))
    assert "in the middle of the images, so none was kept" in found


def test_a_line_that_is_dropped_or_hangs_among_the_images() -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nContent-Length: 99999\r\n\r\n"
    body = head.encode() + multipart(image(0), end=b"")

    def drop(line: Any) -> None:
        line.recv(4096)
        line.sendall(body)

    def hang(line: Any) -> None:
        drop(line)
        silent(line)

    with raw_server(drop) as port:
        found = sentence(iter_retrieve(node(f"http://127.0.0.1:{port}"), SERIES, SHORT))
        assert "dropped the line" in found
    with raw_server(hang) as port:
        found = sentence(iter_retrieve(node(f"http://127.0.0.1:{port}"), SERIES, SHORT))
        assert "said nothing for 1.5 s" in found


def test_parts_that_are_no_images() -> None:
    with web_server(reply_with(200, MULTIPART, multipart(b"no DICOM"))) as url:
        assert "something else than images" in sentence(iter_retrieve(node(url), SERIES, LONG))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    path.write_bytes(image(1))
    return path


def test_files_are_sent_as_they_are(file: Path) -> None:
    bodies: list[bytes] = []

    def answer(request: Any) -> None:
        bodies.append(request.body)
        stored = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1"]}}]}}
        reply_with(200, JSON, json.dumps(stored).encode())(request)

    with web_server(answer) as url:
        (sent,) = (s for s in iter_send(node(url), [file], LONG) if isinstance(s, Sent))
    assert sent == Sent(file, True)
    assert bodies[0].split(b"\r\n\r\n", 1)[1].startswith(file.read_bytes() + b"\r\n--")


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (409, {"00081198": {"Value": [{"00081197": {"Value": [0xA700]}}]}}, "has no room"),
        (200, {"00081198": {"Value": [{"00081197": {"Value": [0x0122]}}]}}, "this kind of file"),
        (409, {"00081198": {"Value": [{}]}}, "refused it (answer 409)"),
        (400, [], "refused it (answer 400)"),
    ],
)
def test_files_that_are_refused(file: Path, status: int, answer: Any, words: str) -> None:
    with web_server(reply_with(status, JSON, json.dumps(answer).encode())) as url:
        (sent,) = (s for s in iter_send(node(url), [file], LONG) if isinstance(s, Sent))
    assert not sent.accepted
    assert words in sent.sentence
    assert "one.dcm" in sent.sentence


def test_an_answer_that_does_not_say_what_was_stored(file: Path) -> None:
    with web_server(reply_with(200)) as url:
        assert "something else than what it stored" in sentence(iter_send(node(url), [file], LONG))


def test_a_search_names_no_more_than_it_has_to() -> None:
    paths: list[str] = []
    study = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jörg"}]},
        "00080061": {"vr": "CS", "Value": ["CT", "SEG"]},
    }
    other = study | {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Miller^Jorg"}]}}

    def answer(request: BaseHTTPRequestHandler) -> None:
        paths.append(request.path)
        body = [] if "series" in request.path else [study, other]
        reply_with(200, JSON, json.dumps(body).encode())(request)

    with web_server(answer) as url:
        items = list(iter_find(node(url), Query("müller, j*", modality="ct"), LONG))
    (found,) = (item for item in items if isinstance(item, FoundStudy))
    assert (found.patient_name, found.modalities) == ("Müller, Jörg", ("CT", "SEG"))
    assert "PatientName=m*ller*j*&" in paths[0]
    assert "ModalitiesInStudy=CT&" in paths[0]
    assert paths[0].endswith("&limit=201")
    assert paths[1].startswith("/studies/1.2.3/series?")
    assert "Modality=CT" in paths[1]
