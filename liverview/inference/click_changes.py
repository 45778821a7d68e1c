"""The changes of a proposal that belong to a person's marks: no others are taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.labels import Label, label_parent

Mask = NDArray[np.bool_]
_TOUCHING = np.ones((3, 3, 3), bool)
_REACH_MM = 2.5  # a mark may lie so far beside what it is for
_LEAST_MM = 5.0
_ORGAN_SPREAD_MM, _PART_SPREAD_MM = 15.0, 25.0  # from the marks: no change goes further
_THICK = 1.8  # times the shortest side of a voxel
_SAME_LESION = 0.5  # share of a labeled lesion that makes it the proposed one


def marked_changes(
    label: Label,
    found: Mask,
    current: Mask,
    positive: NDArray[np.float64],
    negative: NDArray[np.float64],
    spacing: tuple[float, float, float],
) -> tuple[Mask, Mask, Mask]:
    """What of a result belongs to the marks: the mask, what it adds and what it removes.

    A lesion is all of ``found`` that hangs together with a positive mark; a lesion that is labeled
    and lies mostly in it becomes it. Of liver and vessels only the changes at the marks are
    taken, and no further from them than a stroke is expected to work: additions at positive ones,
    removals at negative ones.

    Parameters
    ----------
    found, current : (I, J, K), what the network has found, and what the label holds today.
    positive, negative : (n, 3) voxels of the same block, those along a line included.

    Returns
    -------
    mask : the lesion; of liver and vessels all that the label then holds in the block.
    """
    wanted, unwanted = (_near(found.shape, points, spacing) for points in (positive, negative))
    if label is Label.TUMOR:
        mask = _parts_at(found, wanted)
        remove = _parts_at(current & ~found, unwanted) | _replaced(current, mask)
        return mask, mask & ~current, remove & ~mask
    thick = label_parent(label) is None
    spread = _ORGAN_SPREAD_MM if thick else _PART_SPREAD_MM
    around, beside = (
        _near(found.shape, points, spacing, spread) for points in (positive, negative)
    )
    add = _changes_at(found & ~current & around, wanted, spacing, thick)
    remove = _changes_at(current & ~found & beside, unwanted, spacing, thick)
    return (current | add) & ~remove, add, remove


def changed_at(
    before: Mask,
    found: Mask,
    positive: NDArray[np.float64],
    negative: NDArray[np.float64],
    spacing: tuple[float, float, float],
) -> Mask:
    """The result before, changed where the new marks are, and at the marks in any case.

    A person who mends a part of a lesion does not expect another part to move.

    Parameters
    ----------
    before, found : (I, J, K), the results without and with the new marks.
    positive, negative : (n, 3) voxels, the new marks.
    """
    wanted, unwanted = (_near(found.shape, points, spacing) for points in (positive, negative))
    missing = found & ~before & _as_wide(~before, positive, spacing)
    excess = before & ~found & _as_wide(before, negative, spacing)
    out = before.copy()
    out |= _changes_at(missing, wanted, spacing, thick=True)
    out &= ~_changes_at(excess, unwanted, spacing, thick=True)
    return np.asarray((out | wanted) & ~unwanted)


def _as_wide(
    inside: Mask, points: NDArray[np.float64], spacing: tuple[float, float, float]
) -> Mask:
    """The surroundings of points, twice as far as it is from them to what is not ``inside``.

    A mark lies in the middle of what is wrong: it tells how wide that is.
    """
    around = np.zeros(inside.shape, bool)
    if len(points):
        depth = ndimage.distance_transform_edt(inside, spacing)
        at = np.clip(np.rint(points).astype(int), 0, np.array(inside.shape) - 1)
        for point, mm in zip(points, depth[tuple(at.T)], strict=True):
            around |= _near(inside.shape, point[None], spacing, max(_LEAST_MM, 2 * float(mm)))
    return around


def _near(
    shape: tuple[int, ...],
    points: NDArray[np.float64],
    spacing: tuple[float, float, float],
    reach_mm: float = _REACH_MM,
) -> Mask:
    """The voxels within reach of points; each point's own voxel is one."""
    near = np.zeros(shape, bool)
    last = np.array(shape) - 1
    reach = np.array([max(reach_mm, 0.75 * mm) / mm for mm in spacing])
    for point in np.unique(np.rint(points), axis=0):
        low = np.clip(np.floor(point - reach).astype(int), 0, last)
        high = np.clip(np.ceil(point + reach).astype(int), 0, last) + 1
        axes = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        squared = sum(((a - p) / r) ** 2 for a, p, r in zip(axes, point, reach, strict=True))
        near[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] |= np.asarray(squared) <= 1
    return near


def _parts_at(mask: Mask, near: Mask) -> Mask:
    """The connected parts of a mask that some voxel near a mark is of."""
    parts, _ = ndimage.label(mask, _TOUCHING)
    touched = np.unique(parts[near & mask])
    return np.isin(parts, touched[touched > 0])


def _changes_at(change: Mask, near: Mask, spacing: tuple[float, float, float], thick: bool) -> Mask:
    """The connected parts of a change at marks.

    Of ``thick`` ones, thin sheets along a border are no part: they would hang everything together.
    """
    if not thick:
        return _parts_at(change, near)
    # Across thick slices a sheet of one voxel is no thin one.
    cube = np.ones([3 if mm < _THICK * min(spacing) else 1 for mm in spacing], bool)
    core = ndimage.binary_opening(change, cube) | (change & near)
    grown = ndimage.binary_dilation(_parts_at(core, near), _TOUCHING, iterations=2)
    return np.asarray(grown & change)


def _replaced(current: Mask, mask: Mask) -> Mask:
    """The labeled lesions that lie mostly in a mask, whole."""
    parts, count = ndimage.label(current, _TOUCHING)
    if not count or not mask.any():
        return np.zeros_like(current)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    shared = np.bincount(parts[mask], minlength=count + 1)
    same = shared > _SAME_LESION * sizes
    same[0] = False
    return np.asarray(same[parts])
