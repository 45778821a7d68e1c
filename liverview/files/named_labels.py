"""Label maps written by others: which value has which name, and which of our labels it is.

Use:

    found = images.read_named_labels(path)  # or iter_read_named_labels in a job
    if found.unmapped:                      # values that nothing says the label of
        mapping = ... ask the person, from found.suggested (liverview.ui.dialogs.mapping)
    labels = found.to_label_map(mapping)    # a LabelMap in our values

Where nobody can be asked, `NamedLabels.apply` takes what was given in advance, and
`NamedLabels.check` refuses what is not known.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.coding import (
    IGNORE,
    Coding,
    Meaning,
    labels_among,
    meaning_from_name,
    meaning_text,
    real_names,
)
from liverview.core.grid import Affine, Grid
from liverview.core.labels import Label
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.files.class_volumes import (
    iter_join_volumes,
    iter_meanings_of_codes,
    names_by_volume,
    suggest_meanings,
)
from liverview.files.format import FormatFunctions, StoredVolume
from liverview.files.guessing import PLAIN, guess_meanings
from liverview.files.opening import ImageFileError
from liverview.files.review_record import Review
from liverview.files.sidefiles.finding import find_names, find_review
from liverview.files.stored_volumes import read_stored_volumes
from liverview.files.values import iter_whole_numbers

_MOST = 65535  # of ITK-SNAP and Slicer, whose label maps may be 16 bits wide
GIVEN = "the labels that were given"
_IGNORED = 255  # in the table of a label map's values: no label has it


class UnnamedLabelsError(ImageFileError):
    """Nothing says what a label map's values are; the message says how to."""


@dataclass(frozen=True, eq=False)
class NamedLabels:
    """A label map as its file has it, with what is known of its values.

    In a file with a volume of 0 and 1 per class (`members` is not None), what is said of values
    here is said of volumes, which are counted from 0.

    Attributes
    ----------
    path : the file.
    voxels : (I, J, K) uint8 or uint16, RAS+, the file's own values.
    affine : (4, 4), voxel index -> world mm.
    name : of the file, without its endings.
    counts : voxels of every value that occurs, and of every volume; value 0 is not among them.
    names : the name of every value that something names, also of some that do not occur.
    source : where the names, or the guess, are from, in words that end "mapped by ...".
    suggested : what every key of `counts` means by its name, or by a guess; BACKGROUND for what
        is known to be none of ours, as the spleen; None where that is not known.
    sure : the suggestion can be taken without asking; a guess may not.
    fits_alone : it is a guess that is taken where nobody can be asked.
    stored : the file's own grid.
    review : what else the file says of its label map, see `liverview.files.review_record`.
    members : the volumes that a voxel is in, by its value in `voxels`.
    """

    path: Path
    voxels: NDArray[Any]
    affine: Affine
    name: str
    counts: Mapping[int, int]
    names: Mapping[int, str]
    source: str
    suggested: Mapping[int, Meaning | None]
    sure: bool = True
    fits_alone: bool = False
    stored: SourceGrid | None = None
    review: Review = field(default_factory=Review)
    members: Mapping[int, tuple[int, ...]] | None = None

    @property
    def unmapped(self) -> tuple[int, ...]:
        """Values that occur and whose label is not known: those a person has to be asked about."""
        return tuple(
            value
            for value, meaning in self.suggested.items()
            if meaning is None or not (self.sure or meaning is Label.BACKGROUND)
        )

    @property
    def unit(self) -> str:
        """The word for what has a meaning: value or volume."""
        return "value" if self.members is None else "volume"

    def to_label_map(self, mapping: Mapping[int, Meaning | None] | None = None) -> LabelMap:
        """The label map in our values; it knows which labels are defined and what is ignored.

        ``mapping`` is by default what is suggested; values that it lacks, or has None for, become
        background.
        """
        chosen = self.suggested if mapping is None else mapping
        table = np.zeros(_MOST + 1, np.uint8)
        pairs = chosen.items() if self.members is None else ()
        for value, meaning in (*pairs, *iter_meanings_of_codes(self.members or {}, chosen)):
            table[value] = _IGNORED if meaning is IGNORE else int(meaning or Label.BACKGROUND)
        voxels = np.empty_like(self.voxels, np.uint8)  # the same order in memory
        for k in range(voxels.shape[2]):
            voxels[:, :, k] = table[self.voxels[:, :, k]]
        ignored = voxels == _IGNORED if IGNORE in chosen.values() else None
        if ignored is not None:
            voxels[ignored] = Label.BACKGROUND
        return LabelMap(
            voxels,
            self.affine,
            self.name,
            self.stored,
            partial=self.review.partial,
            defined=self._defined(chosen),
            ignored=ignored,
            marks=self.review.marks,
            edited=self.review.edited,
        )

    def _defined(self, chosen: Mapping[int, Meaning | None]) -> frozenset[Label] | None:
        """The labels that the mapping has, and those named that happen not to occur."""
        if not (self.names or chosen):
            return None
        absent = (meaning_from_name(name) for n, name in self.names.items() if n not in chosen)
        return labels_among(chosen.values()) | labels_among(absent)

    # ---- without a person ------------------------------------------------------------------

    def apply(self, coding: Coding) -> NamedLabels:
        """The same with a coding in place of names and guesses.

        Raises
        ------
        ImageFileError : where the coding does not fit the file.
        """
        meanings = coding.meanings
        if self.members is not None and coding.known:
            classes = {n: meaning_text(meaning) for n, meaning in meanings.items()}
            first = self.suggested.get(0) is Label.BACKGROUND
            named = names_by_volume(classes, len(self.counts), first)
            if named is None:
                raise ImageFileError(
                    f"{self.path} holds {len(self.counts)} volumes, {coding.known} has "
                    f"{len(classes)} classes: say which volume is which, such as {self._example()}."
                )
            meanings = {n: meaning_from_name(name) or Label.BACKGROUND for n, name in named.items()}
        elif self.members is not None and not set(meanings) <= set(self.counts):
            raise ImageFileError(
                f"{self.path} holds the volumes 0 to {len(self.counts) - 1}, and labels were given "
                f"for {max(meanings)}: say which volume is which, such as {self._example()}."
            )
        elif self.members is None and meanings.get(0):
            raise ImageFileError(
                f"{self.path} has the background where it is 0: name other values."
            )
        left = {n: meanings.get(n, Label.BACKGROUND) for n in self.counts}
        kept = {n: meaning_text(meaning) for n, meaning in meanings.items()}
        source = f"{GIVEN}, against {self.source}" if self.contradicts(coding) else GIVEN
        return replace(self, names=kept, source=source, suggested=left, sure=True, fits_alone=False)

    def contradicts(self, coding: Coding) -> bool:
        """True where the file's own names give a value another label than the coding does."""
        if self.members is not None and coding.known:
            return False
        named = {n: meaning_from_name(name) for n, name in self.names.items()}
        given = coding.meanings
        return any(
            meaning not in (None, given.get(n, Label.BACKGROUND)) for n, meaning in named.items()
        )

    def check(self) -> None:
        """Refuse what only a person could know.

        Raises
        ------
        UnnamedLabelsError : where values have no name and may be one label or another, or where
            of all names none is known.
        """
        if self.fits_alone:
            return
        unnamed = [n for n in self.unmapped if n not in self.names]
        known = not self.counts or any(one is not None for one in self.suggested.values())
        if self.sure and known and not unnamed:
            return
        asked = unnamed if self.sure and unnamed else list(self.unmapped)
        what = ", ".join(
            f"{n} ({self.names[n]})" if n in self.names else str(n) for n in asked[:8]
        ) + (" ..." if len(asked) > 8 else "")
        many, which = ("s", "labels they are") if len(asked) > 1 else ("", "label it is")
        why = "" if self.sure or self.members else f" (a guess from {self.source})"
        raise UnnamedLabelsError(
            f"{self.path} holds the {self.unit}{many} {what}, and nothing says which {which}: say "
            f"it by --labels lits, task08 or liverview, or by --labels {self._example()}{why}; in "
            "Python by labels=...."
        )

    def _example(self) -> str:
        """A coding as it could be given: what is guessed, and labels in a row where nothing is."""
        guessed = {n: one for n, one in self.suggested.items() if one is not None}
        if not any(guessed.values()):
            spare = [n for n in self.suggested if n not in guessed]
            usual = (Label.LIVER, *((Label.VESSEL,) if len(spare) > 2 else ()), Label.TUMOR)
            guessed = dict(zip(spare, usual, strict=False))
        pairs = [f"{n}={meaning_text(one)}" for n, one in guessed.items() if one]
        return ",".join(pairs[:8])

    # ---- in words --------------------------------------------------------------------------

    @property
    def mapping_note(self) -> str | None:
        """A sentence about the suggested mapping; None where names are given as in ours."""
        left_out = not all(self.suggested.values())
        if self.source == GIVEN:
            return self.describe_mapping() if left_out and self.members is None else None
        as_it_is = self.names and all(label == value for value, label in self.suggested.items())
        plain = as_it_is and self.members is None
        return None if plain or not self.counts else self.describe_mapping()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences that a person should read: of the mapping, and what the file says."""
        return tuple(note for note in (self.mapping_note, self.review.note) if note)

    def describe_mapping(self) -> str:
        """One sentence: which value became what, by what."""
        taken, left = [], []
        unit = "" if self.members is None else "volume "
        for value, meaning in self.suggested.items():
            named = value in self.names and not self.source.startswith(GIVEN)
            name = f"{unit}{value} ({self.names[value]})" if named else f"{unit}{value}"
            if meaning is IGNORE:
                taken.append(f"{name} as not judged")
            elif meaning:
                taken.append(f"{name} as {meaning_text(meaning)}")
            else:
                left.append(name)
        rest = f"; left out the {self.unit}s {_shorten_list(left)}" if left else ""
        return f"mapped by {self.source}: {', '.join(taken) or 'no label of ours'}{rest}."


def iter_name_values(
    path: Path, functions: FormatFunctions, grid: Grid | None = None
) -> Iterator[Progress | NamedLabels]:
    """Find out what the values of a label map are; yields progress, then the `NamedLabels`.

    Names are those that the file itself brings, else those of files around it
    (`liverview.files.sidefiles`), else a guess is made. Several volumes are read as a class each.
    What else is said of it is what the file says, or the JSON beside it. ``grid``: of the scan.

    Raises
    ------
    ImageFileError : where the file holds no whole numbers from 0 to 65535, or several volumes
        that are not of 0 and 1.
    """
    count, reading = read_stored_volumes(path, functions, grid)
    for item in reading:
        if isinstance(item, Progress):
            yield item
            continue
        inside, source = functions.label_names(item.source)
        names = real_names(inside), source
        if not names[0]:
            names = find_names(path) or ({}, PLAIN)
        review = functions.label_review(item)
        if count == 1:
            named = yield from _iter_name_values(path, item, *names)
        else:
            by_volume = functions.volume_names(item.source)
            if by_volume:
                names = real_names(by_volume), source
            named = yield from _iter_name_volumes(
                path, item, reading, count, *names, in_order=not by_volume
            )
        yield replace(named, review=find_review(path, item) if review is None else review)
        return


def _iter_name_values(
    path: Path, volume: StoredVolume, names: Mapping[int, str], source: str
) -> Generator[Progress, None, NamedLabels]:
    voxels = yield from iter_whole_numbers(path, volume, _MOST)
    counts = yield from _iter_count_values(voxels)
    suggested: Mapping[int, Meaning | None]
    if names:
        suggested = {n: meaning_from_name(names[n]) if n in names else None for n in counts}
        sure, fits_alone = True, False
    else:
        suggested, sure, source, fits_alone = guess_meanings(counts, voxels, volume.name)
    return NamedLabels(
        path, voxels, volume.affine, volume.name, counts, names, source, suggested, sure,
        fits_alone, volume.source,
    )  # fmt: skip


def _iter_name_volumes(
    path: Path,
    first: StoredVolume,
    rest: Iterator[Progress | StoredVolume],
    count: int,
    names: Mapping[int, str],
    source: str,
    *,
    in_order: bool,
) -> Generator[Progress, None, NamedLabels]:
    """Yields progress; returns the labels of volumes. ``in_order``: names are those of values."""
    found = yield from iter_join_volumes(path, first, rest, count)
    fitting = names_by_volume(names, count, found.background_first) if in_order else names
    suggested = suggest_meanings(fitting or {}, count, found.background_first)
    return NamedLabels(
        path, found.codes, first.affine, first.name, found.counts, fitting or {},
        source if fitting else "the order of its volumes", suggested, bool(fitting), False,
        first.source, members=found.members,
    )  # fmt: skip


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
