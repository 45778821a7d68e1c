"""Small DICOM series for tests, written by pydicom alone, with whatever is odd about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Rows to the patient's left, columns to the back."""


def uid(*parts: object) -> str:
    """A UID that is the same for the same parts."""
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def pattern(rows: int, columns: int, slices: int) -> np.ndarray:
    """HU, (slices, rows, columns) int16, that differ at every voxel of a small series."""
    k, r, c = np.indices((slices, rows, columns))
    return (100 * k + 10 * r + c - 500).astype(np.int16)


def slice_positions(
    slices: int,
    step: float = 2.5,
    origin: Sequence[float] = (-40.0, -30.0, 100.0),
    orientation: Sequence[float] = AXIAL,
    shear: Sequence[float] = (0.0, 0.0, 0.0),
) -> list[np.ndarray]:
    """Positions of slices along their normal; ``shear`` (mm, LPS) per slice is a gantry tilt."""
    across = np.cross(orientation[:3], orientation[3:])
    return [np.asarray(origin) + k * (step * across + np.asarray(shear)) for k in range(slices)]


def ct_slice(
    hu: np.ndarray,
    position: Sequence[float],
    *,
    name: str = "series",
    instance: int = 1,
    orientation: Sequence[float] = AXIAL,
    spacing: Sequence[float] = (0.8, 0.7),
    slope: float = 1,
    intercept: float = -1024,
    signed: bool = False,
    **elements: Any,
) -> Dataset:
    """One CT image of 16 bits; ``spacing`` is between rows, then columns.

    ``elements`` are set by keyword; None takes one away. Series of one ``name`` have one UID.
    """
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = uid(name, "image", instance, *np.round(position, 4))
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.Modality = "CT"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PatientName, data.PatientID = "Test^Case", "T1"
    data.PatientBirthDate, data.PatientSex = "19600101", "O"
    data.StudyInstanceUID, data.SeriesInstanceUID = uid("study"), uid(name)
    data.FrameOfReferenceUID = uid("frame")
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = (
        "20260102",
        "101112",
        "1",
        "",
    )
    data.ReferringPhysicianName = data.Manufacturer = ""
    data.SeriesDescription, data.SeriesNumber, data.InstanceNumber = name, 1, instance
    data.AcquisitionNumber, data.PositionReferenceIndicator, data.KVP = 1, "", 120
    data.PatientPosition = "HFS"
    data.SliceThickness = 2.5
    data.ImagePositionPatient = [f"{value:.6f}"[:16] for value in position]
    data.ImageOrientationPatient = [f"{value:.9f}"[:16] for value in orientation]
    data.PixelSpacing = list(spacing)
    data.Rows, data.Columns = hu.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, int(signed)
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = slope, intercept, "HU"
    stored = np.round((hu.astype(np.float64) - intercept) / slope)
    data.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()
    for keyword, value in elements.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    return data


def write_series(
    folder: Path,
    hu: np.ndarray,
    positions: Sequence[Sequence[float]] | None = None,
    *,
    change: Callable[[int, Dataset], object] | None = None,
    shuffle: bool = True,
    **options: Any,
) -> list[Path]:
    """Write HU, (slices, rows, columns), as a series; returns the files in order of the slices.

    Neither file names nor instance numbers are in the order of the places. ``change`` is called
    with each slice's index and data set; ``options`` as for `ct_slice` and `slice_positions`.
    """
    places = {key: options.pop(key) for key in ("step", "origin", "shear") if key in options}
    if "orientation" in options:
        places["orientation"] = options["orientation"]
    positions = slice_positions(len(hu), **places) if positions is None else positions
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(7).permutation(len(hu)) if shuffle else np.arange(len(hu))
    paths = []
    for index, (image, position) in enumerate(zip(hu, positions, strict=True)):
        number = int(order[index])
        data = ct_slice(image, position, instance=number + 1, **options)
        if change is not None:
            change(index, data)
        paths.append(folder / f"IM{number:05d}")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths
