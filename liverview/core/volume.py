"""Volumes and label maps: an (I, J, K) array with its place in patient space.

Arrays are always RAS+: i grows to the patient's right, j anterior, k superior; an axial
slice is ``voxels[:, :, k]``. World coordinates (x, y, z) are millimeters, RAS+.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate
from liverview.core.edited_volume import EditedVolumes
from liverview.core.errors import LiverviewError
from liverview.core.grid import Affine, Grid, OnGrid, Voxel
from liverview.core.labels import FOREGROUND, Label, count_with_parts, describe_volumes
from liverview.core.orientation import find_orientation, ras_affine, turn_to_ras
from liverview.core.review import LesionMark
from liverview.core.rounding import round_to_whole
from liverview.core.source_grid import SourceGrid
from liverview.core.study import FilledSlices, StudyFacts


class Sliceable(Protocol):
    """An array, or what computes its slices when they are looked at."""

    def __getitem__(self, index: Any, /) -> NDArray[Any]: ...


class Plane(Enum):
    """A slice orientation; the value is the axis that it cuts."""

    SAGITTAL = 0
    CORONAL = 1
    AXIAL = 2

    @property
    def axis(self) -> int:
        return int(self.value)

    @property
    def horizontal_axis(self) -> int:
        """The axis that runs horizontally on the screen."""
        return 1 if self is Plane.SAGITTAL else 0

    @property
    def vertical_axis(self) -> int:
        """The axis that runs vertically on the screen."""
        return 1 if self is Plane.AXIAL else 2

    def slice_of(self, array: Sliceable, index: int) -> NDArray[Any]:
        """A view of slice ``index``, rows along `vertical_axis`, columns `horizontal_axis`."""
        picked: list[Any] = [slice(None)] * 3
        picked[self.axis] = index
        return array[tuple(picked)].T

    @classmethod
    def least_contiguous(cls, array: NDArray[Any]) -> Plane:
        """The plane whose slices are scattered most over memory: across the fastest axis."""
        return cls(int(np.argmin(np.abs(array.strides))))


@dataclass(frozen=True, eq=False, repr=False)
class Volume(OnGrid):
    """A CT volume; never changed after it was made.

    Attributes
    ----------
    voxels : (I, J, K), in the type the file stored where that is exact, else float32.
    affine : (4, 4) float64, voxel index -> world mm.
    intercept : HU are ``voxels + intercept``.
    name : what to call it in the window and in file names.
    source : the stored grid; None for a volume that was never a file.
    warnings : what a person should know about this file, one sentence each.
    in_hu : False where the values can be no HU, as in 0..1 or 0..255.
    filled : how many voxels the file has no finite number for.
    filled_with : what they hold instead, as stored; None where there are none.
    window : level and width that the file's header asks for; None where it does not.
    index : which volume of its file it is, from 0.
    study : whose scan it is, and how it was made; None where the file says nothing of it.
    missing : slices that its series lacks and that hold interpolated values; None for none.

    Examples
    --------
    >>> import numpy as np
    >>> import liverview as lv
    >>> air = np.full((64, 64, 20), -1000, np.int16)
    >>> scan = lv.Volume.from_array(air, spacing=(0.8, 0.8, 2.5), name="air")
    >>> scan
    Volume 64x64x20, 0.80x0.80x2.50 mm, RAS+, int16, HU, "air"
    >>> scan.hu_at((5, 5, 5))
    -1000.0
    """

    voxels: NDArray[Any]
    affine: Affine
    intercept: int = 0
    name: str = "volume"
    source: SourceGrid | None = None
    warnings: tuple[str, ...] = field(default=())
    in_hu: bool = True
    filled: int = 0
    filled_with: float | None = None
    window: tuple[float, float] | None = None
    index: int = 0
    study: StudyFacts | None = None
    missing: FilledSlices | None = None

    def __post_init__(self) -> None:
        _check_axes(self)

    @classmethod
    def from_array(
        cls,
        hu: ArrayLike,
        affine: ArrayLike | None = None,
        *,
        spacing: Sequence[float] | None = None,
        name: str = "volume",
    ) -> Volume:
        """A volume of HU in memory, turned to RAS+ by its affine.

        Integers of up to 16 bits and float32 are shared with the array, as a view; other types
        are copied to float32. What is made of the volume lies on the array's own grid when it
        is written or given to nibabel or SimpleITK.

        Parameters
        ----------
        hu : (I, J, K) numbers.
        affine : (4, 4), index of the array -> world mm, RAS+.
        spacing : instead of an affine: mm per voxel, of an array that is RAS+ already.

        Raises
        ------
        LiverviewError : where there are no three axes, or values that are not finite numbers, or
            where not exactly one of affine and spacing is given, or it cannot be.
        """
        array, matrix = np.asarray(hu), _affine_of(affine, spacing)
        if array.dtype.kind not in "iuf":
            raise LiverviewError(f"HU must be numbers, not {array.dtype}: convert the array.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise LiverviewError(
                "the array holds values that are not finite numbers: replace them, for example "
                "by np.nan_to_num(hu, nan=-1024, posinf=3071, neginf=-1024)."
            )
        shared = array.dtype == np.float32 or (array.dtype.kind in "iu" and array.itemsize <= 2)
        voxels, turned, source = _turn(array if shared else array.astype(np.float32), matrix)
        return cls(voxels, turned, name=name, source=source)

    def to_numpy(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """HU, (I, J, K) in RAS+: int16 where that is exact, else float32.

        Shared with the volume where it is stored so, and then not to be written to; else a copy.
        """
        low, high = (int(np.floor(edge)) for edge in (self.voxels.min(), self.voxels.max()))
        fits = low + self.intercept >= -32768 and high + self.intercept <= 32767
        if self.voxels.dtype.kind in "iu" and fits:
            if self.intercept == 0:
                return self.voxels.astype(np.int16, copy=False)
            return (self.voxels.astype(np.int32) + self.intercept).astype(np.int16)
        if self.intercept == 0:
            return self.voxels.astype(np.float32, copy=False)
        return self.voxels.astype(np.float32) + np.float32(self.intercept)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return _as_array(self.to_numpy(), dtype, copy)

    def __repr__(self) -> str:
        values = "HU" if self.in_hu else "no HU"
        return f'Volume {self.grid.describe()}, {self.voxels.dtype}, {values}, "{self.name}"'

    def hu_at(self, voxel: Voxel) -> float:
        """HU at a voxel."""
        return float(self.voxels[voxel]) + self.intercept


@dataclass(frozen=True, eq=False, repr=False)
class LabelMap(OnGrid):
    """A label per voxel, (I, J, K) uint8, RAS+; see `liverview.core.labels.Label`.

    Attributes
    ----------
    voxels : (I, J, K) uint8.
    affine : (4, 4) float64, voxel index -> world mm.
    name : of the scan or file.
    source : the stored grid of the scan it was made from or the file it was read from, on which
        it is written; None where there is none.
    warnings : what a person should know about how it was made or read, one sentence each.
    partial : a segmentation that was stopped made it; what is missing was not looked at.
    defined : the labels that its maker drew, where present; None where nothing says.
    ignored : (I, J, K) bool, the voxels that nobody judged and no score counts; None for none.
    made_by : how they were made, for files that keep it; nothing once a person changed them.
    marks : what a person has said of lesions; those that are ruled out are not in ``voxels``.
    edited : volumes that were added and removed by hand; empty where nothing says of any.
    candidates : parts that may be lesions, of the segmentation that made them; those that are
        sure enough, or that a mark is on, are tumors in ``voxels``.
    least_certainty : the certainty from which candidates are tumors; None where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> import liverview as lv
    >>> voxels = np.zeros((64, 64, 20), np.uint8)
    >>> voxels[20:40, 20:40, 5:15] = lv.Label.LIVER
    >>> voxels[30:34, 30:34, 8:10] = lv.Label.TUMOR
    >>> lv.LabelMap.from_array(voxels, spacing=(1, 1, 2.5), name="block")
    LabelMap 64x64x20, 1.00x1.00x2.50 mm, RAS+, liver 10 mL, vessel 0 mL, tumor 0.08 mL, "block"
    """

    voxels: NDArray[np.uint8]
    affine: Affine
    name: str = "labels"
    source: SourceGrid | None = None
    warnings: tuple[str, ...] = field(default=())
    partial: bool = False
    defined: frozenset[Label] | None = None
    ignored: NDArray[np.bool_] | None = None
    made_by: str = ""
    marks: tuple[LesionMark, ...] = ()
    edited: EditedVolumes = field(default_factory=dict)
    candidates: tuple[LesionCandidate, ...] = ()
    least_certainty: float | None = None

    def __post_init__(self) -> None:
        _check_axes(self)
        if self.voxels.dtype != np.uint8:
            raise TypeError(f"labels must be uint8, got {self.voxels.dtype}")

    @classmethod
    def from_array(
        cls,
        labels: ArrayLike,
        affine: ArrayLike | None = None,
        *,
        spacing: Sequence[float] | None = None,
        name: str = "labels",
    ) -> LabelMap:
        """A label map in memory, turned to RAS+ by its affine.

        uint8 is shared with the array, as a view; other types are copied.

        Parameters
        ----------
        labels : (I, J, K) whole numbers from 0 to 255, of any type; floats may be whole but for
            rounding, and NaN is background.
        affine : (4, 4), index of the array -> world mm, RAS+.
        spacing : instead of an affine: mm per voxel, of an array that is RAS+ already.

        Raises
        ------
        LiverviewError : where there are other values or no three axes, or where not exactly one
            of affine and spacing is given, or it cannot be.
        """
        array, matrix = np.asarray(labels), _affine_of(affine, spacing)
        whole, odd = round_to_whole(array) if array.dtype.kind == "f" else (array, None)
        with np.errstate(invalid="ignore"):
            numbers = whole.astype(np.uint8, copy=False)
        if array.dtype.kind not in "biuf" or odd is not None or not np.array_equal(numbers, whole):
            raise LiverviewError("labels must be whole numbers from 0 to 255.")
        voxels, turned, source = _turn(numbers, matrix)
        return cls(voxels, turned, name, source)

    def defines(self, label: Label) -> bool:
        """False for a label that its maker did not draw: that it is absent says nothing."""
        return self.defined is None or label in self.defined

    def read(self, box: Box) -> NDArray[np.uint8]:
        """The labels of a box, not to be written into."""
        return self.voxels[box]

    def to_numpy(self) -> NDArray[np.uint8]:
        """The labels, (I, J, K) uint8 in RAS+, shared with the label map."""
        return self.voxels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return _as_array(self.voxels, dtype, copy)

    def __repr__(self) -> str:
        counts = {Label(n): int(np.count_nonzero(self.voxels == n)) for n in FOREGROUND}
        volumes = describe_volumes(
            {
                label: n * self.voxel_ml if self.defines(label) else math.nan
                for label, n in count_with_parts(counts).items()
            }
        )
        stopped = ", partial" if self.partial else ""
        return f'LabelMap {self.grid.describe()}, {volumes}{stopped}, "{self.name}"'


def _affine_of(affine: ArrayLike | None, spacing: Sequence[float] | None) -> Affine:
    if (affine is None) == (spacing is None):
        raise LiverviewError("say where the voxels are by an affine or by a spacing, one of both.")
    if affine is not None:
        return np.asarray(affine, np.float64)
    given = np.asarray(spacing, np.float64)
    if given.shape != (3,) or not (given > 0).all():
        raise LiverviewError(f"the spacing must be three numbers above 0 mm, got {spacing}.")
    return np.diag([*given, 1.0])


def _turn(array: NDArray[Any], affine: Affine) -> tuple[NDArray[Any], Affine, SourceGrid]:
    """Voxels and affine in RAS+, and the grid they came on."""
    try:
        i, j, k = Grid(array.shape, affine).shape
    except ValueError as error:
        raise LiverviewError(f"{error}.") from error
    orientation = find_orientation(affine)
    turned = ras_affine(affine, orientation, (i, j, k))
    return turn_to_ras(array, orientation), turned, SourceGrid((i, j, k), orientation)


def _as_array(values: NDArray[Any], dtype: Any, copy: bool | None) -> NDArray[Any]:
    """NumPy's array protocol: the array itself where neither type nor copy asks for another."""
    wanted = values.dtype if dtype is None else np.dtype(dtype)
    if copy is False and wanted != values.dtype:
        raise ValueError(f"a copy is needed for {wanted}: the values are {values.dtype}")
    return values.astype(wanted, copy=bool(copy))


def _check_axes(array: OnGrid) -> None:
    if array.voxels.ndim != 3:
        raise LiverviewError(f"voxels must have three axes, got {array.voxels.shape}")
    _ = array.grid  # checks itself
