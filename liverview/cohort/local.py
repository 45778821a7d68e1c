"""Segment many scans: the next one is read and the last one saved while one is computed.

Of all scans at most three are in memory: the one being computed, the next, and the last one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from liverview.cohort.models_ahead import ModelsAhead, awaited, iter_segment
from liverview.cohort.results import make_record, missing_masks, missing_side_files
from liverview.cohort.tasks import Task
from liverview.core.candidates import DEFAULT_CERTAINTY, LesionCandidates
from liverview.core.grid import check_same_grid
from liverview.core.labels import default_styles
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files import formats, images
from liverview.files.format import TableOrder
from liverview.files.rescue import KeptLabels, check_can_write
from liverview.files.sidefiles.weights import weights_sha256
from liverview.files.sidefiles.writing import SideFiles, iter_write_side_files
from liverview.measurement.compute import measure
from liverview.measurement.results import Measurement

if TYPE_CHECKING:
    from liverview.inference.segmentation import Models

T = TypeVar("T")
Work: TypeAlias = Generator[Progress | Message, None, T]
EXPECTED = (ValueError, OSError, MemoryError)
"""What a scan or a disk can do; all else is a bug and is raised."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """A scan whose labels are saved and verified.

    Attributes
    ----------
    volume : the scan; its notes are the reader's and the segmentation's.
    seconds : that the segmentation took; None where the label map was there.
    written : the label map, then the masks and the side files; what was there is not among them.
    """

    task: Task
    volume: Volume
    measurement: Measurement
    seconds: float | None
    written: list[Path]


@dataclass(frozen=True)
class Failed:
    """A scan that could not be read, segmented or saved; the others go on."""

    task: Task
    error: Exception


@dataclass(frozen=True, eq=False)
class _Computed:
    """Labels with the scan and what was said of it; they are saved where ``seconds`` is None."""

    volume: Volume
    labels: LabelMap
    seconds: float | None


@dataclass(frozen=True)
class DicomOutputs:
    """What is written of scans that are DICOM.

    Attributes
    ----------
    reports : the structured report of each task that is to have one.
    label_map : segmentations are of the label map type, else binary.
    per_lesion : they have a segment for each lesion.
    """

    reports: Mapping[Task, Path] = field(default_factory=dict)
    label_map: bool = False
    per_lesion: bool = False


@dataclass(frozen=True)
class _Options:
    """The outputs that are wanted, and of what.

    Attributes
    ----------
    hashes : of the networks, by file name.
    """

    index: int | None
    masks: bool
    side_files: bool
    hashes: Mapping[str, str]
    label_table: TableOrder | str
    overwrite: bool
    dicom: DicomOutputs
    least_certainty: float


def iter_segment_cohort(
    tasks: Sequence[Task],
    models: Models | ModelsAhead,
    device: str,
    *,
    index: int | None = None,
    masks: bool = False,
    side_files: bool = False,
    weights: Path | None = None,
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR,
    overwrite: bool = False,
    made: Collection[Task] = (),
    dicom: DicomOutputs | None = None,
    least_certainty: float = DEFAULT_CERTAINTY,
) -> Iterator[Progress | Message | Segmented | Failed]:
    """Segment scans one after the other; every task ends as `Segmented` or `Failed`.

    Parameters
    ----------
    models : the networks; those on their way are waited for, and bring their device.
    index : which volume of 4D files, from 0; by default the first, which is said.
    masks : write one binary file per label, too.
    side_files : write names and colors for other programs beside each label map, too.
    weights : the folder of ``models``, whose hashes go into label maps and side files.
    label_table : as for `liverview.write_labels`.
    made : tasks whose label map is there and is not made again: it is measured, and masks and
        side files that are not there are written.
    dicom : how segmentations are written, and structured reports of which scans.
    least_certainty : candidates for lesions of this certainty or more are tumors, 0..1.
    """
    options = _Options(
        index,
        masks,
        side_files,
        weights_sha256(weights),
        label_table,
        overwrite,
        dicom or DicomOutputs(),
        least_certainty,
    )
    stopped = Event()
    with ThreadPoolExecutor(2) as pool:  # one reads, one saves
        ahead: Future[Volume | Failed] | None = None
        saving: list[Future[Segmented | Failed]] = []  # one at most
        try:
            for number, task in enumerate(tasks):
                last = number + 1 == len(tasks)
                if ahead is None:  # nothing is computed meanwhile: show how far it is
                    volume = yield from _iter_catching(task, _iter_read(task.scan, index))
                else:
                    volume = ahead.result()
                if not last:
                    following = tasks[number + 1]
                    reading = _iter_catching(following, _iter_read(following.scan, index))
                    ahead = pool.submit(_drain, reading, stopped)
                computed: _Computed | Failed
                if isinstance(volume, Failed):
                    computed = volume
                else:
                    if task in made:
                        work = _iter_read_result(task, volume, options.least_certainty)
                    else:
                        models, device = awaited(models, device)
                        work = _iter_segment_scan(task, volume, models, device, options)
                    computed = yield from _iter_beside(_iter_catching(task, work), saving)
                if saving:
                    yield saving.pop().result()
                if isinstance(computed, Failed):
                    yield computed
                    continue
                finishing = _iter_catching(task, _iter_save(task, computed, options))
                if last:
                    yield (yield from finishing)
                else:
                    saving.append(pool.submit(_drain, finishing, stopped))
            if saving:
                yield saving.pop().result()
        finally:
            stopped.set()


def _iter_catching(task: Task, work: Work[T]) -> Work[T | Failed]:
    try:
        return (yield from work)
    except EXPECTED as error:
        return Failed(task, error)


def _iter_beside(
    work: Work[T], saving: list[Future[Segmented | Failed]]
) -> Generator[Progress | Message | Segmented | Failed, None, T]:
    """Yields the steps of some work, and what is being saved as soon as it is."""
    with contextlib.closing(work):
        while True:
            try:
                yield next(work)
            except StopIteration as end:
                value: T = end.value
                return value
            if saving and saving[0].done():
                yield saving.pop().result()


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


def _iter_read_result(task: Task, volume: Volume, least: float) -> Work[_Computed]:
    """The labels that are there, with the scan they were made from."""
    yield Progress("Reading labels", 0.0)
    labels = images.read_labels(task.output)
    # Its record, by which it was taken for made, has this certainty.
    labels = replace(labels, least_certainty=least)
    check_same_grid(volume, labels)
    return _Computed(volume, labels, None)


def _iter_segment_scan(
    task: Task, volume: Volume, models: Models, device: str, options: _Options
) -> Work[_Computed]:
    check_can_write(task.output, volume, overwrite=options.overwrite)
    if task in options.dicom.reports:
        from liverview.files.dicom.writing.evidence import dicom_header

        dicom_header(volume, "A structured report")
    least = options.least_certainty
    made_by = make_record(task.scan, options.index, options.hashes, least)
    candidates = LesionCandidates((), least)
    for note in volume.warnings:
        yield Message(f"{volume.name}: {note}")
    notes = list(volume.warnings)
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    started = time.monotonic()
    for item in iter_segment(volume, models, device, least_certainty=least):
        if isinstance(item, Slab):
            voxels[:, :, item.start : item.stop] = item.labels
        elif isinstance(item, LesionCandidates):
            candidates = item
        else:
            if isinstance(item, Message):
                notes.append(item.text)
                item = Message(f"{volume.name}: {item.text}")
            yield item
    seconds = time.monotonic() - started
    labels = LabelMap(
        voxels,
        volume.affine,
        volume.name,
        volume.source,
        made_by=made_by,
        candidates=candidates.parts,
        least_certainty=least,
    )
    return _Computed(replace(volume, warnings=tuple(notes)), labels, seconds)


def _iter_save(task: Task, computed: _Computed, options: _Options) -> Work[Segmented]:
    labels, volume, output = computed.labels, computed.volume, task.output
    again, is_there = options.overwrite, computed.seconds is None
    how: dict[str, Any] = {"overwrite": again, "label_table": options.label_table}
    written = []
    if not is_there:
        with KeptLabels(output, labels, volume):
            yield from _iter_write_labels(output, labels, volume, options)
        written.append(output)
    if options.masks:
        folder, name = output.parent, formats.name_without_suffix(output)
        masks = missing_masks(output) if is_there else images.mask_paths(folder, name)
        yield from images.iter_write_masks(folder, name, labels, volume, some=masks.keys(), **how)
        written += masks.values()
    if options.side_files:
        beside = missing_side_files(output) if is_there else list(SideFiles.of(output))
        yield from iter_write_side_files(
            output, labels, default_styles(), options.hashes, overwrite=again, missing=is_there
        )
        written += beside
    yield Progress("Measuring", 1.0)
    measurement = measure(labels, volume)
    report = options.dicom.reports.get(task)
    if report is not None and not (is_there and report.exists()):
        yield from _iter_write_report(report, task, computed, measurement, again)
        written.append(report)
    return Segmented(task, volume, measurement, computed.seconds, written)


def _iter_write_labels(
    output: Path, labels: LabelMap, volume: Volume, options: _Options
) -> Iterator[Progress]:
    dicom = options.dicom
    more: dict[str, Any] = {}
    if formats.DICOM.has_suffix(output):
        from liverview.files.dicom.segmentations.label_writing import SegmentationOptions

        more["options"] = SegmentationOptions(dicom.label_map, dicom.per_lesion)
    yield from images.iter_write_labels(
        output,
        labels,
        volume,
        overwrite=options.overwrite,
        label_table=options.label_table,
        **more,
    )


def _iter_write_report(
    path: Path, task: Task, computed: _Computed, measurement: Measurement, overwrite: bool
) -> Iterator[Progress]:
    """A structured report, whose figures refer to the segmentation where that is DICOM."""
    from liverview.report.structured_report import iter_write_structured_report

    yield from iter_write_structured_report(
        path,
        computed.volume,
        computed.labels,
        segmentation=task.output if formats.DICOM.has_suffix(task.output) else None,
        measurement=measurement,
        overwrite=overwrite,
    )
