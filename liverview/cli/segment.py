"""``liverview segment``: segment scans."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverview.cli.errors import sentence
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import (
    add_certainty_option,
    add_label_table_option,
    add_volume_option,
    iter_with_progress_bar,
    volume_lines,
    write_json,
)
from liverview.cli.streams import OutputError
from liverview.core.about import DISCLAIMER
from liverview.core.errors import LiverviewError

if TYPE_CHECKING:
    from liverview.cohort.local import DicomOutputs, Segmented
    from liverview.cohort.models_ahead import ModelsAhead
    from liverview.cohort.tasks import Task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "segment",
        help="segment scans",
        description=f"Segment one scan, or many: while one is computed, the next is read and the "
        f"last one saved. The same command again goes on where it stopped: scans whose label maps "
        f"are there, made by the same weights, are passed over. {DISCLAIMER}",
    )
    parser.add_argument(
        "scans",
        type=Path,
        nargs="+",
        metavar="SCAN",
        help="a file, a folder of files, a folder or zip archive of DICOM",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="LABELS.nii.gz, or another suffix; of DICOM scans LABELS.dcm, a DICOM segmentation; "
        "or a folder, which gets NAME_seg.nii.gz of every scan",
    )
    parser.add_argument(
        "--format",
        metavar="SUFFIX",
        help="of the label maps in a folder, instead of .nii.gz",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write measurements there, after each scan"
    )
    add_volume_option(parser)
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="DIR",
        help="coarse, fine and, where there is one, lesions.safetensors of your own",
    )
    add_certainty_option(parser)
    add_dicom_options(parser)
    parser.add_argument("--masks", action="store_true", help="one binary file per label, too")
    parser.add_argument(
        "--side-files",
        action="store_true",
        help="names and colors beside each label map, too: ITK-SNAP (.txt), Slicer (.ctbl), "
        "Connectome Workbench (_workbench.txt), JSON",
    )
    add_label_table_option(parser)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace existing files, and make results again"
    )
    parser.set_defaults(run=run)


def add_dicom_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be said of DICOM outputs."""
    parser.add_argument(
        "--sr",
        type=Path,
        metavar="FILE.dcm",
        help="of a DICOM scan, the measurements as a DICOM structured report, too; of several, a "
        "folder, which gets NAME_sr.dcm of each",
    )
    parser.add_argument(
        "--per-lesion",
        action="store_true",
        help="in DICOM segmentations, a segment for each lesion instead of one for all",
    )
    parser.add_argument(
        "--segmentation-type",
        choices=("binary", "labelmap"),
        help="of DICOM segmentations: binary (default), which every program reads, or labelmap, "
        "smaller and newer",
    )


def run(options: argparse.Namespace) -> int:
    from liverview.cohort.local import iter_segment_cohort
    from liverview.cohort.models_ahead import ModelsAhead
    from liverview.cohort.tasks import find_files, find_scan_tasks
    from liverview.core.candidates import DEFAULT_CERTAINTY
    from liverview.files.atomic import make_folder
    from liverview.files.sidefiles.weights import check_weights

    if options.least_certainty is None:
        options.least_certainty = DEFAULT_CERTAINTY
    tasks = find_scan_tasks(options.scans, options.output, _suffix(options))
    scans = {task.scan for task in tasks}
    for path in find_files(options.scans, alone=len(tasks) == 1):
        if path not in scans and path.is_file():
            print(f"{path} is passed over: it is a label map.", file=sys.stderr)
    if tasks[0].output != options.output:
        make_folder(options.output)
    dicom = _dicom_outputs(options, tasks)
    outcome = _Outcome(options, tasks, dicom.reports)
    check_weights(options.weights)
    ahead = ModelsAhead(options.weights, options.device)
    if any(task.scan.exists() for task in outcome.to_do if task not in outcome.made):
        ahead.start()  # else nothing needs them, and what is wrong is said at once
    results = iter_segment_cohort(
        outcome.to_do,
        ahead,
        options.device,
        index=options.volume,
        masks=options.masks,
        side_files=options.side_files,
        weights=options.weights,
        label_table=options.label_table,
        overwrite=options.overwrite,
        made=outcome.made,
        dicom=dicom,
        least_certainty=options.least_certainty,
    )
    outcome.say_what_is_there()
    try:
        for item in iter_with_progress_bar(results):
            outcome.take(item, ahead)
    except KeyboardInterrupt:
        if len(tasks) > 1:
            print("What is saved stays; the same command goes on from there.", file=sys.stderr)
        raise
    finally:
        ahead.abandon()
    return outcome.finish()


def _suffix(options: argparse.Namespace) -> str:
    """The suffix of label maps in a folder."""
    from liverview.files import formats

    if options.format is None:
        return formats.DEFAULT_SUFFIX
    suffix = f".{options.format.lstrip('.').lower()}"
    if suffix not in formats.suffixes():
        raise ValueError(
            f"--format {options.format} is no format of label maps: give {formats.suffix_words()}."
        )
    return suffix


def _dicom_outputs(options: argparse.Namespace, tasks: Sequence[Task]) -> DicomOutputs:
    """What is asked for of DICOM; it is refused where nothing of the kind is written."""
    from liverview.cohort.local import DicomOutputs
    from liverview.files import atomic, formats

    written = any(formats.DICOM.has_suffix(task.output) for task in tasks)
    if (options.per_lesion or options.segmentation_type) and not written:
        raise ValueError(
            "--per-lesion and --segmentation-type are of DICOM segmentations: add -o NAME.dcm, or "
            "--format .dcm."
        )
    reports: dict[Task, Path] = {}
    alone = len(tasks) == 1 and not (options.sr and options.sr.is_dir())
    if options.sr and alone:
        if not formats.DICOM.has_suffix(options.sr):
            raise atomic.TargetError(f"{options.sr} must end in .dcm: it is a DICOM file.")
        reports = {tasks[0]: options.sr}
    elif options.sr:
        if formats.DICOM.has_suffix(options.sr):
            raise atomic.TargetError(f"{options.sr} is one file: choose a folder for the reports.")
        atomic.make_folder(options.sr)
        names = {task: formats.name_without_suffix(task.output) for task in tasks}
        reports = {
            task: options.sr / f"{name.removesuffix('_seg')}_sr.dcm" for task, name in names.items()
        }
    return DicomOutputs(reports, options.segmentation_type == "labelmap", options.per_lesion)


class _Outcome:
    """The tasks of a command, what is there of them already, and what becomes of them.

    Attributes
    ----------
    to_do : tasks that need work.
    made : those of them whose label map is there.
    """

    def __init__(
        self, options: argparse.Namespace, tasks: Sequence[Task], reports: Mapping[Task, Path]
    ) -> None:
        from liverview.cohort.figures import CohortFigures

        self._alone = len(tasks) == 1
        self._json: Path | None = options.json
        self._figures = CohortFigures(None if self._alone else options.json)
        self._reports = reports
        self._lost: OutputError | None = None  # why nothing can be printed any more
        self._there = _tasks_made(options, tasks)
        go_on = not options.overwrite and self._take_up(tasks)
        self.made = {task for task in self._there if self._needs_work(task, options, go_on)}
        self.to_do = [t for t in tasks if t in self.made or t not in self._there]
        _check_targets(options, tasks, self._there, reports, go_on=go_on)

    def say_what_is_there(self) -> None:
        for task in sorted(self._there - self.made, key=lambda task: task.scan):
            self._say(
                f"{task.output} is there already, made from {task.scan} by these weights; "
                "--overwrite makes it again."
            )

    def take(self, item: object, ahead: ModelsAhead) -> None:
        """Print what became of a scan, and keep its figures."""
        from liverview.cohort.local import Failed, Segmented

        if isinstance(item, Failed):
            said = sentence(item.error, item.task.scan)
            if self._alone:
                raise LiverviewError(said) from item.error
            print(f"liverview: {said}", file=sys.stderr)
            self._figures.fail(item.task.scan, said)
        elif isinstance(item, Segmented):
            self._take_result(item, ahead)

    def finish(self) -> int:
        """Write the last of the figures; returns the exit code."""
        if self._json and not self._alone:
            self._figures.write()
            self._say(f"{self._json} written.")
        if self._lost is not None:
            raise self._lost
        return 2 if self._figures.failed else 0

    def _take_result(self, item: Segmented, ahead: ModelsAhead) -> None:
        from liverview.measurement.export import measurement_record

        names = ", ".join(str(path) for path in item.written)
        if item.seconds is None:
            run: dict[str, Any] = {}
            done = f"{names} written beside " if names else "Measured: "
            done += f"{item.task.output}, which was there already."
        else:
            _, device = ahead.wait()
            run = {"device": device, "seconds": round(item.seconds, 2)}
            done = f"{names} written, segmented in {item.seconds:.1f} s on {device}."
        self._say(*volume_lines(item.measurement), done)
        if self._json is None:
            return
        figures = measurement_record(item.volume, item.measurement, **run)
        if self._alone:
            write_json(self._json, figures)
        else:
            self._figures.add(item.task.scan, figures)

    def _say(self, *lines: str) -> None:
        """Print; where that is not possible any more, the work goes on, and the end says it."""
        if self._lost is None:
            try:
                print(*lines, sep="\n", flush=True)
            except OutputError as error:
                self._lost = error

    def _take_up(self, tasks: Sequence[Task]) -> bool:
        """True where the JSON is there and goes on."""
        from liverview.cohort.figures import is_record

        if self._json is None:
            return False
        if self._alone:
            return bool(self._there) and is_record(self._json)
        return self._figures.take_up(
            [task.scan for task in tasks], [task.scan for task in self._there]
        )

    def _needs_work(self, task: Task, options: argparse.Namespace, go_on: bool) -> bool:
        """True where something of a task is missing beside its label map."""
        from liverview.cohort.results import missing_masks, missing_side_files

        measured = go_on if self._alone else self._figures.has(task.scan)
        return bool(
            (self._json is not None and not measured)
            or (options.masks and missing_masks(task.output))
            or (options.side_files and missing_side_files(task.output))
            or (task in self._reports and not self._reports[task].exists())
        )


def _tasks_made(options: argparse.Namespace, tasks: Sequence[Task]) -> set[Task]:
    """The tasks whose label map is there, made from the same scan by the same weights."""
    from liverview.cohort.results import is_made
    from liverview.files.sidefiles.weights import weights_sha256

    if options.overwrite:
        return set()
    hashes, certain = weights_sha256(options.weights), options.least_certainty
    return {task for task in tasks if is_made(task, options.volume, hashes, certain)}


def _check_targets(
    options: argparse.Namespace,
    tasks: Sequence[Task],
    there: Collection[Task],
    reports: Mapping[Task, Path],
    *,
    go_on: bool,
) -> None:
    """Before long work: every file that is not there yet can be written."""
    from liverview.cohort.results import missing_masks, missing_side_files
    from liverview.files import formats, images
    from liverview.files.sidefiles.writing import SideFiles

    targets = [task.output for task in tasks if task not in there]
    side: list[Path] = []
    for task in tasks:
        folder, name = task.output.parent, formats.name_without_suffix(task.output)
        if options.masks:
            masks = missing_masks(task.output) if task in there else images.mask_paths(folder, name)
            targets += masks.values()
        if options.side_files:
            missing = missing_side_files(task.output) if task in there else None
            side += SideFiles.of(task.output) if missing is None else missing
    side += [path for task, path in reports.items() if task not in there or not path.exists()]
    scans = [task.scan for task in tasks]
    check_outputs(options, scans, *targets, side_files=side, go_on=go_on)
