"""Orientations: from the axes an array is stored along to RAS+ and back, as views.

An orientation is (3, 2) float64, as nibabel has it: row n holds the RAS+ axis that stored axis n
is nearest to, and its direction, 1 or -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine

Orientation: TypeAlias = NDArray[np.float64]


def find_orientation(affine: Affine) -> Orientation:
    """The orientation of an array with this affine, stored voxel index -> world mm, RAS+.

    Each axis is given to the patient axis nearest to it in the closest affine without shear
    (polar decomposition); axes that lie straightest choose first. As nibabel's `io_orientation`.
    """
    columns = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(columns)
    rotation = left @ right
    orientation = np.empty((3, 2))
    for axis in np.argsort(-np.max(rotation**2, axis=0), kind="stable"):
        nearest = int(np.argmax(np.abs(rotation[:, axis])))
        orientation[axis] = nearest, -1 if rotation[nearest, axis] < 0 else 1
        rotation[nearest] = 0
    return orientation


def turn_to_ras(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """A view of a stored array along RAS+ axes."""
    flipped = _flip(array, [int(direction) for direction in orientation[:, 1]])
    return flipped.transpose(np.argsort(orientation[:, 0]))


def turn_from_ras(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """A view of a RAS+ array along the axes of storage: the inverse of `turn_to_ras`."""
    stored = array.transpose([int(axis) for axis in orientation[:, 0]])
    return _flip(stored, [int(direction) for direction in orientation[:, 1]])


def ras_affine(affine: Affine, orientation: Orientation, shape: Sequence[int]) -> Affine:
    """The affine of `turn_to_ras`, from that of the stored array and its shape."""
    turned: Affine = affine @ axes_after_turn(orientation, shape)
    return turned


def stored_affine(affine: Affine, orientation: Orientation, shape: Sequence[int]) -> Affine:
    """The affine of the stored array, of this shape, from that of the RAS+ one."""
    stored: Affine = affine @ np.linalg.inv(axes_after_turn(orientation, shape))
    return stored


def _flip(array: NDArray[Any], directions: list[int]) -> NDArray[Any]:
    return array[tuple(slice(None, None, direction) for direction in directions)]


def axes_after_turn(orientation: Orientation, shape: Sequence[int]) -> Affine:
    """(4, 4), from voxel indices after `turn_to_ras` to those of the stored array of this shape."""
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis, (nearest, direction) in enumerate(orientation):
        matrix[axis, int(nearest)] = direction
        matrix[axis, 3] = 0 if direction > 0 else shape[axis] - 1
    return matrix
