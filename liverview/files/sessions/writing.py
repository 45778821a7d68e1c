"""Writing session files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from liverview.core.labels import LabelStyle
from liverview.core.stream import Message, Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic, images
from liverview.files.case_state import CaseState
from liverview.files.file_hash import UnreadableFileError, iter_hash
from liverview.files.format import TableOrder
from liverview.files.formats import format_to_write
from liverview.files.sessions import container
from liverview.files.sessions.container import iter_write_container
from liverview.files.sessions.content import SessionContent, Stamp, file_stamp
from liverview.files.voxel_hash import iter_hash_voxels

_NOT_JUDGED = {1: LabelStyle("Ignore", (128, 128, 128))}


def iter_write_session(
    path: Path, content: SessionContent, stamp: Stamp | None, styles: images.Styles
) -> Iterator[Progress | Message]:
    """Write a session file, verified; a file that is there is replaced, once all is well.

    The scan is named by its path and its hash. One that is no file, cannot be read any more, or
    is another one than was opened, goes into the session file itself, which is said.

    Parameters
    ----------
    stamp : of the scan's file when it was opened.
    styles : names and colors for the label maps.

    Raises
    ------
    TargetError : where it cannot be written.
    LiverviewError : where a part does not come back as it was written.
    """
    atomic.check_target(path, overwrite=True)
    state = content.state
    sha256 = None
    for item in _iter_scan_hash(content, stamp):
        if isinstance(item, Progress):
            yield item
        else:
            sha256 = item
    with _temporary_folder(path) as folder:
        parts = _Parts(path, Path(folder), styles)
        if sha256 is None:
            state = replace(state, scan=replace(state.scan, series=""))
            yield from parts.iter_add_scan(content.volume)
            if content.scan is not None:
                yield Message(
                    f"{content.scan} is gone or was changed since it was opened: "
                    f"{path.name} keeps the scan as it is shown."
                )
        else:
            state = _with_scan(state, path, content.scan, sha256)
        if content.labels is not None:
            yield from parts.iter_add_labels(content.labels, content.volume)
        if content.result is not None:
            yield from parts.iter_add_map(container.RESULT, _plain(content.result), content.volume)
        if content.reference is not None:
            yield from parts.iter_add_map(container.REFERENCE, content.reference, content.volume)
        if content.history is not None:
            yield from parts.iter_add_history(content.history)
        yield from iter_write_container(path, state.to_json(), parts.files)


def relative_path(scan: Path, session: Path) -> str | None:
    """The way from the folder of a session file to a scan, with slashes; None across drives."""
    try:
        way = os.path.relpath(atomic.resolved(scan), atomic.resolved(session).parent)
    except ValueError:  # another drive
        return None
    return Path(way).as_posix()


def _with_scan(state: CaseState, path: Path, scan: Path | None, sha256: str) -> CaseState:
    assert scan is not None
    named = replace(state.scan, sha256=sha256, relative=relative_path(scan, path))
    return replace(state, scan=named)


def _iter_scan_hash(
    content: SessionContent, stamp: Stamp | None
) -> Iterator[Progress | str | None]:
    """Yields progress, then the hash of the scan; None where its file is not the scan.

    That of a DICOM series is of its voxels: other files come and go in its place.
    """
    scan = content.scan
    if scan is not None and content.state.scan.series and os.path.exists(scan):  # noqa: PTH110
        yield from iter_hash_voxels(content.volume)
        return
    if scan is None or stamp is None or file_stamp(scan) != stamp:
        yield None
        return
    try:
        yield from iter_hash(scan)
    except UnreadableFileError:
        yield None


def _temporary_folder(path: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="liverview-")
    except OSError as error:
        raise atomic.TargetError(
            f"{path} could not be saved: no folder for temporary files can be written to "
            f"({error.strerror}): make room in {tempfile.gettempdir()}."
        ) from error


class _Parts:
    """The members of a session file, made as files in a folder for temporary ones."""

    def __init__(self, path: Path, folder: Path, styles: images.Styles) -> None:
        self.files: dict[str, Path] = {}
        self._path, self._folder, self._styles = path, folder, styles

    def iter_add_scan(self, volume: Volume) -> Iterator[Progress]:
        target = self._folder / container.SCAN
        yield from self._iter_made(target, images.iter_write_volume(target, volume))

    def iter_add_labels(self, labels: LabelMap, volume: Volume) -> Iterator[Progress]:
        """The voxels as they are, with the names of all labels; what was ignored, apart."""
        yield from self.iter_add_map(container.LABELS, _plain(labels), volume)
        if labels.ignored is not None:
            target = self._folder / container.IGNORED
            mask = LabelMap(labels.ignored.astype(np.uint8), volume.affine, source=volume.source)
            write, order = format_to_write(target).load(), TableOrder.TOTALSEGMENTATOR
            work = write.iter_write_labels(target, mask, _NOT_JUDGED, overwrite=False, order=order)
            yield from self._iter_made(target, work)

    def iter_add_map(self, name: str, labels: LabelMap, volume: Volume) -> Iterator[Progress]:
        target = self._folder / name
        work = images.iter_write_labels(target, labels, volume, styles=self._styles)
        yield from self._iter_made(target, work)

    def iter_add_history(self, history: bytes) -> Iterator[Progress]:
        target = self._folder / container.HISTORY
        yield from self._iter_made(target, _iter_write_bytes(target, history))

    def _iter_made(self, target: Path, work: Iterator[Progress]) -> Iterator[Progress]:
        try:
            yield from work
        except atomic.TargetError as error:
            raise atomic.TargetError(
                f"{self._path} could not be saved, for its parts could not be made: {error}"
            ) from error
        self.files[target.name] = target


def _plain(labels: LabelMap) -> LabelMap:
    """The voxels as they are, with the names of all labels."""
    return replace(labels, defined=None, ignored=None)


def _iter_write_bytes(path: Path, content: bytes) -> Iterator[Progress]:
    yield Progress("Writing", 0.0)
    with atomic.atomic_write(path) as temporary:
        temporary.write_bytes(content)
