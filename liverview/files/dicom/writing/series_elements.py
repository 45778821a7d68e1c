"""The elements of CT images that liverview writes: whose they are, how they were made, where."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat, format_number_as_ds

from liverview.core.about import __version__
from liverview.core.volume import Volume
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.dicom.writing.series_grid import FORMAT, SeriesGrid

IMPLEMENTATION_UID = "2.25.228126512413806131245389226914367498411"
"""Of the file meta information of all that liverview writes (PS3.10 7.1), made once."""
IMPLEMENTATION_NAME = f"LIVERVIEW_{__version__}"[:16]
_STRAIGHT = 0.01  # degrees
_LONGEST = 64  # characters of a description
_KEPT = """
SpecificCharacterSet TimezoneOffsetFromUTC
PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientAge PatientSize
PatientWeight PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence
LongitudinalTemporalInformationModified QualityControlSubject
StudyInstanceUID StudyDate StudyTime StudyID StudyDescription AccessionNumber
ReferringPhysicianName FrameOfReferenceUID PositionReferenceIndicator
SeriesDate SeriesTime SeriesDescription SeriesNumber ProtocolName BodyPartExamined Laterality
PatientPosition BurnedInAnnotation
Manufacturer ManufacturerModelName InstitutionName StationName SoftwareVersions
AcquisitionDate AcquisitionTime AcquisitionNumber KVP ScanOptions ConvolutionKernel FilterType
DataCollectionDiameter ReconstructionDiameter RotationDirection SliceThickness
ContrastBolusAgent ContrastBolusRoute ContrastBolusVolume ContrastBolusStartTime
WindowCenter WindowWidth WindowCenterWidthExplanation
LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod
"""
"""Of a series that is written again: what holds for each of its slices."""


@dataclass(frozen=True)
class PixelCoding:
    """How HU become stored values of 16 bits: HU = stored + intercept."""

    signed: bool
    intercept: int

    def encode(self, hu: NDArray[np.int64]) -> bytes:
        """The pixel data of an image, (rows, columns) HU."""
        return (hu - self.intercept).astype("<i2" if self.signed else "<u2").tobytes()


def new_uid() -> str:
    """A UID that nothing else has (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def common_elements(
    volume: Volume, grid: SeriesGrid, coding: PixelCoding, description: str, *, phantom: bool
) -> Dataset:
    """All that the images of a series have in common."""
    source = volume.source
    if source is not None and source.format == FORMAT:
        data = _elements_of_copy(SeriesHeader.decode(source.header).template)
    else:
        data = _new_study(volume, phantom=phantom)
    if description:
        data.SeriesDescription = description[:_LONGEST]
    data.SOPClassUID, data.Modality = CTImageStorage, "CT"
    data.SeriesInstanceUID = new_uid()
    now = datetime.now()
    data.InstanceCreationDate, data.InstanceCreationTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    _set_geometry(data, grid)
    _set_pixels(data, grid, coding)
    if volume.window is not None and "WindowCenter" not in data:
        data.WindowCenter, data.WindowWidth = (_number(value) for value in volume.window)
    return data


def image_elements(common: Dataset, grid: SeriesGrid, index: int, pixels: bytes) -> Dataset:
    """The image of a slice; what is common to all is shared, not copied."""
    data = Dataset()
    data.update(common)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    data.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = new_uid()
    position = grid.position(index)
    data.InstanceNumber = index + 1
    data.ImagePositionPatient = [_number(value) for value in position]
    data.SliceLocation = _number(float(grid.normal @ position))
    data.add_new("PixelData", "OW", pixels)
    return data


def _elements_of_copy(template: bytes) -> Dataset:
    """Of a DICOM series: its patient, study and scanner stay, the image is derived."""
    of_source = dcmread(io.BytesIO(template), force=True)
    data = Dataset()
    for keyword in _KEPT.split():
        if keyword in of_source:
            data.add(of_source[keyword])
    kind = [str(value) for value in of_source.get("ImageType", [])][1:]
    data.ImageType = ["DERIVED", *(kind or ["SECONDARY", "AXIAL"])]
    data.DerivationDescription = f"Saved by liverview {__version__}"
    _set_missing(
        data,
        StudyInstanceUID=new_uid(),
        FrameOfReferenceUID=new_uid(),
    )
    _set_type_2(data)
    return data


def _new_study(volume: Volume, *, phantom: bool) -> Dataset:
    """Of a volume that never was DICOM: a study of its own, of a patient without a name."""
    data = Dataset()
    now = datetime.now()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.StudyInstanceUID, data.FrameOfReferenceUID = new_uid(), new_uid()
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = f"{now:%Y%m%d}"
    data.StudyTime = data.SeriesTime = data.AcquisitionTime = f"{now:%H%M%S}"
    data.StudyID = "1"
    data.Manufacturer, data.SoftwareVersions = "liverview", __version__
    data.BurnedInAnnotation = "NO"
    if phantom:
        data.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        data.PatientName, data.PatientID = "Phantom^Synthetic", volume.name[:_LONGEST]
        data.QualityControlSubject = "YES"
        data.StudyDescription = "liverview phantom, synthetic"
        data.SeriesDescription = f"synthetic, {volume.name}"[:_LONGEST]
        data.DerivationDescription = "Computed, no scan of a person"
        data.BodyPartExamined = "ABDOMEN"
    else:
        data.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        # Volumes without a patient must not all become one in a PACS.
        data.PatientName, data.PatientID = "Unknown^", f"liverview-{uuid.uuid4().hex[:12]}"
        data.DerivationDescription = f"Made by liverview {__version__} of a file that is no DICOM"
    _set_type_2(data)
    return data


def _set_type_2(data: Dataset) -> None:
    """What a CT image must have, if empty (PS3.3 A.3)."""
    empty = (
        "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID "
        "AccessionNumber ReferringPhysicianName Manufacturer PositionReferenceIndicator "
        "KVP AcquisitionNumber"
    )
    _set_missing(data, **dict.fromkeys(empty.split(), None))
    _set_missing(data, PatientPosition="HFS", SeriesNumber=1)
    if not data.get("BodyPartExamined"):  # else it is there for what is paired alone
        _set_missing(data, Laterality=None)


def _set_missing(data: Dataset, **values: object) -> None:
    for keyword, value in values.items():
        if keyword not in data:
            setattr(data, keyword, value)


def _set_geometry(data: Dataset, grid: SeriesGrid) -> None:
    along = (*grid.row_direction, *grid.column_direction)
    data.ImageOrientationPatient = [_number(value) for value in along]
    between_columns, between_rows = np.linalg.norm(grid.affine[:3, :2], axis=0)
    data.PixelSpacing = [_number(between_rows), _number(between_columns)]
    _set_missing(data, SliceThickness=_number(grid.step))
    data.SpacingBetweenSlices = _number(grid.step)
    if abs(grid.tilt) > _STRAIGHT:
        data.GantryDetectorTilt = _number(round(grid.tilt, 6))


def _set_pixels(data: Dataset, grid: SeriesGrid, coding: PixelCoding) -> None:
    data.Columns, data.Rows = grid.voxels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, int(coding.signed)
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, coding.intercept, "HU"


def _number(value: float) -> DSfloat:
    """A decimal string, of 16 characters at most; its value is what those say."""
    return DSfloat(format_number_as_ds(round(float(value), 12) + 0.0))
