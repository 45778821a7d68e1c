"""Options of the commands that work on many scans."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liverview.cohort.part import Part

SCANS_HELP = (
    "a file, a folder of files, a folder or zip archive of DICOM, a quoted pattern as "
    "'data/**/ct.nii.gz', a list (.txt) with a path in each line, or a table (.csv, .tsv) with "
    "columns path and id"
)
"""Everything that scans can be given as."""


def add_cohort_options(parser: argparse.ArgumentParser) -> None:
    """Add what is said of how many items are done: which of them, where, by how many processes."""
    group = parser.add_argument_group("many scans")
    _add_part(group)


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
        raise argparse.ArgumentTypeError(str(error)) from error


def add_results_option(parser: argparse.ArgumentParser, of: str) -> None:
    """Add -o for commands that can do without; ``of`` says which results go there."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help=f"a folder for {of} and the ledger, by which the same command goes on where it stopped",
    )
