"""Finding what may be DICOM: in folders and those in them, zip archives, a DICOMDIR's disc."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from liverview.files.dicom.places.dicomdir import is_dicomdir, iter_listed
from liverview.files.dicom.places.sources import DicomSource, FileSource
from liverview.files.dicom.places.zip_archive import is_zip, iter_members
from liverview.files.opening import ImageFileError

Found: TypeAlias = DicomSource | ImageFileError
_HEAD = 600  # bytes to know an archive or a DICOMDIR by
_LOOKED_INTO = 100  # of more files that are given, archives and discs are known by their names


class FolderTimes:
    """When folders that were read last changed: whether files have come since."""

    def __init__(self) -> None:
        self._times: dict[Path, int] = {}

    def note(self, folder: Path) -> None:
        """Remember the time of a folder; call this before it is read."""
        self._times[folder] = _time_of(folder)

    def changed(self) -> list[Path]:
        """Folders that changed since they were noted, each once; they are noted anew."""
        found = [folder for folder, time in self._times.items() if _time_of(folder) != time]
        for folder in found:
            self.note(folder)
        return found


def _time_of(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1


def iter_sources(paths: Sequence[Path], times: FolderTimes | None = None) -> Iterator[Found]:
    """Files that may be DICOM, of all the places, each once; what cannot be read as its sentence.

    Folders are read with all that are in them, in the order of their names. Hidden files and
    folders, as .git and ._IM1, are left out. Links to folders are followed, each folder once,
    and not those that lead to what holds the place itself. Zip archives, there or given, are
    read inside; of a DICOMDIR that is given, the files that it names.

    Parameters
    ----------
    times : where it is given, the folders' times are noted there.
    """
    walk = _Walk(times or FolderTimes(), looks=len(paths) <= _LOOKED_INTO)
    for path in paths:
        try:
            yield from walk.iter_place(path)
        except ImageFileError as error:
            yield error


class _Walk:
    """A walk over places, in which no file comes twice."""

    def __init__(self, times: FolderTimes, *, looks: bool) -> None:
        self._times = times
        self._looks = looks
        self._folders: set[str] = set()  # real paths
        self._files: set[str] = set()

    def iter_place(self, path: Path) -> Iterator[Found]:
        """The files of a place that was given.

        Raises
        ------
        ImageFileError : where it cannot be read.
        """
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                yield from self._iter_folder(path)
                return
            if not stat.S_ISREG(mode):
                raise ImageFileError(f"{path} is not a regular file: copy the scan into one.")
            head = b""
            if self._looks or path.name.lower().endswith((".zip", "dicomdir")):
                with path.open("rb") as file:
                    head = file.read(_HEAD)
        except FileNotFoundError as error:
            raise ImageFileError(f"{path} does not exist: check the name.") from error
        except PermissionError as error:
            raise ImageFileError(f"{path} may not be read: ask for read permission.") from error
        except OSError as error:
            raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
        yield from self._iter_file(path, head)

    def _iter_file(self, path: Path, head: bytes) -> Iterator[Found]:
        if is_dicomdir(head):
            for found in iter_listed(path):
                if isinstance(found, ImageFileError) or self._is_new(found.path):
                    yield found
        elif self._is_new(path):
            if is_zip(head):
                yield from iter_members(path)
            else:
                yield FileSource(path)

    def _is_new(self, path: Path) -> bool:
        real = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118
        if real in self._files or os.path.dirname(real) in self._folders:  # noqa: PTH120
            return False
        self._files.add(real)
        return True

    def _iter_folder(self, root: Path) -> Iterator[Found]:
        real_root = os.path.realpath(root)
        above = [root]
        while above:
            folder = above.pop()
            real = os.path.realpath(folder)
            if real in self._folders or (real != real_root and _holds(real, real_root)):
                continue
            self._times.note(folder)
            try:
                with os.scandir(folder) as entries:
                    inside = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                yield ImageFileError(
                    f"{folder} cannot be read: {error.strerror or error}; what is in it is left "
                    "out."
                )
                continue
            yield from self._iter_entries(inside, real)
            self._folders.add(real)
            folders = [
                each for each in inside if not each.name.startswith(".") and _is_folder(each)
            ]
            above += [Path(each.path) for each in reversed(folders)]

    def _iter_entries(self, inside: list[os.DirEntry[str]], real: str) -> Iterator[Found]:
        for entry in inside:
            if entry.name.startswith(".") or not _is_file(entry):
                continue
            if self._files and os.path.join(real, entry.name) in self._files:  # noqa: PTH118
                continue
            path = Path(entry.path)
            if entry.name.lower().endswith(".zip"):
                yield from _iter_archive_of_folder(path)
            else:
                yield FileSource(path)


def _iter_archive_of_folder(path: Path) -> Iterator[Found]:
    try:
        yield from iter_members(path)
    except ImageFileError as error:
        yield error


def _holds(folder: str, other: str) -> bool:
    return Path(other).is_relative_to(folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
