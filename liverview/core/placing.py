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

from liverview.core.box import Box
from liverview.core.grid import SAME_WITHIN, Grid, GridMismatchError, affine_spacing
from liverview.core.nearest import iter_nearest
from liverview.core.orientation import (
    Orientation,
    axes_after_turn,
    find_orientation,
    stored_affine,
    turn_from_ras,
    turn_to_ras,
)
from liverview.core.stream import Progress, result_of
from liverview.core.volume import LabelMap, Volume

Array: TypeAlias = Volume | LabelMap
Turn: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


def place_labels(labels: LabelMap, on: Array, *, resample: bool = False) -> LabelMap:
    """Labels on the voxels of a scan or of another label map.

    Labels that lie there already come back as they are. Those that lie where ITK places the voxels
    of ``on`` (or ITK's labels where ``on`` is no ITK file) are taken voxel by voxel, and its
    ``warnings`` say so. So are those of a segmentation that 3D Slicer has cropped to what is drawn:
    around them is background. Their affine and source
    are those of ``on`` then.

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
    if _lies_there(labels, on):
        yield labels
        return
    turn, note = _find_turn(labels, on)
    cropped = labels.source is not None and labels.source.cropped and isinstance(on, Volume)
    part = _find_part(labels, on) if cropped else None
    if turn is not None:
        yield _moved(labels, on, turn(labels.voxels), turn, note)
    elif part is not None:
        yield _widened(labels, on, part)
    elif resample:
        yield from _iter_resample(labels, on)
    else:
        raise GridMismatchError(_mismatch(labels, on))


def _lies_there(labels: LabelMap, on: Array) -> bool:
    same = labels.shape == on.shape and np.array_equal(labels.affine, on.affine)
    return same and (labels.source is None or labels.source is on.source)


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
        candidates=(),
    )


# ---- voxel by voxel --------------------------------------------------------------------------


def _find_turn(labels: LabelMap, on: Array) -> tuple[Turn | None, str]:
    """A view's turning from the labels' voxels to those of the other array; and what to say.

    Two orientations of a header may be mirrored about the middle of the voxels. Then a label map
    fits by either, and it is taken as the one of which it has the axes as they are stored.
    """
    mine, other = _stored_grid(labels), _stored_grid(on)
    plain = match_axes(mine, other)
    by_itk = [
        match_axes(*pair)
        for pair in ((mine, _itk_grid(on)), (_itk_grid(labels), other))
        if pair[0] is not None and pair[1] is not None
    ]
    found = [orientation for orientation in by_itk if orientation is not None]
    if plain is not None and not _is_straight(plain) and _is_file(labels) and _is_file(on):
        straight = [orientation for orientation in found if _is_straight(orientation)]
        if straight:
            return _full_turn(labels, straight[0], on), _itk_note(labels, on)
    if plain is not None:
        return _full_turn(labels, plain, on), ""
    return (_full_turn(labels, found[0], on), _itk_note(labels, on)) if found else (None, "")


def _full_turn(labels: LabelMap, orientation: Orientation, on: Array) -> Turn:
    """From RAS+ to the labels' stored axes, along them to the other's, and to RAS+ again."""

    def turn(array: NDArray[Any]) -> NDArray[Any]:
        if labels.source is not None:
            array = turn_from_ras(array, labels.source.orientation)
        array = turn_to_ras(array, orientation)
        return array if on.source is None else turn_to_ras(array, on.source.orientation)

    return turn


def _is_straight(orientation: Orientation) -> bool:
    return np.array_equal(orientation, [(0, 1), (1, 1), (2, 1)])


def _is_file(array: Array) -> bool:
    return array.source is not None and array.source.itk_affine is not None


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
    exact = np.linalg.inv(axes_after_turn(orientation, grid.shape))
    apart = np.abs((step - exact) @ grid.corners()).max()
    return orientation if apart <= SAME_WITHIN else None


def _stored_grid(array: Array) -> Grid:
    """The grid of the stored voxels, or of RAS+ ones where nothing was stored."""
    if array.source is None:
        return array.grid
    stored = turn_from_ras(array.voxels, array.source.orientation)
    i, j, k = stored.shape
    return Grid((i, j, k), stored_affine(array.affine, array.source.orientation, stored.shape))


def _itk_grid(array: Array) -> Grid | None:
    """The grid of the stored voxels as ITK has them, where that is known."""
    source = array.source
    if source is None or source.itk_affine is None:
        return None
    if turn_from_ras(array.voxels, source.orientation).shape != source.shape:
        return None  # cut after it was read
    return Grid(source.shape, source.itk_affine)


# ---- a part of the voxels ---------------------------------------------------------------------


def _find_part(labels: LabelMap, on: Array) -> Box | None:
    """The voxels of the other array that are the labels' own; None where some are not."""
    step = np.linalg.solve(on.affine, labels.affine)  # index of labels -> of the other
    exact = np.eye(4)
    exact[:3, 3] = np.rint(step[:3, 3])
    box = Box.of_shape(labels.shape).shifted([int(n) for n in exact[:3, 3]])
    inside = min(box.start) >= 0 and np.all(np.less_equal(box.stop, on.shape))
    apart = np.abs((step - exact) @ labels.grid.corners()).max()
    return box if inside and apart <= SAME_WITHIN else None


def _widened(labels: LabelMap, on: Array, part: Box) -> LabelMap:
    """Labels of a part, on all voxels of the other array."""

    def widen(array: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros(on.shape, array.dtype, order="F")
        whole[part] = array
        return whole

    marks = [replace(mark, start=mark.box.shifted(part.start).start) for mark in labels.marks]
    note = (
        f"{labels.name} has {labels.shape} of the {on.shape} voxels of {on.name}: around them is "
        "background."
    )
    return replace(_moved(labels, on, widen(labels.voxels), widen, note), marks=tuple(marks))


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
    if labels.source is not None:  # half-way, the higher index of the file is taken, as in ITK
        array = turn_from_ras(array, labels.source.orientation)
    out = np.empty(target.shape, array.dtype, order="F")
    for k, values in iter_nearest(array, _stored_grid(labels), target):
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


def _itk_note(labels: LabelMap, on: Array) -> str:
    return (
        f"{labels.name} and {on.name} lie differently ({_place(labels)}; {_place(on)}) as ITK "
        "(SimpleITK, nnU-Net, 3D Slicer) reads the header of one of them; their voxels were "
        "taken one to one."
    )


def _place(array: Array) -> str:
    """Axes as stored: ``ct: axes L, A, S of 0.7 x 0.7 x 2.5 mm from (90, -90, 0) mm``."""
    affine = _stored_grid(array).affine
    codes = ("LR", "PA", "IS")
    axes = ", ".join(
        codes[int(axis)][int(direction > 0)] for axis, direction in find_orientation(affine)
    )
    first = ", ".join(f"{mm:.4g}" for mm in affine[:3, 3] + 0.0)
    sizes = " x ".join(f"{mm:.4g}" for mm in affine_spacing(affine))
    return f"{array.name}: axes {axes} of {sizes} mm from ({first}) mm"
