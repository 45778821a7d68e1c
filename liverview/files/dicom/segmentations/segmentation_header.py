"""The header of a segmentation that is written: highdicom's, with every slice and frame."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.about import __version__
from liverview.core.grid import Affine
from liverview.core.volume import LabelMap
from liverview.files.dicom.segmentations.frames import Frames
from liverview.files.dicom.segmentations.segments import Segment, describe_segment
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.dicom.writing.kept_elements import PATIENT_AND_STUDY, keep_elements
from liverview.files.opening import ImageFileError

_FORMAT = "DICOM"
_RLE_LOSSLESS = "1.2.840.10008.1.2.5"
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_SERIES_NUMBER = 9001


@dataclass(frozen=True, eq=False)
class SeriesGrid:
    """The grid of a series, as its header has it.

    Attributes
    ----------
    header : of the series.
    template : the data set of its first slice.
    shape : columns, rows, slices.
    affine : (4, 4), column, row, slice -> world mm, LPS.
    """

    header: SeriesHeader
    template: Any
    shape: tuple[int, int, int]
    affine: Affine

    def position(self, place: int) -> NDArray[np.float64]:
        """World mm, LPS, of the center of a slice's first pixel."""
        point: NDArray[np.float64] = self.affine[:3, 3] + place * self.affine[:3, 2]
        return point


def series_grid(path: Path, labels: LabelMap) -> SeriesGrid:
    """The grid of the series that labels were made from.

    Raises
    ------
    ImageFileError : where they were made from none.
    """
    from pydicom import dcmread

    source = labels.source
    if source is None or source.format != _FORMAT or not source.header:
        raise ImageFileError(
            f"{path} was not saved: a DICOM segmentation refers to the slices of a DICOM series, "
            f"and {labels.name} lies on none; open that series, or save it as .nii.gz."
        )
    header = SeriesHeader.decode(source.header)
    if not header.slices:
        raise ImageFileError(
            f"{path} was not saved: no slice of the series that {labels.name} was made from is "
            "known; open that series, or save it as .nii.gz."
        )
    template = dcmread(io.BytesIO(header.template), force=True)
    return SeriesGrid(header, template, source.shape, np.array(header.affine, np.float64))


def make_header(
    labels: LabelMap,
    segments: tuple[Segment, ...],
    grid: SeriesGrid,
    frames: Frames,
    *,
    label_map: bool,
) -> Any:
    """The data set of a segmentation without its pixel data, and with one frame described."""
    import highdicom as hd
    from pydicom.uid import generate_uid

    syntax = _RLE_LOSSLESS if frames.encapsulated else _EXPLICIT_LITTLE
    columns, rows, _ = grid.shape
    data = hd.seg.Segmentation(
        source_images=[_source_image(grid)],
        pixel_array=np.zeros((1, rows, columns), np.uint8),
        segmentation_type="LABELMAP" if label_map else "BINARY",
        segment_descriptions=[describe_segment(segment, labels) for segment in segments],
        series_instance_uid=generate_uid(prefix=None),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer="liverview",
        manufacturer_model_name="liverview",
        software_versions=__version__,
        device_serial_number="0",
        content_label="PARTIAL" if labels.partial else "LIVERVIEW",
        content_description=_description(labels, segments)[:64],
        transfer_syntax_uid=syntax,
        plane_orientation=hd.PlaneOrientationSequence("PATIENT", _orientation(grid)),
        plane_positions=[hd.PlanePositionSequence("PATIENT", grid.position(0))],
        omit_empty_frames=False,
        series_description=_series_description(labels),
    )
    del data.PixelData
    keep_elements(data, grid.template)
    data.SegmentsOverlap = "YES" if frames.overlap else "NO"
    if label_map:
        data.BitsAllocated = data.BitsStored = frames.bits
        data.HighBit = frames.bits - 1
    # highdicom has the first slice's own, made of a single image, in place of those it is given.
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence = _pixel_measures(grid)
    _refer_to_slices(data, grid)
    data.NumberOfFrames = len(frames.frames)
    return data


def _series_description(labels: LabelMap) -> str:
    return "liverview segmentation, PARTIAL" if labels.partial else "liverview segmentation"


def _description(labels: LabelMap, segments: tuple[Segment, ...]) -> str:
    names = ", ".join(dict.fromkeys(segment.style.name for segment in segments))
    return f"PARTIAL, stopped: {names}" if labels.partial else names


def _source_image(grid: SeriesGrid) -> Any:
    """An image in the place of the first slice, of nobody.

    highdicom refuses values that are not as the standard has them, such as a date with dots;
    a segmentation has those of its series, whatever they are.
    """
    from pydicom.dataset import Dataset
    from pydicom.uid import CTImageStorage, generate_uid

    image = Dataset()
    for keyword in PATIENT_AND_STUDY:
        setattr(image, keyword, "")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        known = grid.template.get(keyword)
        setattr(image, keyword, known or generate_uid(prefix=None))
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, grid.header.slices[0].sop_instance
    image.Modality = "CT"
    image.Rows, image.Columns = grid.shape[1], grid.shape[0]
    across, down = np.linalg.norm(grid.affine[:3, :2], axis=0)
    image.PixelSpacing, image.SliceThickness = _numbers(np.array([down, across]), 9), 1
    image.ImagePositionPatient = _numbers(grid.position(0))
    image.ImageOrientationPatient = _orientation(grid)
    return image


def _orientation(grid: SeriesGrid) -> list[float]:
    """Direction cosines of a row and of a column."""
    axes = grid.affine[:3, :2] / np.linalg.norm(grid.affine[:3, :2], axis=0)
    return _numbers(np.concatenate([axes[:, 0], axes[:, 1]]), 12)


def _pixel_measures(grid: SeriesGrid) -> Any:
    import highdicom as hd

    across, down = np.linalg.norm(grid.affine[:3, :2], axis=0)
    normal = np.cross(grid.affine[:3, 0] / across, grid.affine[:3, 1] / down)
    step = abs(float(normal @ grid.affine[:3, 2]))
    thickness = grid.template.get("SliceThickness") or step
    return hd.PixelMeasuresSequence(
        pixel_spacing=_numbers(np.array([down, across]), 9),
        slice_thickness=round(float(thickness), 9),
        spacing_between_slices=round(step, 9),
    )


def _numbers(values: NDArray[np.float64], digits: int = 6) -> list[float]:
    """Numbers that fit the 16 characters of a decimal string."""
    return [round(float(value), digits) + 0.0 for value in values]


def numbers_text(values: NDArray[np.float64]) -> bytes:
    """The value of an element of several decimal strings."""
    text = "\\".join(f"{value:.6f}".rstrip("0").rstrip(".") for value in _numbers(values))
    return text.encode("ascii") + b" " * (len(text) % 2)


# ---- slices ----------------------------------------------------------------------------------


def _refer_to_slices(data: Any, grid: SeriesGrid) -> None:
    """References to every instance of the series, once each, in the order of the slices."""
    from pydicom.dataset import Dataset

    instances = []
    for sop_class, sop_instance in dict.fromkeys(each[1:3] for each in grid.header.slices):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
        instances.append(item)
    data.SourceImageSequence = instances
    data.ReferencedSeriesSequence[0].ReferencedInstanceSequence = instances
