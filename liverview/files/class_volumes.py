"""Label maps with a volume of 0 and 1 per class, as one-hot files have them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.coding import Ignore, Meaning, meaning_from_name
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Progress
from liverview.files.format import StoredVolume
from liverview.files.opening import ImageFileError
from liverview.files.values import iter_whole_numbers

_MOST = 65535  # codes
_ORDER = (Label.BACKGROUND, *FOREGROUND)


class ClassVolumes(NamedTuple):
    """The classes of every voxel.

    Attributes
    ----------
    codes : (I, J, K) uint16, a number for every set of classes that voxels have.
    members : the classes, as indices of their volumes, by code; 0 has none.
    counts : voxels by class.
    background_first : the first volume is what no other one has.
    """

    codes: NDArray[np.uint16]
    members: Mapping[int, tuple[int, ...]]
    counts: Mapping[int, int]
    background_first: bool


def iter_join_volumes(
    path: Path, first: StoredVolume, rest: Iterator[Progress | StoredVolume], count: int
) -> Generator[Progress, None, ClassVolumes]:
    """Yields progress; returns the classes of a file of ``count`` volumes.

    Raises
    ------
    ImageFileError : where a volume has other values than 0 and 1.
    """
    codes = np.zeros_like(first.voxels, np.uint16)
    members: dict[int, tuple[int, ...]] = {0: ()}
    counts: dict[int, int] = {}
    for item in chain([first], rest):
        if isinstance(item, Progress):
            yield item
            continue
        mask = yield from _iter_mask(path, item, count)
        counts[len(counts)] = int(np.count_nonzero(mask))
        _add_class(path, codes, members, mask, len(counts) - 1)
        yield Progress("Reading", 1.0)
    # Voxels that are in no volume, or in the first and others, tell that it is no background.
    apart = {len(found) == 1 if 0 in found else bool(found) for found in _used(codes, members)}
    background_first = count > 1 and counts[0] > 0 and apart == {True}
    return ClassVolumes(codes, members, counts, background_first)


def _iter_mask(
    path: Path, volume: StoredVolume, count: int
) -> Generator[Progress, None, NDArray[np.bool_]]:
    try:
        values = yield from iter_whole_numbers(path, volume, 1)
    except ImageFileError as error:
        why = str(error).removeprefix(f"{path} is not a label map: ").partition(";")[0]
        raise ImageFileError(
            f"{path} holds {count} volumes, and is no label map with a volume of 0 and 1 per "
            f"class: {why}; save whole labels, or the volume that is meant, as a file of its own."
        ) from error
    return values.astype(np.bool_)


def _add_class(
    path: Path,
    codes: NDArray[np.uint16],
    members: dict[int, tuple[int, ...]],
    mask: NDArray[np.bool_],
    number: int,
) -> None:
    """Give voxels of a mask the codes of what they had and of this class."""
    found = codes[mask]
    table = np.arange(len(members), dtype=np.uint16)
    for code in np.unique(found).tolist():
        if len(members) > _MOST:
            raise ImageFileError(f"{path} holds classes that overlap in too many ways.")
        table[code] = len(members)
        members[len(members)] = (*members[code], number)
    codes[mask] = table[found]


def _used(
    codes: NDArray[np.uint16], members: Mapping[int, tuple[int, ...]]
) -> list[tuple[int, ...]]:
    counts = np.bincount(codes.ravel(order="K"), minlength=len(members))
    return [members[code] for code in np.flatnonzero(counts).tolist()]


def names_by_volume(
    names: Mapping[int, str], count: int, background_first: bool
) -> dict[int, str] | None:
    """The names of classes, given by value, for the volumes of a file; None where they do not fit.

    The order is that of the values, behind the background where that has a volume.
    """
    classes = [names[value] for value in sorted(names) if not _is_background(value, names[value])]
    if background_first and len(classes) == count - 1:
        return dict(enumerate(["background", *classes]))
    return None if background_first or len(classes) != count else dict(enumerate(classes))


def suggest_meanings(
    names: Mapping[int, str], count: int, background_first: bool
) -> dict[int, Meaning | None]:
    """What the volumes mean by their names; without names, the background alone is known."""
    if names:
        return {n: meaning_from_name(names[n]) if n in names else None for n in range(count)}
    return {n: Label.BACKGROUND if n == 0 and background_first else None for n in range(count)}


def _is_background(value: int, name: str) -> bool:
    return value == 0 and meaning_from_name(name) in (Label.BACKGROUND, None)


def iter_meanings_of_codes(
    members: Mapping[int, tuple[int, ...]], chosen: Mapping[int, Meaning | None]
) -> Iterator[tuple[int, Meaning]]:
    """The meaning of every code: the later label of its classes, and what is ignored before all."""
    for code, classes in members.items():
        meanings = [chosen.get(number) or Label.BACKGROUND for number in classes]
        yield code, max(meanings, key=_rank, default=Label.BACKGROUND)


def _rank(meaning: Meaning) -> int:
    return len(_ORDER) if isinstance(meaning, Ignore) else _ORDER.index(meaning)
