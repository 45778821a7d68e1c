"""Reading DICOM: a place (folder, archive, DICOMDIR or file) and the volumes in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.dicom.series_volume import SeriesVolume
from liverview.files.dicom.volume_reading import iter_read_volume
from liverview.files.format import Summary
from liverview.files.opening import ImageFileError

__all__ = ["iter_read", "iter_read_volume", "read_summary"]


def read_summary(path: Path) -> Summary:
    """Read the headers only."""
    raise ImageFileError(f"{path}")


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read volume ``index`` of those in a folder, an archive or a file."""
    yield Progress("Reading", 0.0)
    raise ImageFileError(f"{path} {index} {SeriesVolume}")
