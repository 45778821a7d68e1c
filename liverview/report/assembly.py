"""Making a report: measured, drawn, written; in steps that can be stopped between."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from liverview.core.edited_volume import edited_content
from liverview.core.labels import Label, LabelStyle, default_styles
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import write_json, write_text
from liverview.files.sidefiles.weights import weights_sha256
from liverview.measurement.compute import iter_measure
from liverview.measurement.export import measurement_record, table_paths, write_tables
from liverview.measurement.markup.listing import Markups
from liverview.measurement.recist import assess_recist
from liverview.measurement.results import Lesion, Measurement
from liverview.report.contents import Contents, compose_report
from liverview.report.html_page import html_page
from liverview.report.key_images import iter_key_images
from liverview.report.provenance import Provenance

PdfWriter = Callable[[Path, Contents], None]


class ReportPaths(NamedTuple):
    """The files of a report."""

    html: Path
    pdf: Path
    json: Path
    lesions: Path
    measurement: Path


class WrittenReport(NamedTuple):
    """A report that is written."""

    paths: ReportPaths
    contents: Contents


def report_paths(folder: Path, name: str) -> ReportPaths:
    """The paths that `iter_write_report` writes."""
    return ReportPaths(
        folder / f"{name}_report.html",
        folder / f"{name}_report.pdf",
        folder / f"{name}_measurement.json",
        *table_paths(folder, name),
    )


def iter_write_report(
    volume: Volume,
    labels: LabelMap,
    folder: Path,
    origin: Provenance,
    write_pdf: PdfWriter | None,
    *,
    markups: Markups | None = None,
    styles: Mapping[Label, LabelStyle] | None = None,
    window: tuple[float, float] | None = None,
) -> Iterator[Progress | WrittenReport]:
    """Write the report of a case into a folder; existing files are replaced.

    Each file appears whole or not at all. `WrittenReport` comes last.

    Parameters
    ----------
    labels : on the grid of the volume.
    write_pdf : sets the contents as a PDF; None for no PDF.
    styles : names and colors of labels.
    window : level and width of the pictures.

    Raises
    ------
    ValueError : where volume and labels lie on different grids.
    TargetError : where a file cannot be written.
    """
    markups, origin = markups or Markups(), replace(origin, edited=labels.edited)
    measurement = yield from _iter_measure(volume, labels)
    slices = yield from iter_key_images(
        volume, labels, measurement, _lesions_to_picture(measurement),
        styles or default_styles(), window,
    )  # fmt: skip
    yield Progress("Writing the report", 0.0)
    weights = weights_sha256()
    contents = compose_report(volume, measurement, origin, weights, markups, slices)
    paths = report_paths(folder, volume.name)
    write_text(paths.html, html_page(contents))
    yield Progress("Writing the report", 0.3)
    if write_pdf is not None:
        write_pdf(paths.pdf, contents)
    yield Progress("Writing the report", 0.9)
    run: dict[str, Any] = {
        "scan_file": origin.scan,
        "labels_file": origin.labels,
        "date": origin.date.isoformat(),
        "device": origin.device,
        "edited_by_hand": edited_content(origin.edited),
        "weights_sha256": weights,
        **markups.to_dict(volume),
    }
    write_json(paths.json, measurement_record(volume, measurement, **run))
    write_tables(folder, volume.name, measurement)
    yield WrittenReport(paths, contents)


def _iter_measure(volume: Volume, labels: LabelMap) -> Generator[Progress, None, Measurement]:
    for item in iter_measure(labels, volume):
        if isinstance(item, Measurement):
            return item
        yield item
    raise AssertionError("a measurement comes last")


def _lesions_to_picture(measurement: Measurement) -> tuple[Lesion, ...]:
    """The lesions that get a picture: the largest by volume, and the candidates or targets."""
    recist = assess_recist(measurement)
    largest = [lesion for lesion in measurement.lesions if lesion.number not in recist.excluded][:1]
    return tuple(dict.fromkeys((*largest, *recist.candidates)))
