"""Enhanced multi-frame files: a header for each frame, from the functional groups.

Shared functional groups hold for all frames, per-frame ones for their frame (PS3.3, C.7.6.16).
pydicom is imported when the first such file is read.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from liverview.core.study import StudyFacts
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.pixels.codecs import DEFLATED
from liverview.files.dicom.pixels.hu_pixels import inflate, start_of_data
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.opening import ImageFileError

_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, struct.error)
_LARGEST_HEADER = 1 << 26  # bytes, inflated, of a file without pixels
_CALENDAR = re.compile(r"\d{8}")  # the date in front of a time


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StackSlice:
    """One slice: a file of one image, or a frame of a multi-frame file.

    Attributes
    ----------
    header : of the file, with position, scale and whatever else is the frame's own.
    file : the header of the file as it was given.
    frame : from 1; 0 for files of one image.
    stack : of the frame, where the file names several.
    """

    header: SliceHeader
    file: SliceHeader
    frame: int = 0
    stack: str = ""

    @property
    def name(self) -> str:
        """What to call it in sentences."""
        name = self.file.source.name
        return f"frame {self.frame} of {name}" if self.frame else name


def slices_of(header: SliceHeader) -> list[StackSlice]:
    """The slices of a file, in the order in which they are stored.

    Raises
    ------
    ImageFileError : where a multi-frame file cannot be read.
    """
    if not header.rows or (header.frames <= 1 and header.position is not None):
        return [StackSlice(header, header)]
    data = read_data_set(header)
    with damage_told(header):
        groups = data.get("PerFrameFunctionalGroupsSequence")
        if not groups:
            # Frames without places of their own: one volume, refused for want of a position.
            alone = header.frames <= 1
            return [StackSlice(header if alone else replace(header, position=None), header)]
        shared = data.get("SharedFunctionalGroupsSequence")
        found = _Groups(header, shared[0] if shared else None)
        return [found.slice_of(group, index + 1) for index, group in enumerate(groups)]


@contextmanager
def damage_told(header: SliceHeader) -> Iterator[None]:
    """Turn what pydicom makes of damaged headers into a sentence; it reads values when asked.

    Raises
    ------
    ImageFileError : where the header cannot be read.
    """
    try:
        with quiet_pydicom():
            yield
    # What pydicom raises on damaged headers has no common base.
    except _DAMAGE as error:
        raise ImageFileError(
            f"{header.source.name} has a header that cannot be read: copy or export it again."
        ) from error


def read_data_set(header: SliceHeader) -> Any:
    """The data set of a file without its pixels.

    Raises
    ------
    ImageFileError : where it cannot be read.
    """
    from pydicom import dcmread

    with damage_told(header):
        if header.transfer_syntax == DEFLATED:
            return _read_deflated(header)
        data = header.source.read(0, header.pixel_start)
        return dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)


def _read_deflated(header: SliceHeader) -> Any:
    """As `read_data_set`: pydicom would inflate all of the file, however much that is."""
    from pydicom.filereader import read_dataset

    size = header.pixel_start if header.pixel_start >= 0 else _LARGEST_HEADER
    file = io.BytesIO(inflate(header.source, size))
    file.seek(start_of_data(file.getvalue()))
    return read_dataset(file, is_implicit_VR=False, is_little_endian=True)


class _Groups:
    """Values of frames: those of a frame's own functional groups, else of the shared ones."""

    def __init__(self, header: SliceHeader, shared: Any) -> None:
        self._file, self._shared = header, shared
        self._studies: dict[str, StudyFacts] = {}

    def slice_of(self, group: Any, number: int) -> StackSlice:
        file = self._file
        find = partial(self._find, group)
        spacing = _numbers(find("PixelMeasuresSequence", "PixelSpacing"), 2)
        center = _numbers(find("FrameVOILUTSequence", "WindowCenter"), 1)
        width = _numbers(find("FrameVOILUTSequence", "WindowWidth"), 1)
        values = "PixelValueTransformationSequence"
        time = str(find("FrameContentSequence", "FrameAcquisitionDateTime") or "")
        header = replace(
            file,
            study=self._study(find("CTReconstructionSequence", "ConvolutionKernel")),
            position=_numbers(find("PlanePositionSequence", "ImagePositionPatient"), 3),
            orientation=_numbers(find("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
            pixel_spacing=spacing or file.pixel_spacing,
            thickness=_number(find("PixelMeasuresSequence", "SliceThickness")) or file.thickness,
            slope=_number(find(values, "RescaleSlope"), file.slope),
            intercept=_number(find(values, "RescaleIntercept"), file.intercept),
            window=(center[0], width[0]) if center and width else file.window,
            temporal_position=_whole(find("FrameContentSequence", "TemporalPositionIndex")),
            acquisition_number=_whole(find("FrameContentSequence", "FrameAcquisitionNumber")),
            acquisition_time=_CALENDAR.sub("", time, count=1) or file.acquisition_time,
            image_type=_texts(find("CTImageFrameTypeSequence", "FrameType")) or file.image_type,
            instance_number=number,
            kilovolts=_number(find("CTXRayDetailsSequence", "KVP"), file.kilovolts),
        )
        stack = str(find("FrameContentSequence", "StackID") or "")
        return StackSlice(header, file, number, stack)

    def _find(self, group: Any, macro: str, keyword: str) -> Any:
        for source in (group, self._shared):
            sequence = source.get(macro) if source is not None else None
            value = sequence[0].get(keyword) if sequence else None
            if value is not None and value != "":
                return value
        return None

    def _study(self, kernel: Any) -> StudyFacts:
        named = " ".join(_texts(kernel)) or self._file.study.kernel
        if named not in self._studies:
            self._studies[named] = replace(self._file.study, kernel=named)
        return self._studies[named]


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(each) for each in value)


def _numbers(value: Any, count: int) -> Any:
    """So many finite numbers, or None."""
    try:
        found = tuple(float(each) for each in (value if isinstance(value, Sequence) else [value]))
    except (TypeError, ValueError):
        return None
    finite = all(math.isfinite(each) for each in found)
    return found[:count] if len(found) >= count and finite else None


def _number(value: Any, default: Any = None) -> Any:
    found = _numbers(value, 1)
    return found[0] if found else default


def _whole(value: Any) -> int | None:
    found = _numbers(value, 1)
    return int(found[0]) if found else None
