"""Finding the scan of a session file: where it was, or where the session is now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.case_state import ScanState
from liverview.files.file_hash import UnreadableFileError, iter_hash
from liverview.files.opening import ImageFileError
from liverview.files.voxel_hash import iter_hash_voxels


@dataclass(frozen=True)
class ScanAnswer:
    """The answer of a person to the question for the scan.

    Attributes
    ----------
    scan : the file that was chosen; None where nobody was asked.
    changed : it is taken though it is another one than the session was saved with.
    """

    scan: Path | None = None
    changed: bool = False


@dataclass(frozen=True)
class ScanMissing:
    """The scan of a session is in none of the places where it could be.

    Attributes
    ----------
    name : of its file.
    place : the folder where it was.
    """

    name: str
    place: str


@dataclass(frozen=True)
class ScanChanged:
    """A file in the place of the scan is not the one that the session was saved with."""

    scan: Path


@dataclass(frozen=True, eq=False)
class ScanFound:
    """The scan of a session.

    Attributes
    ----------
    scan : its file, or the place of its series.
    volume : what it holds, where it had to be read to be found.
    """

    scan: Path
    volume: Volume | None = None


def iter_find_scan(
    session: Path, state: ScanState, answer: ScanAnswer
) -> Iterator[Progress | ScanMissing | ScanChanged | ScanFound]:
    """Find a session's scan by path and hash; yields progress, then what was found.

    Looked for beside the session file as it once lay beside it, under its name in the session's
    folder, and where it was. Of several files the one with the right hash is taken.
    """
    if state.series:
        yield from _iter_find_series(session, state, answer)
        return
    if answer.scan is not None and answer.changed:
        yield ScanFound(answer.scan)
        return
    places = [answer.scan] if answer.scan is not None else _places(session, state)
    there = [place for place in places if os.path.isfile(place)]  # noqa: PTH113  # never raises
    for place in there:
        try:
            for item in iter_hash(place):
                if isinstance(item, Progress):
                    yield item
                elif item == state.sha256:
                    yield ScanFound(place)
                    return
        except UnreadableFileError:
            continue
    if there:
        yield ScanChanged(there[0])
    else:
        where = answer.scan or Path(state.path or state.name)
        yield ScanMissing(where.name, str(where.parent))


def _iter_find_series(
    session: Path, state: ScanState, answer: ScanAnswer
) -> Iterator[Progress | ScanMissing | ScanChanged | ScanFound]:
    """Find a DICOM series in the places where it may be, by its key and its voxels."""
    from liverview.files.dicom.places.contents import iter_read_series

    places = [answer.scan] if answer.scan is not None else _places(session, state)
    changed = None
    for place in places:
        if not os.path.exists(place):  # noqa: PTH110  # which never raises
            continue
        volume = None
        try:
            for item in iter_read_series(place, state.series):
                if isinstance(item, Volume):
                    volume = item
                else:
                    yield item
        except ImageFileError:
            continue
        assert volume is not None
        digits = None
        for step in iter_hash_voxels(volume):
            if isinstance(step, str):
                digits = step
            else:
                yield step
        if answer.changed or digits == state.sha256:
            yield ScanFound(place, volume)
            return
        changed = changed or place
    if changed is not None:
        yield ScanChanged(changed)
    else:
        where = answer.scan or Path(state.path or state.name)
        yield ScanMissing(where.name, str(where.parent))


def _places(session: Path, state: ScanState) -> list[Path]:
    """Where the scan may be, the nearest to the session first."""
    folder = session.absolute().parent
    found = []
    if state.relative and not _is_absolute(state.relative):
        found.append(folder / state.relative)
    if state.path:
        found += [folder / _file_name(state.path), Path(state.path)]
    return list(dict.fromkeys(found))


def _is_absolute(way: str) -> bool:
    windows = PureWindowsPath(way)
    return PurePosixPath(way).is_absolute() or bool(windows.drive or windows.root)


def _file_name(path: str) -> str:
    """The last part of a path of this or another system."""
    return PureWindowsPath(path).name if "\\" in path and "/" not in path else Path(path).name
