"""Scans and label maps in and out, in whatever format; see `liverview.files.formats`.

Paths are ``str`` or ``Path``. Plain functions have done what they say when they return; those
that begin with iter_ yield their progress, and to stop is to stop iterating.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from liverview.core.checks import require_labels, require_volume
from liverview.core.errors import LiverviewError
from liverview.core.grid import GridMismatchError
from liverview.core.labels import FOREGROUND, Label, LabelStyle, default_styles, label_mask
from liverview.core.orientation import turn_from_ras
from liverview.core.placing import place_labels
from liverview.core.stream import Progress, ProgressCallback, drain, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic
from liverview.files.format import ONLY, Summary, TableOrder
from liverview.files.formats import (
    DEFAULT_SUFFIX,
    DICOM,
    format_of,
    format_to_write,
    functions_to_read,
)
from liverview.files.label_maps import (
    iter_read_named_labels,
    read_label_values,
    read_labels,
    read_named_labels,
)
from liverview.files.opening import PathLike, as_path

__all__ = [
    "check_target",
    "iter_read",
    "iter_read_named_labels",
    "iter_write_labels",
    "iter_write_masks",
    "iter_write_volume",
    "mask_paths",
    "read",
    "read_label_values",
    "read_labels",
    "read_named_labels",
    "read_summary",
    "write_labels",
    "write_masks",
    "write_volume",
]

Styles: TypeAlias = Mapping[Label, LabelStyle]
_IGNORED = np.uint8(255)  # as nnU-Net and most others have it


def read_summary(path: PathLike) -> Summary:
    """Read how many volumes a file holds, and of how many voxels.

    Raises
    ------
    ImageFileError : as `read` does for whatever the header shows.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.read_summary("ct.nii.gz")
    Summary(shape=(96, 84, 40), volumes=1)
    """
    path = as_path(path)
    return functions_to_read(path).read_summary(path)


def iter_read(path: PathLike, index: int | None = None) -> Iterator[Progress | Volume]:
    """Read a volume as `read` does; yields `Progress`, then the `Volume`.

    Examples
    --------
    >>> import liverview as lv
    >>> *progress, scan = lv.iter_read("ct.nii.gz")
    >>> scan.shape
    (96, 84, 40)
    """
    functions = functions_to_read(path := as_path(path))
    first = ONLY if format_of(path) is DICOM else 0
    for item in functions.iter_read(path, first if index is None else index):
        if index is None and first == 0 and isinstance(item, Volume):
            count = functions.read_summary(path).volumes
            note = f"It holds {count} volumes; the first one was read (--volume 0)."
            yield replace(item, warnings=(*item.warnings, note)) if count > 1 else item
        elif index and isinstance(item, Volume):
            yield replace(item, index=index)
        else:
            yield item


def read(
    path: PathLike, index: int | None = None, *, progress: ProgressCallback | None = None
) -> Volume:
    """Read a CT volume, turned to RAS+, in its stored type where HU are exact in it.

    Parameters
    ----------
    path : the file; its format is known by its content. Or a folder, .zip or DICOMDIR of DICOM.
    index : which of several volumes, from 0; by default the first, and ``warnings`` say so. Of
        DICOM, as `find_series` has them; where it holds several CT volumes, it must be given.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    ImageFileError : one sentence, a `LiverviewError`, for anything that is no usable volume.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.read("ct.nii.gz")
    Volume 96x84x40, 4.00x4.00x5.00 mm, RAS+, int16, HU, "ct"
    """
    return result_of(iter_read(path, index), Volume, progress)


def check_target(path: PathLike, *, overwrite: bool = False) -> None:
    """Raise `TargetError` now if no scan or label map could be written there, before long work."""
    format_to_write(as_path(path))
    atomic.check_target(as_path(path), overwrite=overwrite)


def iter_write_labels(
    path: PathLike,
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    styles: Styles | None = None,
    overwrite: bool = False,
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR,
    options: object | None = None,
) -> Iterator[Progress]:
    """Write as `write_labels` does; yields `Progress`.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.read_labels("labels.nii.gz")
    >>> work = lv.iter_write_labels("copy.nii.gz", labels)
    >>> [step.phase for step in work][-1]
    'Saved'
    """
    order, placed = _table_order(label_table), _on_grid(labels, volume)
    given = (styles or default_styles()).items()
    table = {int(label): style for label, style in given if labels.defines(label)}
    if placed.ignored is not None:
        placed = replace(placed, voxels=np.where(placed.ignored, _IGNORED, placed.voxels))
        table[int(_IGNORED)] = LabelStyle("Ignore", (128, 128, 128))
    yield from _iter_write(as_path(path), placed, table, overwrite, order, options)


def write_labels(
    path: PathLike,
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    styles: Styles | None = None,
    overwrite: bool = False,
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR,
    options: object | None = None,
    progress: ProgressCallback | None = None,
) -> None:
    """Write a label map on the grid of the scan it was made from, verified.

    The file is written beside the target, read back and compared voxel by voxel, and only
    then renamed: what is there under the name is always complete. Names and colors are in it.

    Parameters
    ----------
    path : the file; its suffix says the format.
    labels : made by `segment`, read by `read_labels`, or from an array; their ``source`` is the
        stored grid they are written on.
    volume : the scan on whose stored grid they are written instead.
    styles : names and colors, by default those of liverview.
    overwrite : replace a file that is there.
    label_table : "totalsegmentator" or "workbench", which of them reads the names in the file.
    options : those of the format; for ``.dcm`` a `SegmentationOptions`.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    GridMismatchError : where labels and volume do not lie on the same voxels.
    ImageFileError : where what was written does not come back.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.read_labels("labels.nii.gz")
    >>> lv.write_labels("found.nii.gz", labels)
    >>> lv.write_labels("found.nii.gz", labels)
    Traceback (most recent call last):
    liverview.files.atomic.TargetError: found.nii.gz exists already: choose another name, or ...
    """
    more: Any = {"overwrite": overwrite, "label_table": label_table, "options": options}
    drain(iter_write_labels(path, labels, volume, styles=styles, **more), progress)


def mask_paths(folder: PathLike, name: str) -> dict[Label, Path]:
    """The files that `iter_write_masks` writes."""
    return {
        label: as_path(folder) / f"{name}_{label.name.lower()}{DEFAULT_SUFFIX}"
        for label in FOREGROUND
    }


def iter_write_masks(
    folder: PathLike,
    name: str,
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    styles: Styles | None = None,
    overwrite: bool = False,
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR,
    some: Collection[Label] = tuple(FOREGROUND),
) -> Iterator[Progress]:
    """Write masks, or ``some`` of them, as `write_masks` does; yields progress."""
    paths = {label: path for label, path in mask_paths(folder, name).items() if label in some}
    for path in paths.values():
        check_target(path, overwrite=overwrite)
    order, given = _table_order(label_table), styles or default_styles()
    placed = replace(_on_grid(labels, volume), marks=(), edited={})
    for label, path in paths.items():
        mask = replace(placed, voxels=label_mask(labels.voxels, label).astype(np.uint8))
        yield from _iter_write(path, mask, {1: given[label]}, overwrite, order)


def write_masks(
    folder: PathLike,
    name: str,
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    styles: Styles | None = None,
    overwrite: bool = False,
) -> None:
    """Write one 0/1 file per label, NAME_liver.nii.gz and so on, as `write_labels` does.

    The liver is the whole organ, with its vessels and tumors.

    Parameters
    ----------
    folder, name : of the files.
    labels, volume, styles, overwrite : as for `write_labels`, whose errors it raises.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.read_labels("labels.nii.gz")
    >>> lv.write_masks(".", "case", labels)
    >>> lv.read("case_tumor.nii.gz").voxels.max()
    np.uint8(1)
    """
    drain(iter_write_masks(folder, name, labels, volume, styles=styles, overwrite=overwrite))


def iter_write_volume(
    path: PathLike, volume: Volume, *, overwrite: bool = False
) -> Iterator[Progress]:
    """Write a volume as `write_volume` does; yields progress."""
    path = as_path(path)
    require_volume(volume)
    _check_source(volume)
    yield from format_to_write(path).load().iter_write_volume(path, volume, overwrite=overwrite)


def write_volume(
    path: PathLike,
    volume: Volume,
    *,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> None:
    """Write a CT volume on its stored grid, its type kept, verified as labels are.

    Parameters
    ----------
    path : the file; its suffix says the format.
    overwrite : replace a file that is there.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    ImageFileError : where what was written does not come back.

    Examples
    --------
    >>> import liverview as lv
    >>> scan = lv.read("ct.nii.gz")
    >>> lv.write_volume("copy.nii", scan)
    >>> bool((lv.read("copy.nii").voxels == scan.voxels).all())
    True
    """
    drain(iter_write_volume(path, volume, overwrite=overwrite), progress)


def _iter_write(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    overwrite: bool,
    order: TableOrder,
    options: object | None = None,
) -> Iterator[Progress]:
    write: Any = format_to_write(path).load().iter_write_labels
    more = {} if options is None else {"options": options}
    yield from write(path, labels, table, overwrite=overwrite, order=order, **more)


def _table_order(given: TableOrder | str) -> TableOrder:
    try:
        return TableOrder(given)
    except ValueError as error:
        known = " or ".join(order.value for order in TableOrder)
        raise LiverviewError(f"{given!r} reads no label table that is known: {known}.") from error


def _on_grid(labels: LabelMap, volume: Volume | None) -> LabelMap:
    """The labels with the stored grid that they are to be written on."""
    require_labels(labels)
    if volume is not None:
        require_volume(volume)
        labels = replace(place_labels(labels, volume), affine=volume.affine, source=volume.source)
    _check_source(labels)
    return labels


def _check_source(array: Volume | LabelMap) -> None:
    """Refuse an array that was cut or padded after it was read from where it is to be written."""
    if array.source is None:
        return
    stored = turn_from_ras(array.voxels, array.source.orientation).shape
    if stored != array.source.shape:
        raise GridMismatchError(
            f"{array.name} has {stored} voxels, the grid it would be written on "
            f"{array.source.shape}: leave its source out (source=None) to write it as it is."
        )
