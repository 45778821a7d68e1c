"""The stored grid of a CT series: columns, rows and slices of a volume, and their places in LPS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.errors import LiverviewError
from liverview.core.grid import Affine
from liverview.core.orientation import Orientation, stored_affine, turn_from_ras
from liverview.core.volume import Volume

FORMAT = "DICOM"
_LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SQUARE = 1e-4  # cosine of the angle of rows and columns up to which they count as square
# By the RAS+ axis that slices are stacked along: columns, rows and slices with their direction.
# Rows lead to the patient's left and columns to the back; or to the left and the feet; or to the
# back and the feet: as radiologists look at them. Slices ascend along the normal.
_USUAL: dict[int, Orientation] = {
    2: np.array([[0, -1], [1, -1], [2, 1]], np.float64),
    1: np.array([[0, -1], [2, -1], [1, -1]], np.float64),
    0: np.array([[1, -1], [2, -1], [0, 1]], np.float64),
}


@dataclass(frozen=True, eq=False)
class SeriesGrid:
    """A volume as the slices of a series.

    Attributes
    ----------
    voxels : (columns, rows, slices), a view.
    affine : (4, 4), column, row and slice -> world mm, LPS.
    axis : of the volume, across which it is sliced.
    """

    voxels: NDArray[Any]
    affine: Affine
    axis: int

    @property
    def row_direction(self) -> NDArray[np.float64]:
        """The direction along a row, of length 1."""
        return _unit(self.affine[:3, 0])

    @property
    def column_direction(self) -> NDArray[np.float64]:
        """The direction along a column, of length 1."""
        return _unit(self.affine[:3, 1])

    @property
    def normal(self) -> NDArray[np.float64]:
        """The normal of the slices, of length 1."""
        return _unit(np.cross(self.affine[:3, 0], self.affine[:3, 1]))

    @property
    def step(self) -> float:
        """The distance of two slices along their normal, mm."""
        return float(abs(self.normal @ self.affine[:3, 2]))

    @property
    def tilt(self) -> float:
        """The angle in degrees by which slices are shifted along their columns: a gantry's tilt."""
        shift = float(self.column_direction @ self.affine[:3, 2])
        return float(np.degrees(np.arctan2(shift, self.step)))

    def position(self, index: int) -> NDArray[np.float64]:
        """The center of the first pixel of a slice, mm, LPS."""
        place: NDArray[np.float64] = self.affine[:3, 3] + index * self.affine[:3, 2]
        return place


def find_series_grid(volume: Volume) -> SeriesGrid:
    """The slices of a volume: those it came as, else along the third axis of what stored it.

    A DICOM series keeps its rows and columns. Of any other volume they lie as radiologists look
    at them, and where they would not be at right angles, other slices are taken.

    Raises
    ------
    LiverviewError : where no two axes are at right angles: DICOM has no such images.
    """
    source = volume.source
    orientations = []
    if source is not None and source.format == FORMAT:
        orientations = [source.orientation]
    else:
        stacked = 2 if source is None else int(source.orientation[2, 0])
        orientations = [_USUAL[axis] for axis in sorted(_USUAL, key=lambda a: (a != stacked, -a))]
    for orientation in orientations:
        grid = _grid_along(volume, orientation)
        if abs(grid.row_direction @ grid.column_direction) < _SQUARE:
            return grid
    raise LiverviewError(
        f"{volume.name} has no two axes at right angles, which images of a DICOM series need: save "
        "it as NIfTI or NRRD, or resample it."
    )


def _grid_along(volume: Volume, orientation: Orientation) -> SeriesGrid:
    voxels = turn_from_ras(volume.voxels, orientation)
    affine = _LPS_OF_RAS @ stored_affine(volume.affine, orientation, voxels.shape)
    return SeriesGrid(voxels, affine, int(orientation[2, 0]))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return unit
