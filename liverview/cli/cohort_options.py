"""Options of the commands that work on many scans."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.run_options import RUN_OPTIONS, add_run_options

if TYPE_CHECKING:
    from liverview.cohort.part import Part
    from liverview.cohort.work import Attempt

SCANS_HELP = (
    "a file, a folder of files, a folder or zip archive of DICOM, a quoted pattern as "
    "'data/**/ct.nii.gz', a list (.txt) with a path in each line, or a table (.csv, .tsv) with "
    "columns path and id"
)
"""Everything that scans can be given as."""
OVERWRITE_HELP = "replace existing files, and make results again"


def add_cohort_options(parser: argparse.ArgumentParser) -> None:
    """Add what is said of how many items are done: which of them, where, by how many processes."""
    group = parser.add_argument_group("many scans")
    _add_part(group)
    add_run_options(parser)


def _add_part(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--part",
        type=_part,
        metavar="K/N",
        help="do only the K-th of N shares, from 1; an item's share is by a hash of its name, the "
        "same on every machine",
    )


def _part(text: str) -> Part:
    from liverview.cohort.part import parse_part
    from liverview.core.errors import LiverviewError

    try:
        return parse_part(text)
    except LiverviewError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--part ")) from error


def say_part(part: Part, share: int, count: int) -> None:
    """Say how much a part is."""
    print(f"Part {part.number} of {part.count}: {share} of {count}.", file=sys.stderr)


def cohort_choices(options: argparse.Namespace) -> list[str]:
    """The options given that are of many items, as a person writes them."""
    names = ("part", *RUN_OPTIONS)
    return [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) is not None]


def exit_code(failed: Sequence[Attempt], part: Part | None, *, ledger: bool) -> int:
    """The exit code, once what failed is said again in a table.

    A part is done where every item of it has been tried: what failed is in the ledger, and no
    job of many should be started again for it.
    """
    from liverview.cohort.summary import failure_lines

    for line in failure_lines(failed, "cohort.csv" if ledger else None):
        print(line, file=sys.stderr)
    return 2 if failed and part is None else 0


def add_results_option(parser: argparse.ArgumentParser, of: str) -> None:
    """Add -o for commands that can do without; ``of`` says which results go there."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help=f"a folder for {of} and for the ledger, by which the same command goes on where it "
        "stopped",
    )
