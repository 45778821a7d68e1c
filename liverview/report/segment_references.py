"""Which segment of a DICOM segmentation is which label or lesion of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverview.core.labels import FOREGROUND, Label
from liverview.core.terms import label_terms
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.opening import ImageFileError

_WANTED = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SegmentSequence",
    "ReferencedSeriesSequence", "Modality",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SegmentReferences:
    """The segments of a file.

    Attributes
    ----------
    data : its data set without pixels.
    by_label : numbers of segments that are the whole of a label.
    by_tracking : numbers of segments by their tracking UID.
    """

    data: Any
    by_label: Mapping[Label, int]
    by_tracking: Mapping[str, int]


def read_segment_references(path: Path, series_uid: str) -> SegmentReferences:
    """Read which segments a file has.

    Raises
    ------
    ImageFileError : where it is no segmentation, or one of another series.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    with quiet_pydicom():
        try:
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_WANTED))
        except (OSError, EOFError, InvalidDicomError) as error:
            raise ImageFileError(f"{path} cannot be read as DICOM: save it again.") from error
    if "SegmentSequence" not in data:
        raise ImageFileError(f"{path} is no segmentation: choose the one saved with the scan.")
    series = [item.SeriesInstanceUID for item in data.get("ReferencedSeriesSequence", ())]
    if series_uid not in series:
        raise ImageFileError(
            f"{path} is a segmentation of another series: choose the one of this scan."
        )
    return SegmentReferences(data, *_number_segments(data.SegmentSequence))


def _number_segments(segments: Any) -> tuple[dict[Label, int], dict[str, int]]:
    codes = {label_terms(label).type.code: label for label in FOREGROUND}
    by_label: dict[Label, list[int]] = {}
    by_tracking: dict[str, int] = {}
    for segment in segments:
        number = int(segment.SegmentNumber)
        if segment.get("TrackingUID"):
            by_tracking[str(segment.TrackingUID)] = number
        kinds = segment.get("SegmentedPropertyTypeCodeSequence") or ()
        label = codes.get(str(kinds[0].get("CodeValue", ""))) if kinds else None
        if label is not None:
            by_label.setdefault(label, []).append(number)
    # Where several segments are of one label, none of them is the whole of it.
    return {label: one[0] for label, one in by_label.items() if len(one) == 1}, by_tracking
