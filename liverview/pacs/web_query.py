"""Searching by QIDO-RS."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

from liverview.core.stream import Progress
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
from liverview.pacs.web import WebClient


def search(client: WebClient, keys: dict[str, str], modality: str, most: int, put: Put) -> None:
    """Put studies, then the series of each, into ``put``."""
    with client:
        studies, unread = _find_studies(client, keys, most, put)
        for index, study in enumerate(studies):
            put(Progress("Searching series", index / len(studies)))
            asked = {"Modality": modality} if modality else {}
            for entry in client.find_series(study.uid, asked, SERIES_KEYS):
                series = series_of(texts_of(entry), study.uid)
                if series is None:
                    unread += 1
                elif not modality or series.modality == modality:
                    put(series)
        if unread:
            put(unreadable(client.node, unread))


def _find_studies(
    client: WebClient, keys: dict[str, str], most: int, put: Put
) -> tuple[list[FoundStudy], int]:
    """The studies, and how many entries could not be read."""
    asked = {key: text for key, text in keys.items() if text}
    if keys["PatientName"]:
        asked["PatientName"] = plain_pattern(keys["PatientName"])
    studies: list[FoundStudy] = []
    unread = 0
    for entry in client.find_studies(asked, STUDY_KEYS, most + 1):
        study = study_of(texts_of(entry))
        if study is None:
            unread += 1
        elif fits(study.patient_name, keys["PatientName"]):
            if len(studies) == most:
                put(too_many(client.node, most))
                break
            studies.append(study)
            put(study)
    return studies, unread


def plain_pattern(name: str) -> str:
    """A name to search for, of signs that need no escapes in an address, so that it may fit more.

    Orthanc's DICOMweb 1.7 finds nothing by a name with an escaped sign, such as ^ or an umlaut. A
    name without any plain letter is left as it is.
    """
    plain = re.sub(r"[^A-Za-z0-9*?.'_-]+", "*", name)
    return plain if re.search("[A-Za-z0-9]", plain) else name


def fits(shown_name: str, pattern: str) -> bool:
    """Whether a name is one that was searched for, where that had to be made plain."""
    if not pattern or plain_pattern(pattern) == pattern:
        return True
    given, wanted = (
        unicodedata.normalize("NFC", text).casefold()
        for text in (shown_name.replace(",", ""), re.sub(r"[\^ ]+", " ", pattern).strip())
    )
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in wanted)
    return re.fullmatch("".join(parts), given) is not None


def texts_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """What an entry of DICOM's JSON says, by keyword."""
    return {keyword: _text(entry, keyword) for keyword in {*STUDY_KEYS, *SERIES_KEYS}}


def _text(entry: Mapping[str, Any], keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    element = entry.get(f"{tag:08X}")
    values = element.get("Value") if isinstance(element, dict) else None
    texts = [_one(value) for value in values] if isinstance(values, list) else []
    return "\\".join(text for text in texts if text)


def _one(value: object) -> str:
    """A value as text; a name is written in up to three scripts."""
    if isinstance(value, dict):
        groups = (value.get(part) for part in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(group if isinstance(group, str) else "" for group in groups).rstrip("=")
    return str(value).strip() if isinstance(value, str | int | float) else ""
