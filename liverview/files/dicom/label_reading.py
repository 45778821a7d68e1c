"""Reading DICOM SEG and RTSTRUCT as label maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.files.format import StoredVolume
from liverview.files.opening import ImageFileError
from liverview.files.review_record import Review


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    """Read a segmentation; yields progress, then its volume."""
    yield Progress("Reading", 0.0)
    raise ImageFileError(f"{path}")


def label_names(source: SourceGrid) -> tuple[Mapping[int, str], str]:
    """Names of its segments."""
    return {}, str(source)


def label_review(volume: StoredVolume) -> Review | None:
    """What the file says of the label map that it is."""
    return None


def volume_names(source: SourceGrid) -> Mapping[int, str]:
    """Names of its volumes."""
    return {}
