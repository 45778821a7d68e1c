"""Whose scan a volume is, and how it was made, as DICOM says it."""

from __future__ import annotations

from dataclasses import dataclass


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
