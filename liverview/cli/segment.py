"""``liverview segment``: segment scans."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.cohort_options import SCANS_HELP, add_cohort_options, cohort_choices
from liverview.cli.printing import (
    add_certainty_option,
    add_label_table_option,
    add_volume_option,
    iter_with_progress_bar,
)
from liverview.cli.run_options import run_choice
from liverview.core.about import DISCLAIMER
from liverview.core.errors import LiverviewError

if TYPE_CHECKING:
    from liverview.cli.segment_outcome import SegmentOutcome
    from liverview.cohort.scan_steps import DicomOutputs
    from liverview.cohort.segmenting import SegmentWork
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
        help=SCANS_HELP,
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
    add_cohort_options(parser)
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
    from liverview.cli.segment_outcome import SegmentOutcome, segment_tasks
    from liverview.core.candidates import DEFAULT_CERTAINTY
    from liverview.files.sidefiles.weights import check_weights
    from liverview.networks.device_names import check_device_name

    check_device_name(options.device)
    if options.least_certainty is None:
        options.least_certainty = DEFAULT_CERTAINTY
    tasks = segment_tasks(options, _suffix(options))
    if not tasks:  # a part may have none
        return 0
    work = _work(options, tasks)
    outcome = SegmentOutcome(options, tasks, work)
    check_weights(options.weights)
    run_them = _run_one if outcome.alone else _run_cohort
    return run_them(options, outcome, work)


def _run_cohort(options: argparse.Namespace, outcome: SegmentOutcome, work: SegmentWork) -> int:
    """Segment many scans, as the options choose."""
    from liverview.cli.cohort_run import GentleStop, iter_cohort
    from liverview.cohort.running import iter_run
    from liverview.cohort.stopping import RunStoppedError

    work = work.prepared()
    outcome.say_what_is_there()
    stop = GentleStop()
    try:
        with stop:
            choice = run_choice(options)
            stream = iter_run(outcome.to_do, work, outcome.ledger, choice, stop)
            for attempt in iter_cohort(stream, len(outcome.to_do), stop):
                outcome.take(attempt)
    except KeyboardInterrupt:
        if stop.insisted:
            outcome.write_figures()
        else:
            outcome.finish()
        print("What is saved stays; the same command goes on from there.", file=sys.stderr)
        raise
    except RunStoppedError:
        # What stops the run is worth saying; that nothing else can be written follows from it.
        with contextlib.suppress(LiverviewError):
            outcome.finish()
        raise
    return outcome.finish()


def _run_one(_options: argparse.Namespace, outcome: SegmentOutcome, work: SegmentWork) -> int:
    """Segment one scan; the networks are loaded while it is read."""
    from liverview.cohort.local import iter_run_here
    from liverview.cohort.models_ahead import iter_beside

    outcome.say_what_is_there()
    # Else nothing needs them, and what is wrong is said at once.
    wanted = any(task.scan.exists() for task in outcome.to_do if task not in outcome.made)
    stream = iter_run_here(outcome.to_do, work, None)
    if wanted:
        stream = iter_beside(stream, work.networks_ahead())
    for item in iter_with_progress_bar(stream):
        outcome.take(item)
    return outcome.finish()


def is_alone(options: argparse.Namespace, tasks: Sequence[Task]) -> bool:
    """True for one scan without a ledger.

    Raises
    ------
    ValueError : where its labels go to one file, and an option is given that is of many.
    """
    asked = cohort_choices(options)
    if asked and tasks and tasks[0].output == options.output:
        raise ValueError(
            f"{asked[0]} is of scans whose results go to a folder: give a folder as -o instead of "
            f"{options.output}, or leave {asked[0]} out."
        )
    return len(tasks) == 1 and not asked


def _work(options: argparse.Namespace, tasks: Sequence[Task]) -> SegmentWork:
    """The work that is to be done with every scan."""
    from liverview.cohort.scan_steps import SegmentOptions
    from liverview.cohort.segmenting import SegmentWork
    from liverview.files.sidefiles.weights import weights_sha256

    wanted = SegmentOptions(
        index=options.volume,
        masks=options.masks,
        side_files=options.side_files,
        hashes=weights_sha256(options.weights),
        label_table=options.label_table,
        overwrite=options.overwrite,
        renew=not is_alone(options, tasks),
        dicom=_dicom_outputs(options, tasks),
        least_certainty=options.least_certainty,
    )
    return SegmentWork(options.device, options.weights, wanted)


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
    """All that is asked for of DICOM; it is refused where nothing of the kind is written."""
    from liverview.cohort.scan_steps import DicomOutputs
    from liverview.files import atomic, formats

    written = any(formats.DICOM.has_suffix(task.output) for task in tasks)
    if (options.per_lesion or options.segmentation_type) and tasks and not written:
        raise ValueError(
            "--per-lesion and --segmentation-type are of DICOM segmentations: add -o NAME.dcm, or "
            "--format .dcm."
        )
    alone = is_alone(options, tasks) and not (options.sr and options.sr.is_dir())
    if options.sr and alone:
        if not formats.DICOM.has_suffix(options.sr):
            raise atomic.TargetError(f"{options.sr} must end in .dcm: it is a DICOM file.")
    elif options.sr:
        if formats.DICOM.has_suffix(options.sr):
            raise atomic.TargetError(f"{options.sr} is one file: choose a folder for the reports.")
        atomic.make_folder(options.sr)
    return DicomOutputs(options.sr, options.segmentation_type == "labelmap", options.per_lesion)
