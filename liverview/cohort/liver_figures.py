"""Figures of a liver beside its measurement: its mean, and whether the scan's ends cut it."""

from __future__ import annotations

from typing import Any

import numpy as np

from liverview.core.labels import Label, label_mask
from liverview.core.volume import LabelMap, Volume

_SLICES = 16  # looked at together


def liver_figures(volume: Volume, labels: LabelMap) -> dict[str, Any]:
    """The mean of the parenchyma in HU, and whether the liver reaches an end of the scan.

    The mean is None where there is none, or the values are no HU; slices are axial ones in RAS+,
    the first is the lowest.

    Parameters
    ----------
    labels : on the voxels of the volume.
    """
    total, count = 0.0, 0
    for first in range(0, volume.shape[2], _SLICES):
        part = (slice(None), slice(None), slice(first, first + _SLICES))
        inside = labels.voxels[part] == Label.LIVER
        total += float(volume.voxels[part].sum(where=inside, dtype=np.float64))
        count += int(inside.sum())
    mean = total / count + volume.intercept if count and volume.in_hu else None
    return {
        "liver_mean_hu": None if mean is None else round(mean, 1),
        "liver_on_first_slice": bool(label_mask(labels.voxels[:, :, 0], Label.LIVER).any()),
        "liver_on_last_slice": bool(label_mask(labels.voxels[:, :, -1], Label.LIVER).any()),
    }
