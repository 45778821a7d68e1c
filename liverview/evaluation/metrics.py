"""Measures of agreement between two masks.

Where the reference lacks a label, there is nothing to agree with: Dice, NSD and HD95 are NaN,
left out of medians, and what counts is the volume that was invented. Where only the prediction
lacks it, Dice and NSD are 0 and HD95 is infinite. Every figure is per volume, over all voxels
together, never averaged over slices; `SoftSliceDice` does that, for comparison only.

The centerlines of vessels are those of `liverview.evaluation.thinning`, the same in every
orientation. Lesions are 26-connected parts of the tumor label.

Surfaces are the voxels of a part that touch what is outside it by a face; distances run between
their centers, in mm along the voxel axes, and every surface voxel counts once. MONAI's surface
metrics follow the same conventions; `liverview.evaluation.surface_area` counts areas instead.

Voxels that nobody judged (``ignored``) are to be taken out of both masks before. What faces them
alone is no surface, since nobody knows where that is; a predicted lesion that reaches into them
and has no voxel of the reference's tumor is neither right nor false.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from liverview.core.box import Box
from liverview.evaluation.scores import LARGE_LESION_ML, MIN_LESION_ML
from liverview.evaluation.thinning import iter_centerline_points

Mask = NDArray[np.bool_]

MIN_DETECTED_SHARE = 0.2
"""The share of a lesion that has to be predicted for it to be found."""


class SurfaceAgreement(NamedTuple):
    """Distances between two surfaces.

    Attributes
    ----------
    nsd_2mm, nsd_3mm : share of both surfaces within that distance of the other one, 0..1.
    hd95_mm : the larger of the two 95th percentiles of the distances to the other one.
    """

    nsd_2mm: float
    nsd_3mm: float
    hd95_mm: float


class LesionAgreement(NamedTuple):
    """Detection of lesions.

    Attributes
    ----------
    recall : share of the reference's lesions with the volume of a 10 mm sphere or more of which
        at least a fifth is predicted, 0..1; NaN where there are none.
    precision : share of the predicted lesions of 0.05 mL or more that share a voxel with the
        reference's tumor, 0..1; NaN where there are none, or no tumor in the reference.
    false : the other ones of those lesions, counted also where the reference has no tumor.
    """

    recall: float
    precision: float
    false: int


def dice(predicted: Mask, reference: Mask) -> float:
    """2 |P and R| / (|P| + |R|) of two masks of one shape; NaN if the reference is empty."""
    size = int(reference.sum())
    if not size:
        return math.nan
    return 2 * int((predicted & reference).sum()) / (int(predicted.sum()) + size)


def surface_agreement(
    predicted: Mask,
    reference: Mask,
    spacing: tuple[float, float, float],
    ignored: Mask | None = None,
) -> SurfaceAgreement:
    """Compare the surfaces of two masks, (I, J, K), with ``spacing`` in mm.

    NaN where the reference has no surface, 0 and infinity where only the prediction has none.
    """
    either = Box.around(predicted | reference)
    if either is None:
        return SurfaceAgreement(math.nan, math.nan, math.nan)
    seen = either.expanded(1, reference.shape)  # what is ignored may begin beside it
    found, true = (
        _surface_voxels(mask[seen], None if ignored is None else ignored[seen]) * spacing
        for mask in (predicted, reference)
    )
    if not len(true):
        return SurfaceAgreement(math.nan, math.nan, math.nan)
    if not len(found):
        return SurfaceAgreement(0.0, 0.0, math.inf)
    there, back = nearest_distances(found, true)
    both = np.concatenate([there, back])
    return SurfaceAgreement(
        nsd_2mm=float(np.mean(both <= 2)),
        nsd_3mm=float(np.mean(both <= 3)),
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
    )


def nearest_distances(
    first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The distance of every point, (N, 3) mm, to the nearest of the other set; both ways."""
    # As float32, or a distance of exactly the tolerance could be a rounding error beyond it.
    there, back = (
        np.asarray(KDTree(to).query(points)[0], np.float32)
        for points, to in ((first, second), (second, first))
    )
    return there, back


def cl_dice(predicted: Mask, reference: Mask) -> float:
    """Agreement of thin and branching things by their centerlines, 0..1; NaN without a reference.

    The harmonic mean of two shares: how much of the prediction's centerline lies in the
    reference, and how much of the reference's in the prediction (Shit et al. 2021,
    doi:10.1109/CVPR46437.2021.01629).
    """
    *_, value = iter_cl_dice(predicted, reference)
    assert value is not None
    return value


def iter_cl_dice(predicted: Mask, reference: Mask) -> Iterator[float | None]:
    """Compute `cl_dice`; yields None between steps, then the figure as the last value."""
    if not reference.any():
        yield math.nan
        return
    if not predicted.any():
        yield 0.0
        return
    shares = []
    for own, other in ((predicted, reference), (reference, predicted)):
        box = Box.around(own)
        assert box is not None
        points: NDArray[np.intp] | None = None
        for item in iter_centerline_points(own[box]):
            yield None
            points = item
        assert points is not None
        shares.append(_share_inside(points, own[box], other[box]))
    total = sum(shares)
    yield 2 * shares[0] * shares[1] / total if total else 0.0


def _share_inside(points: NDArray[np.intp], own: Mask, other: Mask) -> float:
    """How much of a mask's centerline lies in another mask, 0..1.

    A point between voxels counts for each of those that the mask has there, in equal parts.
    """
    of_own, of_both = np.zeros((2, len(points)), np.intp)
    for corner in product((0, 1), repeat=3):
        at = tuple((points[:, axis] + corner[axis]) // 2 for axis in range(3))
        of_own += own[at]
        of_both += own[at] & other[at]
    # Whole numbers are summed up: the order of the points must not change the last digit.
    by_size = np.bincount(of_own, weights=of_both)
    return float((by_size[1:] / np.arange(1, len(by_size))).sum() / len(points))


def lesion_agreement(
    predicted: Mask, reference: Mask, voxel_ml: float, ignored: Mask | None = None
) -> LesionAgreement:
    """Compare the lesions of two masks, (I, J, K)."""
    box = Box.around(predicted | reference)
    if box is None:
        return LesionAgreement(math.nan, math.nan, 0)
    known, found = (
        cc3d.connected_components(np.asfortranarray(mask[box]), connectivity=26)
        for mask in (reference, predicted)
    )
    size = np.bincount(known.ravel(order="K"))[1:]
    hit = np.bincount(known[predicted[box]].ravel(), minlength=len(size) + 1)[1:]
    large = size * voxel_ml >= LARGE_LESION_ML
    recall = (
        float(np.mean(hit[large] >= MIN_DETECTED_SHARE * size[large])) if large.any() else math.nan
    )
    judged = judge_lesions(found, reference[box], voxel_ml, box, ignored)
    shared = judged.shared[judged.counted]
    precision = float(shared.mean()) if len(shared) and len(size) else math.nan
    return LesionAgreement(recall, precision, int(np.sum(~shared)))


class JudgedLesions(NamedTuple):
    """Predicted components, by their numbers from 1.

    Attributes
    ----------
    counted : of 0.05 mL or more, and not only beside what nobody judged.
    shared : with a voxel of the reference's tumor.
    """

    counted: Mask
    shared: Mask


def judge_lesions(
    numbers: NDArray[np.integer], true: Mask, voxel_ml: float, box: Box, ignored: Mask | None
) -> JudgedLesions:
    """Tell predicted components that count as lesions, and those of them that are right.

    ``numbers`` and ``true`` are of a box of the scan, ``ignored`` of the whole.
    """
    volume = np.bincount(numbers.ravel(order="K"), minlength=1)[1:] * voxel_ml
    every = np.arange(1, len(volume) + 1)
    shared = np.isin(every, numbers[true])
    counted = volume >= MIN_LESION_ML
    if ignored is not None:
        near = ndimage.binary_dilation(ignored, np.ones((3, 3, 3), bool))[box]
        counted &= shared | ~np.isin(every, numbers[near])
    return JudgedLesions(counted, shared)


def _surface_voxels(mask: Mask, ignored: Mask | None = None) -> NDArray[np.intp]:
    """The voxels of a mask that touch its outside by a face, (N, 3); the array's end is outside.

    What is ignored is not known to be outside.
    """
    filled = mask if ignored is None else mask | ignored
    return np.argwhere(mask & ~ndimage.binary_erosion(filled))
