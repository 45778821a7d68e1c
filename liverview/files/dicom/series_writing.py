"""Writing volumes as CT series."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.opening import ImageFileError


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    """Write a volume as the files of a CT series into a folder."""
    yield Progress("Writing", 0.0)
    raise ImageFileError(f"{path} {volume} {overwrite}")
