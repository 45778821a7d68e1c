"""The series that a segmentation, or contours, say that they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from liverview.files.dicom.places.sources import DicomSource
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.series_volume import SeriesVolume

_SEQUENCES = ("ReferencedSeriesSequence", "ReferencedFrameOfReferenceSequence")


def volumes_referred_to(
    source: DicomSource, volumes: Sequence[SeriesVolume]
) -> tuple[SeriesVolume, ...]:
    """Those of some volumes that a file of labels refers to.

    By the UID of their series, and where a series fell into several volumes, by the images. None
    where the file names no series, or cannot be read: who opens it says why.
    """
    series, images = _references(source)
    found = [volume for volume in volumes if volume.study.series_uid in series]
    if len(found) > 1:
        named = [v for v in found if any(one.sop_instance in images for one in v.slices)]
        found = named or found
    return tuple(found)


def _references(source: DicomSource) -> tuple[set[str], set[str]]:
    """UIDs of series and of images."""
    import io

    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with quiet_pydicom():
            content = io.BytesIO(source.read())
            data = dcmread(content, stop_before_pixels=True, specific_tags=list(_SEQUENCES))
            items = list(_iter_series(data))
            series = {str(item.get("SeriesInstanceUID") or "") for item in items} - {""}
            images = {
                str(image.get("ReferencedSOPInstanceUID") or "")
                for item in items
                for keyword in ("ReferencedInstanceSequence", "ContourImageSequence")
                for image in item.get(keyword) or ()
            }
    except (OSError, EOFError, InvalidDicomError, ValueError, AttributeError, KeyError, TypeError):
        return set(), set()
    return series, images


def _iter_series(data: Any) -> Iterator[Any]:
    yield from data.get("ReferencedSeriesSequence") or ()
    for frame in data.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            yield from study.get("RTReferencedSeriesSequence") or ()
