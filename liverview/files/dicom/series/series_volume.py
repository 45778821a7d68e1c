"""The volumes that a DICOM series makes: which slices, in which order, and what is odd of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from liverview.core.study import StudyFacts
from liverview.files.dicom.headers.slice_header import SliceHeader


class SeriesKind(Enum):
    """Kinds of volumes, as the table of series says them."""

    CT = "CT"
    LOCALIZER = "localizer"
    OTHER_MODALITY = "other modality"
    LABELS = "labels"
    NO_IMAGE = "no image"


@dataclass(frozen=True, eq=False, repr=False)
class SeriesVolume:
    """A volume on the disk.

    Attributes
    ----------
    slices : its images, ascending along the normal of their planes; one for a multi-frame file.
    study : of the first of them, `StudyFacts.part` filled in.
    kind : of volume.
    shape : columns, rows, slices, those that are missing counted.
    spacing : mm between columns, rows and slices; 0 where it is not known.
    remarks : what a person should know of it, one sentence each.
    refusal : why it cannot be opened, in one sentence; empty where it can.
    frames : where the slices are frames of multi-frame files: of each, ascending along the normal,
        the index of its file in ``slices`` and its number in it, from 1; empty where each file is
        a slice.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> volume = lv.find_series("series")[0].volume
    >>> volume.kind.value, len(volume.slices), volume.study.modality
    ('CT', 40, 'CT')
    """

    slices: tuple[SliceHeader, ...]
    study: StudyFacts
    kind: SeriesKind
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    remarks: tuple[str, ...] = ()
    refusal: str = ""
    frames: tuple[tuple[int, int], ...] = ()
