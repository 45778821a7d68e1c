"""Names by which the items of a cohort are known: the same on every machine, each only once.

A name comes from an item's own path as it was given, or from the id of a table, never from where a
disk is mounted: an item of which there is no other by its name is called by its file alone, and
else by as few of the folders above it as tell it from the others.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from liverview.cohort.scan_lists import GivenItem
from liverview.files import formats
from liverview.files.atomic import TargetError


def unique_names(items: Sequence[GivenItem]) -> list[str]:
    """A name for each item: its id, or that of its file, with folders before it where needed.

    Raises
    ------
    TargetError : where two items have one id, or are one file.
    """
    names = [
        formats.name_without_suffix(_named(item.path)) if item.name is None else item.name
        for item in items
    ]
    parents: dict[int, tuple[str, ...]] = {}  # of items that others are called as, by number
    depth = 0
    while True:
        counts = Counter(names)
        alike = [n for n, name in enumerate(names) if counts[name] > 1]
        if not alike:
            return names
        depth += 1
        for number in alike:
            if number not in parents and items[number].name is None:
                parents[number] = _named(items[number].path).parts[1:]
        longer = {
            n: _name_with(parents[n], depth) for n in alike if len(parents.get(n, ())) > depth
        }
        if not longer:
            _refuse(items[alike[-1]])
        for number, name in longer.items():
            names[number] = name


def _named(path: Path) -> Path:
    """The path from the root; links stay what they are called."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _name_with(parts: Sequence[str], depth: int) -> str:
    """A file's name with so many folders before it."""
    return "_".join([*parts[-depth - 1 : -1], formats.name_without_suffix(Path(parts[-1]))])


def _refuse(item: GivenItem) -> None:
    name = item.name or formats.name_without_suffix(_named(item.path))
    place = item.origin or str(item.path)
    raise TargetError(
        f"{place}: another scan would be saved as {name}, too; rename one, or give it once."
    )
