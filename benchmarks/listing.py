"""Listing the series in a folder of DICOM files, against pydicom's headers in a loop."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from measuring import Row, alternating, median
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from liverview.core.stream import result_of
from liverview.files.dicom.places.listing import Listing, iter_list

FILES, SERIES, RUNS = 5_000, 12, 5
SIDE = 64  # pixels, which are not read, along an edge
_INSTANCE, _PLACE = "1.2.826.0.1.3680043.8.498.1{:019d}", "{:+015.6f}"


def list_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size, elements = write_folder(folder)
        ways = {
            "liverview, the whole table of volumes": lambda: list_by_liverview(folder),
            "pydicom dcmread(stop_before_pixels=True) in a loop": lambda: list_by_pydicom(folder),
        }
        seconds = alternating(ways, RUNS)
        ours, theirs = (median(runs) for runs in seconds.values())
        return [
            Row(
                f"list a folder of {FILES:,} files in {SERIES} series",
                seconds,
                "3x pydicom",
                theirs >= 3 * ours,
                notes=[
                    f"headers of {elements} elements and {size / 1024:.1f} KiB, with nested "
                    "sequences and private elements; pydicom takes "
                    f"{theirs / ours:.1f} times as long"
                ],
            )
        ]


def list_by_liverview(folder: Path) -> None:
    listing = result_of(iter_list([folder]), Listing)
    assert len(listing.volumes) == SERIES
    assert sum(len(volume.slices) for volume in listing.volumes) == FILES


def list_by_pydicom(folder: Path) -> None:
    """Headers and the series that they are of; nothing is sorted, split or checked."""
    series: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            uid = pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID
            series[uid] = series.get(uid, 0) + 1
    assert len(series) == SERIES
    assert sum(series.values()) == FILES


def write_folder(folder: Path) -> tuple[int, int]:
    """Write the files; returns the bytes and the elements of a header."""
    header = elements = 0
    for number in range(SERIES):
        inside = folder / f"S{number:04d}"
        inside.mkdir()
        data = ct_of_a_scanner(number)
        file = BytesIO()
        data.save_as(file, enforce_file_format=True)
        template = file.getvalue()
        header, elements = len(template) - 2 * SIDE * SIDE, len(list(data.iterall()))
        for index in range(number, FILES, SERIES):
            k = index // SERIES
            instance, place = _INSTANCE.format(index), _PLACE.format(k * 1.5 - 300)
            changed = template.replace(_INSTANCE.format(0).encode(), instance.encode())
            changed = changed.replace(_PLACE.format(0).encode(), place.encode())
            changed = changed.replace(b"777777", f"{k + 1:06d}".encode())
            (inside / f"IM{(index * 7919) % FILES:06d}").write_bytes(changed)
    return header, elements


def ct_of_a_scanner(series: int) -> Dataset:
    """A CT image as a scanner writes it; what differs within the series is for replacing."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = _INSTANCE.format(0)
    data.file_meta.ImplementationVersionName = "SCANNER_1"
    _add_patient_and_study(data, series)
    _add_technique(data)
    _add_sequences(data)
    data.ImagePositionPatient = ["-180.5", "-180.5", _PLACE.format(0)]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.SliceLocation = _PLACE.format(0)
    data.InstanceNumber = "777777"
    data.Rows = data.Columns = SIDE
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.PixelSpacing = ["0.703125", "0.703125"]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.SmallestImagePixelValue, data.LargestImagePixelValue = 0, 2400
    data.WindowCenter, data.WindowWidth = [40, -600], [400, 1200]
    data.WindowCenterWidthExplanation = ["WINDOW1", "WINDOW2"]
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = -1024, 1, "HU"
    values = np.random.default_rng(series).integers(0, 2000, (SIDE, SIDE))
    data.PixelData = values.astype("<u2").tobytes()
    return data


def _add_patient_and_study(data: Dataset, series: int) -> None:
    data.SpecificCharacterSet, data.ImageType = "ISO_IR 100", ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = "20260102"
    data.StudyTime, data.SeriesTime = "101112.345000", "101530.120000"
    data.AcquisitionTime, data.ContentTime = "101533.450000", "101540.997000"
    data.AccessionNumber, data.Modality, data.Manufacturer = "A1234567", "CT", "ACME"
    data.InstitutionName, data.InstitutionAddress = "Hospital", "Street 1^Town^District^AB^00000"
    data.ReferringPhysicianName = data.PerformingPhysicianName = data.OperatorsName = "Some^One"
    data.StationName, data.ManufacturerModelName = "CT01", "Model 64"
    data.StudyDescription = "CT Abdomen^Leber_3Phasen (Adult)"
    data.SeriesDescription = f"Abdomen portalvenös 1.5 Br40 {series}"
    data.InstitutionalDepartmentName, data.DeviceSerialNumber = "Radiology", "12345"
    data.SoftwareVersions = "syngo 2026A"
    data.PatientName, data.PatientID = "Sample^Phantom", "SYN0001"
    data.PatientBirthDate, data.PatientSex, data.PatientAge = "19600101", "O", "066Y"
    data.PatientSize, data.PatientWeight, data.PatientComments = "1.75", "75", "synthetic"
    data.PatientPosition, data.LossyImageCompression = "HFS", "00"
    data.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(series // 4)])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(series)])
    data.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", str(series // 4)])
    data.PositionReferenceIndicator, data.ImageComments = "", "synthetic"
    data.StudyID, data.SeriesNumber, data.AcquisitionNumber = "1", series + 1, 2
    data.PerformedProcedureStepStartDate, data.PerformedProcedureStepID = "20260102", "P1"
    data.PerformedProcedureStepDescription = "CT Abdomen"
    data.RequestedProcedureDescription, data.RequestedProcedureID = "CT Abdomen", "R1"


def _add_technique(data: Dataset) -> None:
    data.ContrastBolusAgent, data.BodyPartExamined, data.ScanOptions = (
        "Agent 400",
        "ABDOMEN",
        "FAST",
    )
    data.SliceThickness, data.KVP, data.DataCollectionDiameter = "2", "100", "500"
    data.ProtocolName, data.ReconstructionDiameter = "Leber_3Phasen", "360"
    data.DistanceSourceToDetector, data.DistanceSourceToPatient = "1085.6", "595"
    data.GantryDetectorTilt, data.TableHeight, data.RotationDirection = "0", "155", "CW"
    data.ExposureTime, data.XRayTubeCurrent, data.Exposure = 500, 220, 137
    data.FilterType, data.GeneratorPower, data.FocalSpots = "FLAT", 22, ["0.8", "0.8"]
    data.DateOfLastCalibration, data.TimeOfLastCalibration = "20260101", "070000"
    data.ConvolutionKernel = ["Br40f", "3"]
    data.RevolutionTime, data.SingleCollimationWidth, data.TotalCollimationWidth = 0.5, 0.6, 38.4
    data.TableSpeed, data.TableFeedPerRotation, data.SpiralPitchFactor = 46.0, 23.0, 0.6
    data.CTDIvol, data.ContrastBolusVolume, data.ContrastFlowRate = 8.1, "90", "3"
    data.DataCollectionCenterPatient = [0.0, -155.0, -200.0]
    data.ReconstructionTargetCenterPatient = [0.0, -155.0, -200.0]
    data.ExposureModulationType, data.EstimatedDoseSaving = "XYZ_EC", 30.0


def _add_sequences(data: Dataset) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113961", "DCM", "Iterative"
    request = Dataset()
    request.RequestedProcedureID = request.ScheduledProcedureStepID = "R1"
    request.ScheduledProtocolCodeSequence = Sequence([code])
    references = []
    for number in range(3):
        reference = Dataset()
        reference.ReferencedSOPClassUID = CTImageStorage
        reference.ReferencedSOPInstanceUID = generate_uid(entropy_srcs=["other", str(number)])
        reference.is_undefined_length_sequence_item = True
        references.append(reference)
    data.ReferencedImageSequence = Sequence(references)
    data["ReferencedImageSequence"].is_undefined_length = True
    data.RequestAttributesSequence = Sequence([request])
    data.ProcedureCodeSequence = Sequence([code])
    private = data.private_block(0x0021, "ACME CT 1.0", create=True)
    for number in range(16):
        private.add_new(number, "DS", "1.25")
    private.add_new(0x20, "OB", bytes(range(256)) * 4)
    other = data.private_block(0x0029, "ACME HEADER", create=True)
    for number in range(6):
        other.add_new(number, "LO", "private text")
