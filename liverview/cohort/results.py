"""Results that are there: known by a record in each label map, so that a cohort can go on.

The record names the networks, the program and the scan. A label map has its name only once it
is complete, and a record only as long as nobody changed it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.cohort.tasks import Task
from liverview.core.about import __version__
from liverview.core.candidates import DEFAULT_CERTAINTY
from liverview.core.labels import Label
from liverview.files import formats, images
from liverview.files.opening import ImageFileError
from liverview.files.sidefiles.writing import SideFiles

_SAMPLES, _SAMPLE = 64, 4096  # pieces of a scan that are looked at, and bytes of each
_SEAL = "labels_sha256"


def make_record(
    scan: Path,
    index: int | None,
    hashes: Mapping[str, str],
    least_certainty: float = DEFAULT_CERTAINTY,
) -> str:
    """The record of a scan's labels.

    Parameters
    ----------
    index : which volume of a 4D file; None is the first.
    hashes : of the networks, by file name.
    least_certainty : from which a candidate for a lesion is a tumor.

    Raises
    ------
    OSError : where the scan cannot be read.
    """
    content = {
        "software": f"liverview {__version__}",
        "weights_sha256": dict(hashes),
        "scan_sample_sha256": sample_sha256(scan),
        "volume": index or 0,
        "least_certainty": least_certainty,
    }
    return json.dumps(content, sort_keys=True)


def sealed(record: str, voxels: NDArray[np.uint8]) -> str:
    """A record with a hash of the labels that it is of, (I, J, K) as they lie in RAS+."""
    return json.dumps({**json.loads(record), _SEAL: _voxels_sha256(voxels)}, sort_keys=True)


def agrees(found: str, wanted: str) -> bool:
    """True where labels of a record that was found are those that another one asks for."""
    return bool(found) and _unsealed(found) == _unsealed(wanted)


def is_untouched(label_map: Path, record: str) -> bool:
    """True where a label map has the voxels that its record was made for.

    Programs that keep the header of what they change keep the record, too.
    """
    try:
        seal = json.loads(record).get(_SEAL)
        return bool(seal == _voxels_sha256(images.read_labels(label_map).voxels))
    except (ImageFileError, OSError, ValueError, AttributeError):
        return False


def _voxels_sha256(voxels: NDArray[np.uint8]) -> str:
    flat = np.asfortranarray(voxels).reshape(-1, order="F")
    return hashlib.sha256(flat.data).hexdigest()


def _unsealed(record: str) -> Any:
    """What a record holds beside the hash of its labels; nothing that equals it where damaged."""
    try:
        content = json.loads(record)
    except ValueError:
        return record
    if isinstance(content, dict):
        content.pop(_SEAL, None)
    return content


def is_made(
    task: Task,
    index: int | None,
    hashes: Mapping[str, str],
    least_certainty: float = DEFAULT_CERTAINTY,
) -> bool:
    """True where the task's label map is there, from this scan, by these networks, as certain."""
    found = record_of(task.output)
    try:
        return bool(found) and agrees(found, make_record(task.scan, index, hashes, least_certainty))
    except OSError:
        return False


def record_of(label_map: Path) -> str:
    """The record of a label map; empty where it is not there, or has none."""
    if not label_map.is_file():
        return ""
    try:
        return images.read_summary(label_map).record
    except (ImageFileError, OSError):
        return ""


def missing_masks(label_map: Path) -> dict[Label, Path]:
    """The masks of a label map that are not there."""
    paths = images.mask_paths(label_map.parent, formats.name_without_suffix(label_map))
    return {label: path for label, path in paths.items() if not os.path.lexists(path)}


def missing_side_files(label_map: Path) -> list[Path]:
    """The side files of a label map that are not there."""
    return [path for path in SideFiles.of(label_map) if not os.path.lexists(path)]


def sample_sha256(path: Path) -> str:
    """A hash of a file's size and of pieces from its whole length, its two ends among them.

    Compressed files end with a checksum of their content. Of a folder, the files that are in it
    count by name, size and the first and last bytes of some.
    """
    if path.is_dir():
        return _folder_sha256(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(size.to_bytes(8, "little"))
        last = max(0, size - _SAMPLE)
        for number in range(_SAMPLES):
            file.seek(last * number // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _folder_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    step = max(1, len(files) // _SAMPLES)
    for number, path in enumerate(files):
        size = path.stat().st_size
        digest.update(os.fsencode(path.relative_to(folder)) + b"\0" + size.to_bytes(8, "little"))
        if number % step == 0:
            with path.open("rb") as file:
                digest.update(file.read(_SAMPLE))
                file.seek(max(0, size - _SAMPLE))
                digest.update(file.read(_SAMPLE))
    return digest.hexdigest()
