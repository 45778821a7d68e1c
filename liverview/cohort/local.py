"""Segment many scans: the next one is read and the last one saved while one is computed.

Of all scans at most three are in memory: the one being computed, the next, and the one
whose labels are being saved.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias, TypeVar

import numpy as np

from liverview.core.labels import default_styles
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files import formats, images
from liverview.files.atomic import TargetError
from liverview.files.format import TableOrder
from liverview.files.sidefiles.weights import weights_sha256
from liverview.files.sidefiles.writing import SideFiles, iter_write_side_files
from liverview.inference.segmentation import Models, iter_segment
from liverview.measurement.compute import measure
from liverview.measurement.results import Measurement

T = TypeVar("T")
Work: TypeAlias = Generator[Progress | Message, None, T]
EXPECTED = (ValueError, OSError, MemoryError)
"""What a scan or a disk can do; all else is a bug and is raised."""


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


@dataclass(frozen=True, eq=False)
class Segmented:
    """A scan whose labels are saved and verified.

    Attributes
    ----------
    volume : the scan; its notes are the reader's and the segmentation's.
    seconds : that the segmentation took.
    written : the label map, then the masks and the side files.
    """

    task: Task
    volume: Volume
    measurement: Measurement
    seconds: float
    written: list[Path]


@dataclass(frozen=True)
class Failed:
    """A scan that could not be read, segmented or saved; the others go on."""

    task: Task
    error: Exception


@dataclass(frozen=True, eq=False)
class _Computed:
    """Labels that are not saved yet, with the scan and what was said of it."""

    volume: Volume
    labels: LabelMap
    seconds: float


def find_scan_tasks(given: Sequence[Path], output: Path) -> list[Task]:
    """Find the scans to segment: files, and the scans of folders by their suffixes.

    One file goes to ``output``, unless that is a folder (which has no ending where it is not
    there yet); several need one, where each becomes
    NAME_seg.nii.gz, with its folder's name before it where names are not unique.

    Raises
    ------
    ValueError : where a folder holds no scan.
    TargetError : where several scans would go to one file.
    """
    scans = [
        scan for path in given for scan in (formats.find_scans(path) if path.is_dir() else [path])
    ]
    alone = len(given) == 1 and not given[0].is_dir()
    if alone and output.suffix and not output.is_dir():
        return [Task(scans[0], output)]
    if formats.has_known_suffix(output) and not output.is_dir():
        raise TargetError(f"{output} is one file: choose a folder for the labels of several scans.")
    names = [formats.name_without_suffix(scan) for scan in scans]
    names = [
        f"{scan.resolve().parent.name}_{name}" if names.count(name) > 1 else name
        for scan, name in zip(scans, names, strict=True)
    ]
    for name, scan in zip(names, scans, strict=True):
        if names.count(name) > 1:
            raise TargetError(f"{scan}: another scan would be saved as {name}, too; rename one.")
    return [
        Task(s, output / formats.labels_file_name(n)) for s, n in zip(scans, names, strict=True)
    ]


def iter_segment_cohort(
    tasks: Sequence[Task],
    models: Models,
    device: str,
    *,
    index: int | None = None,
    masks: bool = False,
    side_files: bool = False,
    weights: Path | None = None,
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR,
    overwrite: bool = False,
) -> Iterator[Progress | Message | Segmented | Failed]:
    """Segment scans one after the other; every task ends as `Segmented` or `Failed`.

    Parameters
    ----------
    index : which volume of 4D files, from 0; by default the first, which is said.
    masks : write one binary file per label, too.
    side_files : write names and colors for other programs beside each label map, too.
    weights : the folder of ``models``, whose hashes go into the side files.
    label_table : as for `liverview.write_labels`.
    """
    hashes = weights_sha256(weights) if side_files else None
    stopped = Event()
    with ThreadPoolExecutor(2) as pool:  # one reads, one saves
        ahead: Future[Volume | Failed] | None = None
        saving: Future[Segmented | Failed] | None = None
        try:
            for number, task in enumerate(tasks):
                last = number + 1 == len(tasks)
                if ahead is None:  # nothing is computed meanwhile: show how far it is
                    volume = yield from _iter_catching(task, _iter_read(task.scan, index))
                else:
                    volume = ahead.result()
                if not last:
                    following = tasks[number + 1]
                    work = _iter_catching(following, _iter_read(following.scan, index))
                    ahead = pool.submit(_drain, work, stopped)
                computed: _Computed | Failed
                if isinstance(volume, Failed):
                    computed = volume
                else:
                    computed = yield from _iter_catching(
                        task, _iter_segment_scan(volume, models, device)
                    )
                if saving is not None:
                    yield saving.result()
                    saving = None
                if isinstance(computed, Failed):
                    yield computed
                    continue
                finishing = _iter_catching(
                    task, _iter_save(task, computed, masks, hashes, overwrite, label_table)
                )
                if last:
                    yield (yield from finishing)
                else:
                    saving = pool.submit(_drain, finishing, stopped)
            if saving is not None:
                yield saving.result()
        finally:
            stopped.set()


def _iter_catching(task: Task, work: Work[T]) -> Work[T | Failed]:
    try:
        return (yield from work)
    except EXPECTED as error:
        return Failed(task, error)


def _drain(work: Work[T], stopped: Event) -> T:
    """Run a generator to its end on a thread that nobody watches."""
    while not stopped.is_set():
        try:
            next(work)
        except StopIteration as end:
            value: T = end.value
            return value
    work.close()
    raise CancelledError


def _iter_read(scan: Path, index: int | None) -> Work[Volume]:
    volume: Volume | None = None
    for item in images.iter_read(scan, index):
        if isinstance(item, Volume):
            volume = item
        else:
            yield item
    assert volume is not None
    return volume


def _iter_segment_scan(volume: Volume, models: Models, device: str) -> Work[_Computed]:
    for note in volume.warnings:
        yield Message(f"{volume.name}: {note}")
    notes = list(volume.warnings)
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    started = time.monotonic()
    for item in iter_segment(volume, models, device):
        if isinstance(item, Slab):
            voxels[:, :, item.start : item.stop] = item.labels
        else:
            if isinstance(item, Message):
                notes.append(item.text)
                item = Message(f"{volume.name}: {item.text}")
            yield item
    seconds = time.monotonic() - started
    labels = LabelMap(voxels, volume.affine, volume.name, volume.source)
    return _Computed(replace(volume, warnings=tuple(notes)), labels, seconds)


def _iter_save(
    task: Task,
    computed: _Computed,
    masks: bool,
    hashes: Mapping[str, str] | None,
    overwrite: bool,
    label_table: TableOrder | str,
) -> Work[Segmented]:
    labels, volume = computed.labels, computed.volume
    how: dict[str, Any] = {"overwrite": overwrite, "label_table": label_table}
    yield from images.iter_write_labels(task.output, labels, volume, **how)
    written = [task.output]
    if masks:
        folder, name = task.output.parent, formats.name_without_suffix(task.output)
        yield from images.iter_write_masks(folder, name, labels, volume, **how)
        written += images.mask_paths(folder, name).values()
    if hashes is not None:
        styles = default_styles()
        yield from iter_write_side_files(task.output, labels, styles, hashes, overwrite=overwrite)
        written += SideFiles.of(task.output)
    yield Progress("Measuring", 1.0)
    return Segmented(task, volume, measure(labels, volume), computed.seconds, written)
