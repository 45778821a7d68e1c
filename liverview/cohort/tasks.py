"""The scans of a cohort and the files that their labels go to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from liverview.cohort.given_items import find_items, missing_warnings
from liverview.cohort.naming import unique_names
from liverview.cohort.part import Part
from liverview.cohort.scan_lists import GivenItem
from liverview.files import formats, images
from liverview.files.atomic import TargetError
from liverview.files.dicom_places import folders_with_dicom, holds_dicom
from liverview.files.label_intent import is_surely_no_label_map
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
        return _name_of(self.output)

    @property
    def path(self) -> Path:
        return self.scan


@dataclass(frozen=True)
class FoundTasks:
    """The tasks of a cohort, or of a part of it.

    Attributes
    ----------
    tasks : in the order in which they were given.
    label_maps : files of the part that are none, and are passed over.
    count : of all parts; label maps of other parts, which nobody has looked at, among them.
    warnings : sentences about files of lists that are not there.
    """

    tasks: list[Task]
    label_maps: list[Path]
    count: int
    warnings: tuple[str, ...] = ()


def _find_scan_items(given: Sequence[Path], *, alone: bool) -> list[GivenItem]:
    """The items that are given, label maps among them.

    A folder of DICOM files is one scan. One that has only folders is one for each folder with DICOM
    in it, or with ``alone`` one in all.
    """
    return find_items(given, lambda folder: _scans_of(folder, alone), _scans_in)


def _scans_of(folder: Path, alone: bool) -> list[Path]:
    if holds_dicom(folder, below=alone, results=False):
        return [folder]
    return folders_with_dicom(folder) or formats.find_scans(folder)


def _scans_in(folder: Path) -> list[Path]:
    """The scans in a folder that a pattern matches; folders in it match by themselves."""
    own = holds_dicom(folder, below=False, results=False)
    return [folder] if own else formats.find_scans(folder)


def find_scan_tasks(
    given: Sequence[Path], output: Path, suffix: str = formats.DEFAULT_SUFFIX
) -> list[Task]:
    """Find the scans to segment, see `find_tasks`; what is not there, their turn will say."""
    return find_tasks(given, output, suffix).tasks


def find_tasks(
    given: Sequence[Path],
    output: Path,
    suffix: str = formats.DEFAULT_SUFFIX,
    part: Part | None = None,
) -> FoundTasks:
    """Find the scans to segment: files, and the scans of folders, patterns, lists and tables.

    Label maps are no scans, however they are called: results that lie among the scans are left
    out; of tables, it is taken at their word. One file goes to ``output``, unless that is a folder
    (which has no ending where it is not there yet); several need one, where each becomes NAME_seg
    and the suffix, with its folders' names before it where names are not unique.

    With ``part``, names are those of the whole, and only files of the part are looked at.

    Raises
    ------
    ImageFileError : where there is no scan.
    TargetError : where several scans would go to one file.
    """
    one_file = formats.has_known_suffix(output) and not output.is_dir()
    items = _find_scan_items(given, alone=one_file)
    alone = len(given) == 1 and [item.path for item in items] == list(given) and part is None
    if alone and not output.is_dir() and (one_file or (output.suffix and given[0].is_file())):
        _check_some([] if _is_label_map(given[0]) else items, items)
        return FoundTasks([Task(given[0], output)], [], 1)
    if one_file:
        of = "several scans" if part is None else "a part"
        raise TargetError(f"{output} is one file: choose a folder for the labels of {of}.")
    targets = [_target(output, name, suffix) for name in unique_names(items)]
    share = [n for n, target in enumerate(targets) if part is None or part.has(_name_of(target))]
    warnings = missing_warnings([items[n] for n in share])
    label_maps = {n for n in share if not items[n].vouched and _is_label_map(items[n].path)}
    found = [n for n in share if n not in label_maps]
    if part is None:
        _check_some(found, items)
    return FoundTasks(
        [Task(items[n].path, targets[n], items[n].columns) for n in found],
        [items[n].path for n in sorted(label_maps)],
        len(items),
        tuple(warnings),
    )


def _target(folder: Path, name: str, suffix: str) -> Path:
    return folder / formats.labels_file_name(name, suffix)


def _name_of(output: Path) -> str:
    return formats.name_without_suffix(output)


def _check_some(found: Sequence[object], items: Sequence[GivenItem]) -> None:
    if not found:
        path = items[0].path
        raise ImageFileError(f"{path} is a label map, not a scan: give the scan it is for.")


def _is_label_map(path: Path) -> bool:
    """True where the file itself says so; what cannot be read is said when its turn comes."""
    if path.is_dir():  # of DICOM: which of its series is a scan, reading says
        return False
    try:
        return not is_surely_no_label_map(path) and images.read_summary(path).label_map
    except (ImageFileError, OSError):
        return False
