"""The part of a data set that says whose series it is of, for files that are made from it."""

from __future__ import annotations

import io
from typing import Any

from liverview.files.dicom.quiet import quiet_pydicom

PATIENT_AND_STUDY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""Elements of patient and study that have to be there, if without a value."""
KEPT = (
    *PATIENT_AND_STUDY, "SpecificCharacterSet", "IssuerOfPatientID", "OtherPatientIDsSequence",
    "PatientAge", "PatientSize", "PatientWeight", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence", "StudyDescription",
    "PositionReferenceIndicator", "TimezoneOffsetFromUTC", "LossyImageCompression",
    "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
"""Elements that a file made from a series has as that does, whatever their values are."""


def keep_elements(data: Any, template: Any) -> None:
    """Set the elements of patient and study as they are in another data set."""
    for keyword in KEPT:
        if keyword in template:
            data.add(template[keyword])


def template_of(data: Any) -> bytes:
    """A template, as `SeriesHeader` has it, of the series that a data set refers to."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    template = Dataset()
    with quiet_pydicom():
        keep_elements(template, data)
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
            if data.get(keyword):
                setattr(template, keyword, data.get(keyword))
        for series in data.get("ReferencedSeriesSequence") or ():
            template.SeriesInstanceUID = series.SeriesInstanceUID
            break
        template.Modality, template.SOPClassUID = "CT", CTImageStorage
        template.SOPInstanceUID = generate_uid(prefix=None)
        template.file_meta = FileMetaDataset()
        template.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        template.file_meta.MediaStorageSOPClassUID = CTImageStorage
        template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
        written = io.BytesIO()
        template.save_as(written, enforce_file_format=True)
    return written.getvalue()
