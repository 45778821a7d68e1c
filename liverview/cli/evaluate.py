"""``liverview evaluate``: compare label maps with references."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liverview.cli.errors import expected_errors, sentence
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import iter_with_progress_bar, read_labels, scores_by_name, write_json

_NO_REFERENCE = (
    '"-": the reference lacks the label; the volume error is then invented volume, and the scan\n'
    'is left out of that label\'s medians. "inf": only the segmentation lacks it.'
)
_SOFT_DICE = (
    "soft slice Dice: on probabilities, slice by slice, averaged over all slices; "
    "for comparison only."
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="compare label maps with references",
        description="Compare PREDICTED with REFERENCE, or segment every case of a folder and "
        "compare that. The liver is the organ, with its vessels and tumors; vessels are compared "
        "inside the reference's organ.",
        epilog=f"{_NO_REFERENCE} {_SOFT_DICE}",
    )
    parser.add_argument("predicted", type=Path, nargs="?", metavar="PREDICTED")
    parser.add_argument("reference", type=Path, nargs="?", metavar="REFERENCE")
    parser.add_argument(
        "--cases",
        type=Path,
        metavar="DIR",
        help="a folder per case in it, with ct.nii.gz and reference.nii.gz",
    )
    parser.add_argument("--device", help="with --cases: auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--montage",
        type=Path,
        metavar="FILE.png",
        help="with --cases: a picture of every case's worst slice",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.cases is not None:
        return _evaluate_cases(options)
    if options.reference is None:
        raise ValueError("evaluate needs PREDICTED and REFERENCE, or --cases DIR.")
    if options.montage or options.device:
        raise ValueError("--montage and --device need scans to segment: add --cases DIR.")
    from liverview.evaluation.scoring import evaluate
    from liverview.evaluation.summary import MAP_FIGURES, table_heading, table_row

    check_outputs(options, [options.predicted, options.reference])
    scores = evaluate(read_labels(options.predicted), read_labels(options.reference))
    print(table_heading(MAP_FIGURES))
    for score in scores:
        print(table_row(score, MAP_FIGURES))
    if options.json:
        write_json(options.json, scores_by_name(scores))
    return 0


def _evaluate_cases(options: argparse.Namespace) -> int:
    if options.predicted is not None:
        raise ValueError(f"--cases segments its scans itself: leave {options.predicted} out.")
    from liverview.core.stream import result_of
    from liverview.evaluation.cases import CaseResult, case_files, find_cases, iter_evaluate_case
    from liverview.evaluation.montage import save_montage
    from liverview.evaluation.summary import (
        SCAN_FIGURES,
        summary_dict,
        summary_lines,
        table_heading,
        table_row,
    )
    from liverview.inference.segmentation import load_models
    from liverview.networks.runtime import pick_device

    folders = find_cases(options.cases)
    check_outputs(options, [path for folder in folders for path in case_files(folder)])
    device, models = str(pick_device(options.device or "auto")), load_models()
    width = max(len(folder.name) for folder in folders)
    results: list[CaseResult] = []
    failed: dict[str, str] = {}
    print(f"{'scan':<{width}}  {table_heading(SCAN_FIGURES)}")
    for folder in folders:
        try:
            result = result_of(
                iter_with_progress_bar(iter_evaluate_case(folder, models, device)), CaseResult
            )
        except expected_errors() as error:
            failed[folder.name] = sentence(error)
            print(f"liverview: {folder.name}: {failed[folder.name]}", file=sys.stderr)
            continue
        results.append(result)
        for score in result.scores:
            print(f"{result.name:<{width}}  {table_row(score, SCAN_FIGURES)}")
    if not results:
        return 2
    scores = [result.scores for result in results]
    print("", *summary_lines(scores), "", _NO_REFERENCE, _SOFT_DICE, sep="\n")
    if options.json:
        scans = {
            r.name: {"seconds": round(r.seconds, 2), **scores_by_name(r.scores)} for r in results
        }
        figures = {"scans": scans, "medians": summary_dict(scores), "failed": failed}
        write_json(options.json, figures | {"device": device})
    if options.montage:
        save_montage(options.montage, [(result.name, result.picture) for result in results])
        print(f"{options.montage} written.")
    return 2 if failed else 0
