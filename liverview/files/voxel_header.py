"""What the header of a format with plain voxels says, and volumes made from it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine, affine_spacing, is_usable_affine, oblique_deg
from liverview.core.orientation import find_orientation, ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.format import StoredVolume, Summary
from liverview.files.formats import name_without_suffix
from liverview.files.opening import ImageFileError
from liverview.files.values import check_plausibility, iter_fill_non_finite, iter_scale_voxels
from liverview.files.voxel_data import VoxelData, iter_read_array

LPS_TO_RAS: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])
_LARGEST_SIDE = 1 << 16
_FARTHEST_MM = 1e9
Picker: TypeAlias = Callable[[NDArray[Any], int], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class VoxelHeader:
    """A checked header.

    Attributes
    ----------
    format : name of the file format.
    data : where the voxels are, and how they are stored.
    shape : voxels along the three stored axes, the first the fastest.
    volumes : how many the file holds.
    stored : how many are in its array; another number where several are in one.
    pick : takes a volume, (i, j, k), of that number from an array; None for whole volumes.
    interleaved : the volumes' values alternate; else one volume stands behind the other.
    affine : stored voxel index -> world mm, RAS+.
    text : the header itself, as bytes.
    slope, intercept : of the values.
    label_map : the file says that its values are labels.
    cropped : voxels around what is drawn may be left out of it.
    record : how labels were made, see `LabelMap.made_by`.
    notes : what a person should know.
    """

    format: str
    data: VoxelData
    shape: tuple[int, int, int]
    volumes: int
    affine: Affine
    text: bytes
    stored: int = 1
    pick: Picker | None = None
    interleaved: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    label_map: bool = False
    cropped: bool = False
    record: str = ""
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> Summary:
        """Its summary."""
        return Summary(self.shape, self.volumes, self.label_map, self.record)

    @property
    def source(self) -> SourceGrid:
        """The stored grid, with the header."""
        orientation = find_orientation(self.affine)
        return SourceGrid(self.shape, orientation, self.format, self.text, cropped=self.cropped)


def check_shape(header: object, shape: list[int]) -> None:
    """Refuse sizes that no volume has.

    Raises
    ------
    ImageFileError : it names ``header``, the file.
    """
    if any(not 1 <= n <= _LARGEST_SIDE for n in shape):
        raise ImageFileError(
            f"{header} has the sizes {shape}: each must be from 1 to {_LARGEST_SIDE}; export it "
            "again."
        )


def refuse_gzipped(path: Path, line: bytes, what: str) -> None:
    """Refuse a file that was gzipped as a whole, by the first line of its header.

    Raises
    ------
    ImageFileError : it says how to unpack it.
    """
    if line.startswith(b"\x1f\x8b"):
        raise ImageFileError(f"{path} is {what}, gzipped as a whole: unpack it once with gunzip.")


def check_affine(header: object, affine: Affine) -> tuple[str, ...]:
    """Refuse a place that cannot be; returns what is odd of one that can, in sentences.

    Raises
    ------
    ImageFileError : it names ``header``, the file.
    """
    if not np.isfinite(affine).all():
        raise ImageFileError(
            f"{header}: its origin, spacing or axes are not a number everywhere; export it again."
        )
    if np.abs(affine).max() > _FARTHEST_MM or not is_usable_affine(affine):
        told = [[float(f"{number:.4g}") for number in row] for row in affine[:3, :3]]
        raise ImageFileError(
            f"{header}: its axes {told} (mm) cannot be, they are singular or not in mm; export it "
            "again."
        )
    direction = affine[:3, :3] / affine_spacing(affine)
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-3:
        return ("Its axes are not at right angles; it is shown along its voxels.",)
    angle = oblique_deg(affine)
    oblique = f"It is oblique by {angle:.0f}°; it is shown along its voxels."
    return (oblique,) if angle > 1 else ()


def iter_read_header(header: VoxelHeader, index: int) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume."""
    path = header.data.path
    if not 0 <= index < header.volumes:
        raise ImageFileError(
            f"{path} holds {header.volumes} volume(s), there is no number {index}: choose 0 to "
            f"{header.volumes - 1}."
        )
    array = yield from _iter_read_arrays(header)
    stored = _volume_of(header, array, index)
    voxels, intercept = yield from iter_scale_voxels(stored, header.slope, header.intercept)
    remarks, in_hu = check_plausibility(voxels, intercept)
    filled, filled_with = yield from iter_fill_non_finite(voxels, in_hu=in_hu)
    added = (f"{filled} voxels are not finite numbers; they are shown as air.",) if filled else ()
    source = header.source
    yield Volume(
        voxels=turn_to_ras(voxels, source.orientation),
        affine=ras_affine(header.affine, source.orientation, header.shape),
        intercept=intercept,
        name=name_without_suffix(path),
        source=source,
        warnings=(*header.notes, *added, *remarks),
        in_hu=in_hu,
        filled=filled,
        filled_with=filled_with,
    )


def iter_read_header_stored(header: VoxelHeader) -> Iterator[Progress | StoredVolume]:
    """Read all volumes as they are stored; yields progress, and each of them in order."""
    array = yield from _iter_read_arrays(header)
    source = header.source
    for index in range(header.volumes):
        yield StoredVolume(
            turn_to_ras(_volume_of(header, array, index), source.orientation),
            header.slope,
            header.intercept,
            ras_affine(header.affine, source.orientation, header.shape),
            name_without_suffix(header.data.path),
            source,
        )


def _iter_read_arrays(header: VoxelHeader) -> Generator[Progress, None, NDArray[Any]]:
    """Yields progress; returns (i, j, k, stored volumes), each (i, j, k) in Fortran order."""
    values = yield from iter_read_array(header.data)
    if header.interleaved:
        return np.moveaxis(values.reshape((header.stored, *header.shape), order="F"), 0, 3)
    return values.reshape((*header.shape, header.stored), order="F")


def _volume_of(header: VoxelHeader, array: NDArray[Any], index: int) -> NDArray[Any]:
    if header.pick is not None:
        return header.pick(array, index)
    one = array[..., index]
    # What is scaled or filled in place later must be no part of a larger array.
    return np.asfortranarray(one) if header.stored > 1 else one
