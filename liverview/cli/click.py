"""``liverview click``: complete marks on a scan, as clicks and lines do in the window."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverview.cli.outputs import check_outputs
from liverview.cli.printing import (
    add_label_table_option,
    add_resample_option,
    add_volume_option,
    iter_with_progress_bar,
    place_labels,
    read_labels,
    write_json,
)
from liverview.core.about import DISCLAIMER
from liverview.core.label_table import label_table
from liverview.measurement.wording import volume_lines

if TYPE_CHECKING:
    from liverview.core.labels import Label
    from liverview.core.volume import LabelMap, Volume
    from liverview.editing.marks import Marks, Proposal

_NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$", re.IGNORECASE)


class _AppendMark(argparse.Action):
    """Keeps the marks of all three options in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        kind = self.option_strings[0].lstrip("-")
        namespace.marks = [*(namespace.marks or []), (kind, values)]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "click",
        help="complete clicks or a line to a lesion, a vessel, a piece of liver",
        description="Complete marks on a scan, one after the other, as in the window: a click in "
        "a lesion, or the line of its longest diameter, becomes the lesion in three dimensions. "
        "Of liver and vessels, a click says what belongs to them or does not. Places are world "
        f"mm, RAS+. {DISCLAIMER}",
    )
    parser._negative_number_matcher = _NEGATIVE  # else -1e1 and -10. are taken for options
    parser.add_argument("scan", type=Path, metavar="SCAN")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="LABELS.nii.gz")
    parser.add_argument(
        "--label", required=True, choices=list(label_table().labels), help="the label to correct"
    )
    place = ("X", "Y", "Z")
    for option, metavar, text in (
        ("--at", place, "a click in what belongs to the label"),
        ("--not", place, "a click in what does not"),
        ("--line", (*place, *place), "the two ends of a line across a lesion"),
    ):
        parser.add_argument(
            option,
            action=_AppendMark,
            dest="marks",
            type=float,
            nargs=len(metavar),
            metavar=metavar,
            help=text,
        )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="EXISTING",
        help="the label map to correct; else an empty one",
    )
    parser.add_argument(
        "--values",
        dest="coding",
        metavar="VALUES",
        help="what the values of EXISTING are: 1=liver,2=tumor, or lits, task08 or liverview",
    )
    add_resample_option(parser, "EXISTING", "SCAN")
    add_volume_option(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    add_label_table_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.core.labels import Label
    from liverview.core.stream import result_of
    from liverview.core.volume import Volume
    from liverview.editing.marks import MarksError
    from liverview.files import images
    from liverview.measurement.compute import measure
    from liverview.measurement.export import measurement_figures

    inputs = [options.scan, *([options.labels] if options.labels else [])]
    check_outputs(options, inputs, options.output)
    if not options.marks:
        raise MarksError("There is no mark: give one or more of --at, --not and --line.")
    if [kind for kind, _ in options.marks].count("line") > 1:
        raise MarksError("There are several lines: give --line once, for one lesion.")
    volume = result_of(
        iter_with_progress_bar(images.iter_read(options.scan, options.volume)), Volume
    )
    labels = _labels_to_correct(options, volume)
    started = time.perf_counter()
    proposal = _propose(volume, labels, Label[options.label.upper()], options.marks)
    seconds = time.perf_counter() - started
    corrected = _corrected(labels, proposal)
    work = images.iter_write_labels(
        options.output,
        corrected,
        volume,
        overwrite=options.overwrite,
        label_table=options.label_table,
    )
    for _ in iter_with_progress_bar(work):
        pass
    measurement = measure(corrected)
    added, removed = (int(m.sum()) * volume.voxel_ml for m in (proposal.add, proposal.remove))
    print(*volume_lines(measurement), sep="\n")
    print(_outcome(proposal, added, removed, seconds))
    print(f"{options.output} written.")
    if options.json:
        figures: dict[str, Any] = {
            "corrected": options.label,
            "added_ml": round(added, 3),
            "removed_ml": round(removed, 3),
            "seconds": round(seconds, 2),
        }
        write_json(options.json, {**measurement_figures(measurement), "click": figures})
    return 0


def _labels_to_correct(options: argparse.Namespace, volume: Volume) -> LabelMap:
    """The labels of the file, on the scan's voxels, or none yet."""
    import numpy as np

    from liverview.core.volume import LabelMap

    if options.labels is None:
        voxels = np.zeros(volume.shape, np.uint8, order="F")
        return LabelMap(voxels, volume.affine, volume.name, volume.source)
    read = read_labels(options.labels, options.coding, grid=volume.grid)
    return place_labels(read, volume, resample=options.resample)


def _propose(
    volume: Volume, labels: LabelMap, label: Label, given: Sequence[tuple[str, list[float]]]
) -> Proposal:
    """The proposal after all marks, each of which goes on from the one before."""
    from liverview.core.labels import Label
    from liverview.editing.marks import Marks, check_marks
    from liverview.inference.interactive import load_click_network, propose

    network = load_click_network()
    marks, steps = Marks(label), []
    for kind, numbers in sorted(given, key=lambda mark: mark[0] != "line"):
        marks = _with_mark(marks, kind, numbers)
        steps.append(marks)
    check_marks(volume, marks)  # all of them, before the first is computed
    proposal: Proposal | None = None
    begins = bool(marks.positive or marks.line)
    for step in steps:
        if begins and label is Label.TUMOR and not step.positive and step.line is None:
            continue  # a lesion that is new begins with what belongs to it
        proposal = propose(volume, labels.voxels, step, network, previous=proposal)
    assert proposal is not None
    return proposal


def _with_mark(marks: Marks, kind: str, numbers: Sequence[float]) -> Marks:
    if kind == "line":
        (a, b, c, d, e, f) = numbers
        return replace(marks, line=((a, b, c), (d, e, f)))
    return marks.adding(numbers, negative=kind == "not")


def _corrected(labels: LabelMap, proposal: Proposal) -> LabelMap:
    """The labels with the proposal, which name the label that was marked."""
    voxels = labels.voxels.copy(order="K")
    voxels[proposal.box] = proposal.applied(voxels[proposal.box])
    defined = labels.defined
    if defined is not None and proposal.add.any():
        defined = defined | {proposal.marks.label}
    return replace(labels, voxels=voxels, defined=defined)


def _outcome(proposal: Proposal, added: float, removed: float, seconds: float) -> str:
    name = proposal.marks.label.name.lower()
    if proposal.is_empty:
        return f"Nothing was found there: {name} stays as it was."
    return f"{name}: {added:.2f} mL added, {removed:.2f} mL removed, in {seconds:.1f} s."
