"""The header of a DICOM segmentation: its segments and its frames."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.segmentations.codes import coded, name_segment
from liverview.files.dicom.segmentations.frame_grid import FramePlanes
from liverview.files.dicom.segmentations.segmentation_record import (
    CREATOR,
    ELEMENT,
    GROUP,
    SegmentationRecord,
    parse_record,
)
from liverview.files.dicom.series.source_header import SourceSlice
from liverview.files.opening import ImageFileError, open_file

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
_WANTED = "a DICOM segmentation"


@dataclass(frozen=True, eq=False, repr=False)
class SegmentationFile:
    """A segmentation, its pixels not decoded.

    Attributes
    ----------
    path : of the file.
    data : its data set.
    kind : BINARY, FRACTIONAL or LABELMAP.
    names : of segments, by number.
    segments : (n,), the number of each frame's segment; 0 in a label map.
    planes : places of the frames.
    record : what liverview keeps in its own files.
    """

    path: Path
    data: Any
    kind: str
    names: Mapping[int, str]
    segments: NDArray[np.int64]
    planes: FramePlanes
    record: SegmentationRecord | None

    def sources(self) -> tuple[SourceSlice | None, ...]:
        """What each frame was made from; None where the file does not say."""
        with damage_in_words(self.path):
            return tuple(_source_of(frame) for frame in self.data.PerFrameFunctionalGroupsSequence)


@contextlib.contextmanager
def damage_in_words(path: Path, what: str = _WANTED) -> Iterator[None]:
    """A block in which what pydicom and its decoders raise of bad files is one sentence."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with quiet_pydicom():
            yield
    except ImageFileError:  # has its sentence
        raise
    except InvalidDicomError as error:
        raise ImageFileError(f"{path} is no DICOM file: choose {what}.") from error
    except (EOFError, struct.error, OSError) as error:
        raise ImageFileError(f"{path} is cut off or damaged: copy or export it again.") from error
    except (
        AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError,
        NotImplementedError, RuntimeError, BytesLengthException,
    ) as error:  # fmt: skip
        raise ImageFileError(
            f"{path} is damaged, or not as the standard has {what}: export it again."
        ) from error


def read_data_set(path: Path, *, pixels: bool = True) -> Any:
    """The data set of a file."""
    from pydicom import dcmread

    with open_file(path, _WANTED) as file, damage_in_words(path, "a DICOM file"):
        # Read at once: elements that are looked at later are parsed then, when the file is shut.
        return dcmread(io.BytesIO(file.read()), stop_before_pixels=not pixels)


def read_segmentation_file(path: Path, data: Any) -> SegmentationFile:
    """What a segmentation's header says.

    Raises
    ------
    ImageFileError : where it has no segments, or no positions of its frames.
    """
    with damage_in_words(path):
        kind = str(data.get("SegmentationType") or "").upper()
        if str(data.SOPClassUID) == LABEL_MAP_SEGMENTATION:
            kind = "LABELMAP"
        if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
            raise ImageFileError(
                f"{path} is a segmentation of the type {kind or 'none'}: only binary, fractional "
                "and label map segmentations can be read; export it as one of these."
            )
        names = dict(_iter_names(data))
        if not names:
            raise ImageFileError(f"{path} is a segmentation without segments: export it again.")
        frames = list(data.get("PerFrameFunctionalGroupsSequence") or ())
        if len(frames) != int(data.NumberOfFrames):
            raise ImageFileError(
                f"{path} is damaged: it says that it has {data.NumberOfFrames} frames and "
                f"describes {len(frames)}; export it again."
            )
        shared = data.SharedFunctionalGroupsSequence[0]
        number = [0] * len(frames)
        if kind != "LABELMAP":
            number = [_segment_of(path, frame, shared, names) for frame in frames]
        planes = _planes(path, data, frames, shared)
        return SegmentationFile(
            path, data, kind, names, np.array(number, np.int64), planes, _record(data)
        )


def _iter_names(data: Any) -> Iterator[tuple[int, str]]:
    for item in data.get("SegmentSequence") or ():
        number = int(item.SegmentNumber)
        given = str(item.get("SegmentLabel") or "").strip()
        types = item.get("SegmentedPropertyTypeCodeSequence") or ()
        regions = [coded(region) for region in item.get("AnatomicRegionSequence") or ()]
        kind = coded(types[0]) if types else ("", "")
        name = name_segment(given, kind, regions)
        if number or str(data.SOPClassUID) != LABEL_MAP_SEGMENTATION:
            yield number, name or f"Segment {number}"


def _group(frame: Any, shared: Any, keyword: str) -> Any:
    """The functional group of a frame, its own or that of all; None where there is none."""
    for item in (frame, shared):
        found = item.get(keyword)
        if found:
            return found[0]
    return None


def _segment_of(path: Path, frame: Any, shared: Any, names: Mapping[int, str]) -> int:
    group = _group(frame, shared, "SegmentIdentificationSequence")
    if group is None:
        raise ImageFileError(
            f"{path} does not say which segment its frames are of: export it again."
        )
    number = int(group.ReferencedSegmentNumber)
    if number not in names:
        raise ImageFileError(
            f"{path} has frames of a segment {number} that it does not describe: export it again."
        )
    return number


def _source_of(frame: Any) -> SourceSlice | None:
    for derivation in frame.get("DerivationImageSequence") or ():
        for image in derivation.get("SourceImageSequence") or ():
            number = image.get("ReferencedFrameNumber") or 0
            return SourceSlice(
                0,
                str(image.ReferencedSOPClassUID),
                str(image.ReferencedSOPInstanceUID),
                int(number if isinstance(number, int | str) else number[0]),
            )
    return None


def _planes(path: Path, data: Any, frames: list[Any], shared: Any) -> FramePlanes:
    positions = [_group(frame, shared, "PlanePositionSequence") for frame in frames]
    orientations = [_group(frame, shared, "PlaneOrientationSequence") for frame in frames]
    measures = [_group(frame, shared, "PixelMeasuresSequence") for frame in frames]
    if not frames or any(
        position is None or not position.get("ImagePositionPatient") for position in positions
    ):
        raise ImageFileError(
            f"{path} has no positions of its frames in the patient, so that their place is not "
            "known; export it again, with positions."
        )
    axes = [
        _axes(path, orientation, measure)
        for orientation, measure in _distinct(orientations, measures)
    ]
    if any(not np.allclose(other, axes[0], atol=1e-4) for other in axes[1:]):
        raise ImageFileError(
            f"{path} has frames of different directions or pixel sizes: export a file for each."
        )
    return FramePlanes(
        np.array([position.ImagePositionPatient for position in positions], np.float64),
        axes[0],
        int(data.Columns),
        int(data.Rows),
        abs(float(measures[0].get("SpacingBetweenSlices") or 0)),
        abs(float(measures[0].get("SliceThickness") or 0)),
    )


def _distinct(orientations: list[Any], measures: list[Any]) -> list[tuple[Any, Any]]:
    """Pairs of what are different items; most often there is one, that of all frames."""
    pairs = {
        (id(one), id(other)): (one, other)
        for one, other in zip(orientations, measures, strict=True)
    }
    return list(pairs.values())


def _axes(path: Path, orientation: Any, measure: Any) -> NDArray[np.float64]:
    if orientation is None or measure is None or not measure.get("PixelSpacing"):
        raise ImageFileError(
            f"{path} does not say how its frames lie (orientation and pixel spacing): export it "
            "again."
        )
    cosines = np.array(orientation.ImageOrientationPatient, np.float64).reshape(2, 3)
    down, across = (float(mm) for mm in measure.PixelSpacing)
    axes = np.stack([cosines[0] * across, cosines[1] * down], axis=1)
    area = float(np.linalg.norm(np.cross(axes[:, 0], axes[:, 1])))
    if not np.isfinite(axes).all() or area < 1e-6 or min(across, down) <= 0:
        raise ImageFileError(
            f"{path} has an orientation or a pixel spacing that cannot be: export it again."
        )
    return axes


def _record(data: Any) -> SegmentationRecord | None:
    try:
        text = data.private_block(GROUP, CREATOR)[ELEMENT].value
    except KeyError:
        return None
    if isinstance(text, bytes):  # of implicit VR, where nobody knows its type
        text = text.rstrip(b"\0 ").decode("ascii", "replace")
    return parse_record(str(text))
