"""Labels on the voxels of a scan: as they lie, as ITK would have placed them, or resampled.

One NIfTI header can give two places, and ITK picks another one than most: by its qform where the
sform's code is above 1, with the voxel sizes of pixdim, and turned front to back where no
orientation is stored. A label map that an ITK tool made for such a scan lies elsewhere by its
header, while its voxels are those of the scan one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import SAME_WITHIN, Affine, Grid, GridMismatchError, affine_spacing
from liverview.core.nearest import iter_nearest
from liverview.core.orientation import (
    Orientation,
    find_orientation,
    stored_affine,
    turn_from_ras,
    turn_to_ras,
    turned_axes,
)
from liverview.core.stream import Progress, result_of
from liverview.core.volume import LabelMap, SourceGrid, Volume

Array: TypeAlias = Volume | LabelMap
Turn: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


def place_labels(labels: LabelMap, on: Array, *, resample: bool = False) -> LabelMap:
    """Labels on the voxels of a scan or of another label map.

    Labels that lie there already come back as they are. Those that lie where ITK places the voxels
    of ``on`` (or ITK's labels where ``on`` is no ITK file) are taken voxel by voxel, and its
    ``warnings`` say so. Their affine and source are those of ``on`` then.

    Parameters
    ----------
    labels : on any grid.
    on : a scan or label map, the one whose voxels are wanted.
    resample : take labels on another grid by nearest neighbor; background where they end.

    Raises
    ------
    GridMismatchError : where they lie on other voxels, or resampled would all lie outside; it
        names both orientations.

    Examples
    --------
    >>> import liverview as lv
    >>> scan, labels = lv.read("ct.nii.gz"), lv.read_labels("labels.nii.gz")
    >>> lv.place_labels(labels, scan).shape == scan.shape
    True
    """
    return result_of(iter_place_labels(labels, on, resample=resample), LabelMap)


def iter_place_labels(
    labels: LabelMap, on: Array, *, resample: bool = False
) -> Iterator[Progress | LabelMap]:
    """Place labels as `place_labels` does; yields progress, then the labels."""
    if np.array_equal(labels.affine, on.affine) and labels.shape == on.shape:
        yield labels
        return
    turn = _turn_between(labels.grid, on.grid)
    note = ""
    if turn is None:
        turn = _turn_by_itk(labels, on)
        note = (
            f"{labels.name} and {on.name} lie differently ({_place(labels)}; {_place(on)}) as ITK "
            "(SimpleITK, nnU-Net, 3D Slicer) reads the header of one of them; their voxels were "
            "taken one to one."
        )
    if turn is not None:
        yield _moved(labels, on, turn(labels.voxels), turn, note)
    elif resample:
        yield from _iter_resample(labels, on)
    else:
        raise GridMismatchError(_mismatch(labels, on))


def _moved(
    labels: LabelMap, on: Array, voxels: NDArray[np.uint8], turn: Turn, note: str
) -> LabelMap:
    return replace(
        labels,
        voxels=voxels,
        affine=on.affine,
        source=on.source,
        warnings=(*labels.warnings, note) if note else labels.warnings,
        ignored=None if labels.ignored is None else turn(labels.ignored),
    )


# ---- voxel by voxel --------------------------------------------------------------------------


def _turn_between(grid: Grid, other: Grid) -> Turn | None:
    """A view's turning from the axes of a grid to those of another with the same voxels.

    Axes that lie at 45 degrees can be called either way by affines that differ in a digit.
    """
    orientation = match_axes(grid, other)
    return None if orientation is None else lambda array: turn_to_ras(array, orientation)


def match_axes(grid: Grid, other: Grid) -> Orientation | None:
    """The axes of another grid along those of this one, as an orientation; None if none fit.

    None where not every voxel of one lies on one of the other, within `SAME_WITHIN`.
    """
    step = np.linalg.solve(other.affine, grid.affine)  # index on the grid -> on the other
    whole = np.rint(step[:3, :3])
    sums = np.abs(whole).sum(axis=0), np.abs(whole).sum(axis=1)
    if not np.array_equal(sums, np.ones((2, 3))):
        return None
    orientation = np.stack([np.abs(whole).argmax(axis=0), whole.sum(axis=0)], axis=1)
    if any(
        other.shape[int(axis)] != n for axis, n in zip(orientation[:, 0], grid.shape, strict=True)
    ):
        return None
    exact = np.linalg.inv(turned_axes(orientation, grid.shape))
    apart = np.abs((step - exact) @ grid.corners()).max()
    return orientation if apart <= SAME_WITHIN else None


def _turn_by_itk(labels: LabelMap, on: Array) -> Turn | None:
    """The turning where one of the two is what ITK makes of the other's header."""
    theirs, ours = _itk_grid(on), _itk_grid(labels)
    if theirs is not None and on.source is not None:
        orientation, back = match_axes(labels.grid, theirs), on.source.orientation
        if orientation is not None:
            first = orientation
            return lambda array: turn_to_ras(turn_to_ras(array, first), back)
    if ours is not None and labels.source is not None:
        orientation, stored = match_axes(ours, on.grid), labels.source.orientation
        if orientation is not None:
            last = orientation
            return lambda array: turn_to_ras(turn_from_ras(array, stored), last)
    return None


def _itk_grid(array: Array) -> Grid | None:
    """The grid of the stored voxels as ITK has them, where that is known."""
    source = array.source
    if source is None or source.itk_affine is None:
        return None
    if turn_from_ras(array.voxels, source.orientation).shape != source.shape:
        return None  # cut after it was read
    return Grid(source.shape, source.itk_affine)


# ---- resampled -------------------------------------------------------------------------------


def _iter_resample(labels: LabelMap, on: Array) -> Generator[Progress | LabelMap, None, None]:
    voxels = yield from _iter_fill(labels, labels.voxels, on.grid)
    if labels.voxels.any() and not voxels.any():
        raise GridMismatchError(
            f"{_mismatch(labels, on)} Resampled, no label of {labels.name} would lie inside."
        )
    ignored = None
    if labels.ignored is not None:
        ignored = yield from _iter_fill(labels, labels.ignored, on.grid)
    note = (
        f"{labels.name} was resampled to the voxels of {on.name} by nearest neighbor "
        f"({labels.grid.describe()} to {on.grid.describe()}): volumes and edges may differ."
    )
    moved = _moved(replace(labels, ignored=None), on, voxels, lambda array: array, note)
    yield replace(moved, ignored=ignored)


def _iter_fill(
    labels: LabelMap, array: NDArray[Any], target: Grid
) -> Generator[Progress, None, NDArray[Any]]:
    """Yields progress; returns an array on the labels' grid resampled onto another one."""
    grid, stored = labels.grid, array
    if labels.source is not None:  # half-way, the higher index of the file is taken, as in ITK
        stored = turn_from_ras(array, labels.source.orientation)
        grid = Grid(stored.shape, _stored_affine(labels, labels.source))
    out = np.empty(target.shape, array.dtype, order="F")
    for k, values in iter_nearest(stored, grid, target):
        out[:, :, k] = values
        yield Progress("Resampling", k / target.shape[2])
    return out


# ---- in words --------------------------------------------------------------------------------


def _mismatch(labels: LabelMap, on: Array) -> str:
    told = f"they have {on.shape} and {labels.shape} voxels"
    if on.shape == labels.shape:
        apart = on.grid.corner_distance_mm(labels.grid)
        told = f"by their affines, corners lie up to {apart:.3g} mm apart"
    return (
        f"{on.name} and {labels.name} do not lie on the same voxels: {told} ({_place(on)}; "
        f"{_place(labels)}); save both on the grid of the scan, or have the labels resampled "
        "(--resample)."
    )


def _place(array: Array) -> str:
    """Axes as stored: ``ct: axes L, A, S of 0.7 x 0.7 x 2.5 mm from (90, -90, 0) mm``."""
    affine = array.affine
    if array.source is not None:
        affine = _stored_affine(array, array.source)
    codes = ("LR", "PA", "IS")
    axes = ", ".join(
        codes[int(axis)][int(direction > 0)] for axis, direction in find_orientation(affine)
    )
    first = ", ".join(f"{mm:.4g}" for mm in affine[:3, 3] + 0.0)
    sizes = " x ".join(f"{mm:.4g}" for mm in affine_spacing(affine))
    return f"{array.name}: axes {axes} of {sizes} mm from ({first}) mm"


def _stored_affine(array: Array, source: SourceGrid) -> Affine:
    stored = turn_from_ras(array.voxels, source.orientation)
    return stored_affine(array.affine, source.orientation, stored.shape)
