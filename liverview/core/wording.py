"""Words for places, the same wherever a person reads them."""

from __future__ import annotations

from liverview.core.volume import Plane


def slice_words(plane: Plane, index: int, count: int) -> str:
    """A slice, counted from 0 as voxels are: "axial slice 11 (0 to 39)"."""
    return f"{plane.name.lower()} slice {index} (0 to {count - 1})"
