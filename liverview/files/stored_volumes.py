"""The volumes of a label map's file, on the grid of its scan where a format asks for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from liverview.core.grid import Grid
from liverview.core.stream import Progress
from liverview.files.format import FormatFunctions, GridFunctions, StoredVolume


def read_stored_volumes(
    path: Path, functions: FormatFunctions, grid: Grid | None
) -> tuple[int, Iterator[Progress | StoredVolume]]:
    """How many volumes there are, and what reads them.

    Parameters
    ----------
    grid : of the scan which they are for, where it is known.
    """
    if isinstance(functions, GridFunctions):
        return functions.count_volumes_of(path), functions.iter_read_stored_on(path, grid)
    return functions.read_summary(path).volumes, functions.iter_read_stored(path)
