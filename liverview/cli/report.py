"""``liverview report``: a report of a scan and its label map."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liverview.cli.printing import add_labels_option, iter_with_progress_bar, read_labels
from liverview.core.about import DISCLAIMER


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="a report of a scan and its label map",
        description="Write NAME_report.html and .pdf, the measurements as JSON, and lesions and "
        f"totals as CSV. No screen is needed. {DISCLAIMER}",
    )
    parser.add_argument("scan", type=Path, metavar="SCAN")
    parser.add_argument("labels", type=Path, metavar="LABELS", help="on the scan's grid")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    add_labels_option(parser)
    parser.add_argument("--volume", type=int, metavar="N", help="of 4D scans, from 0")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.core.stream import result_of
    from liverview.core.volume import Volume
    from liverview.files import formats, images
    from liverview.files.atomic import check_target
    from liverview.report.assembly import WrittenReport, iter_write_report, report_paths
    from liverview.report.provenance import Provenance

    try:
        from liverview.printing import pdf
    except ImportError as error:
        raise ValueError(
            f"the PDF needs a library that is not installed ({error}): see README, Start."
        ) from error
    pdf.prepare_qt()
    if options.output.exists() and not options.output.is_dir():
        raise ValueError(f"{options.output} is no folder: choose another name.")
    options.output.mkdir(parents=True, exist_ok=True)
    for path in report_paths(options.output, formats.name_without_suffix(options.scan)):
        check_target(path, overwrite=options.overwrite)
    volume = result_of(
        iter_with_progress_bar(images.iter_read(options.scan, options.volume)), Volume
    )
    for note in volume.warnings:
        print(f"{options.scan.name}: {note}", file=sys.stderr)
    labels = read_labels(options.labels, options.coding)
    origin = Provenance(scan=options.scan.name, labels=options.labels.name)
    work = iter_write_report(volume, labels, options.output, origin, pdf.write_pdf)
    for path in result_of(iter_with_progress_bar(work), WrittenReport).paths:
        print(f"{path} written.")
    return 0
