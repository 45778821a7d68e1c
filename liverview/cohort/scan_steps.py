"""Segmentation of one scan for a cohort, in three steps: reading, computing, saving.

Each is a generator, so that they can run one after the other or, for several scans, side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from liverview.cohort.liver_figures import liver_figures
from liverview.cohort.models_ahead import iter_segment
from liverview.cohort.renewing import check_may_renew, check_may_replace
from liverview.cohort.results import (
    is_made,
    make_record,
    missing_masks,
    missing_side_files,
    sealed,
)
from liverview.cohort.tasks import Task
from liverview.core.candidates import DEFAULT_CERTAINTY, LesionCandidates
from liverview.core.grid import check_same_grid
from liverview.core.labels import default_styles
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files import formats, images
from liverview.files.format import TableOrder
from liverview.files.rescue import KeptLabels, check_can_write
from liverview.files.sidefiles.writing import SideFiles, iter_write_side_files
from liverview.measurement.compute import measure
from liverview.measurement.results import Measurement

if TYPE_CHECKING:
    from liverview.inference.segmentation import Models

T = TypeVar("T")
Work: TypeAlias = Generator[Progress | Message, None, T]


@dataclass(frozen=True, eq=False)
class Segmented:
    """A scan whose labels are saved and verified.

    Attributes
    ----------
    volume : the scan; its notes are the reader's and the segmentation's.
    seconds : that the segmentation took; None where the label map was there.
    device : that it ran on; empty where the label map was there.
    written : the label map, then the masks and the side files; what was there is not among them.
    liver : of `liver_figures`.
    """

    task: Task
    volume: Volume
    measurement: Measurement
    seconds: float | None
    device: str
    written: list[Path]
    liver: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Computed:
    """Labels with the scan and what was said of it; they are saved where ``seconds`` is None.

    With ``replaces`` they take the place of what is there.
    """

    volume: Volume
    labels: LabelMap
    seconds: float | None
    device: str = ""
    replaces: bool = False


@dataclass(frozen=True)
class DicomOutputs:
    """Options of what is written of scans that are DICOM.

    Attributes
    ----------
    reports : the structured report of one scan, a .dcm; or the folder for those of many.
    label_map : segmentations are of the label map type, else binary.
    per_lesion : they have a segment for each lesion.
    """

    reports: Path | None = None
    label_map: bool = False
    per_lesion: bool = False

    def report_of(self, task: Task) -> Path | None:
        """The structured report that a task is to have; None for none."""
        if self.reports is None or formats.DICOM.has_suffix(self.reports):
            return self.reports
        return self.reports / f"{task.name.removesuffix('_seg')}_sr.dcm"


@dataclass(frozen=True)
class SegmentOptions:
    """The outputs that are wanted, and of what.

    Attributes
    ----------
    index : which volume of 4D files, from 0; None is the first, which is said.
    masks : one binary file per label, too.
    side_files : names and colors for other programs beside each label map, too.
    hashes : of the networks, by file name; they go into label maps and side files.
    label_table : as for `liverview.write_labels`.
    overwrite : replace what is there.
    renew : replace what the program itself made from something else, as long as nobody changed it.
    dicom : how segmentations are written, and structured reports of which scans.
    least_certainty : candidates for lesions of this certainty or more are tumors, 0..1.
    """

    index: int | None = None
    masks: bool = False
    side_files: bool = False
    hashes: Mapping[str, str] = field(default_factory=dict)
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR
    overwrite: bool = False
    renew: bool = False
    dicom: DicomOutputs = field(default_factory=DicomOutputs)
    least_certainty: float = DEFAULT_CERTAINTY


def iter_read_scan(scan: Path, index: int | None) -> Work[Volume]:
    """Read a scan."""
    volume: Volume | None = None
    for item in images.iter_read(scan, index):
        if isinstance(item, Volume):
            volume = item
        else:
            yield item
    assert volume is not None
    return volume


def iter_labels(
    task: Task, volume: Volume, models: Callable[[], tuple[Models, str]], options: SegmentOptions
) -> Work[Computed]:
    """Segment a scan; where its label map is there already, made by these networks, read that."""
    if not options.overwrite and is_made(
        task, options.index, options.hashes, options.least_certainty
    ):
        return (yield from _iter_read_result(task, volume, options.least_certainty))
    return (yield from _iter_segment_scan(task, volume, *models(), options))


def _iter_read_result(task: Task, volume: Volume, least: float) -> Work[Computed]:
    """The labels that are there, with the scan they were made from."""
    yield Progress("Reading labels", 0.0)
    labels = images.read_labels(task.output)
    # Its record, by which it was taken for made, has this certainty.
    labels = replace(labels, least_certainty=least)
    check_same_grid(volume, labels)
    return Computed(volume, labels, None)


def _iter_segment_scan(
    task: Task, volume: Volume, models: Models, device: str, options: SegmentOptions
) -> Work[Computed]:
    replaces = options.overwrite or options.renew  # of which `check_replaced` has seen no other
    check_can_write(task.output, volume, overwrite=replaces)
    if options.dicom.report_of(task) is not None:
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
        made_by=sealed(made_by, voxels),
        candidates=candidates.parts,
        least_certainty=least,
    )
    return Computed(replace(volume, warnings=tuple(notes)), labels, seconds, device, replaces)


def iter_save(task: Task, computed: Computed, options: SegmentOptions) -> Work[Segmented]:
    """Save and verify labels and what belongs to them; what is there stays."""
    labels, volume, output = computed.labels, computed.volume, task.output
    again, is_there = computed.replaces, computed.seconds is None
    how: dict[str, Any] = {"overwrite": again, "label_table": options.label_table}
    written = []
    if not is_there:
        if options.renew:
            _remove_beside(task, options)
        with KeptLabels(output, labels, volume):
            if options.renew and not options.overwrite:
                check_may_renew(output)  # again: a person may have saved one meanwhile
            yield from _iter_write_labels(output, labels, volume, options, overwrite=again)
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
    report = options.dicom.report_of(task)
    if report is not None and not (is_there and report.exists()):
        yield from _iter_write_report(report, task, computed, measurement, again)
        written.append(report)
    liver = liver_figures(volume, labels)
    return Segmented(task, volume, measurement, computed.seconds, computed.device, written, liver)


def check_replaced(task: Task, options: SegmentOptions) -> None:
    """Before a scan is read: `TargetError` where labels that are a person's would be replaced."""
    if options.overwrite or not options.renew:
        return
    if not is_made(task, options.index, options.hashes, options.least_certainty):
        check_may_renew(task.output)
    masks, others = _files_beside(task, options)
    if not task.output.exists():
        check_may_replace([*masks, *others])
    elif not is_made(task, options.index, options.hashes, options.least_certainty):
        check_may_replace(masks)


def _files_beside(task: Task, options: SegmentOptions) -> tuple[list[Path], list[Path]]:
    """The masks that are wanted beside a label map, and what else is."""
    output, report = task.output, options.dicom.report_of(task)
    others = [] if report is None else [report]
    if options.side_files:
        others += SideFiles.of(output)
    if not options.masks:
        return [], others
    masks = images.mask_paths(output.parent, formats.name_without_suffix(output))
    return list(masks.values()), others


def _remove_beside(task: Task, options: SegmentOptions) -> None:
    """Remove what was made from the labels that are replaced, and is made anew after them.

    A process that ends in between leaves none beside labels that they are not from.
    """
    masks, others = _files_beside(task, options)
    for path in (*masks, *others):
        path.unlink(missing_ok=True)


def _iter_write_labels(
    output: Path, labels: LabelMap, volume: Volume, options: SegmentOptions, *, overwrite: bool
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
        overwrite=overwrite,
        label_table=options.label_table,
        **more,
    )


def _iter_write_report(
    path: Path, task: Task, computed: Computed, measurement: Measurement, overwrite: bool
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
