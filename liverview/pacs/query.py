"""Searching a node for studies and their series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeAlias

from liverview.core.stream import Message, Progress
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, NodeKind, check_node
from liverview.pacs.timeouts import STANDARD, Timeouts
from liverview.pacs.waiting import iter_waited

MOST_STUDIES = 200
"""That one search lists; a search that finds more says so."""
_LONGEST = 64  # letters of a name's part or an ID, as DICOM has them


@dataclass(frozen=True, repr=False)
class Query:
    """What a person searches by; empty is "any".

    Attributes
    ----------
    patient_name : its beginning, family name first; * stands for anything, ? for one letter.
    patient_id : whole; * and ? in the same way.
    first_date, last_date : of the study, both included.
    modality : of a series, such as CT.
    """

    patient_name: str = ""
    patient_id: str = ""
    first_date: date | None = None
    last_date: date | None = None
    modality: str = ""


@dataclass(frozen=True, repr=False)
class FoundStudy:
    """A study of a node; shown and forgotten, so that it has no `repr`.

    Attributes
    ----------
    uid : of the study.
    patient_name, patient_id, birth_date : as the node has them; dates are YYYYMMDD.
    study_date, study_time, description, accession_number : of the study.
    modalities : of its series, as far as the node says.
    """

    uid: str
    patient_name: str
    patient_id: str
    birth_date: str
    study_date: str
    study_time: str
    description: str
    accession_number: str
    modalities: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class FoundSeries:
    """A series of a found study.

    Attributes
    ----------
    study_uid, uid : of the study, and of the series.
    number, modality, description, body_part : as the node has them.
    images : how many it has; None where the node does not say.
    """

    study_uid: str
    uid: str
    number: str
    modality: str
    description: str
    body_part: str
    images: int | None


Found: TypeAlias = FoundStudy | FoundSeries

STUDY_KEYS = (
    "StudyInstanceUID", "PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyTime",
    "StudyDescription", "AccessionNumber", "ModalitiesInStudy",
)  # fmt: skip
SERIES_KEYS = (
    "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "SeriesDescription",
    "BodyPartExamined", "NumberOfSeriesRelatedInstances",
)  # fmt: skip


def iter_find(
    node: Node, query: Query, timeouts: Timeouts = STANDARD, most: int = MOST_STUDIES
) -> Iterator[Progress | Message | Found]:
    """Search a node: studies as it names them, then the series of each.

    A `Message` says where there are more than ``most`` studies, or entries that cannot be read.

    Raises
    ------
    PacsError : where the node cannot be asked, or the query makes no sense.
    """
    check_node(node)
    keys = study_matches(query)
    progress = Progress("Searching", 0.0)
    yield progress
    for item in _iter_replies(node, keys, query.modality.strip().upper(), timeouts, most):
        if isinstance(item, Progress):
            progress = item
        yield progress if item is None else item


def study_matches(query: Query) -> dict[str, str]:
    """Keywords of DICOM and what a study has to match.

    Raises
    ------
    PacsError : for letters that cannot be searched for, and dates that go backward.
    """
    name, number = query.patient_name.strip(), query.patient_id.strip()
    for text, of in ((name, "name"), (number, "ID"), (query.modality, "modality")):
        if not text.isprintable() or "\\" in text or len(text) > _LONGEST:
            raise PacsError(
                f"The patient's {of} to search for holds letters that DICOM does not allow, "
                f"or more than {_LONGEST}: shorten it."
                if of != "modality"
                else "The modality to search for is none: it looks like CT."
            )
    if name and not set("*?") & set(name):
        name += "*"
    # "Doe, John" is how people write what DICOM stores as Doe^John.
    family, comma, given = name.partition(",")
    name = f"{family.strip()}^{given.strip()}" if comma else name
    first, last = query.first_date, query.last_date
    if first is not None and last is not None and last < first:
        raise PacsError(f"The study dates go backward, from {first} to {last}: swap them.")
    dates = f"{_day(first)}-{_day(last)}" if first or last else ""
    if first is not None and first == last:
        dates = _day(first)
    return {
        "PatientName": name,
        "PatientID": number,
        "StudyDate": dates,
        "ModalitiesInStudy": query.modality.strip().upper(),
    }


def study_of(texts: Mapping[str, str]) -> FoundStudy | None:
    """The study that a reply describes, by keyword; None where it names none."""
    uid = texts.get("StudyInstanceUID", "")
    if not uid:
        return None
    return FoundStudy(
        uid,
        readable_name(texts.get("PatientName", "")),
        texts.get("PatientID", ""),
        texts.get("PatientBirthDate", ""),
        texts.get("StudyDate", ""),
        texts.get("StudyTime", ""),
        texts.get("StudyDescription", ""),
        texts.get("AccessionNumber", ""),
        tuple(part for part in texts.get("ModalitiesInStudy", "").split("\\") if part),
    )


def series_of(texts: Mapping[str, str], study_uid: str) -> FoundSeries | None:
    """The series that a reply describes, by keyword; None where it names none."""
    uid = texts.get("SeriesInstanceUID", "")
    if not uid:
        return None
    count = texts.get("NumberOfSeriesRelatedInstances", "")
    return FoundSeries(
        study_uid,
        uid,
        texts.get("SeriesNumber", ""),
        texts.get("Modality", ""),
        texts.get("SeriesDescription", ""),
        texts.get("BodyPartExamined", ""),
        int(count) if count.isascii() and count.isdecimal() else None,
    )


def readable_name(stored: str) -> str:
    """Doe, John of Doe^John; the first of the scripts that it is written in."""
    first = next((part for part in stored.split("=") if part.strip("^ ")), "")
    family, _, rest = first.partition("^")
    given = " ".join(rest.replace("^", " ").split())
    return ", ".join(part for part in (family.strip(), given) if part)


def _day(day: date | None) -> str:
    return "" if day is None else day.strftime("%Y%m%d")


def _iter_replies(
    node: Node, keys: dict[str, str], modality: str, timeouts: Timeouts, most: int
) -> Iterator[Any]:
    if node.kind is NodeKind.WEB:
        from liverview.pacs.web import WebClient
        from liverview.pacs.web_query import search

        client = WebClient(node, timeouts)
        yield from iter_waited(partial(search, client, keys, modality, most), client.cut)
        return
    from liverview.pacs.association import Line
    from liverview.pacs.dimse_query import find

    line = Line(node, timeouts)
    yield from iter_waited(partial(find, line, keys, modality, most), line.cut)


def too_many(node: Node, most: int) -> Message:
    """The sentence for a search that finds more than is listed."""
    return Message(
        f"{node.place} has more than {most} such studies, of which the first {most} are listed: "
        "narrow the search by name, ID or date."
    )


def unreadable(node: Node, count: int) -> Message:
    """The sentence for replies that are no studies or series."""
    return Message(f"{node.place} sent {count} entries that cannot be read; they are left out.")
