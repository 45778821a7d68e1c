"""``liverview evaluate``: compare label maps with references."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.cohort_options import (
    OVERWRITE_HELP,
    add_cohort_options,
    add_results_option,
    cohort_choices,
)
from liverview.cli.errors import expected_errors, sentence
from liverview.cli.evaluate_cases import (
    NO_REFERENCE,
    SOFT_DICE,
    evaluate_cases,
    find_case_items,
)
from liverview.cli.ledger_run import refuse_without_folder
from liverview.cli.lesion_outputs import (
    add_lesion_options,
    check_lesion_options,
    write_table,
)
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import (
    add_labels_option,
    add_resample_option,
    add_volume_option,
    iter_with_progress_bar,
    place_labels,
    read_labels,
    scores_by_name,
    write_json,
)

if TYPE_CHECKING:
    from liverview.core.volume import LabelMap

_MOST_CLICKS = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="compare label maps with references",
        description="Compare PREDICTED with REFERENCE, or segment every case of a folder and "
        "compare that. The liver is the organ, with its vessels and tumors; vessels are compared "
        "inside the reference's organ, or everywhere where it has none. HD95 is the worse "
        "direction, between centers of surface voxels; lesions are 26-connected components.",
        epilog=f"{NO_REFERENCE} {SOFT_DICE}",
    )
    parser.add_argument("predicted", type=Path, nargs="?", metavar="PREDICTED")
    parser.add_argument("reference", type=Path, nargs="?", metavar="REFERENCE")
    parser.add_argument(
        "--cases",
        type=Path,
        metavar="DIR",
        help="a folder per case in it, with ct.nii.gz and reference.nii.gz; or a quoted pattern, a "
        "list (.txt) or a table (.csv, .tsv) of such folders",
    )
    add_results_option(parser, "with --cases, the record of every case")
    add_labels_option(parser, " of PREDICTED and REFERENCE")
    parser.add_argument(
        "--reference-labels",
        metavar="VALUES",
        help="what the values of the REFERENCE are, where they differ",
    )
    add_volume_option(parser, "with --cases: ")
    parser.add_argument("--device", help="with --cases: auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--montage",
        type=Path,
        metavar="FILE.png",
        help="with --cases: a picture of every case's worst slice",
    )
    add_lesion_options(parser)
    add_resample_option(parser, "labels", "the reference or the scan")
    parser.add_argument(
        "--nsd",
        choices=("voxels", "area"),
        default="voxels",
        help="what NSD counts of the surfaces: their voxels, as MONAI (default), or their area, "
        "as DeepMind's surface-distance, which thick slices need",
    )
    parser.add_argument(
        "--clicks",
        type=int,
        default=0,
        metavar="N",
        help="with --cases: instead, mark every tumor of the reference by up to N clicks of a "
        "simulated user",
    )
    parser.add_argument(
        "--rulers",
        action="store_true",
        help="with --cases: instead, or also, mark every tumor of the reference by a line",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--overwrite", action="store_true", help=OVERWRITE_HELP)
    add_cohort_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if not 0 <= options.clicks <= _MOST_CLICKS:
        raise ValueError(f"--clicks must be 0 to {_MOST_CLICKS}, not {options.clicks}.")
    files = check_lesion_options(options)
    marked = options.clicks or options.rulers
    if options.cases is not None:
        _check_cases(options, marked=bool(marked))
        return _mark_cases(options) if marked else evaluate_cases(options, files)
    _check_pair(options, marked=bool(marked))
    from liverview.evaluation.lesion_summary import table_dict
    from liverview.evaluation.scores import table_of
    from liverview.evaluation.scoring import evaluate
    from liverview.evaluation.summary import (
        MAP_FIGURES,
        counting_lines,
        reason_lines,
        table_heading,
        table_row,
    )

    check_outputs(options, [options.predicted, options.reference], side_files=files)
    predicted, reference = _read_both(options)
    predicted = place_labels(predicted, reference, resample=options.resample)
    scores = evaluate(predicted, reference, nsd=options.nsd)
    print(table_heading(MAP_FIGURES))
    for score in scores:
        print(table_row(score, MAP_FIGURES))
    print("", *reason_lines(scores), *counting_lines(options.nsd), sep="\n")
    given = {options.predicted: predicted, options.reference: reference}
    partial = [str(path) for path, labels in given.items() if labels.partial]
    for path in partial:
        print(f"{path} is PARTIAL: its segmentation was stopped.")
    table = table_of(scores)
    write_table(options, {} if table is None else {options.predicted.name: table})
    if options.json:
        figures = scores_by_name(scores)
        if table is not None:
            figures["lesions"] = table_dict(table)
        write_json(options.json, figures | ({"partial": partial} if partial else {}))
    return 0


def _check_pair(options: argparse.Namespace, *, marked: bool) -> None:
    """ValueError where options do not go together with two label maps."""
    many = [*(["-o"] if options.output else []), *cohort_choices(options)]
    if many:
        raise ValueError(f"{many[0]} is of many scans: add --cases DIR, or leave it out.")
    if marked:
        raise ValueError("--clicks and --rulers mark scans: add --cases DIR.")
    if options.reference is None:
        raise ValueError("evaluate needs PREDICTED and REFERENCE, or --cases DIR.")
    if options.montage or options.device or options.volume is not None:
        raise ValueError("--montage, --device and --volume are of scans: add --cases DIR.")


def _check_cases(options: argparse.Namespace, *, marked: bool) -> None:
    """ValueError where options do not go together with --cases."""
    if options.predicted is not None:
        raise ValueError(f"--cases segments its scans itself: leave {options.predicted} out.")
    refuse_without_folder(options, "processes", "on", "time_limit", "memory_limit")
    if options.output is None:
        return
    if marked:
        raise ValueError("-o is of segmentations: leave it out, or --clicks and --rulers.")
    if options.lesion_montage:
        raise ValueError("--lesion-montage is of one run: leave it out, or -o.")


def _read_both(options: argparse.Namespace) -> tuple[LabelMap, LabelMap]:
    """The label maps to compare, each by what was said of its values."""
    apart = options.reference_labels is not None
    way_out = None if apart else "give those of the other file alone, by --reference-labels"
    predicted = read_labels(options.predicted, options.coding, unless_named=way_out)
    coding = options.reference_labels if apart else options.coding
    if way_out is not None:
        way_out = "give --labels and --reference-labels, for each file its own"
    reference = read_labels(options.reference, coding, unless_named=way_out, grid=predicted.grid)
    return predicted, reference


def _mark_cases(options: argparse.Namespace) -> int:
    """Mark the tumors of every case's reference, as a person would."""
    if options.montage:
        raise ValueError("--montage is of segmentations: leave it out, or --clicks and --rulers.")
    from liverview.core.stream import result_of
    from liverview.evaluation import marks_summary
    from liverview.evaluation.cases import case_files, iter_mark_folder
    from liverview.evaluation.marked_lesions import MarkedCase
    from liverview.inference.interactive import load_click_network
    from liverview.inference.segmentation import load_models
    from liverview.networks.runtime import pick_device

    folders = [item.path for item in find_case_items(options)]
    check_outputs(options, [path for folder in folders for path in case_files(folder)])
    coding = options.reference_labels or options.coding
    device = str(pick_device(options.device or "auto"))
    models, network = load_models(), load_click_network(device=device)
    asked = options.clicks, options.rulers
    width = max((len(folder.name) for folder in folders), default=0)
    results: list[MarkedCase] = []
    failed: dict[str, str] = {}
    print(f"{'scan':<{width}}{marks_summary.heading(*asked)}")
    for folder in folders:
        work = iter_mark_folder(
            folder,
            models,
            network,
            device,
            clicks=options.clicks,
            rulers=options.rulers,
            resample=options.resample,
            index=options.volume,
            labels=coding,
        )
        try:
            result = result_of(iter_with_progress_bar(work), MarkedCase)
        except expected_errors() as error:
            failed[folder.name] = sentence(error)
            print(f"liverview: {folder.name}: {failed[folder.name]}", file=sys.stderr)
            continue
        results.append(result)
        for row in marks_summary.iter_lesion_rows(result, *asked):
            print(f"{result.name:<{width}}{row}")
    if not results:
        return 2
    print("", *marks_summary.summary_lines(results, *asked), sep="\n")
    if options.json:
        scans = {result.name: marks_summary.case_dict(result) for result in results}
        figures = {"scans": scans, "summary": marks_summary.marks_summary(results, *asked)}
        write_json(options.json, figures | {"failed": failed, "device": device})
    return 2 if failed else 0
