"""What stands in a de-identified copy for UIDs, names and dates, the same wherever they recur."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from datetime import date, timedelta
from typing import Any

_OF_THE_STANDARD = "1.2.840.10008."
_MOST_DAYS = 3650
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(.*)", re.DOTALL)
_DUMMIES = {
    "AE": "ANONYMOUS", "AS": "000Y", "CS": "NONE", "DA": "19000101", "DS": "0",
    "DT": "19000101000000", "IS": "0", "LO": "REMOVED", "LT": "REMOVED", "PN": "Removed",
    "SH": "REMOVED", "ST": "REMOVED", "TM": "000000", "UC": "REMOVED", "UR": "removed:",
    "UT": "REMOVED", "FD": 0.0, "FL": 0.0, "SL": 0, "SS": 0, "SV": 0, "UL": 0, "US": 0, "UV": 0,
}  # fmt: skip


class Pseudonyms:
    """Replacements that follow from a key, and from which nothing leads back without it.

    Copies made with one key fit together: a UID becomes the same one in all of them, and a patient
    gets the same name and the same shift of dates.

    Parameters
    ----------
    key : secret bytes.
    patient_id : of the patient.
    """

    def __init__(self, key: bytes, patient_id: str) -> None:
        self._key = key
        token = base64.b32encode(self._digest("patient", patient_id))[:8].decode()
        self.patient = f"ANON-{token}"
        """The name and number that stand for the patient's."""
        number = int.from_bytes(self._digest("days", patient_id)[:4], "big")
        self._days = timedelta(days=1 + number % _MOST_DAYS)

    def replace_uid(self, uid: str) -> str:
        """A UID of 2.25 for a UID; those of the standard itself stay."""
        if not uid or uid.startswith(_OF_THE_STANDARD):
            return uid
        made = uuid.UUID(bytes=self._digest("uid", uid)[:16], version=4)
        return f"2.25.{made.int}"

    def shift_date(self, value: str) -> str:
        """A date, or date and time, earlier by the patient's number of days; the time stays.

        Empty where it is no whole date.
        """
        parts = _DATE.fullmatch(value.strip())
        if parts is None:
            return ""
        year, month, day, rest = parts.groups()
        try:
            moved = date(int(year), int(month), int(day)) - self._days
        except (ValueError, OverflowError):
            return ""
        return f"{moved:%Y%m%d}{rest}"

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)


def dummy_value(representation: str) -> Any:
    """A value of a value representation that is valid and says nothing."""
    if representation == "SQ":
        from pydicom.dataset import Dataset

        return [Dataset()]
    return _DUMMIES.get(representation, b"")
