"""``liverview measure``: volumes and lesions of a label map."""

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
    exit_code,
    say_part,
)
from liverview.cli.ledger_run import is_own_json, refuse_without_folder, run_items
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import add_labels_option, read_labels, write_json
from liverview.measurement.wording import volume_lines

if TYPE_CHECKING:
    from liverview.cohort.work import Attempt

_LABELS_HELP = (
    "a label map; or many: a folder, a quoted pattern as 'results/*_seg.nii.gz', a list (.txt) "
    "with a path in each line, or a table (.csv, .tsv) with columns path and id"
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "measure",
        help="volumes and lesions of label maps",
        description="Measure one label map, or many, a line for each. With -o DIR they can be done "
        "in parts, and the same command goes on where it stopped.",
    )
    parser.add_argument("labels", type=Path, nargs="+", metavar="LABELS", help=_LABELS_HELP)
    add_results_option(parser, "the tables")
    add_labels_option(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--overwrite", action="store_true", help=OVERWRITE_HELP)
    add_cohort_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    refuse_without_folder(options, "on")
    if len(options.labels) > 1 or options.output is not None or cohort_choices(options):
        return _measure_many(options)
    from liverview.cohort.given_items import is_many

    return _measure_many(options) if is_many(options.labels[0]) else _measure_one(options)


def _measure_many(options: argparse.Namespace) -> int:
    from liverview.cohort.measuring import MeasureWork, find_label_maps

    found = find_label_maps(options.labels, options.part)
    for warning in found.warnings:
        print(warning, file=sys.stderr)
    if options.part is not None:
        say_part(options.part, len(found.items), found.count)
    go_on = options.output is not None and is_own_json(options.json)
    check_outputs(options, [item.path for item in found.items], go_on=go_on)

    def take(attempt: Attempt) -> None:
        for note in attempt.notes:
            print(f"{attempt.item}: {note}", file=sys.stderr)
        print(*attempt.lines, sep="\n", flush=True)

    attempts = run_items(found.items, MeasureWork(options.coding), options, take)
    failed = [one for one in attempts.values() if one.outcome == "failed"]
    if options.json:
        scans = {name: one.figures for name, one in attempts.items() if one.outcome == "done"}
        write_json(options.json, {"scans": scans, "failed": {a.item: a.error for a in failed}})
    return exit_code(failed, options.part, ledger=options.output is not None)


def _measure_one(options: argparse.Namespace) -> int:
    from liverview.measurement.compute import measure
    from liverview.measurement.export import measurement_figures
    from liverview.measurement.recist import assess_recist

    (path,) = options.labels
    check_outputs(options, [path])
    measurement = measure(read_labels(path, options.coding))
    print(*volume_lines(measurement), sep="\n")
    for lesion in measurement.lesions:
        x, y, z = lesion.centroid_mm
        print(
            f"lesion {lesion.number:<3} {lesion.volume_ml:10.2f} mL  "
            f"{lesion.longest_mm:6.1f} x {lesion.perpendicular.length_mm:.1f} mm"
            f"  at {x:.0f} {y:.0f} {z:.0f} mm"
        )
    for one in measurement.ruled_out:
        x, y, z = one.lesion.centroid_mm
        size = f"{one.lesion.volume_ml:.2f} mL at {x:.0f} {y:.0f} {z:.0f} mm"
        print(f"ruled out  {size}: {one.reason}")
    print(f"RECIST 1.1: {assess_recist(measurement).words}")
    if options.json:
        write_json(options.json, measurement_figures(measurement))
    return 0
