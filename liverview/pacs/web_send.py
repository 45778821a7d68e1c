"""Sending by STOW-RS, one file per request, so that each has its answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from liverview.pacs.dicom_files import read_facts
from liverview.pacs.errors import PacsError
from liverview.pacs.send import Sent
from liverview.pacs.waiting import Put
from liverview.pacs.web import JSON, WebClient

_PIECE = 2**18
_FAILED, _REFERENCED, _REASON, _WARNING = "00081198", "00081199", "00081197", "00081196"
_REASONS = {
    0x0122: "does not store this kind of file",
    0x0124: "does not let us store",
    0xA700: "has no room for it",
    0xC122: "does not store this kind of file",
}


def store(client: WebClient, paths: Sequence[Path], put: Put) -> None:
    """Put a `Sent` for each file."""
    with client:
        for path in paths:
            try:
                read_facts(path)
            except PacsError as error:
                put(Sent(path, False, str(error)))
                continue
            put(_store_one(client, path))


def _store_one(client: WebClient, path: Path) -> Sent:
    boundary = uuid.uuid4().hex
    headers = {
        "Accept": JSON,
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
    }
    status, text = client.post("studies", headers, _Joined(list(_iter_body(path, boundary))))
    return _judged(client, path, status, _parsed(text))


class _Joined:
    """Pieces with a length, so that they are sent as they are, not as chunks."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return sum(map(len, self._pieces))


def _iter_body(path: Path, boundary: str) -> Iterator[bytes]:
    yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _judged(client: WebClient, path: Path, status: int, answer: dict[str, Any]) -> Sent:
    place = client.node.place
    failed = _first(answer, _FAILED)
    if failed is not None or status in (400, 409):
        code = _number(failed or {}, _REASON)
        reason = _REASONS.get(code, "refused it")
        told = f"status {code:04X}" if code else f"answer {status}"
        return Sent(
            path,
            False,
            f"{place} did not store {path.name}, it {reason} ({told}): ask who runs it.",
        )
    if _first(answer, _REFERENCED) is None:
        raise client.unexpected_reply("what it stored")
    warning = _number(_first(answer, _REFERENCED) or {}, _WARNING)
    if warning:
        return Sent(path, True, f"{place} stored {path.name} with a remark (status {warning:04X}).")
    return Sent(path, True)


def _first(answer: dict[str, Any], tag: str) -> dict[str, Any] | None:
    """The first item of a sequence in DICOM's JSON."""
    sequence = answer.get(tag)
    items = sequence.get("Value") if isinstance(sequence, dict) else None
    item = items[0] if isinstance(items, list) and items else None
    return item if isinstance(item, dict) else None


def _number(item: dict[str, Any], tag: str) -> int:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    value = values[0] if isinstance(values, list) and values else 0
    return value if isinstance(value, int) else 0
