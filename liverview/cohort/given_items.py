"""The items of a cohort as a person gives them: files, folders, patterns, lists and tables."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from liverview.cohort.scan_lists import GivenItem, is_list, read_list
from liverview.files import formats
from liverview.files.dicom_places import holds_dicom
from liverview.files.opening import ImageFileError

FolderItems: TypeAlias = Callable[[Path], list[Path]]
"""The items that a folder stands for, itself among them or not."""
_NAMED = 3  # files of a list that are not there and are named one by one


def find_items(
    given: Sequence[Path], folder_items: FolderItems, matched_items: FolderItems | None = None
) -> list[GivenItem]:
    """The items that are given, in their order; of patterns and folders sorted, each once.

    A name that is there is itself, whatever characters it has; one that is not is a pattern where
    it has ``*``, ``?`` or ``[``; ``**`` stands for any folders. Files that lists name need not be
    there.

    Parameters
    ----------
    folder_items : of a folder that is given or in a list.
    matched_items : of a folder that a pattern matches, which may lie in another one that it
        matches; by default the same.

    Raises
    ------
    ImageFileError : where a pattern, a list or a folder has nothing.
    """
    matched = matched_items or folder_items
    return [item for path in given for item in _iter_given(path, folder_items, matched)]


def is_many(path: Path) -> bool:
    """True for what stands for several items: a list, a pattern, a folder that is no DICOM."""
    if path.is_dir():
        return not holds_dicom(path)
    return is_list(path) or _is_pattern(path)


def _iter_given(path: Path, folder_items: FolderItems, matched: FolderItems) -> Iterator[GivenItem]:
    if is_list(path):
        for item in read_list(path):
            yield from _iter_listed(item, folder_items, matched)
    elif _is_pattern(path):
        yield from (GivenItem(found) for found in _matches(path, matched))
    elif path.is_dir():
        yield from (GivenItem(found) for found in folder_items(path))
    else:
        yield GivenItem(path)


def _iter_listed(
    item: GivenItem, folder_items: FolderItems, matched: FolderItems
) -> Iterator[GivenItem]:
    """What a line stands for: a row of a table is one item, a line of a list may be many."""
    if item.vouched:
        yield item
    elif is_list(item.path):
        raise ImageFileError(f"{item.origin}: {item.path} is a list itself: give it beside.")
    else:
        found = _iter_given(item.path, folder_items, matched)
        yield from (GivenItem(each.path, origin=item.origin) for each in found)


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not os.path.lexists(path)


def _matches(pattern: Path, folder_items: FolderItems) -> list[Path]:
    """The items that match a pattern, sorted, each once; hidden ones do not."""
    names = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - it may be absolute
    series = {Path(name).parent for name in names if formats.DICOM.has_suffix(Path(name))}
    series = {folder for folder in series if _items_of_match(folder, folder_items) == [folder]}
    found: dict[Path, None] = {}
    for path in map(Path, names):
        # A slice stands for its series, which is the folder.
        whole = path.parent if formats.DICOM.has_suffix(path) and path.parent in series else path
        found |= dict.fromkeys(_items_of_match(whole, folder_items))
    if not found:
        raise ImageFileError(
            f"{pattern} matches nothing that can be read: mend the pattern; ** stands for folders "
            "of any depth."
        )
    return list(found)


def _items_of_match(path: Path, folder_items: FolderItems) -> Iterable[Path]:
    if not path.is_dir():
        name = path.name.lower()
        known = formats.has_known_suffix(path) or name.endswith(".zip")
        return [path] if known and not name.endswith(".img") else []
    try:
        return folder_items(path)
    except ImageFileError:  # one folder of many has nothing
        return []


def missing_warnings(items: Sequence[GivenItem]) -> list[str]:
    """Sentences about files of lists that are not there; their turn will fail.

    Raises
    ------
    ImageFileError : where none of several is there.
    """
    listed = [item for item in items if item.origin]
    missing = [item for item in listed if not os.path.exists(item.path)]  # noqa: PTH110 - no errors
    if missing and len(missing) == len(items):
        first = missing[0]
        raise ImageFileError(
            f"{first.origin}: {first.path} is not there, and no other file of the list is: paths "
            "are relative to the list's own folder."
        )
    lines = [f"{item.origin}: {item.path} is not there." for item in missing[:_NAMED]]
    more = len(missing) - len(lines)
    return [*lines, f"{more} more files are not there."] if more else lines
