"""Headers of DICOM files as pydicom reads them: an independent reference for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydicom import dcmread

from liverview.core.study import StudyFacts
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.places.sources import FileSource


def header_by_pydicom(path: Path) -> SliceHeader:
    """The header of an uncompressed file whose pixels are its last element."""
    data = dcmread(path, force=True)

    def number(keyword: str) -> Any:
        value = data.get(keyword)
        return None if value in (None, "") else float(value)

    def whole(keyword: str) -> Any:
        value = number(keyword)
        return None if value is None else int(value)

    def numbers(keyword: str, count: int) -> Any:
        value = data.get(keyword)
        return tuple(float(v) for v in value) if value and len(value) == count else None

    text = {key: str(data.get(keyword) or "") for key, keyword in _TEXTS.items()}
    size = len(data.PixelData) if "PixelData" in data else -1
    padding = [whole("PixelPaddingValue"), whole("PixelPaddingRangeLimit")]
    known = [value for value in padding if value is not None]
    center, width = number("WindowCenter"), number("WindowWidth")
    return SliceHeader(
        source=FileSource(path),
        transfer_syntax=str(data.file_meta.TransferSyntaxUID),
        sop_class=str(data.SOPClassUID),
        sop_instance=str(data.SOPInstanceUID),
        frame_of_reference=str(data.get("FrameOfReferenceUID", "")),
        study=StudyFacts(**text, burned_in=data.get("BurnedInAnnotation") == "YES"),
        instance_number=whole("InstanceNumber"),
        acquisition_number=whole("AcquisitionNumber"),
        temporal_position=whole("TemporalPositionIdentifier"),
        acquisition_time=str(data.get("AcquisitionTime") or ""),
        content_time=str(data.get("ContentTime") or ""),
        image_type=tuple(data.get("ImageType") or ()),
        rows=data.get("Rows", 0),
        columns=data.get("Columns", 0),
        frames=int(data.get("NumberOfFrames") or 1),
        samples=data.get("SamplesPerPixel", 0),
        bits_allocated=data.get("BitsAllocated", 0),
        bits_stored=data.get("BitsStored", 0),
        signed=bool(data.get("PixelRepresentation", 0)),
        photometric=data.get("PhotometricInterpretation", ""),
        position=numbers("ImagePositionPatient", 3),
        orientation=numbers("ImageOrientationPatient", 6),
        pixel_spacing=numbers("PixelSpacing", 2),
        thickness=number("SliceThickness"),
        spacing_between=number("SpacingBetweenSlices"),
        gantry_tilt=number("GantryDetectorTilt"),
        slope=1.0 if number("RescaleSlope") is None else number("RescaleSlope"),
        intercept=number("RescaleIntercept") or 0.0,
        padding=(min(known), max(known)) if known else None,
        window=None if center is None or width is None else (center, width),
        pixel_start=path.stat().st_size - size if size >= 0 else -1,
        pixel_bytes=size,
    )


_TEXTS = {
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "birth_date": "PatientBirthDate",
    "study_uid": "StudyInstanceUID",
    "series_description": "SeriesDescription",
    "series_number": "SeriesNumber",
    "series_uid": "SeriesInstanceUID",
    "modality": "Modality",
    "kernel": "ConvolutionKernel",
}


def headers_by_pydicom(paths: Iterable[Path]) -> list[SliceHeader]:
    """Headers of files, in an order that is not that of their places."""
    return [header_by_pydicom(path) for path in sorted(paths)]
