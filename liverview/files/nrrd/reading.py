"""Reading NRRD: scans, label maps and Slicer's segmentations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.format import StoredVolume, Summary
from liverview.files.nrrd.fields import parse_fields
from liverview.files.nrrd.header import FORMAT, read_header
from liverview.files.nrrd.segments import read_segments
from liverview.files.review_record import Review, parse_review
from liverview.files.voxel_header import iter_read_header, iter_read_header_stored

REVIEW = "liverview_review"
PARTIAL = "liverview_partial"


def read_summary(path: Path) -> Summary:
    """Read the header only.

    Raises
    ------
    ImageFileError : as `iter_read` does for whatever the header shows.
    """
    return read_header(path).summary


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume as the last value.

    Raises
    ------
    ImageFileError : one sentence, for anything that is not a usable volume.
    """
    yield from iter_read_header(read_header(path), index)


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    """Read a label map; yields progress, and every volume as it is stored.

    Of a segmentation in several layers, where segments may overlap, every segment is a volume.

    Raises
    ------
    ImageFileError : one sentence, for anything that cannot be read.
    """
    yield from iter_read_header_stored(read_header(path))


def label_names(source: SourceGrid) -> tuple[dict[int, str], str]:
    """Names of values by Slicer's segments in one layer."""
    segments = read_segments(_keys(source), layered=False)
    names = {one.value: one.name for one in segments if one.layer == 0}
    return names, "the segments in its header"


def volume_names(source: SourceGrid) -> dict[int, str]:
    """Names of Slicer's segments in several layers, in their order."""
    segments = read_segments(_keys(source), layered=True)
    return {n: one.name for n, one in enumerate(segments)}


def label_review(volume: StoredVolume) -> Review | None:
    """What a header says of the label map that it is; None where it is not liverview's."""
    keys = _keys(volume.source) if volume.source.format == FORMAT else {}
    if REVIEW in keys:
        return parse_review(keys[REVIEW], volume)
    return Review(partial=keys[PARTIAL] == "1") if PARTIAL in keys else None


def _keys(source: SourceGrid) -> dict[str, str]:
    return dict(parse_fields(source.format, source.header).keys)
