"""``liverview report``: a report of a scan and its label map."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.printing import (
    add_labels_option,
    add_resample_option,
    add_volume_option,
    iter_with_progress_bar,
    place_labels,
    read_labels,
)
from liverview.core.about import DISCLAIMER

if TYPE_CHECKING:
    from liverview.report.assembly import PdfWriter


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="a report of a scan and its label map",
        description="Write NAME_report.html and .pdf, the measurements as JSON, and lesions and "
        "totals as CSV. NAME is that of the scan's file; of its folder where many scans are called "
        f"so, as ct.nii.gz. No screen is needed; without Qt there is no PDF. {DISCLAIMER}",
    )
    parser.add_argument("scan", type=Path, metavar="SCAN")
    parser.add_argument("labels", type=Path, metavar="LABELS", help="on the scan's grid")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    add_labels_option(parser)
    add_volume_option(parser)
    add_resample_option(parser, "LABELS", "SCAN")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.core.stream import result_of
    from liverview.core.volume import Volume
    from liverview.files import formats, images
    from liverview.files.atomic import check_target, make_folder
    from liverview.report.assembly import WrittenReport, iter_write_report, report_paths
    from liverview.report.provenance import Provenance

    write_pdf = _pdf_writer()
    make_folder(options.output)
    name = formats.case_name(options.scan)
    paths = report_paths(options.output, name)
    targets = [path for path in paths if write_pdf is not None or path != paths.pdf]
    for path in targets:
        check_target(path, overwrite=options.overwrite)
    volume = result_of(
        iter_with_progress_bar(images.iter_read(options.scan, options.volume)), Volume
    )
    for note in volume.warnings:
        print(f"{options.scan.name}: {note}", file=sys.stderr)
    read = read_labels(options.labels, options.coding, grid=volume.grid)
    labels = place_labels(read, volume, resample=options.resample)
    placing = labels.warnings[len(read.warnings) :]
    volume = replace(volume, warnings=(*volume.warnings, *placing))
    origin = Provenance(scan=options.scan.name, labels=options.labels.name)
    named = replace(volume, name=name)
    if labels.partial:
        print("PARTIAL: the segmentation of these labels was stopped; the report says so.")
    work = iter_write_report(named, labels, options.output, origin, write_pdf)
    result_of(iter_with_progress_bar(work), WrittenReport)
    for path in targets:
        print(f"{path} written.")
    return 0


def _pdf_writer() -> PdfWriter | None:
    """The function that sets the PDF; None where Qt is not installed, which is said."""
    from liverview.core.missing_qt import is_without_qt, missing_qt

    try:
        from liverview.printing import pdf
    except ImportError as error:
        missing = missing_qt(error, "The PDF of a report")
        if not is_without_qt(error):
            raise missing from error
        print(f"{missing} The other files are written.", file=sys.stderr)
        return None
    pdf.prepare_qt()
    return pdf.write_pdf
