"""The scans of a cohort and the files that their labels go to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liverview.files import formats, images
from liverview.files.atomic import TargetError
from liverview.files.opening import ImageFileError


@dataclass(frozen=True)
class Task:
    """One scan to segment.

    Attributes
    ----------
    scan : the file.
    output : where its label map goes.
    """

    scan: Path
    output: Path


def find_files(given: Sequence[Path]) -> list[Path]:
    """The files that are given, and those of folders by their suffixes; label maps among them.

    Raises
    ------
    ImageFileError : where a folder holds none.
    """
    return [path for one in given for path in (formats.find_scans(one) if one.is_dir() else [one])]


def find_scan_tasks(given: Sequence[Path], output: Path) -> list[Task]:
    """Find the scans to segment: files, and the scans of folders by their suffixes.

    Label maps are no scans, however they are called: results that lie among the scans are left
    out. One file goes to ``output``, unless that is a folder (which has no ending where it is not
    there yet); several need one, where each becomes
    NAME_seg.nii.gz, with its folder's name before it where names are not unique.

    Raises
    ------
    ImageFileError : where there is no scan.
    TargetError : where several scans would go to one file.
    """
    files = find_files(given)
    scans = [path for path in files if not _is_label_map(path)]
    if not scans:
        raise ImageFileError(f"{files[0]} is a label map, not a scan: give the scan it is for.")
    alone = len(given) == 1 and not given[0].is_dir()
    if alone and output.suffix and not output.is_dir():
        return [Task(scans[0], output)]
    if formats.has_known_suffix(output) and not output.is_dir():
        raise TargetError(f"{output} is one file: choose a folder for the labels of several scans.")
    names = [formats.name_without_suffix(scan) for scan in scans]
    names = [
        f"{Path(os.path.realpath(scan)).parent.name}_{name}" if names.count(name) > 1 else name
        for scan, name in zip(scans, names, strict=True)
    ]
    for name, scan in zip(names, scans, strict=True):
        if names.count(name) > 1:
            raise TargetError(f"{scan}: another scan would be saved as {name}, too; rename one.")
    return [
        Task(s, output / formats.labels_file_name(n)) for s, n in zip(scans, names, strict=True)
    ]


def _is_label_map(path: Path) -> bool:
    """True where the file itself says so; what cannot be read is said when its turn comes."""
    try:
        return images.read_summary(path).label_map
    except (ImageFileError, OSError):
        return False
