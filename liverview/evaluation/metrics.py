"""Measures of agreement between two masks.

Where the reference lacks a label, there is nothing to agree with: Dice, NSD and HD95 are NaN,
left out of medians, and what counts is the volume that was invented. Where only the prediction
lacks it, Dice and NSD are 0 and HD95 is infinite. Every figure is per volume, over all voxels
together, never averaged over slices; `SoftSliceDice` does that, for comparison only.

The centerlines of vessels are those of scikit-image's `skeletonize`, in voxels. Lesions are
26-connected parts of the tumor label.

Surfaces are the voxels of a part that touch what is outside it by a face; distances run between
their centers, in mm along the voxel axes. MONAI's surface metrics follow the same conventions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from liverview.core.box import Box
from liverview.evaluation.scores import LESION_MM, MIN_LESION_ML

Mask = NDArray[np.bool_]

_MIN_DETECTED_SHARE = 0.2  # share of a lesion that has to be predicted


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
    predicted: Mask, reference: Mask, spacing: tuple[float, float, float]
) -> SurfaceAgreement:
    """Compare the surfaces of two masks, (I, J, K), with ``spacing`` in mm."""
    if not reference.any():
        return SurfaceAgreement(math.nan, math.nan, math.nan)
    if not predicted.any():
        return SurfaceAgreement(0.0, 0.0, math.inf)
    found, true = (
        _surface_voxels(mask) * spacing for mask in _crop_to_either(predicted, reference)
    )
    # As float32, or a distance of exactly the tolerance could be a rounding error beyond it.
    there, back = (
        np.asarray(KDTree(to).query(points)[0], np.float32)
        for points, to in ((found, true), (true, found))
    )
    both = np.concatenate([there, back])
    return SurfaceAgreement(
        nsd_2mm=float(np.mean(both <= 2)),
        nsd_3mm=float(np.mean(both <= 3)),
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
    )


def cl_dice(predicted: Mask, reference: Mask) -> float:
    """Agreement of thin and branching things by their centerlines, 0..1; NaN without a reference.

    The harmonic mean of two shares: how much of the prediction's centerline lies in the
    reference, and how much of the reference's in the prediction (Shit et al. 2021,
    doi:10.1109/CVPR46437.2021.01629).
    """
    if not reference.any():
        return math.nan
    if not predicted.any():
        return 0.0
    found, true = _crop_to_either(predicted, reference)
    line, true_line = _thin_to_centerline(found), _thin_to_centerline(true)
    precision = (line & true).sum() / max(1, line.sum())
    recall = (true_line & found).sum() / max(1, true_line.sum())
    total = float(precision + recall)
    return float(2 * precision * recall) / total if total else 0.0


def _crop_to_either(predicted: Mask, reference: Mask) -> tuple[Mask, Mask]:
    """Both masks in the box of what is in any of them, which must be some voxel."""
    box = Box.around(predicted | reference)
    assert box is not None
    return predicted[box], reference[box]


def _thin_to_centerline(mask: Mask) -> Mask:
    """A line of voxels along the middle of every part of a mask, of at least one voxel."""
    from skimage.morphology import skeletonize  # half a second that few need

    whole = np.pad(mask, 1)  # else what touches the edge is thinned in another way
    line = skeletonize(whole)
    # The thinning leaves nothing of a part that is an even number of voxels thick.
    parts = cc3d.connected_components(np.asfortranarray(whole), connectivity=26)
    lost = np.setdiff1d(np.arange(1, parts.max() + 1), parts[line])
    boxes = ndimage.find_objects(parts) if len(lost) else []
    for number in lost:
        box = boxes[number - 1]
        one = parts[box] == number
        deep = ndimage.distance_transform_edt(np.pad(one, 1))[1:-1, 1:-1, 1:-1]
        line[box][np.unravel_index(int(deep.argmax()), one.shape)] = True
    inner: Mask = line[1:-1, 1:-1, 1:-1]
    return inner


def lesion_agreement(predicted: Mask, reference: Mask, voxel_ml: float) -> LesionAgreement:
    """Compare the lesions of two masks, (I, J, K)."""
    if not (predicted.any() or reference.any()):
        return LesionAgreement(math.nan, math.nan, 0)
    predicted, reference = _crop_to_either(predicted, reference)
    known, found = (
        cc3d.connected_components(np.asfortranarray(mask), connectivity=26)
        for mask in (reference, predicted)
    )
    size = np.bincount(known.ravel(order="K"))[1:]
    hit = np.bincount(known[predicted].ravel(), minlength=len(size) + 1)[1:]
    large = size * voxel_ml >= np.pi / 6 * (LESION_MM / 10) ** 3
    recall = (
        float(np.mean(hit[large] >= _MIN_DETECTED_SHARE * size[large])) if large.any() else math.nan
    )
    volume = np.bincount(found.ravel(order="K"))[1:] * voxel_ml
    shared = np.isin(np.arange(1, len(volume) + 1), found[reference])[volume >= MIN_LESION_ML]
    precision = float(shared.mean()) if len(shared) and len(size) else math.nan
    return LesionAgreement(recall, precision, int(np.sum(~shared)))


def _surface_voxels(mask: Mask) -> NDArray[np.intp]:
    """The voxels of a mask that touch its outside by a face, (N, 3); the array's end is outside."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask))
