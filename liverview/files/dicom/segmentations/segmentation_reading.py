"""Reading DICOM segmentations: their frames put onto one grid, in the values of segments."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Grid
from liverview.core.orientation import ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.study import StudyFacts
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.pixels.codecs import DEFLATED, EXPLICIT, IMPLICIT, decode_frame
from liverview.files.dicom.places.sources import MemorySource
from liverview.files.dicom.segmentations.frame_grid import (
    LPS_TO_RAS,
    UNEVEN,
    FrameGrid,
    own_grid,
    recorded_grid,
    scan_grid,
)
from liverview.files.dicom.segmentations.segmentation_file import (
    SegmentationFile,
    damage_in_words,
    read_data_set,
    read_segmentation_file,
)
from liverview.files.dicom.segmentations.segmentation_record import label_names_of
from liverview.files.dicom.series.source_header import SeriesHeader, SourceSlice
from liverview.files.dicom.writing.kept_elements import template_of
from liverview.files.format import StoredVolume
from liverview.files.formats import name_without_suffix
from liverview.files.opening import ImageFileError

NAMES, REVIEW = 1, 2
"""Codes of what is kept of a file, as `SourceGrid.extensions`."""
_STEP = 32  # frames between two yields
_NATIVE = (IMPLICIT, EXPLICIT, DEFLATED)
_FRACTIONAL = "Its segments are fractional: what is one half or more was taken."


def iter_read_segmentation(
    path: Path, grid: Grid | None = None
) -> Iterator[Progress | StoredVolume]:
    """Read a segmentation; yields progress, and a volume of the numbers of segments.

    Where segments overlap there is a volume of 0 and 1 for each. A file of liverview's gives the
    values of its label map in any case.

    Parameters
    ----------
    grid : of the scan that it is for; without it, the grid that the frames span.

    Raises
    ------
    ImageFileError : one sentence, for anything that cannot be read.
    """
    yield Progress("Reading", 0.0)
    yield from iter_read_frames(read_segmentation_file(path, read_data_set(path)), grid)


def iter_read_frames(
    file: SegmentationFile, grid: Grid | None = None
) -> Iterator[Progress | StoredVolume]:
    """`iter_read_segmentation` for a file whose header was read."""
    placed = place_frames(file, grid)
    stack, overlap = yield from iter_paint(file, placed)
    if not overlap or file.record is not None:
        yield _stored_volume(file, placed, stack)
        return
    for number in file.names:
        stack = np.zeros_like(stack, np.uint8)
        for at, frame in _iter_frames(file, number):
            _paint(file, stack, placed, at, frame, one=True)
        yield Progress("Reading", 1.0)
        yield _stored_volume(file, placed, stack)


def iter_paint(
    file: SegmentationFile, placed: FrameGrid
) -> Generator[Progress, None, tuple[NDArray[Any], bool]]:
    """Yields progress; returns values, (slices, rows, columns), and whether segments overlap."""
    dtype = np.uint8 if max(_values(file).values()) < 256 else np.uint16
    stack = _empty_stack(file, placed, dtype)
    overlap = False
    for count, (number, frame) in enumerate(_iter_frames(file)):
        overlap = _paint(file, stack, placed, number, frame) or overlap
        if count % _STEP == 0:
            yield Progress("Reading", count / len(file.segments))
    return stack, overlap


def count_volumes(file: SegmentationFile) -> int:
    """How many volumes are read of a file: 1 unless segments overlap."""
    said = str(file.data.get("SegmentsOverlap") or "").upper()
    if file.kind == "LABELMAP" or file.record is not None or len(file.names) == 1 or said == "NO":
        return 1
    filled: dict[bytes, NDArray[np.bool_]] = {}
    for number, frame in _iter_frames(file):
        key = np.round(file.planes.positions[number], 2).tobytes()
        mask = _mask(file, frame)
        if key in filled and (filled[key] & mask).any():
            return len(file.names)
        filled[key] = filled[key] | mask if key in filled else mask
    return 1


def place_frames(file: SegmentationFile, grid: Grid | None) -> FrameGrid:
    """The grid that a file says it was made on, that of the scan, or what its frames span."""
    if not np.isfinite(file.planes.positions).all():
        raise ImageFileError(f"{file.path} has positions that are no numbers: export it again.")
    found = None
    if file.record is not None:
        found = recorded_grid(file.planes, file.record.shape, file.record.affine)
    if found is None and grid is not None:
        found = scan_grid(file.planes, grid)
    return found or own_grid(file.path, file.planes)


# ---- pixels ----------------------------------------------------------------------------------


def _empty_stack(file: SegmentationFile, placed: FrameGrid, dtype: Any) -> NDArray[Any]:
    columns, rows, slices = placed.shape
    try:
        return np.zeros((slices, rows, columns), dtype)
    except (MemoryError, ValueError) as error:
        raise ImageFileError(
            f"{file.path} needs {columns * rows * slices / 2**30:.1f} GiB of memory, more than "
            "there is: crop it."
        ) from error


def _iter_frames(
    file: SegmentationFile, segment: int | None = None
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Index and pixels, (rows, columns), of each frame, or of a segment's, by segments."""
    wanted = np.argsort(file.segments, kind="stable")
    if segment is not None:
        wanted = wanted[file.segments[wanted] == segment]
    data = file.data
    if "PixelData" not in data:
        raise ImageFileError(f"{file.path} has no pixel data: copy or export it again.")
    with damage_in_words(file.path):
        native = str(data.file_meta.TransferSyntaxUID) in _NATIVE
    if native:
        yield from _iter_native(file, wanted.tolist())
        return
    header = _coded_image(file)
    for index in wanted.tolist():
        frame = decode_frame(header, index)
        if frame.shape != (file.planes.rows, file.planes.columns):
            raise ImageFileError(f"{file.path} is cut off or damaged: copy or export it again.")
        yield index, frame


def _coded_image(file: SegmentationFile) -> SliceHeader:
    """The compressed frames as the decoders of images take them."""
    data = file.data
    with damage_in_words(file.path):
        bits, stored = int(data.BitsAllocated), int(data.BitsStored)
        return SliceHeader(
            MemorySource(str(file.path), bytes(data.PixelData)),
            str(data.file_meta.TransferSyntaxUID), str(data.SOPClassUID), "", "", StudyFacts(),
            None, None, None, "", "", (),
            rows=file.planes.rows, columns=file.planes.columns, frames=len(file.segments),
            samples=1, bits_allocated=bits, bits_stored=stored, signed=False,
            photometric="MONOCHROME2", position=None, orientation=None, pixel_spacing=None,
            thickness=None, spacing_between=None, gantry_tilt=None, slope=1.0, intercept=0.0,
            padding=None, window=None, pixel_start=0, pixel_bytes=-1,
        )  # fmt: skip


def _iter_native(file: SegmentationFile, wanted: list[int]) -> Iterator[tuple[int, NDArray[Any]]]:
    rows, columns = file.planes.rows, file.planes.columns
    bits, size = int(file.data.BitsAllocated), rows * columns
    pixels = file.data.PixelData
    promised = (len(file.segments) * size * bits + 7) // 8
    if bits not in (1, 8, 16) or len(pixels) < promised:
        raise ImageFileError(
            f"{file.path} is incomplete: its header promises {promised} bytes of pixels of {bits} "
            f"bits, it has {len(pixels)}; copy or export it again."
        )
    raw = np.frombuffer(pixels, np.uint8)
    for index in wanted:
        first = index * size
        if bits == 1:
            packed = raw[first // 8 : (first + size + 7) // 8]
            frame = np.unpackbits(packed, bitorder="little")[first % 8 :][:size]
        elif bits == 8:
            frame = raw[first : first + size]
        else:
            frame = raw[2 * first : 2 * (first + size)].view("<u2")
        yield index, frame.reshape(rows, columns)


def _mask(file: SegmentationFile, frame: NDArray[Any]) -> NDArray[np.bool_]:
    """The voxels of a segment; of fractions, those of one half and more."""
    if file.kind == "FRACTIONAL":
        most = int(file.data.get("MaximumFractionalValue") or 255)
        half: NDArray[np.bool_] = 2 * frame.astype(np.int32) >= most
        return half
    return frame.view(np.bool_) if file.data.BitsAllocated == 1 else frame != 0


def _values(file: SegmentationFile) -> dict[int, int]:
    """The values that segments have in the volume: their numbers, or those of our labels."""
    if file.record is None:
        return {number: number for number in file.names}
    return {number: file.record.value_of(number) or 0 for number in file.names}


def _paint(
    file: SegmentationFile,
    stack: NDArray[Any],
    placed: FrameGrid,
    number: int,
    frame: NDArray[Any],
    *,
    one: bool = False,
) -> bool:
    """Put a frame where it lies; true where there was something else before."""
    overlap = False
    window = np.s_[
        placed.row : placed.row + file.planes.rows,
        placed.column : placed.column + file.planes.columns,
    ]
    values = _values(file)
    for place in placed.places[number]:
        target = stack[place][window]
        if file.kind == "LABELMAP":
            table = np.zeros(int(frame.max()) + 1 if frame.size else 1, stack.dtype)
            for key, value in values.items():
                if key < len(table):
                    table[key] = value
            target[...] = table[frame]
            continue
        mask = _mask(file, frame)
        overlap = overlap or bool((target.astype(np.bool_) & mask).any())
        np.copyto(target, 1 if one else values[int(file.segments[number])], where=mask)
    return overlap


# ---- what is given back ----------------------------------------------------------------------


def _stored_volume(file: SegmentationFile, placed: FrameGrid, stack: NDArray[Any]) -> StoredVolume:
    remarks = [UNEVEN] if placed.uneven else []
    if file.kind == "FRACTIONAL":
        remarks.append(_FRACTIONAL)
    with damage_in_words(file.path):
        header = _header(file, placed).encode()
    source = SourceGrid(placed.shape, placed.orientation, "DICOM", header, extensions=_kept(file))
    return StoredVolume(
        turn_to_ras(stack.T, placed.orientation),
        1.0,
        0.0,
        ras_affine(placed.affine, placed.orientation, placed.shape),
        name_without_suffix(file.path),
        source,
        tuple(remarks),
    )


def _kept(file: SegmentationFile) -> tuple[tuple[int, bytes], ...]:
    """Names of values, of volumes, and the review, for who asks for them later."""
    record = file.record
    names: Mapping[int, str] = file.names if record is None else label_names_of(record)
    content = {
        "values": {str(number): name for number, name in names.items()},
        "volumes": list(file.names.values()),
    }
    kept = [(NAMES, json.dumps(content).encode("ascii"))]
    if record is not None:
        kept.append((REVIEW, json.dumps(dict(record.review)).encode("ascii")))
    return tuple(kept)


def _header(file: SegmentationFile, placed: FrameGrid) -> SeriesHeader:
    affine = LPS_TO_RAS @ placed.affine
    rows = tuple(tuple(float(value) for value in row) for row in affine)
    return SeriesHeader(template_of(file.data), rows, tuple(_iter_slices(file, placed)))


def _iter_slices(file: SegmentationFile, placed: FrameGrid) -> Iterator[SourceSlice]:
    """The slices of the series, as far as their places are known."""
    series = file.data.get("ReferencedSeriesSequence") or ()
    instances = series[0].get("ReferencedInstanceSequence") or () if series else ()
    places = file.record.places if file.record is not None else ()
    if len(instances) == len(places) and len(places) and max(places) < placed.shape[2]:
        for place, item in zip(places, instances, strict=True):
            uids = str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)
            yield SourceSlice(place, *uids)
        return
    found = {
        where[0]: source._replace(place=where[0])
        for source, where in zip(file.sources(), placed.places, strict=True)
        if source is not None and len(where) == 1
    }
    yield from (found[place] for place in sorted(found))
