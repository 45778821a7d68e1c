"""Bounds on what is segmented: work follows millimeters, so a wrong voxel size could ask for all.

A real scan has far less: up to 0.8 x 0.8 m in the gantry, and 2 m of a person.
"""

from __future__ import annotations

import math

from liverview.core.errors import LiverviewError
from liverview.core.volume import Volume

_MAX_SIDE_M = 2.6
_MAX_SLICE_M2 = 1.0
_MAX_BODY_M3 = 1.8
_MAX_VOXELS = 20_000  # along a side
_SMALL = 1_000_000  # working voxels that are cheap whatever they are made from
_MAX_PER_VOXEL = 8  # working voxels made from one of the scan


class ExtentError(LiverviewError):
    """A scan that is larger than any body."""


def check_extent(volume: Volume, spacing: tuple[float, float, float]) -> None:
    """Refuse a scan that no person can have, before memory is asked for.

    Parameters
    ----------
    spacing : of the grid that the work is done on, mm.

    Raises
    ------
    ExtentError : it names the scan, its size, and the way out.
    """
    side = [n * mm / 1000 for n, mm in zip(volume.shape, volume.spacing, strict=True)]
    size, mm = (
        " x ".join(format(number, kind) for number in numbers)
        for numbers, kind in ((side, ".3g"), (volume.spacing, ".4g"))
    )
    if max(volume.shape) > _MAX_VOXELS:
        shape = " x ".join(str(n) for n in volume.shape)
        raise ExtentError(
            f"{volume.name} has {shape} voxels, more than {_MAX_VOXELS} along one side: crop it, "
            "or resample it to voxels of about 1 mm."
        )
    if (
        max(side) > _MAX_SIDE_M
        or side[0] * side[1] > _MAX_SLICE_M2
        or math.prod(side) > _MAX_BODY_M3
    ):
        raise ExtentError(
            f"{volume.name} spans {size} m, more than a body in a scanner: correct its voxel size "
            f"of {mm} mm in the file, or crop it."
        )
    working = math.prod(side) * 1e9 / math.prod(spacing)
    if working > max(_SMALL, _MAX_PER_VOXEL * math.prod(volume.shape)):
        raise ExtentError(
            f"{volume.name} has voxels of {mm} mm, too large to find a liver in {size} m: correct "
            "them in the file, or take the scan at its own resolution."
        )
