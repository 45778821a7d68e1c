"""``liverview deidentify``: copies of DICOM series that do not say whose they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.printing import iter_with_progress_bar

if TYPE_CHECKING:
    from liverview.files.dicom.deidentification.copying import Kept
    from liverview.files.dicom.series.series_volume import SeriesVolume


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "deidentify",
        help="a copy of DICOM series without what says whose they are",
        description="Copy the images of PLACE, a folder, zip archive, DICOMDIR or file, into "
        "FOLDER, by the basic profile of DICOM PS3.15, and print what was kept. Of one volume the "
        "files lie in FOLDER, of several in volume_01 and so on. Pixels stay as they are: look at "
        "them for names.",
    )
    parser.add_argument("place", type=Path, metavar="PLACE")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--keep-intervals",
        action="store_true",
        help="move all dates of a patient by one number of days, instead of removing them",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier copy")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.files.dicom.deidentification.copying import Kept
    from liverview.files.dicom.deidentification.deidentified_copies import (
        copy_folders,
        iter_write_copies,
    )

    volumes = _find_volumes(options.place)
    folders = iter(copy_folders(options.folder, len(volumes)))
    work = iter_write_copies(
        volumes,
        options.folder,
        overwrite=options.overwrite,
        keep_intervals=options.keep_intervals,
    )
    for item in iter_with_progress_bar(work):
        if isinstance(item, Kept):
            _print_kept(next(folders), item)
    return 0


def _print_kept(folder: Path, kept: Kept) -> None:
    print(f"{folder} written: {kept.files} files.")
    print(*(f"  {sentence}" for sentence in kept.sentences), sep="\n")
    for warning in kept.warnings:
        print(f"{folder}: {warning}", file=sys.stderr)


def _find_volumes(place: Path) -> Sequence[SeriesVolume]:
    """The volumes of a place that have images; what cannot be read is said."""
    from liverview.core.stream import result_of
    from liverview.files.dicom.deidentification.deidentified_copies import volumes_with_images
    from liverview.files.dicom.places.listing import Listing, iter_list

    found = result_of(iter_with_progress_bar(iter_list([place])), Listing)
    for sentence in found.unreadable:
        print(sentence, file=sys.stderr)
    return volumes_with_images(found, place)
