"""Writing label maps as DICOM SEG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from liverview.core.labels import LabelStyle
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.files.format import TableOrder
from liverview.files.opening import ImageFileError


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder,
) -> Iterator[Progress]:
    """Write a SEG that refers to the slices of the scan."""
    yield Progress("Writing", 0.0)
    raise ImageFileError(f"{path} {labels} {table} {overwrite} {order}")
