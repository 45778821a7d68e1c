"""Vessels evened out in three dimensions: what the second stage drew slice by slice.

A slice alone does not tell a cut tube from a grain of noise; the slices above and below do. Each
voxel of the liver is vessel where vessels are more than a share of the liver around it, weighted
by a Gaussian in mm: a dot in one slice goes, a gap in one slice closes, a wall that jumps
from slice to slice becomes smooth::

        slice k+1     ##          ##            ##         .
        slice k             ->    ##            ##   #  -> ##
        slice k-1     ##          ##            ##         ##

What is no liver (beyond its surface, beyond the scan, tumors) counts for neither side, so that a
trunk keeps its width where it leaves the liver.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.inference.streamed_components import iter_slabs

IN_PLANE_MM, ACROSS_MM = 0.6, 1.6
"""Standard deviations of the weights, in the slice and across slices."""
MIN_SHARE = 0.4
"""Share of the liver around, from which a voxel is vessel."""
_TRUNCATE = 2.5  # standard deviations, beyond which weights are 0
_STEP = Progress("Cleaning up", 0.98)
Values = NDArray[np.float32]


def iter_even_vessels(
    labels: NDArray[np.uint8],
    spacing: tuple[float, float, float],
    changed: NDArray[np.bool_],
) -> Generator[Progress, None, None]:
    """Decide anew, in place, of every voxel of vessel or plain liver which of both it is.

    Slices are the last axis. No other label is written or changed, and the result is the same
    whatever the size of the pieces it is worked out in. Yields progress between them.

    Parameters
    ----------
    labels : (I, J, K), values of `Label`.
    spacing : mm.
    changed : (K,), is set for the slices whose labels changed.
    """
    kernels = [
        _gaussian_weights(mm / step)
        for mm, step in zip((IN_PLANE_MM, IN_PLANE_MM, ACROSS_MM), spacing, strict=True)
    ]
    margin = tuple(len(kernel) // 2 for kernel in kernels)
    votes = np.zeros(256, np.float32)
    votes[Label.LIVER], votes[Label.VESSEL] = -MIN_SHARE, 1 - MIN_SHARE
    before = labels[:, :, :0].copy()  # slices as they were, of which some are evened already
    for slices in iter_slabs(labels.shape):
        ahead = labels[:, :, slices.start : slices.stop + margin[2]]
        known = np.concatenate([before, ahead], axis=2)
        first, depth = before.shape[2], slices.stop - slices.start
        before = known[:, :, max(first + depth - margin[2], 0) : first + depth]
        found = Box.around(known == Label.VESSEL)
        if found is not None:
            # Twice the reach: beside what may become vessel, no vote is cut off.
            i, j, _ = found.expanded(2 * max(margin[:2]), known.shape)
            share = _smoothed(votes[known[i, j]], kernels)[:, :, first : first + depth]
            _write(labels[i, j, slices], share > 0, changed[slices])
        yield _STEP


def _write(
    labels: NDArray[np.uint8], vessel: NDArray[np.bool_], changed: NDArray[np.bool_]
) -> None:
    """Write which voxels of vessel and liver are vessel, in place."""
    lost = (labels == Label.VESSEL) & ~vessel
    gained = (labels == Label.LIVER) & vessel
    labels[lost] = Label.LIVER
    labels[gained] = Label.VESSEL
    changed |= (lost | gained).any(axis=(0, 1))


def _smoothed(values: Values, kernels: list[Values]) -> Values:
    """Values weighted along each axis; beyond the block they are 0."""
    for axis, kernel in enumerate(kernels):
        values = ndimage.correlate1d(values, kernel, axis, mode="constant")
    return values


def _gaussian_weights(sigma: float) -> Values:
    """Weights at whole voxels, an odd number; ``sigma`` in voxels."""
    radius = int(_TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    return (weights / weights.sum()).astype(np.float32)
