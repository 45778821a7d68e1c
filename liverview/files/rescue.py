"""Labels that took long to make and could not be saved where they were to go."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from liverview.core.stream import drain
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic, images
from liverview.files.formats import DEFAULT_SUFFIX, name_without_suffix

_EXPECTED = (ValueError, OSError, MemoryError)
_MOST = 1000  # names tried in a folder


def check_can_write(path: Path, volume: Volume, *, overwrite: bool = False) -> None:
    """Before long work: whether labels of a scan can be written there.

    The folder is tried, and in another one the beginning of such a label map is written: what
    the scan's header makes impossible shows now.

    Raises
    ------
    LiverviewError : as `liverview.files.images.write_labels` does.
    """
    images.check_target(path, overwrite=overwrite)
    blank = LabelMap(np.zeros(volume.shape, np.uint8, order="F"), volume.affine)
    with (
        contextlib.suppress(OSError, atomic.TargetError),  # of the other folder
        tempfile.TemporaryDirectory(prefix="liverview-") as folder,
    ):
        work = images.iter_write_labels(Path(folder, path.name), blank, volume)
        next(iter(work))
        work.close()  # type: ignore[attr-defined]


class KeptLabels:
    """A block that saves labels: where it fails, they are kept in another place, which is said.

    Parameters
    ----------
    path : of the file that the block writes.
    labels, volume : what it writes, and the scan.
    """

    def __init__(self, path: Path, labels: LabelMap, volume: Volume) -> None:
        self._path, self._labels, self._volume = path, labels, volume

    def __enter__(self) -> KeptLabels:
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception):  # nothing failed, or the person stopped it
            return
        expected = isinstance(error, _EXPECTED)
        kept = keep_elsewhere(self._path, self._labels, self._volume, plain=not expected)
        if kept is None:
            where = "the labels could be kept nowhere else, either: make room and segment again"
        else:
            where = f"the labels are kept in {kept}"
        if not expected:
            error.add_note(f"{self._path} was not saved; {where}.")
            return
        said = str(error).rstrip(".") or f"{self._path} could not be saved"
        raise atomic.TargetError(f"{said}; {where}.") from error


def keep_elsewhere(
    path: Path, labels: LabelMap, volume: Volume, *, plain: bool = False
) -> Path | None:
    """Save labels that could not be saved as ``path``; returns where, None where nowhere.

    Tried under a free name: its folder, the working folder, the home folder, that of temporary
    files; on the scan's own grid, and where that fails (or ``plain``), with a new header.
    """
    placed = replace(labels, affine=volume.affine, source=volume.source)
    with_new_header = replace(placed, source=None)
    for folder in _iter_folders(path):
        for made in (with_new_header,) if plain else (placed, with_new_header):
            target = _free_name(folder, name_without_suffix(path))
            try:
                drain(images.iter_write_labels(target, made))
            except _EXPECTED:
                continue
            return target
    return None


def _iter_folders(path: Path) -> Iterator[Path]:
    seen = set()
    for folder in (path.parent, Path(), _home(), Path(tempfile.gettempdir())):
        place = folder.absolute()
        if place not in seen:
            seen.add(place)
            yield folder if folder == path.parent else place


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # it is nowhere to be found
        return Path()


def _free_name(folder: Path, stem: str) -> Path:
    found = (folder / f"{stem}{f'_{n}' if n else ''}{DEFAULT_SUFFIX}" for n in range(_MOST))
    return next((path for path in found if not os.path.lexists(path)), folder / stem)
