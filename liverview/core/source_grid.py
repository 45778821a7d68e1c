"""The grid that a file or image stored its voxels on."""

from __future__ import annotations

from dataclasses import dataclass

from liverview.core.grid import Affine
from liverview.core.orientation import Orientation


@dataclass(frozen=True, eq=False, repr=False)
class SourceGrid:
    """The grid on which a file or image stored the voxels, for writing label maps on it.

    Attributes
    ----------
    shape : voxels along the stored axes.
    orientation : (3, 2) from stored to RAS+ axes, see `liverview.core.orientation`.
    format : name of the file format that wrote the fields below and alone can read them; empty
        for an array or image from memory.
    header : the file's header, byte for byte.
    repaired : an affine of the header could not be used as it was, and is written anew.
    unit_mm : millimeters in the unit of the file's header.
    extensions : of the header, each its code and its content as stored.
    itk_affine : stored voxel index -> world mm, RAS+, as ITK makes it of the same header; None
        where that is not known.
    cropped : label maps of its kind leave out voxels around what is drawn.
    """

    shape: tuple[int, int, int]
    orientation: Orientation
    format: str = ""
    header: bytes = b""
    repaired: bool = False
    unit_mm: float = 1.0
    extensions: tuple[tuple[int, bytes], ...] = ()
    itk_affine: Affine | None = None
    cropped: bool = False

    def __repr__(self) -> str:
        shape = "x".join(str(n) for n in self.shape)
        return f"SourceGrid {shape}, {self.format or 'from memory'}"
