"""The patient's frame and the tissues in it.

The origin is the middle of the first lumbar vertebral body; x points to the patient's
right, y forward, z up, in mm.
"""

from __future__ import annotations

from enum import IntEnum

from liverview.phantoms.fields import Grid

CANONICAL_GRID = Grid.centered((0, 25, 5), (4.0, 4.0, 4.0), (112, 92, 112))
"""The grid that bodies are evaluated on: pelvis to heart, 448 x 368 x 448 mm."""

CANONICAL_Z_RANGE = (
    CANONICAL_GRID.origin[2],
    CANONICAL_GRID.origin[2] + CANONICAL_GRID.spacing[2] * (CANONICAL_GRID.shape[2] - 1),
)
"""The z from end to end of `CANONICAL_GRID`, mm."""


class Organ(IntEnum):
    """The tissue of a voxel; also the classes that the coarse network learns."""

    OUTSIDE = 0
    FAT = 1
    MUSCLE = 2
    BONE = 3
    LUNG = 4
    LIVER = 5
    SPLEEN = 6
    KIDNEY = 7
    STOMACH = 8
    BOWEL = 9
    GALLBLADDER = 10
    HEART = 11
    ARTERY = 12
    VEIN = 13
    OTHER = 14


WALL_ORGANS = (Organ.BONE, Organ.MUSCLE, Organ.ARTERY, Organ.VEIN)
"""Organs of the body wall and along the spine, which no skin pushes inward."""
