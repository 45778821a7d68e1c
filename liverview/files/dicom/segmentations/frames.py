"""The frames of a segmentation: their pixels, packed, and what each is."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.labels import label_family
from liverview.core.stream import Progress
from liverview.files.dicom.segmentations.segments import Segment

_STEP = 16  # slices between two yields
_TOGETHER = 8  # frames, whose bits together are whole bytes


class Frame(NamedTuple):
    """A frame: the number of its segment, 0 for all; its place along the slices."""

    segment: int
    place: int


class Frames(NamedTuple):
    """The frames of a file.

    Attributes
    ----------
    frames : in their order.
    data : pieces of pixel data: of uncompressed frames one after the other, or one for each.
    encapsulated : they are compressed.
    bits : of a pixel.
    overlap : segments share voxels.
    """

    frames: tuple[Frame, ...]
    data: list[bytes]
    encapsulated: bool
    bits: int
    overlap: bool = False


def iter_pack_binary(
    segments: tuple[Segment, ...], shape: tuple[int, int, int]
) -> Generator[Progress, None, Frames]:
    """Yields progress; returns a bit for every voxel of the frames that are not empty.

    Of segments that are all empty there is one frame each, since a file without any cannot be.
    """
    frames: list[Frame] = []
    data: list[bytes] = []
    waiting: list[NDArray[np.bool_]] = []
    for number, segment in enumerate(segments):
        for place in range(shape[2]):
            mask = segment.frame(place)
            if mask.any():
                frames.append(Frame(segment.number, place))
                waiting.append(mask)
            if len(waiting) == _TOGETHER:
                data.append(_pack(waiting))
                waiting.clear()
            if place % _STEP == 0:
                done = (number + place / shape[2]) / len(segments)
                yield Progress("Writing", 0.4 * done)
    if not frames:
        frames = [Frame(segment.number, 0) for segment in segments]
        waiting = [segment.frame(0) for segment in segments]
    if waiting:
        data.append(_pack(waiting))
    return Frames(tuple(frames), data, False, 1, _overlap(segments))


def iter_pack_label_map(
    segments: tuple[Segment, ...], shape: tuple[int, int, int]
) -> Generator[Progress, None, Frames]:
    """Yields progress; returns frames of the numbers of segments, each compressed by RLE."""
    from highdicom.frame import encode_frame

    dtype = np.uint8 if len(segments) < 256 else np.uint16
    bits = 8 * np.dtype(dtype).itemsize
    frames: list[Frame] = []
    data: list[bytes] = []
    for place in range(shape[2]):
        values = np.zeros((shape[1], shape[0]), dtype)
        for segment in segments:
            values[segment.frame(place)] = segment.number
        if values.any() or (place == shape[2] - 1 and not frames):
            frames.append(Frame(0, place))
            data.append(encode_frame(values, "1.2.840.10008.1.2.5", bits, bits, "MONOCHROME2", 0))
        if place % _STEP == 0:
            yield Progress("Writing", 0.4 * place / shape[2])
    return Frames(tuple(frames), data, True, bits)


def _pack(masks: list[NDArray[np.bool_]]) -> bytes:
    return np.packbits(np.stack(masks).reshape(-1), bitorder="little").tobytes()


def _overlap(segments: tuple[Segment, ...]) -> bool:
    labels = [segment.label for segment in segments if segment.label is not None]
    return any(
        segment.whole and part in label_family(segment.label) and part is not segment.label
        for segment in segments
        if segment.label is not None and segment.lesion < 0
        for part in labels
    )
