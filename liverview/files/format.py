"""The contract of a file format: what its module offers, and its entry in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from liverview.core.grid import Affine, Grid, OnGrid
from liverview.core.labels import LabelStyle
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.review_record import Review

ONLY = -1
"""The index of the volume of a place that holds one alone, where none was chosen."""


@dataclass(frozen=True)
class Summary:
    """A file's size, known before any voxel is read.

    Attributes
    ----------
    shape : voxels along the three stored axes.
    volumes : how many volumes the file holds; more than one for 4D.
    label_map : the file says that its values are labels, no scan.
    record : how they were made, where the file says; see `LabelMap.made_by`.
    """

    shape: tuple[int, int, int]
    volumes: int
    label_map: bool = field(default=False, repr=False)
    record: str = field(default="", repr=False)


@dataclass(frozen=True, eq=False)
class StoredVolume(OnGrid):
    """A volume as its file stores it: its values are slope * voxels + intercept, untouched.

    Attributes
    ----------
    voxels : (I, J, K), RAS+, as stored, NaN and infinite ones included.
    slope, intercept : of the values.
    affine : (4, 4), voxel index -> world mm.
    name : of the file, without its endings.
    source : the file's own grid.
    remarks : what a person should know of how it was read, one sentence each.
    """

    voxels: NDArray[Any]
    slope: float
    intercept: float
    affine: Affine
    name: str
    source: SourceGrid
    remarks: tuple[str, ...] = ()

    @property
    def step(self) -> float:
        """The distance of neighboring values that the file can store; 0 for floats."""
        scaled = self.voxels.dtype.kind in "iu" and self.slope != 1
        return abs(self.slope) if scaled else 0.0


class TableOrder(Enum):
    """The program whose label table stands first in a header, where it matters."""

    TOTALSEGMENTATOR = "totalsegmentator"
    WORKBENCH = "workbench"


class FormatFunctions(Protocol):
    """The functions of a format's module. Sentences about bad files are `ImageFileError`."""

    def read_summary(self, path: Path, /) -> Summary:
        """Read the header only."""

    def iter_read(self, path: Path, index: int = 0, /) -> Iterator[Progress | Volume]:
        """Read volume ``index``; yields progress, then the volume.

        Of DICOM, `ONLY` is refused where there are several to choose from.

        The volume is RAS+ and in HU where the file says how (`liverview.files.values` has what
        the values of any format need). Its `source` names the format and keeps what writing
        on the file's grid needs.
        """

    def iter_read_stored(self, path: Path, /) -> Iterator[Progress | StoredVolume]:
        """Read a label map: yields progress, and every volume of the file in its order."""

    def label_names(self, source: SourceGrid, /) -> tuple[Mapping[int, str], str]:
        """Names of values that the volume's file itself brings, and where they stand in it.

        The names may be empty; the place is in words that end "mapped by ...".
        """

    def label_review(self, volume: StoredVolume, /) -> Review | None:
        """What the volume's file itself says of the label map that it is.

        None of a file that liverview has not written: then files beside it are asked.
        """

    def volume_names(self, source: SourceGrid, /) -> Mapping[int, str]:
        """Names that the file gives its volumes, by their index from 0; may be empty."""

    def iter_write_labels(
        self,
        path: Path,
        labels: LabelMap,
        table: Mapping[int, LabelStyle],
        /,
        *,
        overwrite: bool,
        order: TableOrder,
    ) -> Iterator[Progress]:
        """Write labels, with names and colors by value, on the grid of ``labels.source``.

        ``order`` says for whom the label table is, where one file cannot serve all.

        What `source` keeps is used where it is of this format. Of any other, only shape and
        orientation are known, and `liverview.core.orientation` gives the stored affine. What is
        there under the name is always complete (`liverview.files.atomic`). What `label_review`
        is to give back goes into the file, too (`liverview.files.review_record`).
        """

    def iter_write_volume(
        self, path: Path, volume: Volume, /, *, overwrite: bool
    ) -> Iterator[Progress]:
        """Write a volume on the grid of its `source`, its type kept, as labels are."""


@runtime_checkable
class GridFunctions(Protocol):
    """More functions, of a format whose label maps may have no grid of their own, or a part."""

    def iter_read_stored_on(
        self, path: Path, grid: Grid | None, /
    ) -> Iterator[Progress | StoredVolume]:
        """`FormatFunctions.iter_read_stored` on the grid of the scan that the labels are for."""

    def count_volumes_of(self, path: Path, /) -> int:
        """How many volumes that gives, before any grid is known."""


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : as people know it; `SourceGrid.format` of what was read from it.
    suffixes : in lower case, the usual one first.
    recognizes : whether a file is of this format, by its first bytes, unpacked where gzipped.
    load : imports and returns the format's module.
    written : the suffixes that files can be saved with; None for all of them.
    """

    name: str
    suffixes: tuple[str, ...]
    recognizes: Callable[[bytes], bool]
    load: Callable[[], FormatFunctions]
    written: tuple[str, ...] | None = None

    @property
    def saved_suffixes(self) -> tuple[str, ...]:
        """The suffixes that files can be saved with, the usual one first."""
        return self.suffixes if self.written is None else self.written

    def has_suffix(self, path: Path) -> bool:
        """True where a file's name ends as the format's do."""
        return path.name.lower().endswith(self.suffixes)
