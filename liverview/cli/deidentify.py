"""``liverview deidentify``: copies of DICOM series that do not say whose they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.printing import iter_with_progress_bar

if TYPE_CHECKING:
    from liverview.files.dicom.series_volume import SeriesVolume


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
    from liverview.core.stream import result_of
    from liverview.files.dicom.deidentification import Kept, iter_write_deidentified, new_key
    from liverview.files.dicom.series_writing import check_series_target

    volumes = _find_volumes(options.place)
    folders = [options.folder]
    if len(volumes) > 1:
        width = max(2, len(str(len(volumes))))
        names = [f"volume_{number + 1:0{width}d}" for number in range(len(volumes))]
        folders = [options.folder / name for name in names]
        options.folder.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        check_series_target(folder, overwrite=options.overwrite)
    key = new_key()
    for volume, folder in zip(volumes, folders, strict=True):
        work = iter_write_deidentified(
            volume, folder, overwrite=options.overwrite, keep_intervals=options.keep_intervals,
            key=key,
        )  # fmt: skip
        kept = result_of(iter_with_progress_bar(work), Kept)
        print(f"{folder} written: {kept.files} files.")
        print(*(f"  {sentence}" for sentence in kept.sentences), sep="\n")
        for warning in kept.warnings:
            print(f"{folder}: {warning}", file=sys.stderr)
    return 0


def _find_volumes(place: Path) -> Sequence[SeriesVolume]:
    """The volumes of a place that have images; what cannot be read is said."""
    from liverview.core.stream import result_of
    from liverview.files.dicom.listing import Listing, iter_list
    from liverview.files.dicom.series_volume import SeriesKind
    from liverview.files.opening import ImageFileError

    found = result_of(iter_with_progress_bar(iter_list([place])), Listing)
    for sentence in found.unreadable:
        print(sentence, file=sys.stderr)
    volumes = [volume for volume in found.volumes if volume.kind is not SeriesKind.NO_IMAGE]
    if not volumes:
        raise ImageFileError(f"{place} holds no DICOM images: choose a folder that does.")
    return volumes
