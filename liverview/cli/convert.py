"""``liverview convert``: a scan or a label map from one format to another."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.printing import (
    add_labels_option,
    add_volume_option,
    iter_with_progress_bar,
    place_labels,
    read_labels,
)

if TYPE_CHECKING:
    from liverview.core.volume import Volume

_DICOM = ".dcm"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "convert",
        help="a scan or a label map from one format to another",
        description="Convert a scan or a label map: voxels and their place stay as they are. "
        "Which of both it is, its values and its header say.",
    )
    parser.add_argument(
        "source", type=Path, metavar="A", help="a file, or a folder or zip archive of DICOM"
    )
    parser.add_argument(
        "target",
        type=Path,
        metavar="B",
        help="a file, whose suffix says the format; of a scan also a folder, which gets a DICOM CT "
        "series; of a label map .dcm, a DICOM segmentation",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--scan", action="store_true", help="it is a scan, whatever it looks like")
    kind.add_argument(
        "--label-map", action="store_true", help="it is a label map, whatever it looks like"
    )
    add_volume_option(parser)
    parser.add_argument(
        "--series",
        type=Path,
        metavar="PLACE",
        help="of labels that become a DICOM segmentation: the series that they are of",
    )
    add_labels_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    _check(options)
    scan = _read_if_scan(options)
    if scan is None:
        _write_labels(options)
    else:
        _write_scan(options, scan)
    print(f"{options.target} written.")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Before long work: the target can be written, is not the source, and options fit it."""
    from liverview.files import atomic, images

    target, again = options.target, options.overwrite
    if atomic.resolved(target) == atomic.resolved(options.source):
        raise atomic.TargetError(f"{target} is read by this command: choose another name.")
    if options.series and target.suffix.lower() != _DICOM:
        raise ValueError(
            f"--series says which slices a DICOM segmentation is of, and {target} is none: leave "
            "it out, or choose a name that ends in .dcm."
        )
    if _is_series(target):
        from liverview.files.dicom.writing.series_writing import check_series_target

        check_series_target(target, overwrite=again)
    else:
        images.check_target(target, overwrite=again)


def _is_series(target: Path) -> bool:
    """True for a folder, which is there or whose name has no ending."""
    return not target.suffix or target.is_dir()


def _read_if_scan(options: argparse.Namespace) -> Volume | None:
    """The scan; None for a label map: by the options, the target, the header, else by values."""
    from liverview.core.stream import result_of
    from liverview.core.volume import Volume
    from liverview.files import images
    from liverview.files.formats import is_dicom_place
    from liverview.files.kinds import resembles_labels

    target, scan = options.target, options.scan
    if not scan:
        said = options.label_map or options.coding or options.series
        if said or target.suffix.lower() == _DICOM:
            return None
        place = is_dicom_place(options.source)
        if not place and images.read_summary(options.source).label_map:
            return None
    work = iter_with_progress_bar(images.iter_read(options.source, options.volume))
    volume = result_of(work, Volume)
    return None if not scan and not _is_series(target) and resembles_labels(volume) else volume


def _write_scan(options: argparse.Namespace, volume: Volume) -> None:
    from liverview.core.stream import drain
    from liverview.files import images

    for note in volume.warnings:
        print(f"{options.source.name}: {note}", file=sys.stderr)
    if _is_series(options.target):
        from liverview.files.dicom.writing.series_writing import iter_write_series

        work = iter_write_series(options.target, volume, overwrite=options.overwrite)
    else:
        work = images.iter_write_volume(options.target, volume, overwrite=options.overwrite)
    drain(iter_with_progress_bar(work))


def _write_labels(options: argparse.Namespace) -> None:
    from liverview.core.stream import drain
    from liverview.files import images
    from liverview.files.kept_values import has_own_values, iter_write_kept

    source, target, again = options.source, options.target, options.overwrite
    if options.volume is not None:
        raise ValueError(
            f"--volume picks one of several scans, and {source} is taken for a label map: leave "
            "it out, or say --scan."
        )
    if _is_series(target):
        raise ValueError(
            f"{source} is a label map, and a folder gets the series of a scan: give {target} an "
            "ending, such as .nii.gz or .dcm, or say --scan."
        )
    scan = None if options.series is None else _series(options.series)
    if target.suffix.lower() != _DICOM and not options.coding:
        found = images.read_named_labels(source)
        if has_own_values(found):
            drain(iter_with_progress_bar(iter_write_kept(target, found, overwrite=again)))
            return
    labels = read_labels(source, options.coding, grid=None if scan is None else scan.grid)
    if scan is not None:
        labels = place_labels(labels, scan, resample=False)
    work = images.iter_write_labels(target, labels, scan, overwrite=again)
    drain(iter_with_progress_bar(work))


def _series(place: Path) -> Volume:
    """The scan of a DICOM series, for labels that are placed on its slices."""
    from liverview.core.stream import result_of
    from liverview.core.volume import Volume
    from liverview.files import images

    volume = result_of(iter_with_progress_bar(images.iter_read(place)), Volume)
    if volume.source is None or volume.source.format != "DICOM":
        raise ValueError(
            f"{place} is no DICOM series, which a DICOM segmentation has to refer to: give the "
            "folder of the scan."
        )
    return volume
