"""The scans of ``liverview segment``: what is there of them already, and what becomes of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from liverview.cli.cohort_options import say_part
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import iter_with_progress_bar, write_json
from liverview.cli.streams import OutputError
from liverview.cohort.figures import CohortFigures, is_record
from liverview.cohort.ledger import Ledger
from liverview.cohort.part import Part
from liverview.cohort.results import is_made, missing_masks, missing_side_files
from liverview.cohort.results_written import ResultsWritten, iter_write_results
from liverview.cohort.scan_steps import SegmentOptions
from liverview.cohort.segmenting import SegmentWork
from liverview.cohort.states import ItemState, item_states, state_sentences
from liverview.cohort.summary import failure_lines
from liverview.cohort.tasks import Task, find_tasks
from liverview.cohort.work import Attempt
from liverview.core.errors import LiverviewError
from liverview.core.text import printable
from liverview.files import formats, images
from liverview.files.atomic import make_folder
from liverview.files.sidefiles.writing import SideFiles


def segment_tasks(options: argparse.Namespace, suffix: str) -> list[Task]:
    """The scans that are given, or the part of them; the folder of their label maps is made."""
    found = find_tasks(options.scans, options.output, suffix, options.part)
    for path in found.label_maps:
        print(f"{path} is passed over: it is a label map.", file=sys.stderr)
    for warning in found.warnings:
        print(warning, file=sys.stderr)
    if options.part is not None:
        say_part(options.part, len(found.tasks), found.count)
    if options.part is not None or found.tasks[0].output != options.output:
        make_folder(options.output)
    return found.tasks


class SegmentOutcome:
    """The tasks of a command, what is there of them already, and what becomes of them.

    Attributes
    ----------
    alone : there is one scan, which has no ledger.
    ledger : of a cohort.
    to_do : tasks that need work.
    made : tasks whose label map is there, made from the same scan by the same weights.
    """

    def __init__(
        self, options: argparse.Namespace, tasks: Sequence[Task], work: SegmentWork
    ) -> None:
        asked = options.retry, options.part, options.on
        self.alone = len(tasks) == 1 and not any(asked)
        if not self.alone and tasks[0].output == options.output:
            name = "--on" if options.on else "--retry"
            raise ValueError(f"{name} needs a ledger: let -o name a folder, not one file.")
        self.ledger = None if self.alone else Ledger(options.output)
        self._json: Path | None = options.json
        self._part: Part | None = options.part
        self._figures = CohortFigures(None if self.alone else options.json)
        self._work = work
        self._retry_failed = options.retry == "failed"
        self._by_name = {printable(task.name): task for task in tasks}
        self._failed: dict[str, Attempt] = {}
        self._lost: OutputError | None = None  # why nothing can be printed any more
        self.made = _tasks_made(tasks, work.options)
        go_on = not options.overwrite and self._take_up(tasks)
        self._states = self._read_states(tasks)
        self.to_do = [task for task in tasks if self._is_to_do(task, go_on)]
        _check_targets(options, tasks, self.made, work.options, go_on=go_on)

    def say_what_is_there(self) -> None:
        to_do = set(self.to_do)
        for task in sorted(self.made - to_do, key=lambda task: task.scan):
            self._say(
                f"{task.output} is there already, made from {task.scan} by these weights; "
                "--overwrite makes it again."
            )
        told = {n: s for n, s in self._states.items() if s.state in ("failed", "lost", "under way")}
        for line in state_sentences(told, retry_failed=self._retry_failed):
            print(line, file=sys.stderr)

    def take(self, item: object) -> None:
        """Print what became of a scan, and keep its figures."""
        if not isinstance(item, Attempt):
            return
        task = self._by_name[item.item]
        if item.outcome == "failed":
            said = item.error
            if printable(task.scan.name) not in said:
                said = f"{printable(str(task.scan))}: {said}"
            if self.alone:
                raise LiverviewError(said)
            print(f"liverview: {said}", file=sys.stderr)
            self._figures.fail(task.scan, said)
            self._failed[item.item] = item
            return
        self._say(*item.lines)
        if self._json is not None and self.alone:
            write_json(self._json, dict(item.figures))
        elif self._json is not None:
            self._figures.add(task.scan, item.figures)

    def write_figures(self) -> None:
        """Write the JSON of a cohort, where one is wanted."""
        if self._json and not self.alone:
            self._figures.write()
            self._say(f"{self._json} written.")

    def finish(self) -> int:
        """Write figures, tables and page, and what has failed; returns the exit code."""
        self.write_figures()
        if self.ledger is not None:
            self._write_results(self.ledger.folder.parent)
        if self._lost is not None:
            raise self._lost
        if self._part is not None:  # what failed is in the ledger: no job need be started again
            return 0
        return 2 if self._failed or self._figures.failed else 0

    def _write_results(self, folder: Path) -> None:
        for item in iter_with_progress_bar(iter_write_results(folder, len(self._by_name))):
            if isinstance(item, ResultsWritten):
                self._say(*(f"{path} written." for path in item.files))
        for line in failure_lines(list(self._failed.values())):
            print(line, file=sys.stderr)

    def _read_states(self, tasks: Sequence[Task]) -> dict[str, ItemState]:
        """The state that the ledger gives each task."""
        if self.ledger is None:
            return {}
        return item_states(tasks, self.ledger.read(), self._work)

    def _is_to_do(self, task: Task, go_on: bool) -> bool:
        state = self._states.get(task.name)
        if state is None:
            return task not in self.made or self._lacks(task, go_on)
        if state.state in ("failed", "under way") and not self._work.options.overwrite:
            if not state.is_to_do(retry_failed=self._retry_failed):
                if state.state == "failed" and state.attempt is not None:
                    self._failed[printable(task.name)] = state.attempt
                return False
            return True
        return task not in self.made or state.state != "done" or self._lacks(task, go_on)

    def _say(self, *lines: str) -> None:
        """Print; where that is not possible any more, the work goes on, and the end says it."""
        if self._lost is None:
            try:
                print(*lines, sep="\n", flush=True)
            except OutputError as error:
                self._lost = error

    def _take_up(self, tasks: Sequence[Task]) -> bool:
        """True where the JSON is there and goes on."""
        if self._json is None:
            return False
        if self.alone:
            return bool(self.made) and is_record(self._json)
        return self._figures.take_up(
            [task.scan for task in tasks], [task.scan for task in self.made]
        )

    def _lacks(self, task: Task, go_on: bool) -> bool:
        """True where something of a task is missing beside its label map."""
        measured = go_on if self.alone else self._figures.has(task.scan)
        options = self._work.options
        report = options.dicom.report_of(task)
        return bool(
            (self._json is not None and not measured)
            or (options.masks and missing_masks(task.output))
            or (options.side_files and missing_side_files(task.output))
            or (report is not None and not report.exists())
        )


def _tasks_made(tasks: Sequence[Task], options: SegmentOptions) -> set[Task]:
    """The tasks whose label map is there, made from the same scan by the same weights."""
    if options.overwrite:
        return set()
    hashes, certain = options.hashes, options.least_certainty
    return {task for task in tasks if is_made(task, options.index, hashes, certain)}


def _check_targets(
    options: argparse.Namespace,
    tasks: Sequence[Task],
    there: Collection[Task],
    wanted: SegmentOptions,
    *,
    go_on: bool,
) -> None:
    """Before long work: every file that is not there yet can be written."""
    targets = [task.output for task in tasks if task not in there]
    side: list[Path] = []
    reports: list[Path] = []
    for task in tasks:
        folder, name = task.output.parent, formats.name_without_suffix(task.output)
        if options.masks:
            masks = missing_masks(task.output) if task in there else images.mask_paths(folder, name)
            targets += masks.values()
        if options.side_files:
            missing = missing_side_files(task.output) if task in there else None
            side += SideFiles.of(task.output) if missing is None else missing
        report = wanted.dicom.report_of(task)
        if report is not None and not (task in there and report.exists()):
            reports.append(report)
    side += reports
    scans = [task.scan for task in tasks]
    check_outputs(options, scans, *targets, side_files=side, go_on=go_on)
