"""Printing of the commands: figures, and the progress of streams."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from liverview.core.text import quoted

if TYPE_CHECKING:
    from liverview.core.grid import Grid
    from liverview.core.volume import LabelMap, Volume
    from liverview.evaluation.scores import LabelScore

T = TypeVar("T")


def scores_by_name(scores: Sequence[LabelScore]) -> dict[str, Any]:
    return {score.label.name.lower(): score.to_dict() for score in scores}


def write_json(path: Path, content: dict[str, Any]) -> None:
    from liverview.files.atomic import write_json

    write_json(path, content)
    print(f"{path} written.")


def add_labels_option(parser: argparse.ArgumentParser, of: str = "") -> None:
    """Add the option that says what values are which nothing names."""
    parser.add_argument(
        "--labels",
        dest="coding",
        metavar="VALUES",
        help=f"what the values{of} are: 1=liver,2=tumor,255=ignore, or lits, task08 or liverview; "
        "of a file with a volume per class: of its volumes, from 0",
    )


def add_volume_option(parser: argparse.ArgumentParser, when: str = "") -> None:
    """Add the option that chooses one volume of a scan with several; ``when`` it is taken."""
    parser.add_argument(
        "--volume",
        type=int,
        metavar="N",
        help=f"{when}of several volumes, from 0; of DICOM, the N that liverview series lists",
    )


def add_certainty_option(parser: argparse.ArgumentParser) -> None:
    """Add the option from which certainty on a candidate is a tumor; None is the default one."""
    parser.add_argument(
        "--least-certainty",
        type=_certainty,
        metavar="P",
        help="what may be a lesion is a tumor from this certainty on, 0 to 1 (default 0.5): lower "
        "finds more lesions, and more that are none",
    )


def _certainty(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(
            f"a certainty is a number from 0 to 1, as 0.5, not {quoted(text)}"
        )
    return value


def add_label_table_option(parser: argparse.ArgumentParser) -> None:
    """Add the option whose program reads the names in the label maps that are written."""
    parser.add_argument(
        "--label-table",
        choices=("totalsegmentator", "workbench"),
        default="totalsegmentator",
        help="the program that reads the names inside the label map: each takes the first table",
    )


def read_labels(
    path: Path,
    coding: str | None = None,
    *,
    unless_named: str | None = None,
    grid: Grid | None = None,
) -> LabelMap:
    """A label map in our values; what its values were taken for is said where it is not plain.

    ``coding`` is what the person says of the values. Where the file's own names contradict it,
    and ``unless_named`` is given, it is refused, with that as the way out. ``grid`` is that of the
    scan, or of what else the labels are for.
    """
    from liverview.core.coding import parse_coding
    from liverview.files.images import read_named_labels
    from liverview.files.label_maps import checked_label_map

    found = read_named_labels(path, grid=grid)
    if coding is not None:
        given = parse_coding(coding)
        if unless_named is not None and found.contradicts(given):
            raise ValueError(
                f"{path} names its values itself, by {found.source}, and --labels {coding} gives "
                f"them other labels: {unless_named}."
            )
        found = found.apply(given)
    labels = checked_label_map(found)
    for note in labels.warnings:
        print(f"{path.name}: {note}", file=sys.stderr)
    return labels


def place_labels(labels: LabelMap, on: Volume | LabelMap, *, resample: bool) -> LabelMap:
    """Labels on the voxels of a scan or reference; how they came there is said."""
    from liverview.core.placing import iter_place_labels
    from liverview.core.stream import result_of
    from liverview.core.volume import LabelMap

    work = iter_with_progress_bar(iter_place_labels(labels, on, resample=resample))
    placed = result_of(work, LabelMap)
    for note in placed.warnings[len(labels.warnings) :]:
        print(note, file=sys.stderr)
    return placed


def add_resample_option(parser: argparse.ArgumentParser, of: str, onto: str) -> None:
    """Add --resample, with its help in these words."""
    parser.add_argument(
        "--resample",
        action="store_true",
        help=f"take {of} on another grid than {onto} by nearest neighbor, instead of refusing it",
    )


def iter_with_progress_bar(stream: Iterable[T]) -> Iterator[T]:
    """Pass a stream on; on a terminal, draw its progress and print its notices."""
    from liverview.core.stream import Message, Progress

    terminal = sys.stderr.isatty()
    block = "█" if _can_print("█") else "#"
    clear = "\r\033[K" if terminal else ""
    try:
        for item in stream:
            if isinstance(item, Message):
                print(f"{clear}{item.text}", file=sys.stderr)
            elif isinstance(item, Progress) and terminal:
                bar = block * round(24 * min(item.fraction, 1))
                line = f"\r{item.phase:<24} {bar:<24} {item.fraction:4.0%}"
                print(line, end="", file=sys.stderr, flush=True)
            yield item
    finally:
        print(clear, end="", file=sys.stderr)


def _can_print(character: str) -> bool:
    """True where the terminal's encoding has a character."""
    try:
        character.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
