"""Taking a patient's identity out of a data set, element by element, at every depth."""

from __future__ import annotations

import re
from typing import Any

from liverview.files.dicom.deidentification.basic_profile import (
    PATIENT_ID,
    PATIENT_NAME,
    Action,
    action_for,
)
from liverview.files.dicom.deidentification.pseudonyms import Pseudonyms, dummy_value

_OF_IDENTITY = (
    "PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "AccessionNumber",
    "PatientBirthDate", "PatientBirthName", "PatientMotherBirthName",
)  # fmt: skip
_LEAST = 3  # letters or digits that tell a person from others
_TEXTS = frozenset({"LO", "SH", "UC"})
_FORMS = {
    "AS": re.compile(r"(\d{3}[DWMY])?"),
    "CS": re.compile(r"[\w ./+-]{0,16}"),
    "DS": re.compile(r"\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*"),
    "IS": re.compile(r"\s*([+-]?\d+)?\s*"),
}
"""Forms of values that are no text; pydicom takes any text for them."""
_DATES, _TIMES = frozenset({"DA", "DT"}), frozenset({"TM"})
_BIRTH_AND_DEATH = range(0x00100030, 0x00100036)  # also in other calendars
_UNREADABLE = (ValueError, TypeError, NotImplementedError, KeyError, OverflowError, AttributeError)


class IdentityRemover:
    """Cleans the data sets of one patient.

    Parameters
    ----------
    names : what stands for UIDs, names and dates.
    keep_intervals : dates are moved, and not removed.
    """

    def __init__(self, names: Pseudonyms, *, keep_intervals: bool) -> None:
        self._names = names
        self._keep_intervals = keep_intervals
        self._kept: dict[str, None] = {}

    @property
    def kept_texts(self) -> tuple[str, ...]:
        """Names of the elements with text that were kept so far."""
        return tuple(sorted(self._kept))

    def clean(self, data: Any) -> None:
        """Clean an image's data set in place."""
        parts = _identity_of(data)
        plain = int(_number(data, "NumberOfFrames")) <= 1 and data.get("Modality") == "CT"
        self._clean(data, parts, plain)
        # An image has them, if it never said whose it is.
        data.PatientName = data.PatientID = self._names.patient

    def _clean(self, data: Any, parts: frozenset[str], plain: bool) -> None:
        for tag in list(data.keys()):
            try:
                element = data[tag]
                self._treat(data, element, parts, plain)
            except _UNREADABLE:
                # Nobody can say what it holds.
                del data[tag]

    def _treat(self, data: Any, element: Any, parts: frozenset[str], plain: bool) -> None:
        tag, representation = int(element.tag), str(element.VR)
        action = action_for(tag, representation, plain=plain)
        if self._keep_intervals and self._shift(data, element, action):
            return
        if action is Action.REMOVE:
            del data[tag]
        elif tag in (PATIENT_NAME, PATIENT_ID):
            element.value = self._names.patient
        elif action is Action.EMPTY:
            element.value = [] if representation == "SQ" else None
        elif action is Action.DUMMY:
            element.value = dummy_value(representation)
        elif action is Action.REPLACE_UID:
            self._replace_uids(element)
        elif representation == "SQ":
            for item in element.value:
                self._clean(item, parts, plain=False)
        else:
            self._check_kept(data, element, parts)

    def _shift(self, data: Any, element: Any, action: Action) -> bool:
        """Move a date, or keep a time of day; False where it is neither, or one of a birth."""
        tag, representation = int(element.tag), str(element.VR)
        if representation not in _DATES | _TIMES or tag in _BIRTH_AND_DEATH:
            return False
        if element.tag.is_private or action is Action.KEEP:
            return False
        if representation in _DATES:
            values = element.value if element.VM > 1 else [element.value or ""]
            moved = [self._names.shift_date(str(value)) for value in values]
            element.value = moved if len(moved) > 1 else moved[0]
        return True

    def _replace_uids(self, element: Any) -> None:
        values = element.value if element.VM > 1 else [element.value or ""]
        others = [self._names.replace_uid(str(value)) for value in values]
        element.value = others if len(others) > 1 else others[0]

    def _check_kept(self, data: Any, element: Any, parts: frozenset[str]) -> None:
        """Remove texts with a part of the patient's name or numbers, and what is no number."""
        representation, value = str(element.VR), element.value
        if representation not in _TEXTS and representation not in _FORMS:
            return
        values = [str(each) for each in ([value] if element.VM < 2 else value) if each is not None]
        form = _FORMS.get(representation)
        if form is not None:
            if not all(form.fullmatch(each) for each in values):
                del data[element.tag]
        elif parts & set(_parts(" ".join(values))):
            del data[element.tag]
        elif any(values):
            self._kept[str(element.name)] = None


def _identity_of(data: Any) -> frozenset[str]:
    found: set[str] = set()
    for keyword in _OF_IDENTITY:
        try:
            found.update(_parts(str(data.get(keyword) or "")))
        except _UNREADABLE:
            continue
    return frozenset(found)


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", text.casefold()) if len(part) >= _LEAST]


def _number(data: Any, keyword: str) -> int:
    try:
        return int(data.get(keyword) or 1)
    except _UNREADABLE:
        return 1
