"""Writing label maps as DICOM segmentations that refer to the slices of their series.

highdicom makes the header; the frames, which are many, are put together here.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liverview.core.labels import LabelStyle
from liverview.core.orientation import ras_affine, turn_to_ras
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.files import atomic
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.segmentations.frame_items import encode_frame_items
from liverview.files.dicom.segmentations.frames import Frames, iter_pack_binary, iter_pack_label_map
from liverview.files.dicom.segmentations.segmentation_file import (
    read_data_set,
    read_segmentation_file,
)
from liverview.files.dicom.segmentations.segmentation_header import (
    SeriesGrid,
    make_header,
    series_grid,
)
from liverview.files.dicom.segmentations.segmentation_reading import iter_paint, place_frames
from liverview.files.dicom.segmentations.segmentation_record import SegmentationRecord
from liverview.files.dicom.segmentations.segments import Segment, plan_segments
from liverview.files.dicom.writing.targets import check_file_target
from liverview.files.format import TableOrder
from liverview.files.opening import ImageFileError
from liverview.files.review_record import review_content

_MOST_BYTES = 0xFFFFFFFE  # of pixel data with a length
_STEP = 64  # slices between two yields


@dataclass(frozen=True)
class SegmentationOptions:
    """Options of a DICOM segmentation.

    Attributes
    ----------
    label_map : as a label map segmentation, compressed by RLE, which not every program reads yet;
        else as binary segments.
    per_lesion : a segment for each lesion, with a tracking UID, instead of one for all tumors.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> scan, labels = lv.read("series"), lv.read_labels("labels.nii.gz")
    >>> lv.write_labels("seg.dcm", labels, scan, options=lv.SegmentationOptions(per_lesion=True))
    """

    label_map: bool = False
    per_lesion: bool = False


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder = TableOrder.TOTALSEGMENTATOR,
    options: SegmentationOptions | None = None,
) -> Iterator[Progress]:
    """Write a label map as a segmentation of its series, verified; yields progress.

    Binary segments are whole: the liver has its vessels and tumors, and overlaps them. The values
    of a label map segmentation cannot overlap. The file is written beside the target, read back
    and compared voxel by voxel, and only then renamed. ``order`` makes no difference.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    ImageFileError : where the labels are those of no DICOM series, or what was written does not
        come back.
    """
    options = options or SegmentationOptions()
    grid = series_grid(path, labels)
    check_file_target(path, overwrite=overwrite)
    yield Progress("Writing", 0.0)
    segments = plan_segments(
        labels, table, whole=not options.label_map, per_lesion=options.per_lesion
    )
    if not segments:
        raise ImageFileError(
            f"{path} was not saved: {labels.name} defines no label, and a segmentation needs one."
        )
    if options.label_map:
        frames = yield from iter_pack_label_map(segments, grid.shape)
    else:
        frames = yield from iter_pack_binary(segments, grid.shape)
    with quiet_pydicom():
        data = make_header(labels, segments, grid, frames, label_map=options.label_map)
        _add_record(data, labels, segments, grid)
    yield Progress("Writing", 0.5)
    with atomic.atomic_write(path) as temporary:
        _write(path, temporary, data, frames, grid)
        yield Progress("Verifying", 0.6)
        yield from _iter_verify(path, temporary, labels, segments)
    yield Progress("Saved", 1.0)


def _add_record(
    data: Any, labels: LabelMap, segments: tuple[Segment, ...], grid: SeriesGrid
) -> None:
    from liverview.files.dicom.segmentations.segmentation_record import CREATOR, ELEMENT, GROUP

    record = SegmentationRecord(
        grid.shape,
        grid.affine,
        {segment.number: segment.record_name for segment in segments},
        tuple(each.place for each in grid.header.slices),
        labels.made_by,
        review_content(labels),
    )
    block = data.private_block(GROUP, CREATOR, create=True)
    block.add_new(ELEMENT, "UT", record.encode())


def _write(path: Path, temporary: Path, data: Any, frames: Frames, grid: SeriesGrid) -> None:
    """The header by pydicom; frames and pixels, the last elements, behind it."""
    from pydicom import dcmwrite
    from pydicom.encaps import encapsulate

    pixels = encapsulate(frames.data) if frames.encapsulated else b"".join(frames.data)
    pixels += b"\0" * (len(pixels) % 2)
    if len(pixels) > _MOST_BYTES:
        raise ImageFileError(
            f"{path} was not saved: its frames need {len(pixels) >> 20} MB, more than a DICOM "
            "file holds; save it as .nii.gz."
        )
    with quiet_pydicom():
        items = encode_frame_items(data, grid, frames.frames)
        del data.PerFrameFunctionalGroupsSequence
    with temporary.open("wb") as file:
        with quiet_pydicom():
            dcmwrite(file, data, enforce_file_format=True)
        file.write(items)
        length = 0xFFFFFFFF if frames.encapsulated else len(pixels)
        file.write(b"\xe0\x7f\x10\x00OB\0\0" + length.to_bytes(4, "little"))
        file.write(pixels)
        if frames.encapsulated:
            file.write(b"\xfe\xff\xdd\xe0\0\0\0\0")
        file.flush()
        os.fsync(file.fileno())


def _iter_verify(
    path: Path, written: Path, labels: LabelMap, segments: tuple[Segment, ...]
) -> Generator[Progress, None, None]:
    """Read the file back, as any segmentation is read, and compare every voxel and its place."""
    kept = np.zeros(256, np.uint8)  # values without a segment are background in the file
    for segment in segments:
        value = 255 if segment.label is None else int(segment.label)
        kept[value] = value
    file = read_segmentation_file(written, read_data_set(written))
    placed = place_frames(file, None)
    stack, _ = yield from iter_paint(file, placed)
    voxels = turn_to_ras(stack.T, placed.orientation)
    affine = ras_affine(placed.affine, placed.orientation, placed.shape)
    same = voxels.shape == labels.shape and np.allclose(affine, labels.affine, atol=1e-4)
    for k in range(labels.shape[2] if same else 0):
        expected = labels.voxels[:, :, k]
        same = same and (
            np.array_equal(expected, voxels[:, :, k])
            or np.array_equal(kept[expected], voxels[:, :, k])
        )
        if k % _STEP == 0:
            yield Progress("Verifying", 0.9 + 0.1 * k / labels.shape[2])
    if not same:
        raise ImageFileError(
            f"{path} was not saved: what came back from the disk differs from what was written."
        )
