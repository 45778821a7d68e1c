"""Reading label maps, in whatever format and of whatever program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.coding import GivenLabels, parse_coding
from liverview.core.grid import Grid
from liverview.core.stream import Progress, ProgressCallback, result_of
from liverview.core.volume import LabelMap
from liverview.files.format import StoredVolume
from liverview.files.formats import functions_to_read
from liverview.files.named_labels import NamedLabels, iter_name_values
from liverview.files.opening import ImageFileError, PathLike, as_path
from liverview.files.values import iter_whole_numbers


def iter_read_named_labels(
    path: PathLike, labels: GivenLabels | None = None, grid: Grid | None = None
) -> Iterator[Progress | NamedLabels]:
    """Read a label map of any program; yields progress, then the `NamedLabels` last.

    ``labels`` and ``grid`` as for `read_labels`.

    Raises
    ------
    CodingError : where ``labels`` cannot be.
    ImageFileError : where the file cannot be read or holds no whole numbers from 0 to 65535.
    """
    path = as_path(path)
    coding = None if labels is None else parse_coding(labels)
    for item in iter_name_values(path, functions_to_read(path), grid):
        yield item if coding is None or isinstance(item, Progress) else item.apply(coding)


def read_named_labels(
    path: PathLike, labels: GivenLabels | None = None, grid: Grid | None = None
) -> NamedLabels:
    """`iter_read_named_labels` for callers that do not want progress."""
    return result_of(iter_read_named_labels(path, labels, grid), NamedLabels)


def read_labels(
    path: PathLike,
    labels: GivenLabels | None = None,
    *,
    grid: Grid | None = None,
    progress: ProgressCallback | None = None,
) -> LabelMap:
    """Read a label map of any program, in the values of `Label`.

    Its values are taken by the names that the file or those beside it give them. Where nothing
    names them, they are taken by a guess that leaves no doubt, or refused. ``warnings`` of the
    label map say what was taken for what where that is not plain, and which values were left out;
    ``defined`` has the labels that are known, ``ignored`` the voxels that nobody judged. It lies,
    and is written again, on the grid of its file.

    A file with a volume of 0 and 1 per class is read the same way, its volumes for values.

    Parameters
    ----------
    path : the file; its format is known by its content.
    labels : what the values are: ``"lits"``, ``"task08"``, ``"liverview"``,
        ``"1=liver,2=tumor,255=ignore"``, or a mapping such as ``{1: "liver", 2: "tumor"}``.
    grid : of the scan that they are for, as ``volume.grid``: contours (RTSTRUCT) have none of their
        own, and segmentations (SEG) may leave slices out.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    CodingError : where ``labels`` cannot be.
    ImageFileError : where it cannot be read, holds no whole numbers from 0 to 65535, or has values
        that may be one label or another.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.read_labels("labels.nii.gz")
    LabelMap 96x84x40, 4.00x4.00x5.00 mm, RAS+, liver 2608 mL, vessel 64.1 mL, ...
    >>> lv.read_labels("labels.nii.gz", "1=liver,2=ignore,3=tumor")
    LabelMap 96x84x40, 4.00x4.00x5.00 mm, RAS+, liver 2544 mL, vessel -, tumor ...
    """
    return checked_label_map(
        result_of(iter_read_named_labels(path, labels, grid), NamedLabels, progress)
    )


def checked_label_map(found: NamedLabels) -> LabelMap:
    """The label map without asking; its ``warnings`` say what was taken for what.

    Raises
    ------
    UnnamedLabelsError : where only a person could know what the values are.
    """
    found.check()
    return replace(found.to_label_map(), warnings=found.warnings)


def read_label_values(path: PathLike) -> LabelMap:
    """Read a label map in the values that are stored, whatever they mean: 0 to 255.

    Raises
    ------
    ImageFileError : where it cannot be read, or holds other values or several volumes.
    """
    path = as_path(path)
    functions = functions_to_read(path)
    count = functions.read_summary(path).volumes
    if count > 1:
        raise ImageFileError(
            f"{path} holds {count} volumes: put the classes into one, a value for each."
        )
    stored = result_of(functions.iter_read_stored(path), StoredVolume)
    voxels = result_of(_iter_values(path, stored), np.ndarray)
    return LabelMap(voxels, stored.affine, stored.name, stored.source)


def _iter_values(path: Path, stored: StoredVolume) -> Iterator[Progress | NDArray[Any]]:
    yield (yield from iter_whole_numbers(path, stored, 255))
