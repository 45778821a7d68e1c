"""Evaluation of many cases: one after the other, or with a ledger, which goes on and has parts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.cohort_options import exit_code, say_part
from liverview.cli.errors import expected_errors, sentence
from liverview.cli.ledger_run import is_own_json, run_items
from liverview.cli.lesion_outputs import tables_by_case, write_lesion_outputs
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import iter_with_progress_bar, scores_by_name, write_json

if TYPE_CHECKING:
    from liverview.cohort.measuring import NamedItem
    from liverview.cohort.work import Attempt
    from liverview.evaluation.cases import CaseResult

NO_REFERENCE = (
    '"-" in a whole line: the reference is no measure of the label, since its maker did not draw\n'
    "it, or nothing says that it was looked for; the scan is left out of that label's medians.\n"
    '"-" beside volumes: it was looked for and there is none; the volume error is then invented\n'
    'volume. "inf": only the segmentation lacks it.'
)
SOFT_DICE = (
    "soft slice Dice: on probabilities, slice by slice, averaged over all slices; "
    "for comparison only."
)


def find_case_items(options: argparse.Namespace) -> list[NamedItem]:
    """The cases that are given, or the part of them."""
    from liverview.cohort import given_items, measuring
    from liverview.evaluation.cases import find_cases

    if options.cases.is_dir() or not given_items.is_many(options.cases):
        found = measuring.named_items(find_cases(options.cases), options.part)
    else:
        found = measuring.find_case_items(options.cases, options.part)
    for warning in found.warnings:
        print(warning, file=sys.stderr)
    if options.part is not None:
        say_part(options.part, len(found.items), found.count)
    return found.items


def evaluate_cases(options: argparse.Namespace, files: list[Path]) -> int:
    """Segment and compare the cases; ``files`` are written of their lesions."""
    from liverview.evaluation.cases import case_files

    items = find_case_items(options)
    read = [path for item in items for path in case_files(item.path)]
    go_on = options.output is not None and is_own_json(options.json)
    check_outputs(options, read, side_files=files, go_on=go_on)
    if options.output is not None:
        return _evaluate_with_ledger(options, items)
    return _evaluate_here(options, items)


def _evaluate_here(options: argparse.Namespace, items: Sequence[NamedItem]) -> int:
    from liverview.core.stream import result_of
    from liverview.evaluation.cases import CaseResult, iter_evaluate_case
    from liverview.evaluation.summary import SCAN_FIGURES, reason_lines, table_row
    from liverview.inference.segmentation import load_models
    from liverview.networks.runtime import pick_device

    device, models = str(pick_device(options.device or "auto")), load_models()
    width = _print_heading(items)
    results: list[CaseResult] = []
    failed: dict[str, str] = {}
    for item in items:
        try:
            work = iter_evaluate_case(
                item.path,
                models,
                device,
                nsd=options.nsd,
                resample=options.resample,
                index=options.volume,
                labels=options.reference_labels or options.coding,
                lesion_pictures=options.lesion_montage is not None,
                name=item.name,
            )
            result = result_of(iter_with_progress_bar(work), CaseResult)
        except expected_errors() as error:
            failed[item.name] = sentence(error)
            print(f"liverview: {item.name}: {failed[item.name]}", file=sys.stderr)
            continue
        results.append(result)
        for score in result.scores:
            print(f"{result.name:<{width}}  {table_row(score, SCAN_FIGURES)}")
        for line in reason_lines(result.scores):
            print(f"{result.name:<{width}}  {line}", file=sys.stderr)
    if results:
        _write_summary(options, results, failed, device)
    return 2 if (failed and options.part is None) or (items and not results) else 0


def _evaluate_with_ledger(options: argparse.Namespace, items: Sequence[NamedItem]) -> int:
    """The same in a folder of results; the summary is of all that is there."""
    from liverview.cohort.evaluating import EvaluateWork
    from liverview.evaluation.case_records import CaseRecordError, read_case
    from liverview.networks.runtime import pick_device

    device = str(pick_device(options.device or "auto"))
    coding = options.reference_labels or options.coding
    work = EvaluateWork(
        options.output, device, options.nsd, options.resample, options.volume, coding
    )

    def is_there(name: str) -> bool:
        try:
            read_case(options.output, name, picture=options.montage is not None)
        except CaseRecordError:
            return False
        return True

    if items:
        work.prepare()
    width = _print_heading(items)

    def take(attempt: Attempt) -> None:
        for line in attempt.lines:
            print(f"{attempt.item:<{width}}  {line}", flush=True)
        for line in attempt.notes:
            print(f"{attempt.item:<{width}}  {line}", file=sys.stderr)

    attempts = run_items(items, work, options, take, is_there)
    failed = {name: one.error for name, one in attempts.items() if one.outcome == "failed"}
    names = [name for name in attempts if name not in failed and is_there(name)]
    results = [
        read_case(options.output, name, picture=options.montage is not None) for name in names
    ]
    if results:
        print("", f"All that is in {options.output}: {len(results)}.", sep="\n")
        _write_summary(options, results, failed, device)
    return exit_code([attempts[name] for name in failed], options.part, ledger=True)


def _print_heading(items: Sequence[NamedItem]) -> int:
    """Print the line above the table; returns the width of names in it."""
    from liverview.evaluation.summary import SCAN_FIGURES, table_heading

    width = max((len(item.name) for item in items), default=4)
    print(f"{'scan':<{width}}  {table_heading(SCAN_FIGURES)}")
    return width


def _write_summary(
    options: argparse.Namespace,
    results: Sequence[CaseResult],
    failed: Mapping[str, str],
    device: str,
) -> None:
    """Print the medians, and write what was asked for."""
    from liverview.evaluation.lesion_summary import size_lines, table_dict
    from liverview.evaluation.montage import save_montage
    from liverview.evaluation.summary import counting_lines, summary_dict, summary_lines

    scores = [result.scores for result in results]
    notes = NO_REFERENCE, *counting_lines(options.nsd), SOFT_DICE
    tables = tables_by_case(results)
    sizes = size_lines(list(tables.values()))
    print("", *summary_lines(scores), *sizes, "", *notes, sep="\n")
    if options.json:
        scans = {
            r.name: {"seconds": round(r.seconds, 2), **scores_by_name(r.scores)} for r in results
        }
        for name, table in tables.items():
            scans[name]["lesions"] = table_dict(table)
        figures = {"scans": scans, "medians": summary_dict(scores), "failed": dict(failed)}
        write_json(options.json, figures | {"device": device})
    if options.montage:
        pictures = [(one.name, one.picture) for one in results if one.picture is not None]
        save_montage(options.montage, pictures)
        print(f"{options.montage} written.")
    write_lesion_outputs(options, results)
