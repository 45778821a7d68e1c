"""Nodes, what is searched for, and the parts of a reply."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, NodeKind, Retrieval, check_node
from liverview.pacs.query import Query, readable_name, study_matches
from liverview.pacs.tokens import has_keyring, keep_token, stored_token

DIMSE = Node("Ward", ae_title="PACS", host="pacs.example", port=4242, retrieval=Retrieval.MOVE)
WEB = Node("Web", NodeKind.WEB, url="https://pacs.example/dicom-web", token="secret")


@pytest.mark.parametrize("node", [DIMSE, WEB])
def test_settings_keep_a_node_without_its_token(node: Node) -> None:
    text = node.to_json()
    assert "secret" not in text
    assert "secret" not in repr(node)
    assert Node.from_json(text) == replace(node, token="")


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "OTHER"}, {"port": "104"}, {"port": True}, {"port": 70000}, {"host": 5},
        {"name": ""}, {"ae_title": "x" * 17}, {"tls": "yes"}, {"unknown": 1}, {"host": "a b"},
        {"certificate": "own.pem"}, {"name": "x" * 5000},
    ],
)  # fmt: skip
def test_settings_that_hold_no_node(changed: dict[str, Any]) -> None:
    assert Node.from_json(json.dumps(json.loads(DIMSE.to_json()) | changed)) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, "7"])
def test_settings_that_hold_nothing_like_it(text: str) -> None:
    assert Node.from_json(text) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("pacs.example", "is no address of DICOMweb"),
        ("ftp://pacs.example", "is no address of DICOMweb"),
        ("http://", "is no address of DICOMweb"),
        ("http://[1", "is no address of DICOMweb"),
        ("http://pacs.example:x/", "is no address of DICOMweb"),
        ("https://me:secret@pacs.example", "holds a password"),
    ],
)
def test_addresses_that_are_none(url: str, words: str) -> None:
    with pytest.raises(PacsError, match=words):
        check_node(replace(WEB, url=url))


def test_names_are_searched_from_their_beginning() -> None:
    def asked(**given: Any) -> str:
        return study_matches(Query(**given))["PatientName"]

    assert asked() == ""
    assert asked(patient_name="Doe") == "Doe*"
    assert asked(patient_name="Doe, John") == "Doe^John*"
    assert asked(patient_name="*ohn") == "*ohn"


def test_dates_are_a_range_that_may_be_open() -> None:
    def asked(first: date | None, last: date | None) -> str:
        return study_matches(Query(first_date=first, last_date=last))["StudyDate"]

    one, two = date(2026, 1, 2), date(2026, 11, 30)
    assert asked(None, None) == ""
    assert asked(one, None) == "20260102-"
    assert asked(None, two) == "-20261130"
    assert asked(one, two) == "20260102-20261130"
    assert asked(one, one) == "20260102"
    with pytest.raises(PacsError, match="go backward"):
        asked(two, one)


@pytest.mark.parametrize("text", ["a\\b", "a\nb", "x" * 65])
def test_what_dicom_cannot_search_for(text: str) -> None:
    with pytest.raises(PacsError, match="name to search for"):
        study_matches(Query(patient_name=text))
    with pytest.raises(PacsError, match="ID to search for"):
        study_matches(Query(patient_id=text))


def test_names_are_shown_as_people_write_them() -> None:
    assert readable_name("Doe^John^^Dr") == "Doe, John Dr"
    assert readable_name("Yamada^Tarou=山田^太郎") == "Yamada, Tarou"
    assert readable_name("=山田^太郎") == "山田, 太郎"
    assert readable_name("") == ""


class Memory(KeyringBackend):
    """A keyring of a test."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def given_keyring() -> Any:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_tokens_are_in_the_keyring_by_address(given_keyring: Any) -> None:
    given_keyring(Memory())
    assert has_keyring()
    assert stored_token(WEB) == ""
    assert keep_token(WEB, "secret")
    assert stored_token(WEB) == "secret"
    assert stored_token(replace(WEB, name="Other name")) == "secret"
    assert stored_token(replace(WEB, url="https://elsewhere.example")) == ""
    assert stored_token(replace(WEB, kind=NodeKind.DIMSE)) == ""
    assert keep_token(WEB, "")
    assert keep_token(WEB, "")
    assert stored_token(WEB) == ""


def test_where_there_is_no_keyring_tokens_are_nowhere(given_keyring: Any) -> None:
    from keyring.backends.fail import Keyring

    given_keyring(Keyring())
    assert not has_keyring()
    assert not keep_token(WEB, "secret")
    assert stored_token(WEB) == ""
