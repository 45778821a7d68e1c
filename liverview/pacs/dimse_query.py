"""Searching by C-FIND, in the study root model."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import TEXT_VR_DELIMS
from pynetdicom.presentation import build_context

from liverview.core.stream import Progress
from liverview.pacs.association import Line, category
from liverview.pacs.errors import PacsError
from liverview.pacs.query import (
    SERIES_KEYS,
    STUDY_KEYS,
    FoundStudy,
    series_of,
    study_of,
    too_many,
    unreadable,
)
from liverview.pacs.waiting import Put

_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")  # study root, C-FIND
_BUSY = 0xA700
_NOT_LET_IN = 0x0124


def find(line: Line, keys: dict[str, str], modality: str, most: int, put: Put) -> None:
    """Put studies as they come, then the series of each, into ``put``."""
    studies: list[FoundStudy] = []
    unread = 0
    try:
        for reply in _iter_matches(line, _identifier("STUDY", STUDY_KEYS, keys)):
            study = study_of(texts_of(reply))
            if study is None:
                unread += 1
                continue
            if len(studies) == most:
                put(too_many(line.node, most))
                line.abort()  # the node may go on for long
                break
            studies.append(study)
            put(study)
        for index, study in enumerate(studies):
            put(Progress("Searching series", index / len(studies)))
            matches = {"StudyInstanceUID": study.uid, "Modality": modality}
            for reply in _iter_matches(line, _identifier("SERIES", SERIES_KEYS, matches)):
                series = series_of(texts_of(reply), study.uid)
                if series is None:
                    unread += 1
                elif not modality or series.modality == modality:
                    put(series)
        if unread:
            put(unreadable(line.node, unread))
    finally:
        line.close()


def texts_of(reply: Dataset) -> dict[str, str]:
    """What a reply says, by keyword.

    Its bytes are decoded here: of values that are against the rules, pydicom would warn, and its
    warnings quote them.
    """
    stored = reply.get_item("SpecificCharacterSet")
    names = _bytes(stored).decode("ascii", "replace").strip("\0 ").split("\\")
    known = [name for name in names if name.strip() in python_encoding]
    encodings = convert_encodings(known or [""])
    texts = {}
    for keyword in {*STUDY_KEYS, *SERIES_KEYS}:
        value = _bytes(reply.get_item(keyword))
        texts[keyword] = decode_bytes(value, encodings, TEXT_VR_DELIMS).strip("\0 ")
    return texts


def _bytes(element: object) -> bytes:
    value = getattr(element, "value", None)
    return value if isinstance(value, bytes) else b""


def _identifier(level: str, asked: tuple[str, ...], matches: dict[str, str]) -> Dataset:
    data = Dataset()
    data.QueryRetrieveLevel = level
    for keyword in asked:
        setattr(data, keyword, matches.get(keyword, ""))
    if not all(text.isascii() for text in matches.values()):
        data.SpecificCharacterSet = "ISO_IR 192"
    return data


def _iter_matches(line: Line, identifier: Dataset) -> Iterator[Dataset]:
    association = line.association or line.open([build_context(_FIND)])
    for status, found in association.send_c_find(identifier, _FIND):
        if "Status" not in status:
            raise line.silent("it was searched")
        kind = category(status.Status)
        if kind == "Pending":
            yield found if found is not None else Dataset()
        elif kind != "Success":
            raise PacsError(_refusal(line, status.Status))


def _refusal(line: Line, status: int) -> str:
    place = line.node.place
    if status == _BUSY:
        return f"{place} refused the search, it is too busy: narrow it, or try again."
    if status == _NOT_LET_IN:
        return f"{place} does not let {line.node.our_ae_title} search: ask who runs it."
    return (
        f"{place} refused the search (status {status:04X}): "
        "search by other fields, or ask who runs it to let this computer search."
    )
