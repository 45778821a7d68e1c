"""The images of a series as data sets, for DICOM objects that are made from it and refer to it."""

from __future__ import annotations

import io
import re
from typing import Any

from liverview.core.source_grid import SourceGrid
from liverview.core.volume import Volume
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.opening import ImageFileError

_REQUIRED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
_FORMS = {
    "PatientBirthDate": r"\d{8}",
    "PatientSex": "[MFO]",
    "StudyDate": r"\d{8}",
    "StudyTime": r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?",
}


def dicom_header(volume: Volume, wanted: str) -> SeriesHeader:
    """The header of a volume that was a DICOM series.

    Parameters
    ----------
    wanted : what is to be made of it, as a sentence begins.

    Raises
    ------
    ImageFileError : where it was none.
    """
    if volume.source is None or volume.source.format != "DICOM":
        raise ImageFileError(
            f"{wanted} refers to the images of a DICOM series, and {volume.name} is none: open "
            "the scan as DICOM, or save it as a series first."
        )
    return SeriesHeader.decode(volume.source.header)


def template_of(header: SeriesHeader) -> Any:
    """The first slice's data set without pixels; what DICOM wants there is valid or empty."""
    import pydicom
    from pydicom.multival import MultiValue

    with quiet_pydicom():
        data = pydicom.dcmread(io.BytesIO(header.template), force=True)
        for keyword in _REQUIRED:
            known = data.get(keyword) or ""
            if keyword == "PatientName" and isinstance(known, MultiValue):
                # highdicom refuses more than one.
                data.PatientName = known = known[0]
            value = str(known)
            if not re.fullmatch(_FORMS.get(keyword, ".*"), value, re.DOTALL):
                value = ""
            if not value:
                setattr(data, keyword, "")
        data.walk(_decode)
    return data


def series_uid_of(source: SourceGrid) -> str:
    """The UID of the series on whose grid a volume or label map lies."""
    return str(template_of(SeriesHeader.decode(source.header)).get("SeriesInstanceUID") or "")


def evidence_of(header: SeriesHeader, template: Any) -> list[Any]:
    """A data set of every image of the series, with patient, study and UIDs, and no more."""
    from pydicom.dataset import Dataset

    found: dict[str, Any] = {}
    for each in header.slices:
        if each.sop_instance not in found:
            data = Dataset()
            for keyword in (*_REQUIRED, "StudyInstanceUID", "SeriesInstanceUID", "Modality"):
                if keyword in template:
                    data[keyword] = template[keyword]
            data.SOPClassUID, data.SOPInstanceUID = each.sop_class, each.sop_instance
            found[each.sop_instance] = data
    return list(found.values())


def _decode(data: Any, element: Any) -> None:
    """Read a value, so that its text is text, whatever the character set of the file."""
    _ = element.value
