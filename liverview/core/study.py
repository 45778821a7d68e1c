"""Whose scan a volume is, and how it was made, as DICOM says it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from liverview.core.errors import LiverviewError

_KEY_DIGITS = 32


class ModalityError(LiverviewError):
    """A scan that is no CT; the message names it and says what it is."""


@dataclass(frozen=True, repr=False)
class StudyFacts:
    """What a scan's files say of patient, study and series; empty where they say nothing.

    It is shown while the case is open and goes nowhere else: not into logs, settings, sessions,
    reports or file names. That is why it has no `repr`.

    Attributes
    ----------
    patient_name : family name, given name and so on, in the order and script of the files.
    patient_id, birth_date, sex, accession_number : as stored; dates are YYYYMMDD.
    study_date, study_time, study_description, study_uid : of the study.
    series_description, series_number, series_uid : of the series.
    modality : of the series, such as CT.
    kernel, contrast, body_part, protocol : how the scan was made.
    part : what tells the volume from others of its series; empty where it is the only one.
    burned_in : a tag says that the pixels show names or other text.
    """

    patient_name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    study_uid: str = ""
    series_description: str = ""
    series_number: str = ""
    series_uid: str = ""
    modality: str = ""
    kernel: str = ""
    contrast: str = ""
    body_part: str = ""
    protocol: str = ""
    part: str = ""
    burned_in: bool = False

    @property
    def patient(self) -> str:
        """The patient's name and ID in one line; may be empty."""
        parts = (self.patient_name.strip(), self.patient_id.strip())
        return ", ".join(part for part in parts if part)

    @property
    def study_day(self) -> str:
        """The study's date as YYYY-MM-DD; as stored where it is no date."""
        day = self.study_date.strip()
        return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else day

    @property
    def series_words(self) -> str:
        """The series' description, and which of its volumes it is; may be empty."""
        parts = (self.series_description.strip(), self.part.strip())
        return " – ".join(part for part in parts if part)

    @property
    def series_key(self) -> str:
        """Digits by which settings and sessions know the volume again; empty without a series.

        A digest, for UIDs often hold the date and time of the study.
        """
        if not self.series_uid:
            return ""
        known = f"{self.series_uid}\0{self.part}"
        return sha256(known.encode(errors="surrogatepass")).hexdigest()[:_KEY_DIGITS]


def check_is_ct(study: StudyFacts | None, name: str) -> None:
    """Refuse a scan whose files say that it is none of a CT; ``name`` is what sentences call it.

    Raises
    ------
    ModalityError : where they say so.
    """
    if study is not None and study.modality not in ("", "CT"):
        raise ModalityError(
            f"{name} is {study.modality}, and liverview segments CT alone: choose a CT series; "
            "this one can be viewed, not segmented."
        )


@dataclass(frozen=True)
class FilledSlices:
    """Slices of a volume that its series does not have: interpolated from their neighbors.

    Attributes
    ----------
    axis : of the volume, across which the series was sliced.
    indices : of the slices along it, ascending.
    """

    axis: int
    indices: tuple[int, ...]
