"""Label maps written by others: which value has which name, and which of our labels it is.

Use:

    found = images.read_named_labels(path)  # or iter_read_named_labels in a job
    if found.unmapped:                      # values that nothing says the label of
        mapping = ... ask the person, from found.suggested (liverview.ui.dialogs.mapping)
    labels = found.to_label_map(mapping)    # a LabelMap in our values
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine
from liverview.core.labels import Label, unknown_values_note
from liverview.core.stream import Progress
from liverview.core.terms import label_from_name
from liverview.core.volume import LabelMap, SourceGrid, Volume
from liverview.files.review_record import Review
from liverview.files.sidefiles.finding import find_names, find_review
from liverview.files.values import whole_numbers

_MOST = 65535  # of ITK-SNAP and Slicer, whose label maps may be 16 bits wide
PLAIN = "its plain numbers"


@dataclass(frozen=True, eq=False)
class NamedLabels:
    """A label map as its file has it, with what is known of its values.

    Attributes
    ----------
    voxels : (I, J, K) uint8 or uint16, RAS+, the file's own values.
    affine : (4, 4), voxel index -> world mm.
    name : of the file, without its endings.
    counts : voxels of every value that occurs; 0 is not among them.
    names : the name of every value that something names, also of some that do not occur.
    source : where the names are from, in words that end "mapped by ...".
    suggested : for every value of `counts`, its label by its name; BACKGROUND for what is known
        to be none of ours, as the spleen; None where that is not known.
    stored : the file's own grid.
    review : what else the file says of its label map, see `liverview.files.review_record`.
    """

    voxels: NDArray[Any]
    affine: Affine
    name: str
    counts: Mapping[int, int]
    names: Mapping[int, str]
    source: str
    suggested: Mapping[int, Label | None]
    stored: SourceGrid | None = None
    review: Review = field(default_factory=Review)

    @property
    def unmapped(self) -> tuple[int, ...]:
        """Values that occur and whose label is not known: those a person has to be asked about."""
        return tuple(value for value, label in self.suggested.items() if label is None)

    def to_label_map(self, mapping: Mapping[int, Label | None] | None = None) -> LabelMap:
        """The label map in our values.

        ``mapping`` is by default what is suggested; values that it lacks, or has None for, become
        background.
        """
        chosen = self.suggested if mapping is None else mapping
        table = np.zeros(_MOST + 1, np.uint8)
        for value, label in chosen.items():
            table[value] = label or Label.BACKGROUND
        voxels = np.empty_like(self.voxels, np.uint8)  # the same order in memory
        for k in range(voxels.shape[2]):
            voxels[:, :, k] = table[self.voxels[:, :, k]]
        partial, marks = self.review.partial, self.review.marks
        return LabelMap(voxels, self.affine, self.name, self.stored, partial=partial, marks=marks)

    @property
    def mapping_note(self) -> str | None:
        """A sentence about the suggested mapping; None where values are as in ours."""
        if not self.names:
            return unknown_values_note(self.voxels)
        as_it_is = all(label == value for value, label in self.suggested.items())
        return None if as_it_is else self.describe_mapping()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences that a person should read: of the mapping, and what the file says."""
        return tuple(note for note in (self.mapping_note, self.review.note) if note)

    def describe_mapping(self) -> str:
        """One sentence: which value became what, by what."""
        taken, left = [], []
        for value, label in self.suggested.items():
            name = f"{value} ({self.names[value]})" if value in self.names else str(value)
            if label:
                taken.append(f"{name} as {label.name.lower()}")
            else:
                left.append(name)
        rest = f"; left out the values {_shorten_list(left)}" if left else ""
        return f"mapped by {self.source}: {', '.join(taken) or 'no label of ours'}{rest}."


def iter_name_values(
    path: Path,
    volume: Volume,
    inside: tuple[Mapping[int, str], str],
    review: Review | None = None,
) -> Iterator[Progress | NamedLabels]:
    """Find out what the values of a label map are; yields progress, then the `NamedLabels`.

    Names are those that the file itself brings (``inside``, with where they stand in it), else
    those of files around it (`liverview.files.sidefiles`), and where there are none, the values
    0 to 3 are taken as ours. Likewise ``review`` is what the file itself says of its label map,
    and where it cannot say, the JSON beside it is asked.

    Raises
    ------
    ImageFileError : where the volume, read from ``path``, holds no whole numbers from 0 to 65535.
    """
    voxels = whole_numbers(path, volume, _MOST)
    counts = yield from _iter_count_values(voxels)
    names, source = inside if inside[0] else find_names(path) or ({}, PLAIN)
    suggested = {value: _suggest_label(value, names) for value in counts}
    yield NamedLabels(
        voxels, volume.affine, volume.name, counts, names, source, suggested, volume.source,
        find_review(path, volume) if review is None else review,
    )  # fmt: skip


def _suggest_label(value: int, names: Mapping[int, str]) -> Label | None:
    if names:
        return label_from_name(names[value]) if value in names else None
    return Label(value) if value in set(Label) else None


def _iter_count_values(voxels: NDArray[Any]) -> Generator[Progress, None, dict[int, int]]:
    """Yields progress; returns the voxels of every value but 0."""
    total = np.zeros(_MOST + 1, np.int64)
    for k in range(voxels.shape[2]):
        found = np.bincount(voxels[:, :, k].ravel(order="K"))
        total[: len(found)] += found
        yield Progress("Counting", k / voxels.shape[2])
    return {int(value): int(total[value]) for value in np.flatnonzero(total) if value}


def _shorten_list(items: list[str], most: int = 8) -> str:
    return ", ".join(items[:most]) + (" ..." if len(items) > most else "")
