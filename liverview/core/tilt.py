"""Gantry tilt: slices of a series that are shifted against each other within their planes."""

from __future__ import annotations

import numpy as np

from liverview.core.grid import affine_spacing
from liverview.core.volume import Volume


def tilt_deg(volume: Volume) -> float:
    """The angle between the way from slice to slice and the normal of the slices, in degrees.

    0 for a volume that no DICOM series made: nothing says there along which axis it was sliced.
    """
    if volume.study is None or volume.source is None:
        return 0.0
    columns = volume.affine[:3, :3] / affine_spacing(volume.affine)
    axis = int(volume.source.orientation[2, 0])
    first, second = (columns[:, other] for other in range(3) if other != axis)
    normal = np.cross(first, second)
    cosine = abs(normal @ columns[:, axis]) / np.linalg.norm(normal)
    return float(np.degrees(np.arccos(np.clip(cosine, 0, 1))))
