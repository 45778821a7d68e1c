"""Label maps, scans and places with DICOM, told apart by what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.volume import Volume
from liverview.files.foreign_kinds import is_dicom
from liverview.files.formats import FORMATS
from liverview.files.sessions.container import is_session_file

_MOST_LABELS = 256
_HIGHEST = 65535
_SLICES = 24  # looked at
_LEAST_ALIKE = 0.5  # of neighbors that are both no background; gray values are noise

_HEAD = 1024


def may_hold_dicom(path: Path) -> bool:
    """True for what is worth a look inside: a folder, a zip archive, a DICOMDIR, a DICOM file.

    By its first bytes alone, so at once; `formats.is_dicom_place` looks at what is in it. What
    cannot be read is none, and whoever opens it says why.
    """
    try:
        if path.is_dir():
            return True
        if is_session_file(path) or not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or is_dicom(head, "")


def resembles_labels(volume: Volume) -> bool:
    """True where a volume is rather a label map than a scan: few whole numbers, in areas.

    A header that names values settles it where they are whole numbers. Nothing but background
    is neither.
    """
    if volume.study is not None:
        return False
    slices = [np.asarray(part) for part in _sample_slices(volume)]
    if not all(_are_labels(part) for part in slices):
        return False
    found = np.unique(np.concatenate([np.unique(part) for part in slices]))
    if not found.any() or len(found) > _MOST_LABELS:
        return False
    return _has_names(volume) or _share_of_alike(slices) >= _LEAST_ALIKE


def _sample_slices(volume: Volume) -> list[NDArray[Any]]:
    """Slices across the axis along which slices lie in one piece, with the intercept added."""
    axis = int(np.argmax(np.abs(volume.voxels.strides)))
    count = volume.voxels.shape[axis]
    picked = np.unique(np.linspace(0, count - 1, min(count, _SLICES)).round().astype(int))
    parts = [volume.voxels.take(index, axis) for index in picked]
    # In a type that holds the sum: unsigned voxels have HU below 0 by the intercept.
    return [part + np.float64(volume.intercept) if volume.intercept else part for part in parts]


def _are_labels(part: NDArray[Any]) -> bool:
    """True where a part holds whole numbers from 0 on, but for rounding."""
    if part.min() < -0.5 or part.max() > _HIGHEST:
        return False
    if part.dtype.kind in "iu":
        return True
    return bool(np.abs(part - np.round(part)).max() < 0.01)


def _share_of_alike(slices: list[NDArray[Any]]) -> float:
    """The share of neighbors with one value, among those that are both no background."""
    pairs = alike = 0
    for part in slices:
        values = np.round(part)
        for one, other in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
            both = (one != 0) & (other != 0)
            pairs += int(both.sum())
            alike += int((one == other)[both].sum())
    return alike / pairs if pairs else 1.0


def _has_names(volume: Volume) -> bool:
    source = volume.source
    if source is None:
        return False
    known = next((known for known in FORMATS if known.name == source.format), None)
    return known is not None and bool(known.load().label_names(source)[0])
