"""The contract of a file format: what its module offers, and its entry in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from liverview.core.labels import LabelStyle
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.review_record import Review


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


class FormatFunctions(Protocol):
    """The functions of a format's module. Sentences about bad files are `ImageFileError`."""

    def read_summary(self, path: Path, /) -> Summary:
        """Read the header only."""

    def iter_read(self, path: Path, index: int = 0, /) -> Iterator[Progress | Volume]:
        """Read volume ``index``; yields progress, then the volume.

        The volume is RAS+ and in HU where the file says how (`liverview.files.values` has what
        the values of any format need). Its `source` names the format and keeps what writing
        on the file's grid needs.
        """

    def label_names(self, volume: Volume, /) -> tuple[Mapping[int, str], str]:
        """Names of values that the volume's file itself brings, and where they stand in it.

        The names may be empty; the place is in words that end "mapped by ...".
        """

    def label_review(self, volume: Volume, /) -> Review | None:
        """What the volume's file itself says of the label map that it is.

        None of a file that liverview has not written: then files beside it are asked.
        """

    def iter_write_labels(
        self, path: Path, labels: LabelMap, table: Mapping[int, LabelStyle], /, *, overwrite: bool
    ) -> Iterator[Progress]:
        """Write labels, with names and colors by value, on the grid of ``labels.source``.

        What `source` keeps is used where it is of this format. Of any other, only shape and
        orientation are known, and `liverview.core.orientation` gives the stored affine. What is
        there under the name is always complete (`liverview.files.atomic`). What `label_review`
        is to give back goes into the file, too (`liverview.files.review_record`).
        """

    def iter_write_volume(
        self, path: Path, volume: Volume, /, *, overwrite: bool
    ) -> Iterator[Progress]:
        """Write a volume on the grid of its `source`, its type kept, as labels are."""


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    name : as people know it; `SourceGrid.format` of what was read from it.
    suffixes : in lower case, the usual one first.
    recognizes : whether a file is of this format, by its first bytes, unpacked where gzipped.
    load : imports and returns the format's module.
    """

    name: str
    suffixes: tuple[str, ...]
    recognizes: Callable[[bytes], bool]
    load: Callable[[], FormatFunctions]

    def has_suffix(self, path: Path) -> bool:
        """True where a file's name ends as the format's do."""
        return path.name.lower().endswith(self.suffixes)
