"""Label maps on the grid of a DICOM series, and segmentations that highdicom writes of one."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from liverview.core.orientation import find_orientation, ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.volume import LabelMap
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice

from support.dicom_series import AXIAL, ct_slice, slice_positions

COS, SIN = 0.9553364891256060, 0.2955202066613396
GRIDS: dict[str, dict[str, Any]] = {
    "axial": {},
    "flipped": {"orientation": (-1.0, 0, 0, 0, -1.0, 0)},
    "upside down": {"orientation": (1.0, 0, 0, 0, -1.0, 0)},
    "oblique": {"orientation": (COS, SIN, 0, -SIN * 0.8, COS * 0.8, 0.6)},
    "sagittal": {"orientation": (0, 1.0, 0, 0, 0, -1.0)},
    "gapped": {"missing": (2, 3)},
}
TILT = {"shear": (0.0, 0.65, 0.0)}
"""15 degrees: 2.5 mm steps that go .65 mm to the back."""


def series(slices: int, rows: int = 12, columns: int = 10, **places: Any) -> list[Dataset]:
    """Images of a series, without values."""
    orientation = places.get("orientation", AXIAL)
    air = np.full((rows, columns), -1000, np.int16)
    return [
        ct_slice(air, position, instance=number + 1, orientation=orientation)
        for number, position in enumerate(slice_positions(slices, **places))
    ]


def affine_of(images: list[Dataset]) -> np.ndarray:
    """Column, row, slice -> world mm, RAS+, of a regular series; by hand."""
    first, second = (np.array(image.ImagePositionPatient, float) for image in images[:2])
    cosines = np.array(images[0].ImageOrientationPatient, float)
    down, across = images[0].PixelSpacing
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = cosines[:3] * across, cosines[3:] * down
    lps[:3, 2], lps[:3, 3] = second - first, first
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps


def labels_on_series(
    stored: np.ndarray, *, missing: Collection[int] = (), **places: Any
) -> LabelMap:
    """Labels, (columns, rows, slices), on a series of which some slices are missing."""
    columns, rows, slices = stored.shape
    images = series(slices, rows, columns, **places)
    template = images[0].copy()
    del template.PixelData
    written = io.BytesIO()
    template.save_as(written, enforce_file_format=True)
    affine = affine_of(images)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    there = [
        SourceSlice(place, str(image.SOPClassUID), str(image.SOPInstanceUID))
        for place, image in enumerate(images)
        if place not in missing
    ]
    header = SeriesHeader(written.getvalue(), tuple(map(tuple, lps.tolist())), tuple(there))
    orientation = find_orientation(affine)
    source = SourceGrid(stored.shape, orientation, "DICOM", header.encode())
    return LabelMap(
        turn_to_ras(stored, orientation), ras_affine(affine, orientation, stored.shape), "case",
        source,
    )  # fmt: skip


def random_labels(shape: tuple[int, int, int] = (10, 12, 7)) -> np.ndarray:
    """Labels at random, (columns, rows, slices); some slices have none."""
    stored = np.random.default_rng(3).integers(0, 4, shape).astype(np.uint8)
    stored[:, :, [0, 4]] = 0
    return stored


def segment(number: int, kind: Code, label: str = "", region: Code | None = None) -> Any:
    """A segment's description."""
    return hd.seg.SegmentDescription(
        number, label or kind.meaning, codes.SCT.AnatomicalStructure, kind, "MANUAL",
        anatomic_regions=[region] if region else None,
    )  # fmt: skip


def segmentation(images: list[Dataset], masks: Any, segments: list[Any], **options: Any) -> Any:
    """A segmentation by highdicom; ``masks`` are (slices, rows, columns) or one more axis."""
    options = {"segmentation_type": "BINARY", **options}
    return hd.seg.Segmentation(
        source_images=images, pixel_array=masks, segment_descriptions=segments,
        series_instance_uid=generate_uid(), series_number=5, sop_instance_uid=generate_uid(),
        instance_number=1, manufacturer="other", manufacturer_model_name="other",
        software_versions="1", device_serial_number="1", **options,
    )  # fmt: skip
