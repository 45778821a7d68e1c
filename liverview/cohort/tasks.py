"""The scans of a cohort and the files that their labels go to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from liverview.files import formats, images
from liverview.files.atomic import TargetError
from liverview.files.dicom_places import folders_with_dicom, holds_dicom
from liverview.files.opening import ImageFileError


@dataclass(frozen=True)
class Task:
    """One scan to segment.

    Attributes
    ----------
    scan : the file.
    output : where its label map goes.
    columns : what else the person's table says of it.
    """

    scan: Path
    output: Path
    columns: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The name of its label map without suffix, by which the ledger knows it."""
        return formats.name_without_suffix(self.output)

    @property
    def path(self) -> Path:
        return self.scan


def find_files(given: Sequence[Path], *, alone: bool = False) -> list[Path]:
    """The files that are given, and those of folders by their suffixes; label maps among them.

    A folder of DICOM files is one scan. One that has only folders is one for each folder with DICOM
    in it, or with ``alone`` one in all.

    Raises
    ------
    ImageFileError : where a folder holds none.
    """
    return [path for one in given for path in (_scans_of(one, alone) if one.is_dir() else [one])]


def _scans_of(folder: Path, alone: bool) -> list[Path]:
    if holds_dicom(folder, below=alone, results=False):
        return [folder]
    return folders_with_dicom(folder) or formats.find_scans(folder)


def find_scan_tasks(
    given: Sequence[Path], output: Path, suffix: str = formats.DEFAULT_SUFFIX
) -> list[Task]:
    """Find the scans to segment: files, and the scans of folders by their suffixes.

    Label maps are no scans, however they are called: results that lie among the scans are left
    out. One file goes to ``output``, unless that is a folder (which has no ending where it is not
    there yet); several need one, where each becomes
    NAME_seg and the suffix, with its folder's name before it where names are not unique.

    Raises
    ------
    ImageFileError : where there is no scan.
    TargetError : where several scans would go to one file.
    """
    one_file = formats.has_known_suffix(output) and not output.is_dir()
    files = find_files(given, alone=one_file)
    scans = [path for path in files if not _is_label_map(path)]
    if not scans:
        raise ImageFileError(f"{files[0]} is a label map, not a scan: give the scan it is for.")
    alone = len(given) == 1 and (scans == list(given) or not given[0].is_dir())
    if alone and not output.is_dir() and (one_file or (output.suffix and given[0].is_file())):
        return [Task(scans[0], output)]
    if one_file:
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
        Task(s, output / formats.labels_file_name(n, suffix))
        for s, n in zip(scans, names, strict=True)
    ]


def _is_label_map(path: Path) -> bool:
    """True where the file itself says so; what cannot be read is said when its turn comes."""
    if path.is_dir():  # of DICOM: which of its series is a scan, reading says
        return False
    try:
        return images.read_summary(path).label_map
    except (ImageFileError, OSError):
        return False
