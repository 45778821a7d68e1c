"""Lesions: 26-connected parts of the tumor label, and the figures of one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.volume import LabelMap, Volume
from liverview.measurement import diameters
from liverview.measurement.reading import Tumor
from liverview.measurement.results import Diameter, Lesion, Point

_NEIGHBORS_26 = np.ones((3, 3, 3), np.bool_)


class LesionComponents(NamedTuple):
    """The parts of a tumor mask that are lesions.

    Attributes
    ----------
    numbers : the lesion's number per voxel, 1 the largest; 0 elsewhere.
    boxes : of each lesion.
    left_out, left_out_ml : the parts that are too small, and their volume.
    """

    numbers: NDArray[np.int32]
    boxes: list[Box]
    left_out: int
    left_out_ml: float


def find_lesions(tumor: Tumor, voxel_ml: float, smallest_ml: float) -> LesionComponents:
    """Find the lesions of a tumor mask, largest first."""
    # scipy's labeling lets other threads go on, and goes along the last axis: hence turned.
    turned = tumor.mask.T
    parts, _ = ndimage.label(turned, _NEIGHBORS_26)
    sizes = np.bincount(parts[turned], minlength=1)
    volumes = sizes * voxel_ml
    large = volumes >= smallest_ml
    large[0] = False
    order = np.flatnonzero(large)
    order = order[np.argsort(-sizes[order], kind="stable")]
    number = np.zeros(len(sizes), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    numbers = number[parts].T
    boxes = [Box(i, j, k) for k, j, i in ndimage.find_objects(numbers.T, len(order))]
    small = ~large
    small[0] = False
    return LesionComponents(numbers, boxes, int(small.sum()), float(volumes[small].sum()))


def measure_lesion(
    number: int,
    mask: NDArray[np.bool_],
    box: Box,
    tumor: Tumor,
    labels: LabelMap,
    volume: Volume | None,
) -> Lesion:
    """Measure one lesion.

    Parameters
    ----------
    mask : its voxels in ``box``, which is a box of the tumor's mask.
    """
    start = box.shifted(tumor.start).start
    axial = diameters.longest_axial(mask, labels.affine)
    line = diameters.longest_perpendicular(axial, labels.affine)
    middle = _centroid(mask)
    x, y, z = labels.affine[:3, :3] @ (middle + start) + labels.affine[:3, 3]
    mean, deviation = _hu_statistics(mask, start, volume)
    count = int(np.count_nonzero(mask))
    return Lesion(
        number=number,
        volume_ml=count * labels.voxel_ml,
        voxel_count=count,
        axial=_place_line(axial.ends, start, labels),
        perpendicular=_place_line(line, start, labels),
        diameter_3d=_place_line(diameters.longest_3d(mask, labels.affine), start, labels),
        mean_hu=mean,
        sd_hu=deviation,
        centroid_mm=(float(x), float(y), float(z)),
        inside=_voxel_inside(mask, middle, start, labels),
        start=start,
        mask=mask,
    )


def _place_line(ends: NDArray[np.float64], start: Voxel, labels: LabelMap) -> Diameter:
    """A line between two points of the lesion's box, (2, 3), in the label map and the world."""
    voxels = ends + start
    world = voxels @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    return Diameter(
        length_mm=float(np.linalg.norm(world[1] - world[0])),
        ends_voxel=(_as_point(voxels[0]), _as_point(voxels[1])),
        ends_mm=(_as_point(world[0]), _as_point(world[1])),
    )


def _as_point(values: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _centroid(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The middle of the voxels of a mask, in its own coordinates, (3,)."""
    middle = []
    for axis in range(3):
        counts = np.count_nonzero(mask, axis=tuple(a for a in range(3) if a != axis))
        middle.append(counts @ np.arange(len(counts)) / counts.sum())
    return np.array(middle)


def _voxel_inside(
    mask: NDArray[np.bool_], middle: NDArray[np.float64], start: Voxel, labels: LabelMap
) -> Voxel:
    """The voxel of a point, or the one of the mask that is nearest to the point in mm."""
    nearest = np.rint(middle).astype(int)
    if not mask[tuple(nearest)]:
        voxels = np.argwhere(mask)
        away = np.linalg.norm((voxels - middle) @ labels.affine[:3, :3].T, axis=1)
        nearest = voxels[np.argmin(away)]
    i, j, k = (int(v) for v in nearest + start)
    return i, j, k


def _hu_statistics(
    mask: NDArray[np.bool_], start: Voxel, volume: Volume | None
) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the volume's HU in a mask."""
    if volume is None or not volume.in_hu:
        return None, None
    values = volume.voxels[Box.of_shape(mask.shape).shifted(start)][mask].astype(np.float64)
    return float(values.mean()) + volume.intercept, float(values.std())
